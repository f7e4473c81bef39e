//! The flow of a group: its steps from top to bottom, those between which ways jump as layers, and long lines in several
//! columns. Owns the order of steps on the page; does not know what a step looks like.

use std::collections::BTreeSet;

use updraft_protocol::limits::GRAPH_LAYERED_STEPS;

use super::block::Block;
use super::columns::{Part, columns};
use super::layered::{Edge, layered};
use super::step::{omitted, step};
use crate::diagram::{Group, Jump, Note, Step};
use crate::scene::{Mark, Rect};
use crate::words::{self, Weight, line};

/// The size of the text in a mark of a start or an end.
const PILL: f64 = 11.5;
/// The width of such a mark at most.
const WIDE: f64 = 360.0;

/// Which line a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// The main line, which may have a step that is its start.
    Main { has_start: bool },
    /// A body.
    Body,
}

/// The steps of a group, between marks of their start and end where it is the main line.
pub(crate) fn flow(group: &Group, line: Line) -> Block {
    let (kept, named) = kept(group);
    let mut parts: Vec<Part> = Vec::new();
    let is_main = line != Line::Body;
    if line == (Line::Main { has_start: false }) {
        parts.push(Part { block: pill("start", "start"), leads_on: true });
    }
    let mut at = 0;
    while at < group.steps.len() {
        let end = last(at, &kept);
        let leads_on = group.steps.get(end).is_some_and(|step| step.goes_on && step.to_next);
        let block = if end == at {
            block(group, &kept, &named, at)
        } else {
            let blocks = (at..=end).map(|at| block(group, &kept, &named, at)).collect();
            layered(blocks, &edges(group, &kept, at, end))
        };
        parts.push(Part { block, leads_on });
        at = end + 1;
    }
    if group.omitted > 0 {
        parts.push(Part { block: omitted(group.omitted), leads_on: true });
    }
    if is_main && group.steps.last().is_none_or(|step| step.goes_on && step.to_next) {
        parts.push(Part { block: pill("end", "end"), leads_on: false });
    }
    columns(parts, is_main)
}

/// The ways that are drawn, and those that are told by the name of the step that they lead to: they lead back, or so many steps
/// belong together that nobody could follow a line, nor the layout place them in time.
fn kept(group: &Group) -> (Vec<&Jump>, Vec<&Jump>) {
    let mut jumps: Vec<&Jump> = group.jumps.iter().collect();
    jumps.sort_by_key(|jump| (jump.to <= jump.from, jump.from.abs_diff(jump.to)));
    let (mut kept, mut named): (Vec<&Jump>, Vec<&Jump>) = (Vec::new(), Vec::new());
    // The first and the last step of the run that each step belongs to, by the ways that are kept.
    let mut runs: Vec<(usize, usize)> = (0..group.steps.len()).map(|at| (at, at)).collect();
    let mut follows: Vec<Vec<usize>> =
        group.steps.iter().enumerate().map(|(at, step)| next(at, step)).collect();
    for jump in jumps {
        let (low, high) = (jump.from.min(jump.to), jump.from.max(jump.to));
        let (Some(first), Some(last)) = (runs.get(low).map(|run| run.0), runs.get(high).map(|run| run.1))
        else {
            continue;
        };
        let is_first = jump.to < jump.from && first == jump.to;
        if last - first >= GRAPH_LAYERED_STEPS || is_first || leads(&follows, jump.to, jump.from) {
            named.push(jump);
            continue;
        }
        kept.push(jump);
        if let Some(follows) = follows.get_mut(jump.from) {
            follows.push(jump.to);
        }
        if let Some(joined) = runs.get_mut(first..=last) {
            joined.fill((first, last));
        }
    }
    let order = |jump: &&Jump| (jump.from, jump.label.is_some(), jump.label, jump.to);
    kept.sort_by_key(order);
    named.sort_by_key(order);
    (kept, named)
}

/// The step that follows another one of itself.
fn next(at: usize, step: &Step) -> Vec<usize> {
    if step.goes_on && step.to_next { vec![at + 1] } else { Vec::new() }
}

/// Whether there is a way from one step to another.
fn leads(follows: &[Vec<usize>], from: usize, to: usize) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            open.extend(follows.get(at).into_iter().flatten());
        }
    }
    false
}

/// The last step of the run that begins with this one.
fn last(first: usize, kept: &[&Jump]) -> usize {
    let (mut end, mut at) = (first, first);
    while at <= end {
        let ways = kept.iter().filter(|jump| jump.from.min(jump.to) == at);
        end = ways.map(|jump| jump.from.max(jump.to)).fold(end, usize::max);
        at += 1;
    }
    end
}

/// The block of a step, which tells the ways that are not drawn.
fn block(group: &Group, kept: &[&Jump], named: &[&Jump], at: usize) -> Block {
    let Some(given) = group.steps.get(at) else { return Block::default() };
    let ports = kept.iter().filter(|jump| jump.from == at && jump.label.is_some()).count();
    let told: Vec<&&Jump> = named.iter().filter(|jump| jump.from == at).collect();
    if told.is_empty() {
        return step(given, ports);
    }
    let mut given: Step = given.clone();
    for jump in told {
        let to = group.steps.get(jump.to).map(|step| step.title.as_str()).unwrap_or_default();
        given
            .notes
            .push(Note { text: format!("{} → {to}", jump.label.unwrap_or("next")), is_wrong: false });
    }
    step(&given, ports)
}

/// All ways between the steps of a run, by their numbers in it.
fn edges(group: &Group, kept: &[&Jump], first: usize, end: usize) -> Vec<Edge> {
    let mut edges = Vec::new();
    for at in first..end {
        if group.steps.get(at).is_some_and(|step| step.goes_on && step.to_next) {
            edges.push(Edge { from: at - first, to: at + 1 - first, port: None, label: None });
        }
    }
    let mut seen = BTreeSet::new();
    for jump in kept.iter().filter(|jump| (first..=end).contains(&jump.from)) {
        let port = jump.label.map(|_| {
            kept.iter()
                .filter(|other| other.from == jump.from && other.label.is_some())
                .take_while(|other| other != &jump)
                .count()
        });
        if seen.insert((jump.from, jump.to, jump.label)) {
            edges.push(Edge { from: jump.from - first, to: jump.to - first, port, label: jump.label });
        }
    }
    edges
}

/// The mark of a start or an end.
pub(crate) fn pill(text: &str, tip: &str) -> Block {
    let text = line(text, PILL, Weight::Bold, WIDE - 32.0);
    let width = f64::max(72.0, words::width(&text, PILL, Weight::Bold) + 32.0).ceil();
    let height = 28.0;
    let rect = Rect { x: 0.0, y: 0.0, width, height };
    let marks = vec![Mark::Pill { rect, text, tip: tip.to_owned() }];
    Block { width, height, entry: width / 2.0, exit: Some(width / 2.0), marks, ..Block::default() }
}
