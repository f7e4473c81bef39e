//! Charts: lines over time, as SVG. Owns scales and ticks; knows nothing of what it shows.

use crate::unit;

/// The picture's size, in units of its own; it scales with the page.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 250.0;
/// The plot inside of it.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 30.0;

/// One line: its label, and points of seconds and values.
pub(crate) type Line = (&'static str, Vec<(f64, f64)>);
/// A stretch of time: its name, its begin and its end.
pub(crate) type Band = (&'static str, f64, f64);

/// How a chart is drawn.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) lines: Vec<Line>,
    pub(crate) bands: &'a [Band],
    /// Whether the vertical axis is logarithmic: for latencies, which span decades.
    pub(crate) log: bool,
    pub(crate) shown: fn(f64) -> String,
}

/// Where values are in the picture: the end of the time, the lowest and the highest tick.
struct Scale {
    end: f64,
    ticks: Vec<f64>,
    log: bool,
}

impl Scale {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + seconds / self.end * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        let place = |value: f64| if self.log { value.max(low).log10() } else { value };
        HEIGHT - BOTTOM - (place(value) - place(low)) / (place(high) - place(low)) * (HEIGHT - TOP - BOTTOM)
    }
}

impl Chart<'_> {
    /// The picture; none where there is nothing to show.
    pub(crate) fn svg(&self) -> Option<String> {
        let points: Vec<_> = self.lines.iter().flat_map(|(_, points)| points).collect();
        if points.len() < 2 {
            return None;
        }
        let ends = points.iter().map(|point| point.0).chain(self.bands.iter().map(|band| band.2));
        let (low, high) = points
            .iter()
            .fold((f64::INFINITY, 0.0), |(low, high), (_, value)| (value.min(low), value.max(high)));
        let ticks = if self.log { decades(low, high) } else { halves(high) };
        let scale = Scale { end: ends.fold(1e-9, f64::max), ticks, log: self.log };
        let (title, legend) = (self.title, self.legend());
        let inside = self.bands(&scale) + &self.axes(&scale) + &self.curves(&scale);
        Some(format!(
            "<figure><figcaption>{title}{legend}</figcaption>\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">{inside}</svg></figure>"
        ))
    }

    fn legend(&self) -> String {
        let keys = self.lines.iter().enumerate().filter(|_| self.lines.len() > 1);
        keys.map(|(number, (label, _))| format!("<span class=\"key l{number}\">{label}</span>")).collect()
    }

    fn bands(&self, scale: &Scale) -> String {
        let band = |(number, (name, from, to)): (usize, &Band)| {
            let (x, height, parity) = (scale.x(*from), HEIGHT - TOP - BOTTOM, number % 2);
            let width = (scale.x(*to) - x).max(0.0);
            // A name that is wider than its band is left to the table.
            let name = if width > name.len() as f64 * 6.0 { name } else { "" };
            format!(
                "<rect class=\"band b{parity}\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\"/>"
            ) + &text("phase", "start", (x + 4.0, TOP - 6.0), name)
        };
        self.bands.iter().enumerate().map(band).collect()
    }

    fn axes(&self, scale: &Scale) -> String {
        let row = |value: &f64| {
            let (y, right) = (scale.y(*value), WIDTH - RIGHT);
            format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>")
                + &text("tick", "end", (LEFT - 6.0, y + 4.0), &(self.shown)(*value))
        };
        let column = |(anchor, share): (&str, f64)| {
            let seconds = scale.end * share;
            text("tick", anchor, (scale.x(seconds), HEIGHT - BOTTOM + 16.0), &unit::time(seconds))
        };
        let columns = [("middle", 0.25), ("middle", 0.5), ("middle", 0.75), ("end", 1.0)].map(column);
        scale.ticks.iter().map(row).collect::<String>() + &columns.concat()
    }

    fn curves(&self, scale: &Scale) -> String {
        let curve = |(number, (label, points)): (usize, &Line)| {
            let points = points.iter().map(|(x, y)| format!("{:.1} {:.1}", scale.x(*x), scale.y(*y)));
            let path = points.collect::<Vec<_>>().join("L");
            format!("<path class=\"line l{number}\" d=\"M{path}\"><title>{label}</title></path>")
        };
        self.lines.iter().enumerate().filter(|(_, (_, points))| !points.is_empty()).map(curve).collect()
    }
}

fn text(class: &str, anchor: &str, (x, y): (f64, f64), words: &str) -> String {
    format!("<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>")
}

/// Whole decades around the values, two at least.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let first = low.max(1e-3).log10().floor() as i32;
    let last = (high.max(1e-3).log10().ceil() as i32).max(first + 1);
    (first..=last).map(|power| 10_f64.powi(power)).collect()
}

/// Zero, a round number that is not below the value, and half of it.
fn halves(high: f64) -> Vec<f64> {
    let high = if high > 0.0 { high } else { 1.0 };
    let power = 10_f64.powf(high.log10().floor());
    let round = [1.0, 2.0, 4.0, 6.0, 8.0].into_iter().find(|of| high <= of * power).unwrap_or(10.0) * power;
    vec![0.0, round / 2.0, round]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(halves(35.0), [0.0, 20.0, 40.0]);
        assert_eq!(decades(3.0, 700.0), [1.0, 10.0, 100.0, 1_000.0]);
    }

    #[test]
    fn a_chart_stays_inside_of_its_picture_and_one_without_points_is_not_drawn() {
        let chart = |points| Chart {
            title: "t",
            lines: vec![("a", points)],
            bands: &[],
            log: false,
            shown: unit::time,
        };
        assert_eq!(chart(vec![(0.0, 1.0)]).svg(), None);
        let svg = chart(vec![(0.0, 0.0), (1.0, 0.0), (2.0, 9.0)]).svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains("M58.0 220.0") && svg.contains("L628.0 "), "{svg}");
    }
}
