//! Exporting a native playbook as one of CACAO, as far as CACAO can say what it does. Owns that nothing is left out in silence: what has
//! no form there is listed.

mod action;
mod body;
mod choice;
mod condition;
mod content;
mod header;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::ids::mix;
use updraft_protocol::{Playbook, Value};

use crate::model::{CacaoId, VariableName};

/// A CACAO playbook, and what it does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// The playbook, as JSON.
    pub json: Value,
    /// What is left out.
    pub left_out: Vec<LeftOut>,
}

/// What a CACAO playbook does not say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The native step; empty where it is the playbook.
    pub step: String,
    /// What of it is left out, and why.
    pub message: String,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.step.as_str() {
            "" => f.write_str(&self.message),
            step => write!(f, "{step}: {}", self.message),
        }
    }
}

/// The native playbook as one of CACAO.
pub fn export(playbook: &Playbook) -> Export {
    let mut exporter = Exporter {
        playbook,
        names: header::names(playbook),
        workflow: Fields::new(),
        agents: Fields::new(),
        targets: Fields::new(),
        authentications: Fields::new(),
        external: BTreeSet::new(),
        machines: BTreeSet::new(),
        left_out: Vec::new(),
        ends: 0,
        place: Place::Main,
    };
    let json = exporter.playbook();
    let mut left_out = exporter.left_out;
    left_out.sort();
    left_out.dedup();
    Export { json: Value::Object(json), left_out }
}

/// The fields of an object.
type Fields = BTreeMap<String, Value>;

/// The names of native variables in CACAO.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, VariableName>);

impl Names {
    fn of(&self, native: &str) -> Option<String> {
        self.0.get(native).map(|name| name.as_str().to_owned())
    }
}

/// An export that goes on.
struct Exporter<'p> {
    playbook: &'p Playbook,
    names: Names,
    workflow: Fields,
    agents: Fields,
    targets: Fields,
    authentications: Fields,
    /// The variables whose values the input gives.
    external: BTreeSet<String>,
    /// The native variables that are addresses of targets.
    machines: BTreeSet<String>,
    left_out: Vec<LeftOut>,
    ends: u32,
    /// What the list is that is written.
    place: Place,
}

/// What a list of steps is, for a step that ends its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The main line, or a branch of a `parallel`.
    Main,
    /// What follows a failure.
    Exception,
    /// A body inside of these, after which the path goes on.
    Nested,
}

impl Exporter<'_> {
    /// Tells that something is left out.
    fn leave(&mut self, step: &str, message: impl Into<String>) {
        self.left_out.push(LeftOut { step: step.to_owned(), message: message.into() });
    }

    /// A text of CACAO; what cannot be said is told, and left as it is.
    fn text(&mut self, step: &str, template: &str) -> String {
        text::text(template, &self.names).unwrap_or_else(|| {
            self.leave(step, format!("`{template}` reads what CACAO has no variable for"));
            template.to_owned()
        })
    }
}

/// The id of an object of this type: the native one where it has such a form, else one that follows from it.
pub(crate) fn id_of(word: &str, native: &str) -> String {
    let is_one =
        CacaoId::new(native).is_ok_and(|id| id.is_of_the_standard() && id.object_type() == Some(word));
    if is_one {
        return native.to_owned();
    }
    let fold = |seed: u64| native.bytes().fold(mix(seed), |hash, byte| mix(hash ^ u64::from(byte)));
    let (high, low) = (fold(1), fold(2));
    format!(
        "{word}--{:08x}-{:04x}-5{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// An object of these fields.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
