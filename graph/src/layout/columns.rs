//! Columns: parts from top to bottom, and in several columns where one would be too high to be looked at. Owns where a column
//! ends, and the ways from one part to the next.

use super::block::Block;
use crate::scene::Role;

/// Between two parts, with the arrow from one to the other.
const GAP: f64 = 30.0;
/// Between two columns, with the way from the end of one to the top of the next.
const GUTTER: f64 = 44.0;
/// Above and below columns that are several, for the ways between them.
const EDGE: f64 = 18.0;
/// What is less high stands in one column.
const HIGH: f64 = 1_250.0;
/// The width that a picture has by its height, where that can be chosen.
pub(crate) const SHAPE: f64 = 1.3;
/// How much higher than the others a column may be.
const UNEVEN: f64 = 1.35;
/// What is less high begins no column at the end.
const ALONE: f64 = 90.0;
/// The most columns.
const MOST: usize = 60;

/// A part of a flow.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) block: Block,
    /// Whether the path goes on from it to the next one.
    pub(crate) leads_on: bool,
}

/// The parts, in as many columns as are good to look at.
pub(crate) fn columns(parts: Vec<Part>, is_main: bool) -> Block {
    let heights: Vec<f64> = parts.iter().map(|part| part.block.height + GAP).collect();
    let total: f64 = heights.iter().sum();
    let mut best = (f64::INFINITY, vec![parts.len()]);
    if total > HIGH {
        for count in 1..=MOST.min(parts.len()) {
            let ends = ends(&heights, total / count as f64);
            let (wide, high) = size(&parts, &heights, &ends);
            // Columns beside one that is much higher are of no use.
            if count > 1 && high > UNEVEN * total / count as f64 {
                continue;
            }
            let cost = (wide / high / SHAPE).ln().abs() + 0.06 * (ends.len() as f64);
            if cost < best.0 {
                best = (cost, ends);
            }
        }
    }
    let ends = best.1;
    let mut parts = parts.into_iter();
    let mut start = 0;
    let columns: Vec<Column> = ends
        .iter()
        .map(|end| {
            let column = column(parts.by_ref().take(end - start));
            start = *end;
            column
        })
        .collect();
    beside(columns, is_main)
}

/// Where columns of about this height end, as the numbers of the parts behind.
fn ends(heights: &[f64], high: f64) -> Vec<usize> {
    let (mut ends, mut used) = (Vec::new(), 0.0);
    for (at, height) in heights.iter().enumerate() {
        if used > 0.0 && used + height / 2.0 > high {
            ends.push(at);
            used = 0.0;
        }
        used += height;
    }
    // An end alone needs no column.
    if used < ALONE {
        ends.pop();
    }
    ends.push(heights.len());
    ends
}

fn size(parts: &[Part], heights: &[f64], ends: &[usize]) -> (f64, f64) {
    let (mut wide, mut high, mut start) = (0.0, 1.0, 0);
    for &end in ends {
        let own = parts.get(start..end).unwrap_or_default();
        let left = own.iter().map(|part| part.block.left()).fold(0.0, f64::max);
        let right = own.iter().map(|part| part.block.right()).fold(0.0, f64::max);
        wide += left + right + GUTTER;
        high = f64::max(high, heights.get(start..end).unwrap_or_default().iter().sum());
        start = end;
    }
    (wide, high)
}

/// One column, and whether the path goes on from it to the next.
struct Column {
    block: Block,
    leads_on: bool,
}

/// Parts one below the other, the ways into them in one line.
fn column(parts: impl Iterator<Item = Part>) -> Column {
    let parts: Vec<Part> = parts.collect();
    let left = parts.iter().map(|part| part.block.left()).fold(0.0, f64::max);
    let mut column = Block { entry: left, exit: Some(left), ..Block::default() };
    let (mut y, mut from, mut leads_on) = (0.0, None, true);
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            y += GAP;
        }
        if let Some(from) = from {
            column.down(from, (left, y), Role::Flow);
        }
        let x = left - part.block.entry;
        leads_on = part.leads_on;
        column.exit = part.block.exit.filter(|_| leads_on).map(|exit| x + exit);
        let height = part.block.height;
        from = column.exit.map(|exit| (exit, y + height));
        column.put(part.block, x, y);
        y += height;
    }
    column.height = y;
    Column { block: column, leads_on }
}

/// Columns beside each other, from the end of one to the top of the next.
fn beside(mut columns: Vec<Column>, is_main: bool) -> Block {
    if columns.len() < 2 {
        return columns.pop().map(|column| column.block).unwrap_or_default();
    }
    let high = columns.iter().map(|column| column.block.height).fold(0.0, f64::max);
    let mut whole =
        Block { entry: columns.first().map_or(0.0, |column| column.block.entry), ..Block::default() };
    let (mut x, mut from) = (0.0, None::<(f64, f64, f64)>);
    let (mut last, mut goes_on) = (None, false);
    for Column { block, leads_on } in columns {
        let top = (x + block.entry, EDGE);
        if let Some((at, bottom, gutter)) = from {
            let turn = bottom + EDGE - 4.0;
            let points = [(at, bottom), (at, turn), (gutter, turn), (gutter, 4.0), (top.0, 4.0), top];
            whole.way(points, Role::Flow, true);
        } else if x == 0.0 && !is_main {
            whole.way([(top.0, 0.0), top], Role::Flow, false);
        }
        last = block.exit.map(|exit| (x + exit, EDGE + block.height));
        goes_on = leads_on;
        let wide = block.width;
        from = last.filter(|_| leads_on).map(|(at, bottom)| (at, bottom, x + wide + GUTTER / 2.0));
        whole.put(block, x, EDGE);
        x += wide + GUTTER;
    }
    whole.height = high + 2.0 * EDGE;
    if let Some((at, bottom)) = last.filter(|_| goes_on && !is_main) {
        whole.way([(at, bottom), (at, whole.height)], Role::Flow, false);
        whole.exit = Some(at);
    }
    whole
}
