//! Straight ways: the usual way to a step straight below, which others make room for. Chooses no layer.

use std::ops::Range;

use super::block::Block;
use super::dagre::Placed;
use super::layered::Edge;

/// Between a way and a step beside it.
const CLEAR: f64 = 24.0;
/// How far steps of one picture make way, all together.
const ROOM: f64 = 400.0;

/// Moves what stands in the usual way to a step straight below to the right, with all that is right of it.
pub(crate) fn give_way(placed: &mut Placed, blocks: &[Block], edges: &[Edge]) {
    let mut room = ROOM;
    for edge in edges.iter().filter(|edge| edge.label.is_none()) {
        let Some((line, between)) = below(placed, blocks, edge) else { continue };
        let lefts = |band: usize| {
            let nodes = placed.nodes.iter().zip(blocks).filter(move |(node, _)| node.0 == band);
            nodes
                .filter(|(node, block)| node.1 + block.right() + 10.0 > line)
                .map(|(node, block)| node.1 - block.left())
        };
        let blocked = between.clone().filter(|band| is_taken(placed, blocks, *band, line));
        let far = blocked.map(|band| line + CLEAR - lefts(band).fold(line, f64::min)).fold(0.0, f64::max);
        if far > room {
            continue;
        }
        room -= far;
        // All of these layers move, so that ways between them stay as straight as they are.
        let moved = |node: &mut (usize, f64), right: f64| {
            if between.contains(&node.0) && node.1 + right > line {
                node.1 += far;
            }
        };
        placed.nodes.iter_mut().zip(blocks).for_each(|(node, block)| moved(node, block.right() + 10.0));
        let stops = placed.edges.iter_mut().flat_map(|route| route.stops.iter_mut().chain(&mut route.label));
        stops.for_each(|stop| moved(stop, 0.0));
    }
}

/// Where the usual way goes down to a step that is straight below, and the layers between.
fn below(placed: &Placed, blocks: &[Block], edge: &Edge) -> Option<(f64, Range<usize>)> {
    let (from, to) = (placed.nodes.get(edge.from)?, placed.nodes.get(edge.to)?);
    let exit = blocks.get(edge.from).and_then(|block| Some(block.exit? - block.entry)).unwrap_or_default();
    ((from.1 + exit - to.1).abs() <= 0.5).then_some((to.1, from.0 + 1..to.0))
}

/// Lets the usual way to a step straight below go straight, beside the words on ways between the two.
pub(crate) fn straighten(
    placed: &mut Placed,
    blocks: &[Block],
    edges: &[Edge],
    used: &[bool],
    labels: &[f64],
) {
    for (at, edge) in edges.iter().enumerate().filter(|(_, edge)| edge.label.is_none()) {
        let Some((line, between)) = below(placed, blocks, edge) else { continue };
        if between.clone().any(|band| is_taken(placed, blocks, band, line)) {
            continue;
        }
        let used = |band: &usize| used.get(*band).copied().unwrap_or_default();
        // Words in the way stand right of it, where nothing else is.
        let words: Vec<(usize, usize, f64)> = (0..edges.len())
            .filter_map(|other| {
                let (band, x) = placed.edges.get(other)?.label?;
                let half = labels.get(other).copied().filter(|width| *width > 0.0)? / 2.0;
                (between.contains(&band) && (x - line).abs() < half + 8.0).then_some((
                    other,
                    band,
                    line + half + 8.0,
                ))
            })
            .collect();
        let crowded = |&(other, band, x): &(usize, usize, f64)| {
            let half = labels.get(other).copied().unwrap_or_default() / 2.0 + 10.0;
            is_taken(placed, blocks, band, x)
                || placed.edges.iter().enumerate().any(|(third, route)| {
                    third != at
                        && third != other
                        && route.stops.iter().any(|stop| stop.0 == band && (stop.1 - x).abs() < half)
                })
        };
        if words.len() > 1 || words.iter().any(crowded) {
            continue;
        }
        for (other, band, x) in words {
            let Some(route) = placed.edges.get_mut(other) else { continue };
            route.label = Some((band, x));
            route.stops.iter_mut().filter(|stop| stop.0 == band).for_each(|stop| stop.1 = x);
        }
        if let Some(route) = placed.edges.get_mut(at) {
            route.stops = between.filter(used).map(|band| (band, line)).collect();
        }
    }
}

/// Whether a block of this layer is where a line would go down.
fn is_taken(placed: &Placed, blocks: &[Block], band: usize, x: f64) -> bool {
    placed.nodes.iter().zip(blocks).any(|(&(layer, middle), block)| {
        layer == band && middle - block.left() - 10.0 < x && x < middle + block.right() + 10.0
    })
}
