//! The declaration of an action by its integration: its arguments, its effect, whether it may be repeated. Checks
//! nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::json::Json;
use crate::playbook::CachePolicy;

/// How an integration reads one argument of an action: which part of it may be data of alerts and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// Any value: data.
    Data,
    /// One text, number or boolean: data.
    Text,
    /// A URL. Scheme, host and prefix are the author's; each value is one segment of the path or one value of the
    /// query.
    Url,
    /// A command of a POSIX shell. It is the author's; each value is one quoted word of it.
    Command,
    /// HTML. Its elements are the author's, and where they lead; each value is text in it, or a part of a URL behind the host.
    Html,
    /// A map whose names are the author's and whose values are each one text: a query, a form.
    Fields,
    /// A map whose names are the author's and whose values are each one line.
    Headers,
    /// A reference to a secret, and nothing else.
    Secret,
    /// A map whose names are the author's and whose values are references to secrets, and nothing else.
    Secrets,
    /// A map with only these names, each read in its own way.
    Map(&'static [(&'static str, Self)]),
    /// A map whose names are the author's and whose values are each a text, or a map with only these names.
    Parts(&'static [(&'static str, Self)]),
    /// A setting of the call: written as a constant, without templates.
    Option,
}

/// The effect of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It looks something up: an unreadable answer makes it fail.
    Read,
    /// It changes something: it counts as done, even if the answer is unreadable.
    #[default]
    Write,
}

/// What the target of an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// A machine, by its name.
    Host,
    /// An address.
    Ip,
    /// An account.
    User,
    /// A domain.
    Domain,
    /// A URL.
    Url,
    /// A file, by its hash.
    Hash,
    /// A mailbox, or a message in one.
    Mail,
}

/// The declaration of one action.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ActionSpec {
    /// A JSON Schema (draft 2020-12) of the arguments, which are a map. Constants of a playbook are checked against it;
    /// a template or a secret may be anything. A step without an argument gets its `default`. Without a schema all
    /// arguments are allowed.
    pub schema: Option<Json>,
    /// How each argument is read; an argument that is not listed is data.
    pub arguments: &'static [(&'static str, Argument)],
    /// Whether [`Argument::Data`], [`Argument::Text`], [`Argument::Fields`] and [`Argument::Headers`] may have
    /// references to secrets as values: the integration takes them from [`Call::secrets`](super::Call::secrets). If
    /// not, a reference is a mistake.
    pub takes_secrets: bool,
    /// Its effect.
    pub effect: Effect,
    /// Whether repeating it is harmless, by its nature or since the tool knows [`Call::task_id`](super::Call::task_id).
    pub is_idempotent: bool,
    /// The argument with the target of the call: a host, an account.
    pub target: Option<&'static str>,
    /// Further arguments with targets, such as those of a mail beside the first: guardrails see them too.
    pub also_targets: &'static [&'static str],
    /// What that target is, if it is always the same.
    pub target_kind: Option<TargetKind>,
    /// The secrets of the tenant that the integration itself needs for a call, beside those that its arguments name. They
    /// are in [`Call::secrets`](super::Call::secrets), by [`SecretReference::of_tool`](crate::SecretReference::of_tool).
    pub secrets: Vec<Name>,
    /// How long an attempt may take whose step does not say it.
    pub timeout: Option<Duration>,
    /// Whether it calls [`Sending::begin`](super::Sending::begin) itself. If not, it counts as sending at once.
    pub says_sending: bool,
    /// Whether it makes further requests after its first one, each of which it
    /// [asks for](super::CallPermit::next_request).
    pub asks_for_requests: bool,
    /// Whether a call may have to wait for a permit of [`Integration::permit`](super::Integration::permit).
    pub takes_permit: bool,
    /// The argument, a number, by which an author lets calls be led on to hosts that no URL of theirs names; they are not where
    /// it is 0 or missing.
    pub leads_on: Option<&'static str>,
    /// How its answers are kept where a step does not say it. Only of an action that looks something up.
    pub cache: Option<CachePolicy>,
    /// Whether it asks until something has come about: its answers are never kept.
    pub polls: bool,
    /// An output such as the action gives where nothing is known of the tool: by it a dry run can go on.
    pub example: Option<Json>,
}

impl ActionSpec {
    /// How the argument is read.
    pub fn argument(&self, name: &str) -> Argument {
        named(self.arguments, name).unwrap_or(Argument::Data)
    }
}

/// How the field of this name is read, if it is among these.
pub(crate) fn named(known: &[(&str, Argument)], name: &str) -> Option<Argument> {
    known.iter().find(|(known, _)| *known == name).map(|(_, argument)| *argument)
}
