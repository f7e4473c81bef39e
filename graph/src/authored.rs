//! From a playbook to its diagram: which steps, bodies and ways there are. Knows no execution, and gives nothing a place.

use std::collections::BTreeMap;

use updraft_protocol::Playbook;
use updraft_protocol::limits::{GRAPH_DEPTH, GRAPH_STEPS};
use updraft_protocol::playbook::{Action, Body, Handler, Step as Authored, StepKind};

use crate::detail::{Behind, bodies, detail, kind};
use crate::diagram::{Branch, Diagram, Face, Group, Jump, Note, Step};
use crate::error::Error;
use crate::words::shown;

impl Diagram {
    /// The diagram of a playbook, whether its steps are sound or not.
    ///
    /// # Errors
    /// It has too many steps.
    pub fn of(playbook: &Playbook) -> Result<Self, Error> {
        let walk = playbook.walk();
        if walk.len() > GRAPH_STEPS {
            return Err(Error::Steps(walk.len()));
        }
        let ids = walk.iter().map(|walked| (std::ptr::from_ref(walked.step), shown(walked.id.as_str())));
        let author = Author { ids: ids.collect() };
        let main = author.group(&playbook.steps, playbook.catch.as_ref(), 0);
        let timeout = playbook.timeout.map(|timeout| format!("at most {timeout}"));
        Ok(Self {
            title: shown(playbook.name.as_str()),
            version: format!("version {}", playbook.version),
            head: timeout.into_iter().collect(),
            description: shown(playbook.description.as_deref().unwrap_or_default()),
            status: None,
            has_start: false,
            main,
        })
    }
}

/// What is known of all steps.
struct Author {
    /// Their ids, written or made, by where they stand in memory.
    ids: BTreeMap<*const Authored, String>,
}

impl Author {
    fn group(&self, steps: &[Authored], catch: Option<&Body>, depth: usize) -> Group {
        if depth > GRAPH_DEPTH {
            let omitted = steps.len();
            return Group { omitted, ..Group::default() };
        }
        let known = steps.iter().enumerate().filter_map(|(at, step)| Some((step.id.as_ref()?.as_str(), at)));
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        known.for_each(|(id, at)| {
            places.entry(id).or_insert(at);
        });
        let mut group = Group::default();
        for (at, authored) in steps.iter().enumerate() {
            let mut step = self.step(authored, depth);
            let next = authored.next.as_ref().map(|next| (None, next));
            let handlers = authored.handlers.given().filter_map(|(field, _, handler)| match handler {
                Handler::Step(id) => Some((Some(field), id)),
                Handler::Body(_) => None,
            });
            for (label, id) in next.into_iter().chain(handlers) {
                match places.get(id.as_str()) {
                    Some(&to) if label.is_none() && to == at + 1 => {}
                    Some(&to) => {
                        step.to_next &= label.is_some();
                        group.jumps.push(Jump { from: at, to, label });
                    }
                    None => {
                        step.to_next &= label.is_some();
                        let field = label.unwrap_or("next");
                        let text = shown(&format!("{field}: no step \"{id}\" here"));
                        step.notes.push(Note { text, is_wrong: true });
                    }
                }
            }
            group.steps.push(step);
        }
        group.catch =
            catch.map(|body| Box::new(self.branch("catch · after a failure", body, Behind::AsSteps, depth)));
        group
    }

    fn branch(&self, title: &str, body: &Body, behind: Behind, depth: usize) -> Branch {
        let group = self.group(&body.steps, body.catch.as_deref(), depth + 1);
        let goes_on = match behind {
            Behind::AsSteps => group.goes_on(),
            Behind::Always => true,
            Behind::Never => false,
        };
        Branch { title: shown(title), goes_on, group: Some(group) }
    }

    fn step(&self, authored: &Authored, depth: usize) -> Step {
        let id = self.ids.get(&std::ptr::from_ref(authored)).cloned().unwrap_or_default();
        let ended = matches!(authored.kind, StepKind::End(_) | StepKind::Fail(_));
        let mut branches = Vec::new();
        let mut beside = Vec::new();
        for given in bodies(&authored.kind) {
            let branch = match given.body {
                Some(body) => self.branch(&given.title, body, given.behind, depth),
                None => Branch { title: shown(&given.title), group: None, goes_on: true },
            };
            if given.is_beside { beside.push(branch) } else { branches.push(branch) }
        }
        let mut notes = match &authored.kind {
            StepKind::Action(action) => notes(action),
            _ => Vec::new(),
        };
        for (field, _, handler) in authored.handlers.given() {
            match handler {
                Handler::Body(body) if body.steps.is_empty() && body.catch.is_none() => {
                    notes.push(Note { text: format!("{field}: goes on"), is_wrong: false });
                }
                Handler::Body(body) => beside.push(self.branch(field, body, Behind::AsSteps, depth)),
                Handler::Step(_) => {}
            }
        }
        let cancel = authored.handlers.on_cancel.iter();
        beside.extend(cancel.map(|cleanup| self.branch("on_cancel", &cleanup.body, Behind::Never, depth)));
        let in_turn = matches!(authored.kind, StepKind::Finally(_));
        let through = match in_turn {
            true => branches.iter().all(|branch| branch.goes_on),
            false => branches.is_empty() || branches.iter().any(|branch| branch.goes_on),
        };
        let is_bare = in_turn && authored.id.is_none() && authored.description.is_none();
        Step {
            title: id.clone(),
            id,
            parts: Vec::new(),
            kind: kind(&authored.kind),
            detail: shown(&detail(&authored.kind)),
            description: shown(authored.description.as_deref().unwrap_or_default()),
            notes,
            goes_on: !ended && (through || beside.iter().any(|branch| branch.goes_on)),
            branches,
            in_turn,
            beside,
            face: if is_bare { Face::Bare } else { Face::Card },
            to_next: !ended,
            state: None,
        }
    }
}

/// What else is said of a call.
fn notes(action: &Action) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Some(already) = &action.already {
        notes.push(format!("already? {}", already.action));
    }
    if action.at_most_once {
        notes.push("at most once".to_owned());
    }
    if let Some(verify) = &action.verify {
        notes.push(format!("verify {} until {}", verify.action, verify.until));
    }
    if let Some(undo) = &action.undo {
        let expires = action.expires.as_ref();
        let when: Vec<&str> = undo.when(expires.is_some()).iter().map(|on| on.as_str()).collect();
        let expires = expires.map(|expires| match expires.as_str() {
            Some(span) => format!("after {span}, "),
            None => "when it expires, ".to_owned(),
        });
        let on = format!("on {}", when.join(", "));
        notes.push(format!("undo {} {}{on}", undo.action, expires.unwrap_or_default()));
    }
    notes.iter().map(|text| Note { text: shown(text), is_wrong: false }).collect()
}
