//! The report: one self-contained page with charts. Measures nothing and judges nothing.

use std::fmt::Write;

use crate::chart::{Band, Chart, Line};
use crate::format::{figure, short};
use crate::latencies::Latencies;
use crate::outcome::{RunOutcome, Sample};
use crate::summary::Summary;

const STYLE: &str = include_str!("report.css");
const MIB: f64 = 1_048_576.0;
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

/// The page.
pub fn page(summary: &Summary, outcome: &RunOutcome) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Updraft under load: {}</title><style>{STYLE}</style><main>",
        escaped(&summary.title)
    );
    let _ =
        write!(page, "<h1>{}</h1><p class=\"sub\">{}</p>", escaped(&summary.title), escaped(&summary.load));
    tiles(&mut page, summary);
    words(&mut page, summary);
    let charts = over_time(outcome);
    let charts = if charts.is_empty() { "The run was too short for curves." } else { &charts };
    let _ = write!(page, "<h2>Over time</h2><div class=\"charts\">{charts}</div>");
    let _ = write!(
        page,
        "<h2>Distribution of latencies</h2><div class=\"charts\">{}</div>",
        distributions(outcome)
    );
    stages(&mut page, summary);
    phases(&mut page, summary, outcome);
    figures(&mut page, summary);
    ratios(&mut page, summary);
    page += "</main></html>\n";
    page
}

fn tiles(page: &mut String, summary: &Summary) {
    *page += "<div class=\"tiles\">";
    for (key, name) in TILES {
        if let Some(value) = summary.figures.get(key) {
            let _ =
                write!(page, "<div class=\"tile\"><b>{}</b><span>{name}</span></div>", figure(key, value));
        }
    }
    *page += "</div>";
}

fn words(page: &mut String, summary: &Summary) {
    if let Some(limit) = &summary.limit {
        let _ = write!(
            page,
            "<h2>What limits</h2><div class=\"box limit\"><b>{}</b><br>{}<br>{}</div>",
            limit.stage,
            escaped(&limit.why),
            limit.change
        );
    }
    for (title, lines) in [("What was found", &summary.findings), ("Thresholds", &summary.thresholds)] {
        if lines.is_empty() {
            continue;
        }
        let _ = write!(page, "<h2>{title}</h2><div class=\"box\"><ul>");
        for line in lines {
            let class = if line.well { "good" } else { "bad" };
            let _ = write!(page, "<li class=\"{class}\">{}</li>", escaped(&line.text));
        }
        *page += "</ul></div>";
    }
}

