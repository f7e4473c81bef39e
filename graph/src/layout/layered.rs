//! Layers: steps between which ways jump, placed so that ways cross little. The layout crate chooses the layers, the order in
//! them and how far each step and way is from the left; where ways turn is chosen here, so that none passes through a step.

use super::block::Block;
use super::dagre::{Placed, Route, Shape, place};
use super::straight::{give_way, straighten};
use super::tracks::{Crossing, tracks};
use crate::scene::{Mark, Role};
use crate::words::{Weight, width};

/// The least space between two layers.
const GAP: f64 = 30.0;
/// Between ways that turn in the same space.
const TRACK: f64 = 10.0;
/// The height of the word on a way.
const LABEL: f64 = 16.0;

/// A way between two blocks.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The port that it leaves by, unless it is the usual way.
    pub(crate) port: Option<usize>,
    pub(crate) label: Option<&'static str>,
}

/// The blocks in layers; entered at the first one, left at the last one.
pub(crate) fn layered(blocks: Vec<Block>, edges: &[Edge]) -> Block {
    let shapes: Vec<Shape> = blocks.iter().map(shape).collect();
    let labels: Vec<f64> = edges
        .iter()
        .map(|edge| edge.label.map_or(0.0, |label| width(label, 11.0, Weight::Regular) + 12.0))
        .collect();
    let ends: Vec<(usize, usize)> = edges.iter().map(|edge| (edge.from, edge.to)).collect();
    let mut placed = place(&shapes, &ends, &labels);
    turn_round(&mut placed, edges);
    let mut bands = vec![Band::default(); placed.layers];
    for (block, &(layer, _)) in blocks.iter().zip(&placed.nodes) {
        if let Some(band) = bands.get_mut(layer) {
            band.height = band.height.max(block.height);
            band.is_used = true;
        }
    }
    for (edge, route) in edges.iter().zip(&placed.edges) {
        let Some(band) = route.label.and_then(|(layer, _)| bands.get_mut(layer)) else { continue };
        if edge.label.is_some() {
            band.height = band.height.max(LABEL);
            band.is_used = true;
        }
    }
    give_way(&mut placed, &blocks, edges);
    let used: Vec<bool> = bands.iter().map(|band| band.is_used).collect();
    straighten(&mut placed, &blocks, edges, &used, &labels);
    begin_left(&mut placed, &blocks, &labels);
    let routes: Vec<Vec<Stop>> =
        edges.iter().enumerate().map(|(at, edge)| stops(at, edge, &blocks, &placed, &bands)).collect();
    let turns = spread(&mut bands, &routes);
    draw(blocks, edges, &placed, &bands, &routes, &turns)
}

/// What the layout sees of a block: as wide as it is with the way into it in its middle.
fn shape(block: &Block) -> Shape {
    Shape { width: 2.0 * f64::max(block.left(), block.right()) }
}

/// Turns the layers round where ways of other exits would begin at the right and go to the left: their ports are at the right.
fn turn_round(placed: &mut Placed, edges: &[Edge]) {
    let lean = |(edge, route): (&Edge, &Route)| {
        let from = placed.nodes.get(edge.from).map_or(0.0, |node| node.1);
        route.label.filter(|_| edge.label.is_some()).map_or(0.0, |(_, x)| x - from)
    };
    if edges.iter().zip(&placed.edges).map(lean).sum::<f64>() >= 0.0 {
        return;
    }
    let widest = placed.nodes.iter().map(|node| node.1).fold(0.0, f64::max);
    placed.nodes.iter_mut().for_each(|node| node.1 = widest - node.1);
    for route in &mut placed.edges {
        route.stops.iter_mut().chain(&mut route.label).for_each(|stop| stop.1 = widest - stop.1);
    }
}

