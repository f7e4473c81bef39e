//! Reading a step: all fields of all kinds, then only those of the kind that it is. Flat, so that a mistake is reported
//! at its own line, which an untagged enum loses. A field of no kind is told once the kind is known, whose fields may be meant.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::body::{Body, Handler, NestedBody, id};
use super::{
    Already, Branches, Carried, Choices, Cleanup, Escalation, Handlers, Join, KindWord, Lock, LoopItems,
    OnItemFailure, OnLastFailure, Record, Reminder, Retry, Step, StepCache, SubVersion, SwitchCase,
    Tolerance, Undo, Verify, WhenOpen,
};
use crate::ids::{Name, StepId};
use crate::suggest::suggestion;
use crate::time::Span;
use crate::value::Value;

/// The field of a body, and of a step `finally`, with what runs after a failure.
pub(super) const CATCH: &str = "catch";

/// The fields of every step.
const OF_EVERY_STEP: &[&str] = &["id", "description"];

/// The fields of a kind of step.
pub(super) trait FieldsOfKind: Sized {
    /// The fields that a step of this kind may have, beside those of every step.
    const FIELDS: &'static [&'static str];

    /// Takes its fields, or says what is missing: "needs `action`".
    fn read(fields: &mut StepFields) -> Result<Self, String>;

    /// The bodies that it has, in the order of its fields.
    fn bodies(&self) -> Vec<NestedBody<'_>> {
        Vec::new()
    }
}

/// The place of a field that may be there. What is in it is on the heap: bodies are read by recursion, each level of which has
/// the fields of all kinds of steps.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Slot<T>(Option<Box<T>>);

