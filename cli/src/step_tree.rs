//! The step tree: where each step of a playbook stands when it is shown. Steps come in an order in which they can
//! run, those of a branch under their `parallel` step. Reads playbooks; knows no execution.

use std::collections::BTreeMap;

use updraft::playbook::{StepKind, WalkedStep};
use updraft::{AuthoredNames, Playbook, StepId, StepPart};

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
    /// Whether it is a loop, which says how far it has come.
    pub(crate) is_loop: bool,
}

/// Where the steps of a playbook stand.
#[derive(Debug, Default)]
pub(crate) struct StepTree {
    places: BTreeMap<StepId, StepPosition>,
}

impl StepTree {
    /// The tree of a playbook that was checked.
    pub(crate) fn of(playbook: &Playbook) -> Self {
        let walk = playbook.walk();
        let undos: Vec<(StepId, StepPosition)> = undos(&walk).collect();
        let places = walk.into_iter().enumerate().map(|(position, walked)| {
            let branch = |(parallel, number)| Branch { parallel, number };
            let branches = walked.scopes.into_iter().map(branch).collect();
            let kind = &walked.step.kind;
            let is_loop = matches!(kind, StepKind::ForEach(_) | StepKind::Repeat(_));
            (walked.id, StepPosition { position, branches, label: label(kind), is_loop })
        });
        let mut places: BTreeMap<_, _> = places.collect();
        for (id, place) in undos {
            places.entry(id).or_insert(place);
        }
        Self { places }
    }

    /// The tree of a playbook that was made of another document: its author's steps alone, each with what its first call does.
    pub(crate) fn authored(playbook: &Playbook, names: &AuthoredNames) -> Self {
        let mut places = Self::of(playbook).places;
        let step = |id: &StepId| names.step(id);
        let call = |id: &StepId| (step(id).part == StepPart::Call(1)).then(|| step(id).step);
        let calls: BTreeMap<StepId, String> =
            places.iter().filter_map(|(id, place)| Some((call(id)?, place.label.clone()))).collect();
        places.retain(|id, _| names.is_native() || step(id).step == *id);
        for (id, place) in &mut places {
            if let Some(label) = calls.get(id) {
                place.label = label.clone();
            }
        }
        Self { places }
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
}

/// The undos that an execution may make before its end: below all steps, that of the last one first.
fn undos<'w>(walk: &'w [WalkedStep<'_>]) -> impl Iterator<Item = (StepId, StepPosition)> + 'w {
    walk.iter().enumerate().filter_map(|(at, walked)| {
        let StepKind::Action(action) = &walked.step.kind else { return None };
        let (integration, name) = action.undo.as_ref()?.tool(&action.integration);
        let id = StepId::new(format!("undo.{}", walked.id)).ok()?;
        let (position, label) = (2 * walk.len() - at, format!("{integration}.{name}"));
        Some((id, StepPosition { position, branches: Vec::new(), label, is_loop: false }))
    })
}

fn label(kind: &StepKind) -> String {
    match kind {
        StepKind::Action(action) => format!("{}.{}", action.integration, action.action),
        StepKind::Delay(delay) => format!("delay {}", delay.duration),
        StepKind::WaitUntil(wait) => format!("wait_until {}", wait.instant),
        StepKind::WaitFor(wait) => format!("wait_for {}", wait.name),
        StepKind::SubPlaybook(child) => format!("playbook {}", child.playbook),
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
steps:
  - id: choose
    if: 'true'
    then:
      - id: yes_
        parallel: all
        branches:
          a: [{id: a1, action: http.request}, {id: a2, action: http.request}]
          b: [{id: b1, action: http.request}]
      - {id: last, delay: 5s}
    else: [{id: no_, fail: 'no'}]
";

    #[test]
    fn steps_stand_in_the_order_in_which_they_are_written_and_branches_under_their_parallel() {
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
}
