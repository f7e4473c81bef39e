//! The graph: which step can follow which. Owns cycles, reachability and the order. Linear in the number of references,
//! and without recursion, since a playbook's author chooses the length of its paths.

use super::mistakes::Mistakes;

/// Steps that a message about a cycle names before it shortens the list.
const NAMED: usize = 10;

/// A reference from one step to another.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    /// The field that makes it.
    pub(super) field: Field,
    /// The step that it leads to.
    pub(super) to: usize,
}

/// The field of a step that names another step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The next step on the same path.
    Next(&'static str),
    /// The start of a path of its own.
    Branch(usize),
    /// The start of a body in a scope of its own, which is called as this field.
    Alone(&'static str),
    /// The start of a body that is repeated.
    Repeated,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Next(name) => f.write_str(name),
            Self::Branch(at) => write!(f, "branches[{at}]"),
            Self::Alone(name) => f.write_str(name),
            Self::Repeated => f.write_str("do"),
        }
    }
}

/// The steps' references, each step's in the order of its fields.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) start: usize,
    pub(super) edges: Vec<Vec<Edge>>,
}

/// How far a walk through the graph is with a step.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

impl Graph {
    /// The reachable steps, each before all that follow it; `None` if there is a mistake. Adds cycles and unreachable
    /// steps to `mistakes`.
    pub(super) fn order(&self, ids: &[&str], mistakes: &mut Mistakes) -> Option<Vec<usize>> {
        let mut marks = vec![Mark::New; self.edges.len()];
        let mut finished = Vec::with_capacity(self.edges.len());
        let mut sound = self.walk(self.start, ids, &mut marks, &mut finished, mistakes);
        let reachable = finished.len();
        for step in 0..self.edges.len() {
            if marks[step] == Mark::New {
                sound &= self.walk(step, ids, &mut marks, &mut finished, mistakes);
            }
        }
        for &step in &finished[reachable..] {
            mistakes.whole(step, format!("\"{}\" cannot be reached from the start", ids[step]));
            sound = false;
        }
        finished.truncate(reachable);
        finished.reverse();
        sound.then_some(finished)
    }

    /// A walk in depth from `root`; returns false if it found a cycle.
    fn walk(
        &self,
        root: usize,
        ids: &[&str],
        marks: &mut [Mark],
        finished: &mut Vec<usize>,
        mistakes: &mut Mistakes,
    ) -> bool {
        let mut sound = true;
        let mut path = vec![(root, 0)];
        marks[root] = Mark::Open;
        while let Some((step, at)) = path.last_mut() {
            let step = *step;
            let Some(edge) = self.edges[step].get(*at) else {
                marks[step] = Mark::Done;
                finished.push(step);
                path.pop();
                continue;
            };
            *at += 1;
            match marks[edge.to] {
                Mark::New => {
                    marks[edge.to] = Mark::Open;
                    path.push((edge.to, 0));
                }
                Mark::Open => {
                    sound = false;
                    if !mistakes.full() {
                        let from = path.iter().position(|(open, _)| *open == edge.to).unwrap_or(0);
                        let cycle = path[from..].iter().map(|(step, _)| ids[*step]);
                        mistakes.step(step, &edge.field.to_string(), describe(cycle.collect(), ids[edge.to]));
                    }
                }
                Mark::Done => {}
            }
        }
        sound
    }
}

/// `a cycle: a → b → a`.
fn describe<'a>(mut cycle: Vec<&'a str>, back: &'a str) -> String {
    if cycle.len() > NAMED {
        cycle.truncate(NAMED);
        cycle.push("…");
    }
    cycle.push(back);
    format!("a cycle: {}", cycle.join(" → "))
}
