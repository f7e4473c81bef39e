//! The layout crate: which layer each step is in, and how far it and the ways are from the left. The only file that names it;
//! reads no step.

use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, Ranker};

/// The least space between two steps of a layer.
const NODE_SPACE: f64 = 40.0;
/// The least space between two ways.
const EDGE_SPACE: f64 = 18.0;
/// The height that a layer has for the crate alone, which is given no heights: where layers stand is chosen elsewhere.
const HEIGHT: f64 = 10.0;
/// How straight a usual way is, by a way of another exit.
const STRAIGHT: i32 = 8;

/// What is placed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) width: f64,
}

/// Where everything is.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// How many layers there are.
    pub(crate) layers: usize,
    /// Of each node, its layer and its middle.
    pub(crate) nodes: Vec<(usize, f64)>,
    /// Of each edge, what it passes.
    pub(crate) edges: Vec<Route>,
}

/// The places that an edge passes.
#[derive(Debug, Default)]
pub(crate) struct Route {
    /// Layers between its ends, with how far it is from the left there.
    pub(crate) stops: Vec<(usize, f64)>,
    /// The place of its label.
    pub(crate) label: Option<(usize, f64)>,
}

/// Places nodes and edges between them, each with the width of its label, 0 without one. No edge leads from a node to itself.
pub(crate) fn place(shapes: &[Shape], edges: &[(usize, usize)], labels: &[f64]) -> Placed {
    let mut graph: Graph<NodeLabel, EdgeLabel> =
        Graph::with_options(GraphOptions { directed: true, multigraph: true, compound: false });
    let name = |at: usize| format!("{at:05}");
    for (at, shape) in shapes.iter().enumerate() {
        let label = NodeLabel { width: shape.width, height: HEIGHT, ..NodeLabel::default() };
        graph.set_node(name(at), Some(label));
    }
    for (at, (&(from, to), &width)) in edges.iter().zip(labels).enumerate() {
        let weight = if width > 0.0 { 1 } else { STRAIGHT };
        let height = if width > 0.0 { HEIGHT } else { 0.0 };
        let labelpos = dagre::layout::types::LabelPos::Center;
        let label = EdgeLabel { width, height, weight, labelpos, ..EdgeLabel::default() };
        graph.set_edge(name(from), name(to), Some(label), Some(&name(at)));
    }
    let options = LayoutOptions {
        nodesep: NODE_SPACE,
        edgesep: EDGE_SPACE,
        ranksep: 4.0 * HEIGHT,
        ranker: Ranker::NetworkSimplex,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    read(&graph, shapes.len(), edges, &name)
}

/// Reads what the crate has written into the graph. Layers are told by their heights.
fn read(
    graph: &Graph<NodeLabel, EdgeLabel>,
    nodes: usize,
    edges: &[(usize, usize)],
    name: &impl Fn(usize) -> String,
) -> Placed {
    let node =
        |at: usize| graph.node(&name(at)).and_then(|label| Some((label.x?, label.y?))).unwrap_or_default();
    let edge =
        |at: usize| edges.get(at).and_then(|&(from, to)| graph.edge(&name(from), &name(to), Some(&name(at))));
    let key = |y: f64| (y * 2.0).round() as i64;
    let inner = |label: &'_ EdgeLabel| -> Vec<(f64, f64)> {
        let inside = label.points.len().saturating_sub(2);
        label.points.iter().skip(1).take(inside).map(|point| (point.x, point.y)).collect()
    };
    let mut heights: Vec<i64> = (0..nodes).map(|at| key(node(at).1)).collect();
    for label in (0..edges.len()).filter_map(edge) {
        heights.extend(inner(label).iter().map(|point| key(point.1)));
        heights.extend(label.y.map(key));
    }
    heights.sort_unstable();
    heights.dedup();
    let layer = |y: f64| heights.partition_point(|height| *height < key(y));
    let placed = (0..nodes).map(|at| (layer(node(at).1), node(at).0)).collect();
    let routes = (0..edges.len()).map(|at| {
        let Some(label) = edge(at) else { return Route::default() };
        let stops = inner(label).into_iter().map(|(x, y)| (layer(y), x)).collect();
        Route { stops, label: label.x.zip(label.y).map(|(x, y)| (layer(y), x)) }
    });
    Placed { layers: heights.len(), nodes: placed, edges: routes.collect() }
}
