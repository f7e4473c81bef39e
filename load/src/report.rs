//! The report: one self-contained page with charts. Measures nothing and judges nothing.

use crate::bottleneck::Bottleneck;
use crate::chart::{Band, Chart, Line};
use crate::figures::Figures;
use crate::latencies::Latencies;
use crate::outcome::{RunOutcome, Sample};
use crate::summary::{Summary, Told};
use crate::table::{Table, escaped};
use crate::unit::{self, short};

const STYLE: &str = include_str!("report.css");
/// Quantiles of the distribution, with their names.
const QUANTILES: [(f64, &str); 8] = [
    (0.5, "50 %"),
    (0.75, "75 %"),
    (0.9, "90 %"),
    (0.95, "95 %"),
    (0.99, "99 %"),
    (0.995, ""),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
];
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
const CHARTS: [Drawn; 8] = [
    (
        "Executions per second",
        false,
        short,
        &[("ended", |now| Some(now.ended_per_s)), ("submitted", |now| Some(now.submitted_per_s))],
    ),
    (
        "Latency of executions",
        true,
        micros,
        &[("p50", |now| Some(now.execution_us?.0 as f64)), ("p99", |now| Some(now.execution_us?.1 as f64))],
    ),
    (
        "Latency of durable acknowledgements",
        true,
        micros,
        &[("p50", |now| Some(now.submit_us?.0 as f64)), ("p99", |now| Some(now.submit_us?.1 as f64))],
    ),
    (
        "In flight",
        false,
        short,
        &[("executions", |now| Some(now.in_flight)), ("attempts at tools", |now| Some(now.attempts_running))],
    ),
    (
        "Queues",
        false,
        short,
        &[
            ("documents for the store", |now| Some(now.pending_documents)),
            ("executions for the journal", |now| Some(now.commits_waiting)),
        ],
    ),
    ("Memory", false, unit::bytes, &[("resident", |now| Some(now.resident_bytes))]),
    ("Store batches per second", false, short, &[("batches", |now| Some(now.batches_per_s))]),
    ("Updates per second in them", false, short, &[("updates", |now| Some(now.updates_per_s))]),
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
    let charts = over_time(outcome);
    let charts = if charts.is_empty() { "The run was too short for curves." } else { &charts };
    page += &format!("<h2>Over time</h2><div class=\"charts\">{charts}</div>");
    let charts = distributions(outcome);
    page += &format!("<h2>Distribution of latencies</h2><div class=\"charts\">{charts}</div>");
    for (title, table) in summary.tables() {
        page += &format!("<h2>{title}</h2><div class=\"box scroll\">{}</div>", table.html());
    }
    page += &format!(
        "<h2>All figures</h2><details class=\"box\"><summary>as --json writes them</summary>{}</details></main></html>\n",
        all(&summary.figures).html()
    );
    page
}

fn all(figures: &Figures) -> Table {
    let mut table = Table::new(["figure", "value"]);
    for (key, value) in &figures.0 {
        table.add(key, [Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))]);
    }
    table
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

fn over_time(outcome: &RunOutcome) -> String {
    let samples = &outcome.seen.samples;
    let bands = outcome.phases.iter().map(|end| Band {
        name: end.phase.name,
        from: end.began_s,
        to: end.began_s + end.lasted.as_secs_f64(),
    });
    let bands: Vec<Band> = bands.collect();
    let chart = |&(title, log, shown, lines): &Drawn| {
        let line = |&(label, of): &Curve| Line {
            label,
            points: samples.iter().filter_map(|sample| Some((sample.at_s, of(sample)?))).collect(),
        };
        let lines = lines.iter().map(line).collect();
        Chart { title, lines, bands: &bands, log, places: &[], shown }.svg()
    };
    CHARTS.iter().filter_map(chart).collect()
}

fn distributions(outcome: &RunOutcome) -> String {
    let places: Vec<(f64, &str)> = QUANTILES.iter().map(|(share, name)| (place(*share), *name)).collect();
    let line = |label, latencies: &Latencies| Line {
        label,
        points: QUANTILES
            .iter()
            // Where so few were measured, the quantile is the longest of them.
            .filter(|(share, _)| latencies.count() as f64 * (1.0 - share) >= 1.0)
            .filter_map(|(share, _)| Some((place(*share), latencies.quantile(*share)? as f64)))
            .collect(),
    };
    let mut charts = String::new();
    for end in &outcome.phases {
        let mut lines =
            vec![line("execution", &end.meter.execution), line("acknowledgement", &end.meter.submit)];
        if end.meter.flood.count() > 0 {
            lines.push(line("executions of the flooding tenant", &end.meter.flood));
        }
        let title = format!("Phase {}", end.phase.name);
        let chart = Chart { title: &title, lines, bands: &[], log: true, places: &places, shown: micros };
        charts += &chart.svg().unwrap_or_default();
    }
    charts
}

/// Quantiles are spread so that each further nine has as much room.
fn place(share: f64) -> f64 {
    -(1.0 - share).log10()
}

/// Microseconds as people read them.
fn micros(value: f64) -> String {
    unit::time(value / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nine_has_as_much_room() {
        let (first, second) = (place(0.99) - place(0.9), place(0.999) - place(0.99));
        assert!((first - second).abs() < 1e-9);
        assert_eq!([micros(50.0), micros(1_500.0), micros(2e6)], ["50 µs", "1.5 ms", "2 s"]);
    }
}
