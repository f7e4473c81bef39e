//! SVG: writes a scene. Texts are texts, which can be selected and searched; no script, no font and no link comes with it.
//! Owns what is escaped, and the order in which things lie on each other.

mod sign;
mod style;

use std::fmt::Write;

use updraft_protocol::limits::GRAPH_SVG_BYTES;

use crate::diagram::{Diagram, Family};
use crate::error::Error;
use crate::layout::{TEXT, measure, scene};
use crate::scene::{Card, Frame, Look, Mark, Point, Rect, Role, Scene, Style, Way};
use crate::words::{Weight, width};

pub use style::Colours;

/// The radius of the corners of a way.
const BEND: f64 = 7.0;

impl Diagram {
    /// The picture as SVG.
    ///
    /// # Errors
    /// It has too many bytes.
    pub fn svg(&self, colours: Colours) -> Result<String, Error> {
        let svg = svg(self, &scene(self), colours);
        if svg.len() > GRAPH_SVG_BYTES { Err(Error::Bytes) } else { Ok(svg) }
    }
}

fn svg(diagram: &Diagram, scene: &Scene, colours: Colours) -> String {
    let (width, height) = (scene.width.ceil(), scene.height.ceil());
    let told = match diagram.status {
        Some(status) => format!("An execution of the playbook {}: {status}.", diagram.title),
        None => format!("The playbook {}.", diagram.title),
    };
    let mut to = String::new();
    put(
        &mut to,
        format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="updraft" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="updraft-title updraft-desc">
<title id="updraft-title">{}</title>
<desc id="updraft-desc">{} {}</desc>
<style>{}</style>
<rect class="bg" width="{width}" height="{height}"/>
"#,
            escaped(&diagram.title),
            escaped(&told),
            escaped(&diagram.description),
            style::sheet(colours),
        ),
    );
    // Frames lie below, the outer ones first; words lie above the lines that they are on.
    for mark in &scene.marks {
        if let Mark::Frame(frame) = mark {
            write_frame(&mut to, frame);
        }
    }
    for mark in &scene.marks {
        if let Mark::Way(way) = mark {
            write_way(&mut to, way);
        }
    }
    for mark in &scene.marks {
        match mark {
            Mark::Card(card) => write_card(&mut to, card),
            Mark::Label { at, text, tip, role } => write_label(&mut to, *at, (text, tip), *role),
            Mark::Pill { rect, text, tip } => write_pill(&mut to, rect, (text, tip)),
            Mark::Text { at, text, style } => write_text(&mut to, *at, text, *style),
            Mark::Status { at, text, look } => write_status(&mut to, *at, text, *look),
            Mark::Frame(_) | Mark::Way(_) => {}
        }
    }
    to.push_str("</svg>\n");
    to
}