impl<T> Slot<T> {
    fn of(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// The field, which is not there any more.
    pub(super) fn take(&mut self) -> Option<T> {
        self.0.take().map(|value| *value)
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// The fields that steps of some kind have, each with its name in a playbook.
macro_rules! step_fields {
    ($($name:literal $(($read:literal))? $field:ident: $type:ty),+ $(,)?) => {
        #[derive(Deserialize)]
        pub(super) struct StepFields {
            #[serde(default, deserialize_with = "id")]
            pub(super) id: Option<StepId>,
            description: Option<String>,
            $(#[serde(rename = $name, default $(, deserialize_with = $read)?)] pub(super) $field: Slot<$type>),+
        }

        /// The names of the fields that steps of some kind have.
        const OF_SOME_STEP: &[&str] = &[$($name),+];

        impl StepFields {
            /// The names of the fields that are there.
            fn given(&self) -> Vec<&'static str> {
                let given = [$(($name, self.$field.is_some())),+];
                given.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
            }
        }
    };
}

step_fields! {
    "action" ("given") action: Name,
    "integration" ("given") integration: Name,
    "arguments" ("given") arguments: BTreeMap<String, Value>,
    "cache" ("given") cache: StepCache,
    "timeout" timeout: Span,
    "retry" retry: Box<Retry>,
    "on_last_failure" ("given") on_last_failure: OnLastFailure,
    "when_open" ("given") when_open: WhenOpen,
    "at_most_once" ("given") at_most_once: bool,
    "record" ("given") record: Record,
    "undo" ("given") undo: Box<Undo>,
    "expires" ("given") expires: Value,
    "target" ("given") target: Value,
    "lock" ("given") lock: Box<Lock>,
    "already" ("given") already: Box<Already>,
    "verify" ("given") verify: Verify,
    "parallel" ("given") parallel: Join,
    "branches" ("given") branches: Branches,
    "if" ("condition") condition: String,
    "then" ("given") then: Body,
    "else" ("given") otherwise: Body,
    "switch" ("condition") switch: String,
    "cases" ("given") cases: Vec<SwitchCase>,
    "default" ("given") default: Body,
    "for_each" for_each: LoopItems,
    "as" ("given") name: String,
    "do" ("given") body: Body,
    "catch" ("given") catch: Body,
    "at_once" ("given") at_once: usize,
    "collect" ("given") collect: Value,
    "tolerate" ("given") tolerate: Tolerance,
    "on_item_failure" ("given") on_item_failure: OnItemFailure,
    "while" ("condition") before: String,
    "until" ("condition") after: String,
    "pause" ("given") pause: Span,
    "at_most" ("given") at_most: u32,
    "carry" ("given") carry: BTreeMap<String, Carried>,
    "set" ("given") set: BTreeMap<String, Value>,
    "delay" ("given") delay: Span,
    "wait_until" ("given") wait_until: String,
    "zone" ("given") zone: String,
    "wait_for" ("given") wait_for: Name,
    "key" ("given") key: Value,
    "approval" ("given") approval: String,
    "choices" ("given") choices: Choices,
    "form" ("given") form: Value,
    "assignees" ("given") assignees: Value,
    "group" ("given") group: Value,
    "quorum" ("given") quorum: u32,
    "on_open" ("given") on_open: Body,
    "on_reminder" ("given") on_reminder: Reminder,
    "on_escalation" ("given") on_escalation: Escalation,
    "finally" ("given") finally: Cleanup,
    "playbook" ("given") playbook: Name,
    "with" with: Box<Value>,
    "version" ("given") version: SubVersion,
    "wait" ("given") wait: bool,
    "end" ("given") end: Value,
    "fail" ("given") fail: String,
    "output" output: Value,
    "next" ("given") next: StepId,
    "on_failure" ("given") on_failure: Handler,
    "on_timeout" ("given") on_timeout: Handler,
    "on_unknown" ("given") on_unknown: Handler,
    "on_cancel" ("given") on_cancel: Cleanup,
}

/// A field that is set has a value: `null` counts as none, unless the kind of step allows it.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Slot<T>, D::Error> {
    T::deserialize(deserializer).map(Slot::of)
}

/// The text of a condition or of another expression. Quotes around a number make none of it, so that they are not advised.
fn condition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Slot<String>, D::Error> {
    struct Visitor;

    impl serde::de::Visitor<'_> for Visitor {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an expression such as `input.score > 80`")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }

    deserializer.deserialize_str(Visitor).map(Slot::of)
}

impl StepFields {
    /// The step; `unknown` is a field of it that steps of no kind have.
    fn into_step<E: serde::de::Error>(mut self, unknown: Option<String>) -> Result<Step, E> {
        let given = self.given();
        let named = self.id.as_ref().map_or(String::new(), |id| format!("step \"{id}\": "));
        let is_like = |known: &[&str], name: &str| !suggestion(name, known.iter().copied()).is_empty();
        if let Some(name) = unknown.as_ref().filter(|name| is_like(OF_EVERY_STEP, name)) {
            return Err(E::unknown_field(name, OF_EVERY_STEP));
        }
        let (kind, mark) = match (KindWord::of(&given), &unknown) {
            (Ok((kind, _)), Some(name)) => return Err(E::unknown_field(name, kind.fields())),
            (Err(_), Some(name)) if is_like(OF_SOME_STEP, name) => {
                return Err(E::unknown_field(name, OF_SOME_STEP));
            }
            (Err(message), Some(name)) => {
                return Err(E::custom(format!("{named}{message}; `{name}` is a field of no step")));
            }
            (Err(message), None) => return Err(E::custom(format!("{named}{message}"))),
            (Ok(kind), None) => kind,
        };
        let wrong: Vec<&str> = given.iter().copied().filter(|field| !kind.fields().contains(field)).collect();
        if !wrong.is_empty() {
            let more = if wrong.contains(&CATCH) {
                "; `catch` stands in a body, beside its `do`: `{do: […], catch: […]}`".to_owned()
            } else {
                format!("; it has {}", kind.fields().join(", "))
            };
            let wrong: Vec<String> = wrong.iter().map(|field| format!("`{field}`")).collect();
            let wrong = wrong.join(", ");
            return Err(E::custom(format!("{named}a step with `{mark}` has no field {wrong}{more}")));
        }
        let read = kind.read(&mut self);
        Ok(Step {
            kind: read.map_err(|message| E::custom(format!("{named}a step with `{mark}` {message}")))?,
            id: self.id,
            description: self.description,
            next: self.next.take(),
            handlers: Handlers {
                on_failure: self.on_failure.take(),
                on_timeout: self.on_timeout.take(),
                on_unknown: self.on_unknown.take(),
                on_cancel: self.on_cancel.take(),
            },
        })
    }
}

/// The fields of a step; remembers the first one that steps of no kind have.
struct NamesSeen<'a, A> {
    fields: A,
    unknown: &'a mut Option<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for NamesSeen<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.fields.next_key::<String>()? else { return Ok(None) };
        if ![OF_EVERY_STEP, OF_SOME_STEP].iter().any(|known| known.contains(&name.as_str())) {
            self.unknown.get_or_insert_with(|| name.clone());
        }
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.fields.next_value_seed(seed)
    }
}

struct StepVisitor;

impl<'de> Visitor<'de> for StepVisitor {
    type Value = Step;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Step, A::Error> {
        let mut unknown = None;
        let seen = NamesSeen { fields, unknown: &mut unknown };
        StepFields::deserialize(MapAccessDeserializer::new(seen))?.into_step(unknown)
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StepVisitor)
    }
}
