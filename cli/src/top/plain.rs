//! `updraft top` as text, for scripts, pipes and pages. Owns no figure.

use console::measure_text_width;
use updraft::EngineSnapshot;

use super::head::head;
use super::rates::Rates;
use super::tables::{Rows, TopTable};

/// The whole of it, a line each.
pub(super) fn lines(now: &EngineSnapshot, before: Option<&EngineSnapshot>) -> Vec<String> {
    let rates = Rates::new(now, before);
    let mut lines: Vec<String> =
        head(now, &rates).iter().map(|line| format!("{:<10}  {}", line.name, line.text)).collect();
    for table in TopTable::ALL {
        let rows = table.rows(now, &rates, table.first_order());
        if !rows.rows.is_empty() {
            lines.push(String::new());
            lines.extend(table_lines(&rows));
        }
    }
    lines
}

fn table_lines(rows: &Rows) -> Vec<String> {
    let widths = widths(rows);
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| {
                format!("{cell}{}", " ".repeat(width.saturating_sub(measure_text_width(cell))))
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![rows.title.to_uppercase(), line(&mut rows.columns.iter().copied())];
    lines.extend(rows.rows.iter().map(|row| line(&mut row.iter().map(|cell| cell.text.as_str()))));
    lines
}

/// How wide each column is.
pub(super) fn widths(rows: &Rows) -> Vec<usize> {
    let column = |(place, name): (usize, &&str)| {
        let cells = rows.rows.iter().map(|row| measure_text_width(&row[place].text));
        cells.fold(measure_text_width(name), usize::max)
    };
    rows.columns.iter().enumerate().map(column).collect()
}
