//! Charts: lines over time or over quantiles, as SVG. Owns scales and ticks; knows nothing of what it shows.

use crate::unit::short;

/// The picture's size, in units of its own; it scales with the page.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 250.0;
/// The plot inside of it.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 30.0;
/// Ticks of an axis, about.
const TICKS: f64 = 5.0;

/// One line.
pub(crate) struct Line {
    pub(crate) label: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A stretch of the horizontal axis with a name.
pub(crate) struct Band {
    pub(crate) name: &'static str,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// How a chart is drawn.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) lines: Vec<Line>,
    pub(crate) bands: &'a [Band],
    /// Whether the vertical axis is logarithmic: for latencies, which span decades.
    pub(crate) log: bool,
    /// Names for places of the horizontal axis; where there are none, it counts seconds.
    pub(crate) places: &'a [(f64, &'a str)],
    pub(crate) shown: fn(f64) -> String,
}

/// From values to places.
struct Scale {
    x: (f64, f64),
    y: (f64, f64),
    log: bool,
}

impl Scale {
    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.x.0) / (self.x.1 - self.x.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = if self.log { (self.y.0.log10(), self.y.1.log10()) } else { self.y };
        let value = if self.log { value.max(self.y.0).log10() } else { value };
        HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
    }
}

impl Chart<'_> {
    /// The picture; none where there is nothing to show.
    pub(crate) fn svg(&self) -> Option<String> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        if points().count() < 2 {
            return None;
        }
        let span = |of: fn(&(f64, f64)) -> f64| {
            points()
                .map(of)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (x, y) = (span(|point| point.0), span(|point| point.1));
        let end = self.bands.iter().map(|band| band.to).fold(x.1, f64::max);
        let start = if self.places.is_empty() { 0.0 } else { x.0 };
        let y = if self.log { decades(y) } else { (0.0, ceiling(y.1)) };
        let scale = Scale { x: (start, end.max(start + 1e-9)), y, log: self.log };
        let (title, legend) = (self.title, self.legend());
        let inside = self.bands(&scale) + &self.axes(&scale) + &self.curves(&scale);
        Some(format!(
            "<figure><figcaption>{title}{legend}</figcaption>\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">{inside}</svg></figure>"
        ))
    }

    fn legend(&self) -> String {
        let keys = self.lines.iter().enumerate().filter(|_| self.lines.len() > 1);
        keys.map(|(number, line)| format!("<span class=\"key l{number}\">{}</span>", line.label)).collect()
    }

    fn bands(&self, scale: &Scale) -> String {
        let band = |(number, band): (usize, &Band)| {
            let (x, height) = (scale.x(band.from), HEIGHT - TOP - BOTTOM);
            let (width, parity) = ((scale.x(band.to) - x).max(0.0), number % 2);
            let svg = format!(
                "<rect class=\"band b{parity}\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\"/>"
            );
            // A name that is wider than its band is left to the table.
            let named = width > band.name.len() as f64 * 6.0;
            let name = || text("phase", "start", (x + 4.0, TOP - 6.0), band.name);
            svg + &named.then(name).unwrap_or_default()
        };
        self.bands.iter().enumerate().map(band).collect()
    }

    fn axes(&self, scale: &Scale) -> String {
        let row = |value: f64| {
            let (y, right) = (scale.y(value), WIDTH - RIGHT);
            format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>")
                + &text("tick", "end", (LEFT - 6.0, y + 4.0), &(self.shown)(value))
        };
        let column = |value: f64, name: &str| {
            // A name at the edge stays inside of the picture.
            let anchor = if value >= scale.x.1 { "end" } else { "middle" };
            text("tick", anchor, (scale.x(value), HEIGHT - BOTTOM + 16.0), name)
        };
        let rows: String = ticks(scale.y, self.log).into_iter().map(row).collect();
        let columns: String = if self.places.is_empty() {
            ticks(scale.x, false)
                .into_iter()
                .map(|value| column(value, &format!("{} s", short(value))))
                .collect()
        } else {
            let within = self.places.iter().filter(|(value, _)| *value <= scale.x.1);
            within.map(|(value, name)| column(*value, name)).collect()
        };
        rows + &columns
    }

    fn curves(&self, scale: &Scale) -> String {
        let curve = |(number, line): (usize, &Line)| {
            let points = line.points.iter().map(|(x, y)| format!("{:.1} {:.1}", scale.x(*x), scale.y(*y)));
            let path = format!("M{}", points.collect::<Vec<_>>().join("L"));
            let title = line.label;
            format!("<path class=\"line l{number}\" d=\"{path}\"><title>{title}</title></path>")
        };
        self.lines.iter().enumerate().filter(|(_, line)| !line.points.is_empty()).map(curve).collect()
    }
}

fn text(class: &str, anchor: &str, (x, y): (f64, f64), words: &str) -> String {
    format!("<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>")
}

/// Whole decades around the values.
fn decades((low, high): (f64, f64)) -> (f64, f64) {
    let low = 10_f64.powf(low.max(1e-3).log10().floor());
    (low, 10_f64.powf(high.max(low * 10.0).log10().ceil()))
}

/// A round number that is not below the value.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let step = step(value);
    (value / step).ceil() * step
}

fn step(span: f64) -> f64 {
    let raw = span / TICKS;
    let power = 10_f64.powf(raw.log10().floor());
    let of = [1.0, 2.0, 5.0, 10.0].into_iter().find(|of| raw <= of * power);
    of.unwrap_or(10.0) * power
}

fn ticks((low, high): (f64, f64), log: bool) -> Vec<f64> {
    if log {
        let (first, last) = (low.log10().round() as i32, high.log10().round() as i32);
        return (first..=last).map(|power| 10_f64.powi(power)).collect();
    }
    let step = step((high - low).max(1e-9));
    let count = ((high - low) / step).floor() as usize;
    (0..=count).map(|number| low + number as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks((0.0, ceiling(93.0)), false), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(decades((3.0, 700.0)), true), [1.0, 10.0, 100.0, 1_000.0]);
    }

    #[test]
    fn a_chart_stays_inside_of_its_picture_and_one_without_points_is_not_drawn() {
        let chart = |points| Chart {
            title: "t",
            lines: vec![Line { label: "a", points }],
            bands: &[],
            log: false,
            places: &[],
            shown: short,
        };
        assert_eq!(chart(vec![(0.0, 1.0)]).svg(), None);
        let svg = chart(vec![(0.0, 0.0), (1.0, 0.0), (2.0, 9.0)]).svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains("M58.0 220.0") && svg.contains("L628.0 "), "{svg}");
    }
}
