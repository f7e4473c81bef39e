//! The picture of the page on `top`: two snapshots of an engine under `updraft stress`, drawn as on a terminal.
//!
//! `UPDRAFT_WRITE_TOP=1 cargo test -p updraft-cli picture` draws it anew. `docs/top.json` has the snapshots: two answers of
//! `updraft top --json`, a second apart.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use updraft::EngineSnapshot;

use super::drawn;
use crate::top::view::TopView;

const SIZE: (u16, u16) = (150, 40);
/// The width and the height of a character.
const CELL: (f64, f64) = (8.4, 18.0);

fn path(name: &str) -> String {
    format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_picture_is_of_an_engine_under_load() {
    let recorded = std::fs::read_to_string(path("top.json")).unwrap();
    let [before, now]: [EngineSnapshot; 2] = serde_json::from_str(&recorded).unwrap();
    let mut view = TopView::new("/var/lib/updraft".to_owned(), before, true);
    view.seen(Ok(now));
    let picture = svg(&drawn(&view, SIZE));
    if std::env::var_os("UPDRAFT_WRITE_TOP").is_some() {
        std::fs::write(path("top.svg"), &picture).unwrap();
    }
    let committed = std::fs::read_to_string(path("top.svg")).unwrap_or_default();
    assert!(committed == picture, "run the test with UPDRAFT_WRITE_TOP=1 and commit the file");
    for part in ["limited by", "tenants", "tools", "shards", "threads"] {
        assert!(picture.contains(part), "{part}");
    }
}

/// A screen as an SVG: one text for each run of cells that look alike.
fn svg(screen: &Buffer) -> String {
    let (width, height) =
        (f64::from(screen.area.width) * CELL.0 + 20.0, f64::from(screen.area.height) * CELL.1 + 20.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#1b1f24\"/>\n\
         <g font-family=\"monospace\" font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for y in 0..screen.area.height {
        let mut x = 0;
        while x < screen.area.width {
            let first = &screen[(x, y)];
            let alike = |at: &u16| looks(&screen[(*at, y)]) == looks(first);
            let run: String =
                (x..screen.area.width).take_while(alike).map(|at| screen[(at, y)].symbol()).collect();
            let cells = u16::try_from(run.chars().count()).unwrap();
            if !run.trim().is_empty() {
                let (left, top) = (f64::from(x) * CELL.0 + 10.0, f64::from(y) * CELL.1 + 24.0);
                let (fill, weight, line) = looks(first);
                let length = f64::from(cells) * CELL.0;
                let run = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                writeln!(
                    svg,
                    "<text x=\"{left:.1}\" y=\"{top:.1}\" textLength=\"{length:.1}\" fill=\"{fill}\"{weight}{line}>{run}</text>"
                )
                .unwrap();
            }
            x += cells.max(1);
        }
    }
    svg + "</g>\n</svg>\n"
}

fn looks(cell: &Cell) -> (&'static str, &'static str, &'static str) {
    let fill = match cell.fg {
        Color::Yellow => "#e3b341",
        Color::Cyan => "#56d4dd",
        _ if cell.modifier.contains(Modifier::DIM) => "#7d8590",
        _ => "#e6edf3",
    };
    let weight = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let line =
        if cell.modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    (fill, weight, line)
}
