//! What an integration declares of an action: its arguments, its effect, what repeating it does. Checks nothing.

use crate::json::Json;

/// How an integration reads one argument of an action: what of it may come from alerts and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// Any value: data.
    Data,
    /// One text, number or boolean: data.
    Text,
    /// A URL. Scheme, host and prefix are the author's; each value is one segment of the path or one value of the query.
    Url,
    /// A map whose names are the author's and whose values are each one text: a query, a form.
    Fields,
    /// A map whose names are the author's and whose values are each one line.
    Headers,
    /// A reference to a secret, and nothing else.
    Secret,
    /// A map whose names are the author's and whose values are references to secrets, and nothing else.
    Secrets,
    /// A map with these names alone, each read in its own way.
    Map(&'static [(&'static str, Self)]),
    /// A map whose names are the author's and whose values are each a text, or a map with these names alone.
    Parts(&'static [(&'static str, Self)]),
    /// How the call is made: written out by the author, without templates.
    Option,
}

/// What an action does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effect {
    /// It looks something up: what cannot be read of its answer makes it fail.
    Read,
    /// It changes something: what was done is done, whatever can be read of the answer.
    #[default]
    Write,
}

/// What an integration declares of one action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActionSpec {
    /// What the arguments have to be: a JSON Schema (draft 2020-12) of the map that they are. A playbook is held against
    /// it as far as its author wrote values out; a template or a secret may be anything. A `default` of an argument is
    /// what a step has that does not give it. Without a schema all arguments are allowed.
    pub schema: Option<Json>,
    /// How each argument is read; one that is not named is data.
    pub arguments: &'static [(&'static str, Argument)],
    /// Whether [`Argument::Data`], [`Argument::Text`], [`Argument::Fields`] and [`Argument::Headers`] may have references
    /// to secrets as values: the integration takes them from [`Call::secrets`](super::Call::secrets). Where it does not,
    /// a reference is a mistake.
    pub takes_secrets: bool,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether doing it twice is as good as once, by its nature or as the tool knows [`Call::task_id`](super::Call::task_id).
    pub is_idempotent: bool,
    /// The argument that says what it acts upon: a host, an account.
    pub target: Option<&'static str>,
    /// Whether it says [`Sending::begin`](super::Sending::begin) itself. Where it does not, it is taken to send at once.
    pub says_sending: bool,
    /// Whether a call may have to wait for a place, which [`Integration::permit`](super::Integration::permit) gives.
    pub takes_permit: bool,
}

impl ActionSpec {
    /// How the argument is read.
    pub fn argument(&self, name: &str) -> Argument {
        named(self.arguments, name).unwrap_or(Argument::Data)
    }
}

/// How the field of this name is read, where it is among these.
pub(crate) fn named(known: &[(&str, Argument)], name: &str) -> Option<Argument> {
    known.iter().find(|(known, _)| *known == name).map(|(_, argument)| *argument)
}