/// Lets what is furthest left begin at the left edge.
fn begin_left(placed: &mut Placed, blocks: &[Block], labels: &[f64]) {
    let lefts = placed.nodes.iter().zip(blocks).map(|(node, block)| node.1 - block.left());
    let words =
        placed.edges.iter().zip(labels).filter_map(|(route, width)| Some(route.label?.1 - width / 2.0));
    let stops = placed.edges.iter().flat_map(|route| &route.stops).map(|stop| stop.1);
    let left = lefts.chain(words).chain(stops).fold(f64::INFINITY, f64::min);
    if left.is_finite() {
        placed.nodes.iter_mut().for_each(|node| node.1 -= left);
        let routes = placed.edges.iter_mut().flat_map(|route| route.stops.iter_mut().chain(&mut route.label));
        routes.for_each(|stop| stop.1 -= left);
    }
}

/// A layer as it is drawn.
#[derive(Debug, Clone, Default)]
struct Band {
    top: f64,
    height: f64,
    is_used: bool,
}

/// A place that a way passes: a layer, and how far from the left.
#[derive(Debug, Clone, Copy)]
struct Stop {
    band: usize,
    x: f64,
}

/// The places of a way from its step to the one that it leads to, downwards; one that leads up is turned round.
fn stops(at: usize, edge: &Edge, blocks: &[Block], placed: &Placed, bands: &[Band]) -> Vec<Stop> {
    let place = |node: usize| placed.nodes.get(node).copied().unwrap_or_default();
    let left = |node: usize| place(node).1 - blocks.get(node).map_or(0.0, |block| block.entry);
    let out = blocks.get(edge.from).map_or(0.0, |block| {
        let port = edge.port.and_then(|port| block.ports.get(port).copied());
        port.or(block.exit).unwrap_or(block.entry)
    });
    let start = Stop { band: place(edge.from).0, x: left(edge.from) + out };
    let end = Stop { band: place(edge.to).0, x: place(edge.to).1 };
    let route = placed.edges.get(at);
    let mut between: Vec<Stop> = route
        .iter()
        .flat_map(|route| &route.stops)
        .map(|&(band, x)| Stop { band, x })
        .filter(|stop| bands.get(stop.band).is_some_and(|band| band.is_used))
        .collect();
    between.sort_by_key(|stop| stop.band);
    if start.band > end.band {
        between.reverse();
    }
    let (low, high) = (start.band.min(end.band), start.band.max(end.band));
    between.retain(|stop| low < stop.band && stop.band < high);
    [start].into_iter().chain(between).chain([end]).collect()
}

/// Gives each layer its top, with room above it for the ways that turn there; for each way, the height of each of its turns.
fn spread(bands: &mut [Band], routes: &[Vec<Stop>]) -> Vec<Vec<f64>> {
    let used: Vec<usize> =
        (0..bands.len()).filter(|at| bands.get(*at).is_some_and(|band| band.is_used)).collect();
    let mut turns: Vec<Vec<f64>> =
        routes.iter().map(|route| vec![0.0; route.len().saturating_sub(1)]).collect();
    let mut y = 0.0;
    for (number, &band) in used.iter().enumerate() {
        if let Some(band) = bands.get_mut(band) {
            band.top = y;
            y += band.height;
        }
        // The ways between this layer and the next one.
        let Some(next) = used.get(number + 1) else { continue };
        let mut crossings = Vec::new();
        for (route, stops) in routes.iter().enumerate() {
            for (leg, pair) in stops.windows(2).enumerate() {
                let [a, b] = pair else { continue };
                if a.band.min(b.band) == band && a.band.max(b.band) == *next {
                    let (upper, lower) = if a.band < b.band { (a.x, b.x) } else { (b.x, a.x) };
                    crossings.push(Crossing { route, leg, upper, lower });
                }
            }
        }
        let (assigned, count) = tracks(&crossings);
        let gap = f64::max(GAP, 20.0 + TRACK * count as f64);
        let first = y + (gap - TRACK * count.saturating_sub(1) as f64) / 2.0;
        for (crossing, track) in crossings.iter().zip(assigned) {
            if let Some(turn) = turns.get_mut(crossing.route).and_then(|turns| turns.get_mut(crossing.leg)) {
                *turn = first + TRACK * track as f64 - 3.0;
            }
        }
        y += gap;
    }
    turns
}

