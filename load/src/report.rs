//! The report: one self-contained page with charts. Measures nothing and judges nothing.

use updraft::bottleneck::Bottleneck;

use crate::chart::{Band, Chart};
use crate::outcome::{PhaseResult, RunOutcome, Sample};
use crate::summary::{Summary, Told};
use crate::table::escaped;
use crate::unit;

const STYLE: &str = include_str!("report.css");
/// The figures that stand at the top.
const TILES: &str = "executions_per_s steps_per_s submit_p50_us submit_p99_us execution_p50_ms execution_p99_ms \
                     rss_peak_bytes cpu_us_per_step";

/// A label, and a figure of each moment.
type Curve = (&'static str, fn(&Sample) -> Option<f64>);

/// A title, whether the scale is logarithmic, how values are shown, and curves.
type Drawn = (&'static str, bool, fn(f64) -> String, &'static [Curve]);

/// What is drawn over time.
const CHARTS: [Drawn; 5] = [
    ("Executions ended per second", false, number, &[("ended", |now| Some(now.ended_per_s))]),
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
        number,
        &[("executions", |now| Some(now.in_flight)), ("attempts at tools", |now| Some(now.attempts_running))],
    ),
    ("Documents that wait for the store", false, number, &[("documents", |now| Some(now.pending_documents))]),
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
    page += "<div class=\"tiles\">";
    for (key, value) in TILES.split(' ').filter_map(|key| Some((key, summary.figures.shown(key)?))) {
        page += &format!("<div class=\"tile\"><b>{value}</b><span>{key}</span></div>");
    }
    page += "</div>";
    if let Some(Bottleneck { stage, why, change }) = &summary.limit {
        let why = escaped(why);
        page += &format!(
            "<h2>What limits</h2><div class=\"box limit\"><b>{stage}</b><br>{why}<br>{change}</div>"
        );
    }
    let line = |told: &Told| {
        let class = if told.well { "good" } else { "bad" };
        format!("<li class=\"{class}\">{}</li>", escaped(&told.text))
    };
    if !summary.told.is_empty() {
        let lines: String = summary.told.iter().map(line).collect();
        page += &format!("<h2>What was found</h2><div class=\"box\"><ul>{lines}</ul></div>");
    }
    let charts = charts(outcome);
    let charts = if charts.is_empty() { "The run was too short for curves." } else { &charts };
    page += &format!("<h2>Over time</h2><div class=\"charts\">{charts}</div>");
    for (title, table) in summary.tables.iter().rev() {
        page += &format!("<h2>{title}</h2><div class=\"box scroll\">{}</div>", table.html());
    }
    page + "</main></html>\n"
}

fn charts(outcome: &RunOutcome) -> String {
    let band = |end: &PhaseResult| (end.phase.name, end.began_s, end.began_s + end.lasted.as_secs_f64());
    let bands: Vec<Band> = outcome.phases.iter().map(band).collect();
    let chart = |&(title, log, shown, curves): &Drawn| {
        let samples = || outcome.seen.samples.iter();
        let line = |&(label, of): &Curve| {
            (label, samples().filter_map(|sample| Some((sample.at_s, of(sample)?))).collect())
        };
        Chart { title, lines: curves.iter().map(line).collect(), bands: &bands, log, shown }.svg()
    };
    CHARTS.iter().filter_map(chart).collect()
}

fn number(value: f64) -> String {
    unit::shown("", value)
}

/// Microseconds as people read them.
fn micros(value: f64) -> String {
    unit::time(value / 1e6)
}
