//! Bodies: the path of each step, and the steps that can have ended before it. The main path is a body; each branch of
//! a `parallel` step is another, and ends before the step that follows the `parallel`.

use updraft_protocol::limits::PARALLEL_DEPTH;

use super::graph::{Field, Graph};
use super::mistakes::Mistakes;

/// The path that a step belongs to: an index into [`Bodies::bodies`].
type BodyIndex = usize;

/// A path inside another.
#[derive(Debug, Clone, Copy)]
struct Body {
    /// The path around it; the main path is its own parent.
    parent: BodyIndex,
    /// The `parallel` step that starts it; `None` for the main path.
    parallel: Option<usize>,
    /// How many `parallel` steps it is inside of.
    depth: usize,
}

/// The paths of a playbook.
#[derive(Debug)]
pub(super) struct Bodies {
    bodies: Vec<Body>,
    /// The path of each step.
    of: Vec<BodyIndex>,
}

impl Bodies {
    /// Finds the path of each step; `order` has each step before those that follow it. `None` if a step is on two
    /// paths, or a path is nested too deep.
    pub(super) fn find(
        graph: &Graph,
        order: &[usize],
        ids: &[&str],
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let main = Body { parent: 0, parallel: None, depth: 0 };
        let mut paths = Self { bodies: vec![main], of: vec![0; graph.edges.len()] };
        let mut known = vec![false; graph.edges.len()];
        if let Some(known) = known.get_mut(graph.start) {
            *known = true;
        }
        let mut sound = true;
        for &step in order {
            sound &= paths.depth_is_allowed(graph, step, mistakes);
            for edge in &graph.edges[step] {
                let body = match edge.field {
                    Field::Next(_) => paths.of[step],
                    Field::Branch(_) => paths.open(step),
                };
                if !known[edge.to] {
                    known[edge.to] = true;
                    paths.of[edge.to] = body;
                } else if paths.of[edge.to] != body {
                    sound = false;
                    if mistakes.full() {
                        return None;
                    }
                    let message = paths.conflict(paths.of[edge.to], body, ids);
                    mistakes.step(
                        step,
                        &edge.field.to_string(),
                        format!("\"{}\" is {message}", ids[edge.to]),
                    );
                }
            }
        }
        sound.then_some(paths)
    }

    fn open(&mut self, parallel: usize) -> BodyIndex {
        let parent = self.of[parallel];
        let depth = self.bodies[parent].depth + 1;
        self.bodies.push(Body { parent, parallel: Some(parallel), depth });
        self.bodies.len() - 1
    }

    fn depth_is_allowed(&self, graph: &Graph, step: usize, mistakes: &mut Mistakes) -> bool {
        let branches = graph.edges[step].iter().any(|edge| matches!(edge.field, Field::Branch(_)));
        if branches && self.bodies[self.of[step]].depth >= PARALLEL_DEPTH {
            mistakes.step(step, "branches", format!("`parallel` is nested more than {PARALLEL_DEPTH} deep"));
            return false;
        }
        true
    }

    /// Why a step cannot be on both paths.
    fn conflict(&self, a: BodyIndex, b: BodyIndex, ids: &[&str]) -> String {
        let (mut a, mut b) = (a, b);
        let (mut below_a, mut below_b) = (None, None);
        while a != b {
            if self.bodies[a].depth >= self.bodies[b].depth {
                below_a = self.bodies[a].parallel;
                a = self.bodies[a].parent;
            } else {
                below_b = self.bodies[b].parallel;
                b = self.bodies[b].parent;
            }
        }
        match (below_a, below_b) {
            (Some(one), Some(other)) if one == other => {
                format!("reached from two branches of \"{}\"", ids[one])
            }
            (Some(one), Some(other)) => {
                format!("reached from a branch of \"{}\" and from a branch of \"{}\"", ids[one], ids[other])
            }
            (Some(one), None) | (None, Some(one)) => {
                format!("reached from inside a branch of \"{}\" and from outside of it", ids[one])
            }
            (None, None) => "on one path".to_owned(),
        }
    }

    /// For each step, the steps that can have ended before it on its own path.
    pub(super) fn earlier(&self, graph: &Graph, order: &[usize]) -> Earlier {
        let mut earlier = Earlier::new(graph.edges.len());
        let inside = self.inside(order, graph.edges.len());
        for &step in order {
            for edge in &graph.edges[step] {
                earlier.inherit(edge.to, step);
                if matches!(edge.field, Field::Next(_)) {
                    earlier.add(edge.to, step);
                    if let Some(inside) = &inside[step] {
                        earlier.join(edge.to, inside);
                    }
                }
            }
        }
        earlier
    }

    /// For each `parallel` step, the set of steps inside of its branches.
    fn inside(&self, order: &[usize], steps: usize) -> Vec<Option<Vec<u64>>> {
        let mut inside = vec![None; steps];
        for &step in order {
            let mut body = &self.bodies[self.of[step]];
            while let Some(parallel) = body.parallel {
                let set = inside[parallel].get_or_insert_with(|| vec![0_u64; steps.div_ceil(64)]);
                set[step / 64] |= 1 << (step % 64);
                body = &self.bodies[body.parent];
            }
        }
        inside
    }
}

/// Which steps can have ended before which: a bit for each pair.
#[derive(Debug)]
pub(super) struct Earlier {
    words: usize,
    bits: Vec<u64>,
}

impl Earlier {
    fn new(steps: usize) -> Self {
        let words = steps.div_ceil(64);
        Self { words, bits: vec![0; words * steps] }
    }

    /// Whether `earlier` can have ended before `step`.
    pub(super) fn contains(&self, step: usize, earlier: usize) -> bool {
        self.bits[step * self.words + earlier / 64] >> (earlier % 64) & 1 == 1
    }

    fn add(&mut self, step: usize, earlier: usize) {
        self.bits[step * self.words + earlier / 64] |= 1 << (earlier % 64);
    }

    fn join(&mut self, step: usize, set: &[u64]) {
        let at = step * self.words;
        for (word, more) in self.bits[at..at + self.words].iter_mut().zip(set) {
            *word |= more;
        }
    }

    fn inherit(&mut self, step: usize, from: usize) {
        for word in 0..self.words {
            self.bits[step * self.words + word] |= self.bits[from * self.words + word];
        }
    }
}