fn draw(
    blocks: Vec<Block>,
    edges: &[Edge],
    placed: &Placed,
    bands: &[Band],
    routes: &[Vec<Stop>],
    turns: &[Vec<f64>],
) -> Block {
    let top = |band: usize| bands.get(band).map_or(0.0, |band| band.top);
    let mut whole = Block::default();
    let last = blocks.len().saturating_sub(1);
    let mut bottoms = Vec::new();
    for (at, (block, &(band, x))) in blocks.into_iter().zip(&placed.nodes).enumerate() {
        let left = x - block.entry;
        if at == 0 {
            whole.entry = x;
        }
        if at == last {
            whole.exit = block.exit.map(|exit| left + exit);
        }
        bottoms.push(top(band) + block.height);
        whole.put(block, left, top(band));
    }
    let exit_from = bottoms.last().copied().unwrap_or_default();
    for ((edge, route), turns) in edges.iter().zip(routes).zip(turns) {
        let role = if edge.label.is_some() { Role::Handler } else { Role::Flow };
        let [first, .., end] = route.as_slice() else { continue };
        let mut points = vec![(first.x, bottoms.get(edge.from).copied().unwrap_or_default())];
        for (pair, turn) in route.windows(2).zip(turns) {
            let [a, b] = pair else { continue };
            points.extend([(a.x, *turn), (b.x, *turn)]);
        }
        points.push((end.x, top(end.band)));
        whole.way(points, role, true);
    }
    for (edge, route) in edges.iter().zip(&placed.edges) {
        let (Some(text), Some((band, x))) = (edge.label, route.label) else { continue };
        let height = bands.get(band).map_or(0.0, |band| band.height);
        let at = (x, top(band) + height / 2.0);
        whole.marks.push(Mark::Label {
            at,
            text: text.to_owned(),
            tip: text.to_owned(),
            role: Role::Handler,
        });
    }
    let words = edges.iter().zip(&placed.edges).filter_map(|(edge, route)| {
        let half = width(edge.label?, 11.0, Weight::Regular) / 2.0 + 6.0;
        Some(route.label?.1 + half)
    });
    let stops = routes.iter().flatten().map(|stop| stop.x + 6.0);
    whole.width = stops.chain(words).fold(whole.width, f64::max);
    open(whole, placed, bands, (last, exit_from))
}

/// Leads into the first block and out of the last one, around the layers above and below them.
fn open(mut whole: Block, placed: &Placed, bands: &[Band], (last, bottom): (usize, f64)) -> Block {
    let band =
        |node: usize| placed.nodes.get(node).and_then(|node| bands.get(node.0)).cloned().unwrap_or_default();
    let lowest = bands.iter().map(|band| band.top).fold(0.0, f64::max);
    let (first, end) = (band(0), band(last));
    if let Some(exit) = whole.exit {
        let (below, right) = (end.top + end.height + 5.0, whole.width + 12.0);
        if end.top < lowest {
            whole.exit = Some(right);
            whole.way(
                [(exit, bottom), (exit, below), (right, below), (right, whole.height)],
                Role::Flow,
                false,
            );
            whole.width = right + 6.0;
        } else {
            whole.way([(exit, bottom), (exit, whole.height)], Role::Flow, false);
        }
    }
    if first.top == 0.0 {
        return whole;
    }
    let mut wider = Block { entry: 6.0, exit: whole.exit.map(|exit| exit + 18.0), ..Block::default() };
    let (to, above) = (whole.entry + 18.0, first.top - 5.0);
    wider.way([(6.0, 0.0), (6.0, above), (to, above), (to, first.top)], Role::Flow, true);
    wider.put(whole, 18.0, 0.0);
    wider
}