fn over_time(outcome: &RunOutcome) -> String {
    let samples = &outcome.seen.samples;
    let bands: Vec<Band> = outcome
        .phases
        .iter()
        .map(|end| Band {
            name: end.phase.name,
            from: end.began_s,
            to: end.began_s + end.lasted.as_secs_f64(),
        })
        .collect();
    let line = |label, of: fn(&Sample) -> Option<f64>| Line {
        label,
        points: samples.iter().filter_map(|sample| Some((sample.at_s, of(sample)?))).collect(),
    };
    let chart = |title, lines, log, shown| Chart { title, lines, bands: &bands, log, places: &[], shown };
    let charts = [
        chart(
            "Executions per second",
            vec![line("ended", |s| Some(s.ended_per_s)), line("submitted", |s| Some(s.submitted_per_s))],
            false,
            short,
        ),
        chart(
            "Latency of executions",
            vec![
                line("p50", |s| s.execution_us.map(|(p50, _)| p50 as f64)),
                line("p99", |s| s.execution_us.map(|(_, p99)| p99 as f64)),
            ],
            true,
            micros,
        ),
        chart(
            "Latency of durable acknowledgements",
            vec![
                line("p50", |s| s.submit_us.map(|(p50, _)| p50 as f64)),
                line("p99", |s| s.submit_us.map(|(_, p99)| p99 as f64)),
            ],
            true,
            micros,
        ),
        chart(
            "In flight",
            vec![
                line("executions", |s| Some(s.in_flight)),
                line("attempts at tools", |s| Some(s.attempts_running)),
            ],
            false,
            short,
        ),
        chart(
            "Queues",
            vec![
                line("documents for the store", |s| Some(s.pending_documents)),
                line("executions for the journal", |s| Some(s.commits_waiting)),
            ],
            false,
            short,
        ),
        chart("Memory", vec![line("resident", |s| Some(s.resident_bytes / MIB))], false, mebibytes),
        chart("Store batches per second", vec![line("batches", |s| Some(s.batches_per_s))], false, short),
        chart("Updates per second in them", vec![line("updates", |s| Some(s.updates_per_s))], false, short),
    ];
    charts.iter().filter_map(Chart::svg).collect()
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

fn stages(page: &mut String, summary: &Summary) {
    if summary.stages.is_empty() {
        return;
    }
    *page += "<h2>Use of each stage at full load, as shares of one core</h2><div class=\"box\">";
    for stage in &summary.stages {
        let (cpu, disk) = (stage.cpu * 100.0, stage.disk * 100.0);
        let _ = write!(
            page,
            "<div class=\"bar\"><span>{}</span><div><i style=\"width:{:.1}%\"></i><i style=\"width:{:.1}%\"></i></div>\
             <small>{cpu:.0} % CPU, {disk:.0} % disk</small></div>",
            escaped(&stage.name),
            cpu.min(100.0),
            disk.min(100.0 - cpu.min(100.0))
        );
    }
    *page += "</div>";
}

fn phases(page: &mut String, summary: &Summary, outcome: &RunOutcome) {
    *page += "<h2>Phases</h2><div class=\"box scroll\"><table><tr><th>phase</th><th>lasted</th><th>arrivals/s</th>\
              <th>ended/s</th><th>submit p50</th><th>submit p99</th><th>execution p50</th><th>execution p99</th></tr>";
    for end in &outcome.phases {
        let name = end.phase.name;
        let _ = write!(page, "<tr><td>{name}</td><td>{:.1} s</td>", end.lasted.as_secs_f64());
        for (key, _) in crate::figures::OF_PHASE {
            let value = summary.figures.get(&format!("phase.{name}.{key}"));
            let shown = value.map_or_else(|| "–".to_owned(), |value| figure(key, value));
            let _ = write!(page, "<td>{shown}</td>");
        }
        *page += "</tr>";
    }
    *page += "</table></div>";
}

fn figures(page: &mut String, summary: &Summary) {
    *page += "<h2>All figures</h2><details class=\"box\"><summary>as --json writes them</summary><table>";
    for (key, value) in &summary.figures.0 {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(page, "<tr><td>{}</td><td>{}</td></tr>", escaped(key), escaped(&value));
    }
    *page += "</table></details>";
}

fn ratios(page: &mut String, summary: &Summary) {
    let Some((head, rows)) = summary.ratios.split_first() else { return };
    let cells = |row: &[String], tag: &str| -> String {
        let cell = |(place, cell): (usize, &String)| {
            // Each column is followed by that of its ratios.
            let times = if place >= 3 && place % 2 == 1 { cell.parse::<f64>().ok() } else { None };
            let class =
                times.map_or("", |times| if times >= 1.0 { " class=\"good\"" } else { " class=\"bad\"" });
            format!("<{tag}{class}>{}</{tag}>", escaped(cell))
        };
        row.iter().enumerate().map(cell).collect()
    };
    *page += "<h2>Against one awaited write for each change of a status</h2><div class=\"box scroll\"><table class=\"ratios\">";
    let _ = write!(page, "<tr>{}</tr>", cells(head, "th"));
    for row in rows {
        let _ = write!(page, "<tr>{}</tr>", cells(row, "td"));
    }
    *page += "</table></div><p class=\"sub\">The same load in the same process, after the engine, with the same store and \
              durability: tasks one after another, nothing coalesced. \u{201c}Times\u{201d} says how many times as good Updraft is.</p>";
}

/// Microseconds as people read them.
fn micros(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{} s", short(v / 1e6)),
        v if v >= 1e3 => format!("{} ms", short(v / 1e3)),
        v => format!("{} µs", short(v)),
    }
}

fn mebibytes(value: f64) -> String {
    format!("{} MiB", short(value))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_no_markup() {
        assert_eq!(escaped("<b a=\"x\">&"), "&lt;b a=&quot;x&quot;&gt;&amp;");
    }

    #[test]
    fn each_nine_has_as_much_room() {
        let (first, second) = (place(0.99) - place(0.9), place(0.999) - place(0.99));
        assert!((first - second).abs() < 1e-9);
        assert_eq!([micros(50.0), micros(1_500.0), micros(2e6)], ["50 µs", "1.5 ms", "2 s"]);
    }
}
