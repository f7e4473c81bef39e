//! Earlier steps: which steps can have ended before which, so that a template reads nothing that cannot be there.

use super::flat::Flat;
use super::graph::{Field, Graph};
use super::step::FINALLY;

/// Which steps can have ended before which: a bit for each pair.
#[derive(Debug)]
pub(super) struct Earlier {
    words: usize,
    bits: Vec<u64>,
}

impl Earlier {
    /// For each step, the steps that can have ended before it on its own path and on those around it.
    pub(super) fn of(flat: &Flat<'_>, graph: &Graph, order: &[usize]) -> Self {
        let mut earlier = Self::new(graph.edges.len());
        let inside = inside(flat, order);
        for &step in order {
            for edge in &graph.edges[step] {
                earlier.inherit(edge.to, step);
                if matches!(edge.field, Field::Next(_)) {
                    earlier.add(edge.to, step);
                    if let Some(inside) = &inside[step] {
                        earlier.join(edge.to, inside);
                    }
                }
                // What runs in any case sees what the body did before it.
                if edge.field == Field::Alone(FINALLY)
                    && let Some(body) = flat.steps[step].starts.first().copied().flatten()
                {
                    let body = flat.steps[body.get()].scope;
                    order
                        .iter()
                        .filter(|at| flat.is_inside(**at, body))
                        .for_each(|at| earlier.add(edge.to, *at));
                }
            }
        }
        earlier
    }

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

/// For each step that opens scopes, the set of steps inside of them.
fn inside(flat: &Flat<'_>, order: &[usize]) -> Vec<Option<Vec<u64>>> {
    let mut inside = vec![None; flat.steps.len()];
    for &step in order {
        let mut scope = flat.scopes[flat.steps[step].scope];
        // The steps of some bodies are read inside of them alone.
        while let Some(opener) = scope.opener.filter(|_| scope.is_seen_into) {
            let set = inside[opener].get_or_insert_with(|| vec![0_u64; flat.steps.len().div_ceil(64)]);
            set[step / 64] |= 1 << (step % 64);
            scope = flat.scopes[scope.parent];
        }
    }
    inside
}
