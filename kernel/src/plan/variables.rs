//! Variables: which body may set which, and which texts may read it. A variable belongs to the main line, or to the branch or
//! item in which it is set; the rounds of a loop belong to the body around the loop, since they run one after the other.
//! So no two paths that run at once set the same variable, and its value depends on no order of time.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::limits::VARIABLES_SET;
use updraft_protocol::playbook::{Playbook, StepKind};
use updraft_protocol::suggest::suggestion;

use super::flat::{Flat, ScopeIndex};
use super::mistakes::Mistakes;
use super::step::Checked;
use crate::references::References;

/// The variables of a playbook.
pub(super) struct Variables<'p> {
    flat: &'p Flat<'p>,
    given: BTreeSet<&'p str>,
    constants: BTreeSet<&'p str>,
    /// Those that URLs connect to, which have checks of their own.
    connected: BTreeSet<&'p str>,
    /// The steps that set a variable, each with the main line, branch or item that it is set for.
    set: BTreeMap<&'p str, Vec<(ScopeIndex, usize)>>,
}

impl<'p> Variables<'p> {
    /// Those that a playbook gives, and those that its steps set.
    pub(super) fn of(playbook: &'p Playbook, flat: &'p Flat<'p>, connected: BTreeSet<&'p str>) -> Self {
        let given = playbook.variables.keys().map(String::as_str).collect();
        let mut set: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (at, step) in flat.steps.iter().enumerate() {
            if let StepKind::Set(step) = &step.step.kind {
                for name in step.set.keys() {
                    set.entry(name).or_default().push((flat.path_of(at), at));
                }
            }
        }
        let constants = playbook.constants.keys().map(String::as_str).collect();
        Self { flat, given, constants, connected, set }
    }

    /// The names of all variables.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.given.iter().chain(self.set.keys()).copied()
    }

    /// Adds what is wrong with the steps that set variables.
    pub(super) fn check_set(&self, mistakes: &mut Mistakes) {
        if self.set.len() > VARIABLES_SET {
            mistakes.header("variables", format!("steps may set at most {VARIABLES_SET} different ones"));
        }
        for (name, set) in &self.set {
            for (path, at) in set {
                let field = format!("set.{name}");
                if self.constants.contains(name) {
                    mistakes.step(*at, &field, format!("\"{name}\" is a constant, which nothing sets"));
                } else if self.connected.contains(name) {
                    let message = "URLs connect to it, so that only the backend gives its value";
                    mistakes.step(*at, &field, message);
                } else if let Some(owner) = self.owner_around(name, *path) {
                    let message = format!(
                        "\"{name}\" is a variable of {owner}, which a branch or an item cannot set, as others may run \
                         beside it; another name makes a variable of its own"
                    );
                    mistakes.step(*at, &field, message);
                }
            }
        }
    }

    /// Whose variable it is, seen from a branch or an item inside of that.
    fn owner_around(&self, name: &str, path: ScopeIndex) -> Option<String> {
        let around = self.flat.paths_around(path).skip(1);
        let set = self.set.get(name)?;
        let outer = around.filter_map(|outer| set.iter().find(|(own, _)| *own == outer)).next();
        match outer {
            Some((0, at)) => Some(format!("the main line, set at {}", self.flat.steps[*at].place)),
            Some((_, at)) => Some(format!("the body around it, set at {}", self.flat.steps[*at].place)),
            None if path != 0 && self.given.contains(name) => Some("the playbook".to_owned()),
            None => None,
        }
    }

    /// Adds what is wrong with the variables that a step reads.
    pub(super) fn check_reads(&self, at: usize, step: &Checked, mistakes: &mut Mistakes) {
        if mistakes.full() {
            return;
        }
        for message in self.wrong_in(step.references(), self.flat.path_of(at)) {
            mistakes.step(at, step.reading, message);
        }
        let body = self.flat.steps[at].starts.first().copied().flatten();
        let inside = body.map_or(self.flat.path_of(at), |start| self.flat.path_of(start.get()));
        for message in self.wrong_in(step.references_in_body(), inside) {
            mistakes.step(at, "collect", message);
        }
    }

    /// What is wrong with the variables that these texts read on a path.
    pub(super) fn wrong_in(&self, references: &References, path: ScopeIndex) -> Vec<String> {
        let read = references.wanted.names_in("variables");
        let names: BTreeSet<&str> = read.iter().filter_map(|names| names.first().copied()).collect();
        let wrong = names.into_iter().filter_map(|name| self.wrong(name, path));
        let constants = references.wanted.names_in("constants");
        let constants: BTreeSet<&str> = constants.iter().filter_map(|names| names.first().copied()).collect();
        wrong.chain(constants.into_iter().filter_map(|name| self.no_constant(name))).collect()
    }

    fn no_constant(&self, name: &str) -> Option<String> {
        if self.constants.contains(name) {
            return None;
        }
        let near = near(name, || self.constants.iter().copied());
        Some(format!("there is no constant \"{name}\"{near}"))
    }

    fn wrong(&self, name: &str, path: ScopeIndex) -> Option<String> {
        if self.given.contains(name) || self.connected.contains(name) {
            return None;
        }
        let Some(set) = self.set.get(name) else {
            let near = if self.constants.contains(name) {
                format!("; there is `constants.{name}`")
            } else {
                near(name, || self.names())
            };
            return Some(format!("there is no variable \"{name}\"{near}"));
        };
        if self.flat.paths_around(path).any(|around| set.iter().any(|(own, _)| *own == around)) {
            return None;
        }
        let (_, at) = set.first()?;
        let place = &self.flat.steps[*at].place;
        Some(format!(
            "\"{name}\" is set inside of a branch or an item, at {place}, and is read inside of it alone; an item hands \
             on what `collect` says"
        ))
    }
}

/// The known name that is like this one, or else some that are known.
fn near<'a, I: Iterator<Item = &'a str>>(name: &str, known: impl Fn() -> I) -> String {
    /// As many as a line has room for.
    const TOLD: usize = 10;
    let near = suggestion(name, known());
    if !near.is_empty() {
        return near;
    }
    let names: BTreeSet<&str> = known().collect();
    let told: Vec<&str> = names.iter().copied().take(TOLD).collect();
    match names.len() {
        0 => "; there are none".to_owned(),
        1..=TOLD => format!("; there are {}", told.join(", ")),
        more => format!("; there are {} and {} more", told.join(", "), more - TOLD),
    }
}