fn write_frame(to: &mut String, Frame { rect, title, tip, role }: &Frame) {
    let class = if *role == Role::Handler { "f h" } else { "f" };
    put(to, format_args!("<g>"));
    if title != tip {
        put(to, format_args!("<title>{}</title>", escaped(tip)));
    }
    put(to, format_args!(r#"<rect class="{class}" {} rx="10"/>"#, place(rect)));
    let class = if *role == Role::Handler { "t-frame h" } else { "t-frame" };
    let (x, y) = (number(rect.x + 14.0), number(rect.y + 20.0));
    put(to, format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text></g>\n", escaped(title)));
}

fn write_way(to: &mut String, Way { points, role, arrow }: &Way) {
    let class = if *role == Role::Handler { "w h" } else { "w" };
    put(to, format_args!("<path class=\"{class}\" d=\"{}\"/>", path(points)));
    if let ([.., before, (x, y)], true) = (points.as_slice(), arrow) {
        let (x, y) = (number(*x), *y);
        let up = if before.1 > y { 1.0 } else { -1.0 };
        let class = if *role == Role::Handler { "a h" } else { "a" };
        let back = number(7.0 * up);
        put(to, format_args!(r#"<path class="{class}" d="M{x} {}l-4 {back}h8z"/>"#, number(y)));
    }
    to.push('\n');
}

/// A line with round corners.
fn path(points: &[Point]) -> String {
    let mut path = String::new();
    let Some(first) = points.first() else { return path };
    put(&mut path, format_args!("M{} {}", number(first.0), number(first.1)));
    for three in points.windows(3) {
        let [a, b, c] = three else { continue };
        let long = |a: &Point, b: &Point| (a.0 - b.0).hypot(a.1 - b.1);
        let bend = BEND.min(long(a, b) / 2.0).min(long(b, c) / 2.0);
        let towards = |to: &Point| {
            let far = long(b, to).max(f64::EPSILON);
            (b.0 + (to.0 - b.0) / far * bend, b.1 + (to.1 - b.1) / far * bend)
        };
        let ((x1, y1), (x2, y2)) = (towards(a), towards(c));
        put(
            &mut path,
            format_args!(
                "L{} {}Q{} {} {} {}",
                number(x1),
                number(y1),
                number(b.0),
                number(b.1),
                number(x2),
                number(y2)
            ),
        );
    }
    if let [_, .., last] = points {
        put(&mut path, format_args!("L{} {}", number(last.0), number(last.1)));
    }
    path
}

fn write_card(to: &mut String, card: &Card) {
    let Card { rect, id, kind, lines, tip, look } = card;
    let family = style::class(kind.family());
    let state = look.map(|look| format!(" s-{}", look.class())).unwrap_or_default();
    put(
        to,
        format_args!(
            r#"<g class="c k-{family}{state}" data-step="{}"><title>{}</title>"#,
            escaped(id),
            escaped(tip)
        ),
    );
    let round = if matches!(kind.family(), Family::End | Family::Fail) { 20 } else { 8 };
    put(to, format_args!(r#"<rect class="b" {} rx="{round}"/>"#, place(rect)));
    let (x, y) = (rect.x + 12.0, rect.y + 11.0);
    put(
        to,
        format_args!(
            r#"<rect class="i" x="{}" y="{}" width="26" height="26" rx="6"/>"#,
            number(x),
            number(y)
        ),
    );
    put(
        to,
        format_args!(
            r#"<path class="g" transform="translate({} {})" d="{}"/>"#,
            number(x + 5.0),
            number(y + 5.0),
            sign::kind(*kind)
        ),
    );
    for line in lines {
        write_text(to, (rect.x + TEXT, rect.y + line.y), &line.text, line.style);
    }
    if let Some(look) = look.filter(|look| *look != Look::NotReached) {
        let (x, y) = (rect.right() - 18.0, rect.y + 18.0);
        put(to, format_args!(r#"<circle class="m" cx="{}" cy="{}" r="8"/>"#, number(x), number(y)));
        put(
            to,
            format_args!(
                r#"<path class="n" transform="translate({} {})" d="{}"/>"#,
                number(x - 8.0),
                number(y - 8.0),
                sign::look(look)
            ),
        );
    }
    to.push_str("</g>\n");
}

fn write_label(to: &mut String, at: Point, (text, tip): (&str, &str), role: Role) {
    let wide = width(text, 11.0, Weight::Regular) + 8.0;
    let class = if role == Role::Handler { "t-label h" } else { "t-label" };
    let rect = Rect { x: at.0 - wide / 2.0, y: at.1 - 8.0, width: wide, height: 16.0 };
    put(to, format_args!("<g>"));
    if text != tip {
        put(to, format_args!("<title>{}</title>", escaped(tip)));
    }
    put(to, format_args!(r#"<rect class="l" {} rx="4"/>"#, place(&rect)));
    let (x, y) = (number(at.0), number(at.1 + 4.0));
    put(to, format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text></g>\n", escaped(text)));
}

fn write_pill(to: &mut String, rect: &Rect, (text, tip): (&str, &str)) {
    put(to, format_args!("<g>"));
    if text != tip {
        put(to, format_args!("<title>{}</title>", escaped(tip)));
    }
    put(to, format_args!(r#"<rect class="p" {} rx="14"/>"#, place(rect)));
    let (x, y) = (number(rect.x + rect.width / 2.0), number(rect.y + 18.5));
    put(to, format_args!("<text class=\"t-pill\" x=\"{x}\" y=\"{y}\">{}</text></g>\n", escaped(text)));
}

fn write_text(to: &mut String, at: Point, text: &str, style: Style) {
    let (x, y) = (number(at.0), number(at.1));
    put(
        to,
        format_args!("<text class=\"{}\" x=\"{x}\" y=\"{y}\">{}</text>\n", style::text(style), escaped(text)),
    );
}

fn write_status(to: &mut String, at: Point, text: &str, look: Look) {
    let (size, _, weight) = measure(Style::State);
    let wide = width(text, size, weight) + 34.0;
    let rect = Rect { x: at.0, y: at.1 - 11.0, width: wide, height: 22.0 };
    put(to, format_args!(r#"<g class="s-{}"><rect class="m" {} rx="11"/>"#, look.class(), place(&rect)));
    put(
        to,
        format_args!(
            r#"<path class="n" transform="translate({} {})" d="{}"/>"#,
            number(at.0 + 5.0),
            number(at.1 - 8.0),
            sign::look(look)
        ),
    );
    let (x, y) = (number(at.0 + 24.0), number(at.1 + 4.0));
    put(to, format_args!("<text class=\"t-status\" x=\"{x}\" y=\"{y}\">{}</text></g>\n", escaped(text)));
}

fn place(Rect { x, y, width, height }: &Rect) -> String {
    let [x, y, width, height] = [*x, *y, *width, *height].map(number);
    format!(r#"x="{x}" y="{y}" width="{width}" height="{height}""#)
}

/// A number with one place behind the point at most.
fn number(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    // There is no minus zero in a picture.
    format!("{}", tenths + 0.0)
}

fn put(to: &mut String, text: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = to.write_fmt(text);
}

/// A text as it stands in XML. What XML cannot have was replaced when the diagram was made.
fn escaped(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '"' => to.push_str("&quot;"),
            '\'' => to.push_str("&#39;"),
            c => to.push(c),
        }
    }
    to
}
