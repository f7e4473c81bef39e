//! From the diagram of a native playbook to that of what its author wrote: steps with their names, and those that the translation
//! made as parts of these. Owns that each way which was there is still there; reads no playbook.

use std::collections::BTreeMap;

use updraft_protocol::outline::{AuthorOutline, Outlined, OutlinedStep};

use crate::diagram::{Branch, Diagram, Face, Group, Jump, Kind, Note, Step};
use crate::words::shown;

impl Diagram {
    /// The diagram with what the author wrote in place of native steps. For an execution, this comes before its states.
    #[must_use]
    pub fn outlined(mut self, outline: &AuthorOutline) -> Self {
        self.title = shown(&outline.name);
        self.version = shown(&outline.version);
        self.description = shown(&outline.description);
        self.main = group(self.main, outline);
        if let Some(catch) = &mut self.main.catch {
            catch.title = "workflow_exception · after a failure".to_owned();
        }
        self.has_start = outline.has_start;
        self
    }
}

/// What becomes of a step of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is drawn, with this number in the list.
    Own(usize),
    /// It is a part of the step with this number.
    Part(usize),
    /// Ways pass through.
    Passed,
}

/// The steps of a list as their author wrote them.
fn group(native: Group, outline: &AuthorOutline) -> Group {
    let places = places(&native.steps, outline);
    let (jumps, mut steps) = ways(&native, &places);
    for (step, place) in native.steps.into_iter().zip(&places) {
        let number = match place {
            Place::Own(number) | Place::Part(number) => *number,
            Place::Passed => continue,
        };
        let Some(given) = steps.get_mut(number) else { continue };
        match place {
            Place::Own(_) => given.becomes(outlined(step, outline)),
            _ => given.takes(step),
        }
    }
    let catch = native.catch.map(|catch| Box::new(branch(*catch, outline)));
    Group { steps, jumps, catch, omitted: native.omitted }
}

fn places(steps: &[Step], outline: &AuthorOutline) -> Vec<Place> {
    let part_of = |step: &Step| match outline.steps.get(&step.id) {
        Some(Outlined::PartOf(of)) => Some(of.as_str()),
        _ => None,
    };
    let is_passed = |step: &Step| outline.steps.get(&step.id) == Some(&Outlined::Passed);
    let here: BTreeMap<&str, &Step> = steps.iter().map(|step| (step.id.as_str(), step)).collect();
    // A part whose step is elsewhere is drawn as it is.
    let host = |step: &Step| part_of(step).and_then(|of| here.get(of)).filter(|host| part_of(host).is_none());
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for step in steps.iter().filter(|step| !is_passed(step) && host(step).is_none()) {
        numbers.insert(step.id.as_str(), numbers.len());
    }
    let places = steps.iter().map(|step| match host(step) {
        Some(host) => numbers.get(host.id.as_str()).map_or(Place::Passed, |number| Place::Part(*number)),
        None => numbers.get(step.id.as_str()).map_or(Place::Passed, |number| Place::Own(*number)),
    });
    places.collect()
}

/// The ways between the steps that are drawn, and these steps, which have only that yet. A mark of the end stands behind them where
/// ways lead there from others than the last one.
fn ways(native: &Group, places: &[Place]) -> (Vec<Jump>, Vec<Step>) {
    let count = places.iter().filter(|place| matches!(place, Place::Own(_))).count();
    let usual = |at: usize| native.jumps.iter().find(|jump| jump.from == at && jump.label.is_none());
    let follows = |at: usize| match (usual(at), native.steps.get(at)) {
        (Some(jump), _) => Some(jump.to),
        (None, Some(step)) if step.to_next => Some(at + 1),
        _ => None,
    };
    // The step that a way leads to; the number behind the last one where it leads out of the list.
    let lands = |mut at: usize| {
        for _ in places {
            at = match places.get(at) {
                Some(Place::Own(number) | Place::Part(number)) => return *number,
                Some(Place::Passed) => follows(at).unwrap_or(places.len()),
                None => return count,
            };
        }
        count
    };
    let mut steps = vec![Step::default(); count];
    let mut found: Vec<Jump> = Vec::new();
    for (at, place) in places.iter().enumerate() {
        let (Place::Own(from) | Place::Part(from)) = *place else { continue };
        let labelled = native.jumps.iter().filter(|jump| jump.from == at && jump.label.is_some());
        found.extend(labelled.map(|jump| Jump { from, to: lands(jump.to), label: jump.label }));
        let is_last = places.get(at + 1..).is_none_or(|rest| !rest.contains(&Place::Part(from)))
            && !places.get(at + 1..).is_some_and(|rest| rest.contains(&Place::Own(from)));
        let Some(step) = steps.get_mut(from).filter(|_| is_last) else { continue };
        let to = follows(at).map(lands);
        step.to_next = to == Some(from + 1);
        found.extend(to.filter(|to| *to != from + 1).map(|to| Jump { from, to, label: None }));
    }
    let leads_out = found.iter().any(|jump| jump.to == count);
    if leads_out {
        steps.push(Step::mark("end"));
    }
    let mut jumps: Vec<Jump> = Vec::new();
    for jump in found {
        if jump.from != jump.to && !jumps.contains(&jump) {
            jumps.push(jump);
        }
    }
    (jumps, steps)
}

