//! The block of one step: its card, the bodies below it, and those beside it. Owns how bodies are framed and joined; places
//! no step beside another one.

use super::block::Block;
use super::card::{CARD, card};
use super::columns::SHAPE;
use super::flow::{Line, flow, pill};
use crate::diagram::{Branch, Face, Group, Step};
use crate::scene::{Frame, Mark, Point, Rect, Role, Style};
use crate::words::{Weight, line, width};

/// From a card to the bodies below it, and the space in which a way turns.
pub(crate) const GAP: f64 = 30.0;
/// Around what is inside of a frame.
const PAD: f64 = 16.0;
/// The line with the title of a frame.
const TITLE: f64 = 30.0;
/// From body to body.
const BETWEEN: f64 = 22.0;
/// The width at which bodies begin a further row, unless they have so much in them that rows would become a column.
const ROW: f64 = 2_400.0;

/// The block of a step, with so many ports for exits that lead to steps that are named.
pub(crate) fn step(step: &Step, ports: usize) -> Block {
    let mut block = match step.face {
        Face::Card => card(step, ports),
        Face::Mark => {
            let mut mark = pill(&step.title, &step.tip());
            mark.exit = mark.exit.filter(|_| step.goes_on || step.to_next);
            mark
        }
        Face::Bare => Block { width: CARD, entry: CARD / 2.0, exit: Some(CARD / 2.0), ..Block::default() },
    };
    let host = (block.width, f64::max(block.height / 2.0, 8.0));
    if step.branches.is_empty() && step.beside.is_empty() {
        return block;
    }
    let bodies: Vec<Block> = step.branches.iter().map(|branch| body(branch, Role::Flow)).collect();
    if step.in_turn {
        block = in_turn(block, bodies);
    } else if !bodies.is_empty() {
        block = rows(block, bodies);
    }
    let host = (block.entry + host.0 / 2.0, host.1);
    let handlers: Vec<Block> = step.beside.iter().map(|branch| body(branch, Role::Handler)).collect();
    let mut block = beside(block, host, handlers, step.face != Face::Bare);
    // The ways of other exits pass by all of it, at its right.
    block.ports = (0..ports).map(|port| block.width + 14.0 * (port + 1) as f64).collect();
    for port in block.ports.clone() {
        let (start, end) = ((host.0, host.1 - 6.0), block.height);
        block.way([start, (port, start.1), (port, end)], Role::Handler, false);
        block.width = block.width.max(port + 6.0);
    }
    block
}

/// The frame of a body; a word on a line where there is none.
pub(crate) fn body(branch: &Branch, role: Role) -> Block {
    match &branch.group {
        Some(group) => frame(&branch.title, group, branch.goes_on, role),
        None => {
            let text = line(&branch.title, 11.0, Weight::Regular, CARD);
            let wide = width(&text, 11.0, Weight::Regular) + 16.0;
            let (center, height) = (wide / 2.0, 34.0);
            let mut block =
                Block { width: wide, height, entry: center, exit: Some(center), ..Block::default() };
            block.way([(center, 0.0), (center, height)], role, false);
            let at = (center, height / 2.0);
            block.marks.push(Mark::Label { at, text, tip: branch.title.clone(), role });
            block
        }
    }
}

/// A group in its frame, and what catches its failures.
pub(crate) fn frame(title: &str, group: &Group, goes_on: bool, role: Role) -> Block {
    let inside = flow(group, Line::Body);
    let wide = f64::max(inside.width, 120.0) + 2.0 * PAD;
    let shown = line(title, 11.5, Weight::Bold, wide - 24.0);
    let rect = Rect { x: 0.0, y: 0.0, width: wide, height: TITLE + inside.height + PAD };
    let framed = Frame { rect, title: shown, tip: title.to_owned(), role };
    let entry = if inside.width == 0.0 { wide / 2.0 } else { PAD + inside.entry };
    let left = inside.exit.map_or(entry, |exit| PAD + exit);
    let mut block = Block { entry, exit: goes_on.then_some(left), ..Block::default() };
    block.marks.push(Mark::Frame(framed));
    if inside.exit.is_some() && goes_on {
        block.way([(left, TITLE + inside.height), (left, rect.height)], Role::Flow, false);
    }
    block.put(inside, PAD, TITLE);
    (block.width, block.height) = (rect.width, rect.height);
    match &group.catch {
        None => block,
        Some(catch) => {
            let caught = vec![body(catch, Role::Handler)];
            let host = (block.width, 20.0);
            beside(block, host, caught, true)
        }
    }
}

/// Bodies one below the other.
fn in_turn(mut host: Block, bodies: Vec<Block>) -> Block {
    let left = bodies.iter().map(Block::left).fold(host.left(), f64::max);
    let (mut block, mut from) = (Block { entry: left, ..Block::default() }, None);
    let at = left - host.entry;
    let mut y = host.height;
    if y > 0.0 {
        from = Some((left, y));
        block.put(std::mem::take(&mut host), at, 0.0);
    }
    let mut exit = None;
    for body in bodies {
        let x = left - body.entry;
        if let Some(from) = from {
            y += GAP;
            block.down(from, (left, y), Role::Flow);
        }
        exit = body.exit.map(|exit| x + exit);
        let height = body.height;
        from = Some((exit.unwrap_or(left), y + height));
        block.put(body, x, y);
        y += height;
    }
    block.exit = exit;
    block.height = y;
    block
}

