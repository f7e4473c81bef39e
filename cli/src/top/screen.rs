//! `updraft top` on a screen of any size: what limits and the figures above, then the tables; where there is room for several, all that
//! fit beside the one that has the keys. Decides nothing.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Table, Wrap};

use super::head::head;
use super::plain::widths;
use super::rates::Rates;
use super::tables::{Rows, TopTable};
use super::view::TopView;

/// From this size on, the screen has room for all tables.
const WIDE: u16 = 110;
const HIGH: u16 = 32;
/// The least of a name or of the last column that is shown.
const PART: usize = 4;
const KEYS: &str = "q quit  tab table  \u{2191}\u{2193} rows  s sort  r reverse  p pause";

/// Draws it all.
pub(super) fn draw(frame: &mut Frame<'_>, view: &TopView) {
    let area = frame.area();
    let above = above(view);
    // What is asked for always fits, so that every look at the same figures is drawn in the same way.
    let lines = wrapped(&above, area.width).min(area.height / 2);
    let for_keys = u16::from(area.height >= 8);
    let rest = area.height - lines - for_keys;
    let [top, tables, keys] = Layout::vertical([lines, rest, for_keys].map(Constraint::Length)).areas(area);
    frame.render_widget(Paragraph::new(above).wrap(Wrap { trim: false }), top);
    if area.width >= WIDE && area.height >= HIGH {
        all(frame, tables, view);
    } else {
        one(frame, tables, view);
    }
    frame.render_widget(Paragraph::new(Span::styled(KEYS, Style::new().add_modifier(Modifier::DIM))), keys);
}

/// The title and the lines above the tables.
fn above(view: &TopView) -> Vec<Line<'static>> {
    let rates = Rates::new(&view.now, view.before.as_ref());
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let state = match (&view.trouble, view.is_paused) {
        (_, true) => "  paused".to_owned(),
        (Some(why), false) => format!("  {why}"),
        (None, false) => String::new(),
    };
    let title = format!("updraft top  {}  {}", view.place, view.now.at);
    let mut lines = vec![Line::from(vec![Span::styled(title, bold), Span::styled(state, bad(view, true))])];
    for line in head(&view.now, &rates) {
        let name = Span::styled(format!("{:<10}  ", line.name), bold);
        lines.push(Line::from(vec![name, Span::styled(line.text, bad(view, line.is_bad))]));
    }
    lines
}

/// How many rows lines take in a width.
fn wrapped(lines: &[Line<'_>], width: u16) -> u16 {
    let width = usize::from(width.max(1));
    // Words that do not fit leave some of a row empty: one row more is enough for that.
    let rows = |line: &Line<'_>| match line.width().div_ceil(width).max(1) {
        1 => 1,
        rows => rows + 1,
    };
    u16::try_from(lines.iter().map(rows).sum::<usize>()).unwrap_or(u16::MAX)
}

fn all(frame: &mut Frame<'_>, area: Rect, view: &TopView) {
    let halves = [Constraint::Percentage(50); 2];
    let [first, second, third] = Layout::vertical([Constraint::Ratio(1, 3); 3]).areas(area);
    let [tenants, gates] = Layout::horizontal(halves).areas(first);
    let [shards, threads] = Layout::horizontal(halves).areas(third);
    for (table, area) in [
        (TopTable::Tenants, tenants),
        (TopTable::Gates, gates),
        (TopTable::Tools, second),
        (TopTable::Shards, shards),
        (TopTable::Threads, threads),
    ] {
        draw_table(frame, area, view, table);
    }
}

fn one(frame: &mut Frame<'_>, area: Rect, view: &TopView) {
    let for_names = u16::from(area.height > 3);
    let lengths = [for_names, area.height - for_names].map(Constraint::Length);
    let [names, table] = Layout::vertical(lengths).areas(area);
    let name = |table: &TopTable| {
        let style =
            if *table == view.table() { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        [Span::styled(table.name(), style), Span::raw(" ")]
    };
    frame.render_widget(Line::from(TopTable::ALL.iter().flat_map(name).collect::<Vec<_>>()), names);
    draw_table(frame, table, view, view.table());
}

fn draw_table(frame: &mut Frame<'_>, area: Rect, view: &TopView, table: TopTable) {
    let (rows, is_selected) = (table.rows_of(view), table == view.table());
    let order = view.orders[table as usize];
    let marked = |(place, name): (usize, &&'static str)| {
        let style = Style::new().add_modifier(Modifier::BOLD);
        let style = if place == order.column { style.add_modifier(Modifier::UNDERLINED) } else { style };
        Span::styled(*name, style)
    };
    let columns = fitting(&rows, area.width.saturating_sub(2));
    let header = Row::new(columns.iter().map(|(at, _)| Line::from(marked((*at, &rows.columns[*at])))));
    let cells = rows.rows.iter().skip(view.offsets[table as usize]).map(|row| {
        let cell = |(at, _): &(usize, u16)| {
            Line::from(Span::styled(row[*at].text.clone(), bad(view, row[*at].is_bad)))
        };
        Row::new(columns.iter().map(cell))
    });
    let widths = columns.iter().map(|(_, width)| Constraint::Length(*width));
    let style = if is_selected { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
    let style = if is_selected && view.has_colours { style.fg(Color::Cyan) } else { style };
    let block = Block::bordered().border_style(style).title(Span::styled(rows.title.clone(), style));
    frame.render_widget(Table::new(cells, widths).header(header).block(block), area);
}

/// The columns that fit, each as wide as its widest text; the last one has what is left for it. The others are on a wider screen.
fn fitting(rows: &Rows, width: u16) -> Vec<(usize, u16)> {
    let mut left = usize::from(width);
    let mut columns = Vec::new();
    for (at, needed) in widths(rows).into_iter().enumerate() {
        let width = needed.min(left);
        // A number of which a part is cut off says another one.
        if width < needed && (at > 0 && at + 1 < rows.columns.len() || width < PART) {
            break;
        }
        columns.push((at, u16::try_from(width).unwrap_or(u16::MAX)));
        left = left.saturating_sub(width + 1);
    }
    columns
}

/// How that is drawn which is to be seen first: without colours in bold.
fn bad(view: &TopView, is_bad: bool) -> Style {
    match (is_bad, view.has_colours) {
        (false, _) => Style::new(),
        (true, true) => Style::new().fg(Color::Yellow),
        (true, false) => Style::new().add_modifier(Modifier::BOLD),
    }
}
