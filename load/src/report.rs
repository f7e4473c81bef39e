//! The report: one self-contained page with charts. Measures nothing and judges nothing.

use crate::bottleneck::Bottleneck;
use crate::chart::{Band, Chart, Line};
use crate::outcome::{RunOutcome, Sample};
use crate::summary::{Summary, Told};
use crate::table::{Table, escaped};
use crate::unit::{self, short};

const STYLE: &str = include_str!("report.css");
/// The figures that stand at the top.
const TILES: [(&str, &str); 8] = [
    ("executions_per_s", "executions per second"),
    ("steps_per_s", "steps per second"),
    ("submit_p50_us", "submit to durable, p50"),
    ("submit_p99_us", "submit to durable, p99"),
    ("execution_p50_ms", "whole execution, p50"),
    ("execution_p99_ms", "whole execution, p99"),
    ("rss_peak_bytes", "memory at its peak"),
    ("cpu_us_per_step", "CPU per step"),
];

/// A label, and a figure of each moment.
type Curve = (&'static str, fn(&Sample) -> Option<f64>);

/// A title, whether the scale is logarithmic, how values are shown, and curves.
type Drawn = (&'static str, bool, fn(f64) -> String, &'static [Curve]);

/// What is drawn over time.
const CHARTS: [Drawn; 5] = [
    ("Executions ended per second", false, short, &[("ended", |now| Some(now.ended_per_s))]),
    (
        "Latencies",
        true,
        micros,
        &[
            ("executions p50", |now| Some(now.execution_us?.0)),
            ("executions p99", |now| Some(now.execution_us?.1)),
            ("acknowledgements p99", |now| now.submit_us),
        ],
    ),
    (
        "In flight",
        false,
        short,
        &[("executions", |now| Some(now.in_flight)), ("attempts at tools", |now| Some(now.attempts_running))],
    ),
    ("Documents that wait for the store", false, short, &[("documents", |now| Some(now.pending_documents))]),
    ("Memory", false, unit::bytes, &[("resident", |now| Some(now.resident_bytes))]),
];

/// The page.
pub fn page(summary: &Summary, outcome: &RunOutcome) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Updraft under load: {title}</title><style>{STYLE}</style><main><h1>{title}</h1><p class=\"sub\">{}</p>",
        escaped(&summary.load),
        title = escaped(&summary.title),
    );
    tiles(&mut page, summary);
    words(&mut page, summary);
    let charts = charts(outcome);
    let charts = if charts.is_empty() { "The run was too short for curves." } else { &charts };
    page += &format!("<h2>Over time</h2><div class=\"charts\">{charts}</div>");
    for (title, table) in summary.tables() {
        page += &format!("<h2>{title}</h2><div class=\"box scroll\">{}</div>", table.html());
    }
    let mut all = Table::new(["figure", "value"]);
    for (key, value) in &summary.figures.0 {
        all.add(key, [Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))]);
    }
    page += &format!(
        "<h2>All figures</h2><details class=\"box\"><summary>as --json writes them</summary>{}</details></main></html>\n",
        all.html()
    );
    page
}

fn tiles(page: &mut String, summary: &Summary) {
    *page += "<div class=\"tiles\">";
    for (key, name) in TILES {
        if let Some(value) = summary.figures.shown(key) {
            *page += &format!("<div class=\"tile\"><b>{value}</b><span>{name}</span></div>");
        }
    }
    *page += "</div>";
}

fn words(page: &mut String, summary: &Summary) {
    if let Some(Bottleneck { stage, why, change }) = &summary.limit {
        let why = escaped(why);
        *page += &format!(
            "<h2>What limits</h2><div class=\"box limit\"><b>{stage}</b><br>{why}<br>{change}</div>"
        );
    }
    for (title, lines) in [("What was found", &summary.findings), ("Thresholds", &summary.thresholds)] {
        let line = |line: &Told| {
            let class = if line.well { "good" } else { "bad" };
            format!("<li class=\"{class}\">{}</li>", escaped(&line.text))
        };
        if !lines.is_empty() {
            let lines: String = lines.iter().map(line).collect();
            *page += &format!("<h2>{title}</h2><div class=\"box\"><ul>{lines}</ul></div>");
        }
    }
}

fn charts(outcome: &RunOutcome) -> String {
    let bands = outcome.phases.iter().map(|end| Band {
        name: end.phase.name,
        from: end.began_s,
        to: end.began_s + end.lasted.as_secs_f64(),
    });
    let bands: Vec<Band> = bands.collect();
    let chart = |&(title, log, shown, curves): &Drawn| {
        let line = |&(label, of): &Curve| Line {
            label,
            points: outcome
                .seen
                .samples
                .iter()
                .filter_map(|sample| Some((sample.at_s, of(sample)?)))
                .collect(),
        };
        Chart { title, lines: curves.iter().map(line).collect(), bands: &bands, log, shown }.svg()
    };
    CHARTS.iter().filter_map(chart).collect()
}

/// Microseconds as people read them.
fn micros(value: f64) -> String {
    unit::time(value / 1e6)
}