/// Bodies beside each other below their step, in as many rows as they need, and where they join.
fn rows(host: Block, bodies: Vec<Block>) -> Block {
    let area: f64 = bodies.iter().map(|body| (body.width + BETWEEN) * (body.height + GAP)).sum();
    let most = f64::max(ROW, (SHAPE * area).sqrt());
    let mut rows: Vec<Vec<Block>> = vec![Vec::new()];
    let mut used = 0.0;
    for body in bodies {
        if used > 0.0 && used + BETWEEN + body.width > most {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += BETWEEN + body.width;
        if let Some(row) = rows.last_mut() {
            row.push(body);
        }
    }
    let single = rows.len() == 1;
    let spans: Vec<(f64, f64)> = rows.iter().map(|row| span(row)).collect();
    let side = if single { 0.0 } else { 18.0 };
    let left = spans.iter().map(|(left, _)| left + side).fold(host.left(), f64::max);
    let right = spans.iter().map(|(_, right)| right + side).fold(host.right(), f64::max);
    let mut block = Block { entry: left, width: left + right, ..Block::default() };
    let (top, goes_on) = ((left, host.height), rows.iter().flatten().any(|body| body.exit.is_some()));
    let at = left - host.entry;
    block.put(host, at, 0.0);
    let mut joins = Vec::new();
    let mut y = top.1;
    for (number, (row, (own, _))) in rows.into_iter().zip(spans).enumerate() {
        let bus = y + GAP / 2.0;
        let trunk = if number == 0 {
            vec![top, (left, bus)]
        } else {
            vec![top, (left, top.1 + GAP / 2.0), (0.0, top.1 + GAP / 2.0), (0.0, bus)]
        };
        y += GAP;
        let mut x = left - own;
        let height = row.iter().map(|body| body.height).fold(0.0, f64::max);
        for body in row {
            let to = x + body.entry;
            let is_framed = matches!(body.marks.first(), Some(Mark::Frame(_)));
            block.way(trunk.iter().copied().chain([(to, bus), (to, y)]), Role::Flow, is_framed);
            joins.extend(body.exit.map(|exit| (x + exit, y + body.height, y + height + GAP / 2.0 - 2.0)));
            let wide = body.width;
            block.put(body, x, y);
            x += wide + BETWEEN;
        }
        y += height;
    }
    block.width = left + right;
    let end = y + GAP / 2.0 - 2.0;
    for (x, bottom, join) in joins {
        let around = (join < end).then_some([(block.width, join), (block.width, end)]);
        let points = [(x, bottom), (x, join)].into_iter().chain(around.into_iter().flatten());
        block.way(points.chain([(left, end)]), Role::Flow, false);
    }
    block.height = if goes_on { end } else { y };
    block.exit = goes_on.then_some(left);
    block
}

/// How far a row goes to the left and to the right of the middle of its ways: one body with words beside it stands below its
/// step.
fn span(row: &[Block]) -> (f64, f64) {
    let wide: f64 =
        row.iter().map(|body| body.width).sum::<f64>() + BETWEEN * row.len().saturating_sub(1) as f64;
    let is_framed = |body: &&Block| matches!(body.marks.first(), Some(Mark::Frame(_)));
    let left = match (row.first(), row.iter().filter(is_framed).count()) {
        (Some(first), 1) if is_framed(&first) => first.entry,
        _ => wide / 2.0,
    };
    (left, wide - left)
}

/// Bodies at the right of a block, below the height of its host; those behind which the path goes on join it again.
pub(crate) fn beside(mut block: Block, host: Point, bodies: Vec<Block>, is_led: bool) -> Block {
    if bodies.is_empty() {
        return block;
    }
    let (main, bottom) = (block.exit, block.height);
    let mut x = f64::max(block.width, host.0) + BETWEEN;
    let y = host.1 + 20.0;
    let mut joins = Vec::new();
    for body in bodies {
        let to = x + body.entry;
        if is_led {
            block.way([host, (to, host.1), (to, y)], Role::Handler, true);
        }
        joins.extend(body.exit.map(|exit| (x + exit, y + body.height)));
        let wide = body.width;
        block.put(body, x, y);
        x += wide + BETWEEN;
    }
    if !joins.is_empty() {
        let axis = main.unwrap_or(block.entry);
        let end = block.height + 12.0;
        for from in joins {
            block.way([from, (from.0, end), (axis, end)], Role::Handler, false);
        }
        block.exit = Some(axis);
        block.height = end;
    }
    if let (Some(axis), true) = (main, block.height > bottom) {
        block.way([(axis, bottom), (axis, block.height)], Role::Flow, false);
    }
    block
}

/// What is told of steps that are nested too deep.
pub(crate) fn omitted(count: usize) -> Block {
    let text =
        Mark::Text { at: (4.0, 16.0), text: format!("{count} steps, nested too deep"), style: Style::Detail };
    Block {
        width: CARD,
        height: 24.0,
        entry: CARD / 2.0,
        exit: Some(CARD / 2.0),
        marks: vec![text],
        ..Block::default()
    }
}
