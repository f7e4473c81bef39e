//! The step tree: where each step of a playbook stands when it is shown. Steps come in an order in which they can
//! run, those of a branch under their `parallel` step. Reads playbooks; knows no execution.

use std::collections::BTreeMap;

use updraft::playbook::{Step, StepKind};
use updraft::{Playbook, StepId};

/// The branch that a step is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Branch {
    /// The position of the `parallel` step.
    pub(crate) parallel: usize,
    /// Its number there.
    pub(crate) number: usize,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepPosition {
    /// Its position among all steps.
    pub(crate) position: usize,
    /// The branches that it is inside of, from the outermost.
    pub(crate) branches: Vec<Branch>,
    /// What it does: `http.request`, `parallel`.
    pub(crate) label: String,
}

/// Where the steps of a playbook stand.
#[derive(Debug, Default)]
pub(crate) struct StepTree {
    places: BTreeMap<StepId, StepPosition>,
}

impl StepTree {
    /// The tree of a playbook that was checked.
    pub(crate) fn of(playbook: &Playbook) -> Self {
        let steps: BTreeMap<&StepId, &Step> = playbook.steps.iter().map(|step| (&step.id, step)).collect();
        let mut tree = Self::default();
        if let Some(start) = playbook.start.as_ref().or(playbook.steps.first().map(|step| &step.id)) {
            tree.path(start, &[], &steps);
        }
        tree
    }

    /// Where the step stands; none for a step of another playbook.
    pub(crate) fn place(&self, step: &StepId) -> Option<&StepPosition> {
        self.places.get(step)
    }

    /// How wide the widest step is with what stands before it, `indent` for each branch around it.
    pub(crate) fn width(&self, indent: usize) -> usize {
        let widths = self.places.iter().map(|(id, place)| id.as_str().len() + indent * place.branches.len());
        widths.max().unwrap_or_default()
    }

    /// Places the steps of one path, and below each `parallel` step those of its branches.
    fn path(&mut self, start: &StepId, branches: &[Branch], steps: &BTreeMap<&StepId, &Step>) {
        for id in in_order(start, steps) {
            let Some(step) = steps.get(id).filter(|_| !self.places.contains_key(id)) else { continue };
            let position = self.places.len();
            let place = StepPosition { position, branches: branches.to_vec(), label: label(&step.kind) };
            self.places.insert(id.clone(), place);
            for (number, first) in step.kind.bodies().iter().enumerate() {
                let inside = [branches, &[Branch { parallel: position, number }]].concat();
                self.path(first, &inside, steps);
            }
        }
    }
}

/// The steps of one path, each before all that can follow it.
fn in_order<'a>(start: &'a StepId, steps: &BTreeMap<&'a StepId, &'a Step>) -> Vec<&'a StepId> {
    let mut seen = BTreeMap::from([(start, 0_usize)]);
    let (mut open, mut ended) = (vec![start], Vec::new());
    while let Some(&step) = open.last() {
        let visited = seen.entry(step).or_default();
        let next = steps
            .get(step)
            .and_then(|found| found.kind.exits().into_iter().rev().nth(*visited).map(|next| next.to));
        *visited += 1;
        match next {
            Some(next) if seen.contains_key(next) => {}
            Some(next) => {
                seen.insert(next, 0);
                open.push(next);
            }
            None => ended.extend(open.pop()),
        }
    }
    ended.reverse();
    ended
}

fn label(kind: &StepKind) -> String {
    match kind {
        StepKind::Action(action) => format!("{}.{}", action.integration, action.action),
        StepKind::Delay(delay) => format!("delay {}", delay.duration),
        other => other.name().to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A choice, then two branches of two and one steps, then a step.
    pub(crate) const PLAYBOOK: &[u8] = b"
format: 1
name: nested
version: 1
start: choose
steps:
  - {id: last, type: delay, duration: 5s}
  - {id: choose, type: if, condition: 'true', then: yes_, else: no_}
  - {id: no_, type: end, status: failed}
  - {id: yes_, type: parallel, branches: [a1, b1], on_success: last}
  - {id: b1, type: action, integration: http, action: request}
  - {id: a2, type: action, integration: http, action: request}
  - {id: a1, type: action, integration: http, action: request, on_success: a2, on_failure: a2}
";

    #[test]
    fn steps_stand_in_an_order_in_which_they_run_and_branches_under_their_parallel() {
        let tree = StepTree::of(&Playbook::parse(PLAYBOOK).unwrap());
        let mut shown: Vec<_> = tree.places.iter().map(|(id, place)| (place.position, id.as_str())).collect();
        shown.sort_unstable();
        let shown: Vec<&str> = shown.into_iter().map(|(_, id)| id).collect();
        assert_eq!(shown, ["choose", "yes_", "a1", "a2", "b1", "last", "no_"]);
        let a2 = tree.place(&StepId::new("a2").unwrap()).unwrap();
        assert_eq!(a2.branches, [Branch { parallel: 1, number: 0 }]);
        assert_eq!(a2.label, "http.request");
        assert_eq!(tree.width(3), 6);
    }

    #[test]
    fn a_step_that_two_choices_lead_to_stands_after_both() {
        let diamond = b"
format: 1
name: diamond
version: 1
steps:
  - {id: choose, type: if, condition: 'true', then: a, else: b}
  - {id: a, type: delay, duration: 1s, on_success: both}
  - {id: both, type: end}
  - {id: b, type: delay, duration: 1s, on_success: both}
";
        let tree = StepTree::of(&Playbook::parse(diamond).unwrap());
        let position = |id| tree.place(&StepId::new(id).unwrap()).unwrap().position;
        assert_eq!([position("choose"), position("a"), position("b"), position("both")], [0, 1, 2, 3]);
    }
}
