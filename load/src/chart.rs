//! Charts: lines over time or over quantiles, as SVG. Owns scales and ticks; knows nothing of what it shows.

use std::fmt::Write;

use crate::format::short;

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
        let mut svg = format!(
            "<figure><figcaption>{}{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            self.title,
            self.legend(),
            self.title
        );
        self.draw_bands(&mut svg, &scale);
        self.draw_axes(&mut svg, &scale);
        self.draw_lines(&mut svg, &scale);
        svg += "</svg></figure>";
        Some(svg)
    }

    fn legend(&self) -> String {
        if self.lines.len() < 2 {
            return String::new();
        }
        let keys = self.lines.iter().enumerate();
        keys.map(|(number, line)| format!("<span class=\"key l{number}\">{}</span>", line.label)).collect()
    }

    fn draw_bands(&self, svg: &mut String, scale: &Scale) {
        for (number, band) in self.bands.iter().enumerate() {
            let (from, to) = (scale.x(band.from), scale.x(band.to));
            let (width, height) = ((to - from).max(0.0), HEIGHT - TOP - BOTTOM);
            let _ = write!(
                svg,
                "<rect class=\"band b{}\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\"/>",
                number % 2
            );
            // A name that is wider than its band is left to the table.
            if width > band.name.len() as f64 * 6.0 {
                let _ = write!(
                    svg,
                    "<text class=\"phase\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    from + 4.0,
                    TOP - 6.0,
                    band.name
                );
            }
        }
    }

    fn draw_axes(&self, svg: &mut String, scale: &Scale) {
        for value in ticks(scale.y, self.log) {
            let y = scale.y(value);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                (self.shown)(value)
            );
        }
        let mut place = |value: f64, name: &str| {
            // A name at the edge stays inside of the picture.
            let anchor = if value >= scale.x.1 { "end" } else { "middle" };
            let _ = write!(
                svg,
                "<text class=\"tick\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                scale.x(value),
                HEIGHT - BOTTOM + 16.0
            );
        };
        if self.places.is_empty() {
            ticks(scale.x, false).into_iter().for_each(|value| place(value, &format!("{} s", short(value))));
        } else {
            let within = self.places.iter().filter(|(value, _)| *value <= scale.x.1);
            within.for_each(|(value, name)| place(*value, name));
        }
    }

    fn draw_lines(&self, svg: &mut String, scale: &Scale) {
        for (number, line) in self.lines.iter().enumerate() {
            let Some((first, last)) = line.points.first().zip(line.points.last()) else { continue };
            let mut path = String::new();
            for (index, (x, y)) in line.points.iter().enumerate() {
                let word = if index == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{word}{:.1} {:.1}", scale.x(*x), scale.y(*y));
            }
            if self.lines.len() == 1 {
                let floor = HEIGHT - BOTTOM;
                let (from, to) = (scale.x(first.0), scale.x(last.0));
                let _ = write!(svg, "<path class=\"area\" d=\"{path}L{to:.1} {floor}L{from:.1} {floor}Z\"/>");
            }
            let _ = write!(
                svg,
                "<path class=\"line l{number}\" d=\"{path}\"><title>{}</title></path>",
                line.label
            );
        }
    }
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
    fn numbers_are_short_and_ticks_are_round() {
        let shown: Vec<String> = [0.0, 0.25, 3.0, 950.0, 1_200.0, 24_000.0, 3e6].map(short).into();
        assert_eq!(shown, ["0", "0.25", "3", "950", "1.2k", "24k", "3M"]);
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