/// A step as its author wrote it, with its bodies.
fn outlined(mut step: Step, outline: &AuthorOutline) -> Step {
    match outline.steps.get(&step.id) {
        Some(Outlined::Step(written)) => step.written(written, outline),
        Some(Outlined::Mark(title)) => {
            step.title = shown(title);
            step.face = Face::Mark;
        }
        _ => {}
    }
    let all = |branches: Vec<Branch>| branches.into_iter().map(|given| branch(given, outline)).collect();
    step.branches = all(step.branches);
    step.beside = all(step.beside);
    step
}

fn branch(mut branch: Branch, outline: &AuthorOutline) -> Branch {
    branch.group = branch.group.map(|inside| group(inside, outline));
    let is_empty = |group: &Group| group.steps.is_empty() && group.catch.is_none() && group.omitted == 0;
    if branch.goes_on && branch.group.as_ref().is_some_and(is_empty) {
        branch.group = None;
    }
    branch
}

impl Step {
    /// A mark that stands for no native step.
    fn mark(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            kind: Kind::End,
            face: Face::Mark,
            goes_on: true,
            to_next: true,
            ..Self::default()
        }
    }

    /// Becomes another step, but for its usual way.
    fn becomes(&mut self, step: Self) {
        let (to_next, parts) = (self.to_next, std::mem::take(&mut self.parts));
        let notes = std::mem::take(&mut self.notes);
        *self = step;
        self.to_next = to_next;
        self.parts.extend(parts);
        self.notes.splice(0..0, notes);
    }

    /// Has another one as its part.
    fn takes(&mut self, part: Self) {
        if part.kind == Kind::Delay {
            self.notes.push(Note { text: part.detail, is_wrong: false });
        }
        self.parts.push(part.id);
        self.parts.extend(part.parts);
    }

    fn written(&mut self, written: &OutlinedStep, outline: &AuthorOutline) {
        self.title = shown(&written.name);
        self.description = shown(&written.description);
        self.unwrap_once(outline);
        if let Some(does) = &written.does {
            self.detail = shown(does);
        }
        for (branch, title) in self.branches.iter_mut().zip(&written.bodies) {
            branch.title = shown(title);
        }
    }

    /// Takes what it is from the steps inside, where all of them are parts of it.
    fn unwrap_once(&mut self, outline: &AuthorOutline) {
        let is_part = |step: &Self| outline.steps.get(&step.id) == Some(&Outlined::PartOf(self.id.clone()));
        let inside = match self.branches.as_slice() {
            [Branch { group: Some(group), .. }]
                if !group.steps.is_empty() && group.steps.iter().all(is_part) =>
            {
                group
            }
            _ => return,
        };
        let chooses = |step: &&Self| matches!(step.kind, Kind::If | Kind::Switch | Kind::Parallel);
        let Some(inner) = inside.steps.iter().find(chooses).or(inside.steps.first()).cloned() else { return };
        self.parts.extend(inside.steps.iter().map(|step| step.id.clone()));
        self.kind = inner.kind;
        self.detail = inner.detail;
        self.notes.extend(inner.notes);
        self.branches = inner.branches;
    }
}

#[cfg(test)]
mod tests;
