//! The playbook model: an authored, versioned list of steps, some of which have bodies of their own, as JSON or YAML say
//! it. Owns what all steps have in common, and the list of the kinds; each kind is a file of its own.

mod action;
mod already;
mod approval;
mod body;
mod cache;
mod choice;
mod delay;
mod end;
mod fields;
mod finally;
mod for_each;
mod lock;
mod parallel;
mod repeat;
mod set;
mod sub_playbook;
mod switch;
mod undo;
mod verify;
mod wait_for;
mod wait_until;
mod walk;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Name, StepId};
use crate::time::Span;
use crate::value::Value;
use fields::{CATCH, FieldsOfKind, StepFields};

pub use action::{Action, OnLastFailure, Record, Retry, WhenOpen};
pub use already::{ALREADY, Already};
pub use approval::{Approval, Choices, Escalation, Reminder};
pub use body::{Body, BodyRun, Handler, NestedBody};
pub use cache::{CachePolicy, CacheReach, StepCache};
pub use choice::If;
pub use delay::Delay;
pub use end::{End, Fail};
pub use finally::{Cleanup, Finally, FinallyPlace};
pub use for_each::{ForEach, LoopItems, OnItemFailure, Tolerance};
pub use lock::Lock;
pub use parallel::{Branches, Join, Parallel};
pub use repeat::{Carried, Repeat};
pub use set::Set;
pub use sub_playbook::{SubPlaybook, SubVersion};
pub use switch::{Switch, SwitchCase};
pub use undo::{Undo, UndoOn};
pub use verify::{VERIFY, Verify};
pub use wait_for::WaitFor;
pub use wait_until::WaitUntil;
pub use walk::WalkedStep;

/// The field, and the scope, of what runs once a step was cancelled.
pub const ON_CANCEL: &str = "on_cancel";

/// The format that this engine reads.
pub const FORMAT: u32 = 1;

/// A playbook as it is, and as it is written: with `finally` beside `steps`.
macro_rules! playbook {
    ($($(#[$attribute:meta])* $field:ident: $type:ty,)+) => {
        /// One version of a playbook.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, from = "WrittenPlaybook")]
        #[schemars(title = "Updraft playbook, format 1")]
        pub struct Playbook { $($(#[$attribute])* pub $field: $type,)+ }

        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct WrittenPlaybook {
            $($(#[$attribute])* $field: $type,)+
            /// What runs when the main line has ended, however that was.
            #[serde(default)]
            finally: Option<Cleanup>,
        }

        impl From<WrittenPlaybook> for Playbook {
            fn from(written: WrittenPlaybook) -> Self {
                let mut playbook = Self { $($field: written.$field),+ };
                if let Some(cleanup) = written.finally {
                    let catch = playbook.catch.take().map(Box::new);
                    let place = FinallyPlace::Playbook;
                    playbook.steps = Finally::around(playbook.steps, catch, cleanup, place);
                }
                playbook
            }
        }
    };
}

playbook! {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    format: u32,
    /// The name, unique with the version inside a tenant.
    name: Name,
    /// The version: a changed playbook gets a higher one.
    #[schemars(range(min = 1))]
    version: u32,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The catalogue's category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category_id: Option<String>,
    /// How it may be shared, as whoever wrote it says: `TLP:GREEN`, a statement. Told to people; nothing is decided by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 1024)))]
    markings: Vec<String>,
    /// Values that templates read as `variables.NAME`; a submission may give others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    variables: BTreeMap<String, Value>,
    /// What variables may be, each as a JSON Schema or as the word for a type: `integer`. Checked where a submission or a `set`
    /// gives a value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    types: BTreeMap<String, Value>,
    /// Values that templates read as `constants.NAME`; nothing gives others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    constants: BTreeMap<String, Value>,
    /// What the input must be, as a JSON Schema of a map: a submission with another one is refused. `default` of a property is
    /// filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<Value>,
    /// The output of an execution that completes: names, with values that may be templates. Without them it is the output of
    /// its last step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<String, Value>,
    /// What the outputs must be, as a JSON Schema of a map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_schema: Option<Value>,
    /// How long an execution may take; without it, as long as its steps do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Span>,
    /// What follows when the last attempt of an action has failed that does not say it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_last_failure: Option<OnLastFailure>,
    /// How many tasks of one execution run at once; 10 unless the engine is configured otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    tasks_at_once: Option<usize>,
    /// The steps of the main line, in order: a step goes on to the next one unless it names another.
    #[schemars(length(min = 1, max = 1000))]
    steps: Vec<Step>,
    /// What runs after a failure on the main line that no step handles itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    catch: Option<Body>,
}

/// One step: what the field that names its kind says, and what follows.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(extend("unevaluatedProperties" = false))]
pub struct Step {
    /// Its id, unique in the playbook: other steps, templates and conditions name it. One is made where none is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<StepId>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its kind, with the fields of that kind.
    #[serde(flatten)]
    pub kind: StepKind,
    /// The step of the same body that follows in place of the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<StepId>,
    /// What follows other exits.
    #[serde(flatten)]
    pub handlers: Handlers,
}

/// What follows where a step does not complete. Without a handler, what `catch` of its body says, else the path fails.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Handlers {
    /// After its failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Handler>,
    /// After a failure that is a timeout of its last attempt, or the end of its wait, in place of `on_failure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<Handler>,
    /// Where nobody knows whether an `at_most_once` step acted, here or in another playbook that the step runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unknown: Option<Handler>,
    /// What runs once it was cancelled while it ran or waited. Nothing follows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_cancel: Option<Cleanup>,
}

/// How a step is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepExit {
    /// It completed.
    Success,
    /// It failed.
    Failure,
    /// Its last attempt took too long, or what it waited for did not come.
    Timeout,
    /// Nobody knows whether it acted.
    Unknown,
}

impl Handlers {
    /// Those that are there, each with its field and the exit that it follows.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, StepExit, &Handler)> {
        let all = [
            ("on_failure", StepExit::Failure, &self.on_failure),
            ("on_timeout", StepExit::Timeout, &self.on_timeout),
            ("on_unknown", StepExit::Unknown, &self.on_unknown),
        ];
        all.into_iter().filter_map(|(field, exit, handler)| Some((field, exit, handler.as_ref()?)))
    }
}

/// The kinds of steps. Each line has the type, which lists its fields, the word that authors read in messages, and the fields
/// whose presence selects the kind.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal by [$($mark:literal),+]),+ $(,)?) => {
        /// What a step does.
        #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
        #[serde(untagged)]
        #[schemars(transform = one_of)]
        pub enum StepKind { $($(#[$doc])* $kind($kind)),+ }

        /// The word for a kind of step.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum KindWord { $($kind),+ }

        impl StepKind {
            /// The word for it, which is the action of its tasks.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$kind(_) => $word),+ }
            }

            /// The bodies that it has, in the order of its fields.
            pub fn bodies(&self) -> Vec<NestedBody<'_>> {
                match self { $(Self::$kind(step) => step.bodies()),+ }
            }
        }

        impl KindWord {
            /// The kind that a step with these fields is, with the field that makes it one.
            fn of(given: &[&'static str]) -> Result<(Self, &'static str), String> {
                let all = [$((Self::$kind, &[$($mark),+][..])),+];
                let marked = |marks: &[&str]| given.iter().copied().find(|field| marks.contains(field));
                let mut kinds = all.into_iter().filter_map(|(kind, marks)| Some((kind, marked(marks)?)));
                match (kinds.next(), kinds.next()) {
                    (Some(kind), None) => Ok(kind),
                    (Some((_, one)), Some((_, other))) => {
                        Err(format!("a step is either `{one}` or `{other}`"))
                    }
                    (None, _) => Err(no_kind(given, &[$($($mark),+),+])),
                }
            }

            const fn fields(self) -> &'static [&'static str] {
                match self { $(Self::$kind => $kind::FIELDS),+ }
            }

            /// The step of this kind with these fields, or what is missing.
            fn read(self, fields: &mut StepFields) -> Result<StepKind, String> {
                match self { $(Self::$kind => $kind::read(fields).map(StepKind::$kind)),+ }
            }
        }
    };
}

kinds! {
    /// Calls a security tool.
    Action = "action" by ["action"],
    /// Runs several branches at once and goes on when they have ended.
    Parallel = "parallel" by ["parallel", "branches"],
    /// Chooses between two bodies.
    If = "if" by ["if"],
    /// Chooses between several bodies.
    Switch = "switch" by ["switch", "cases"],
    /// Runs a body for each item of a list or a map.
    ForEach = "for_each" by ["for_each"],
    /// Repeats a body as long as a condition holds, or until one does.
    Repeat = "repeat" by ["while", "until"],
    /// Gives variables new values.
    Set = "set" by ["set"],
    /// Waits.
    Delay = "delay" by ["delay"],
    /// Waits until an instant that is given.
    WaitUntil = "wait_until" by ["wait_until"],
    /// Waits for a signal.
    WaitFor = "wait_for" by ["wait_for"],
    /// Asks people.
    Approval = "approval" by ["approval"],
    /// Runs a body, and further steps in any case when it has ended.
    Finally = "finally" by ["finally"],
    /// Runs another playbook.
    SubPlaybook = "playbook" by ["playbook"],
    /// Ends its path, completed.
    End = "end" by ["end"],
    /// Ends its path, failed.
    Fail = "fail" by ["fail"],
}

impl StepKind {
    /// The lock that the steps in its bodies have; that of an action is for its calls alone.
    pub fn lock_of_bodies(&self) -> Option<&Lock> {
        let lock = match self {
            Self::If(step) => &step.lock,
            Self::Switch(step) => &step.lock,
            Self::Parallel(step) => &step.lock,
            Self::ForEach(step) => &step.lock,
            Self::Repeat(step) => &step.lock,
            Self::Finally(step) => &step.lock,
            _ => &None,
        };
        lock.as_deref()
    }
}

/// What a step lacks that has none of the fields that make a step.
fn no_kind(given: &[&str], marks: &[&str]) -> String {
    match (given.contains(&"do"), given.contains(&CATCH)) {
        (true, true) => {
            "a step with `do` and `catch` needs `finally`; without it, the steps stand in a body that has \
                         both, such as `then: {do: […], catch: […]}`"
                .to_owned()
        }
        (true, false) => "what `do` is for is missing: `for_each`, `while`, `until` or `finally`".to_owned(),
        (false, _) => {
            let marks: Vec<String> = marks.iter().map(|mark| format!("`{mark}`")).collect();
            format!("what the step does is missing: one of {}", marks.join(", "))
        }
    }
}

/// A step is of one kind: an alternative that another one excludes.
fn one_of(schema: &mut schemars::Schema) {
    if let Some(kinds) = schema.remove("anyOf") {
        schema.insert("oneOf".into(), kinds);
    }
}

impl Step {
    /// The step, after the one before it that asks whether what it does was so already.
    pub fn with_asking(&self) -> impl Iterator<Item = &Self> {
        let asking = match &self.kind {
            StepKind::Action(action) => action.asking.as_deref(),
            _ => None,
        };
        asking.into_iter().chain([self])
    }

    /// The bodies that it has: those of its kind, then those of its handlers, each with its field.
    pub fn bodies(&self) -> Vec<NestedBody<'_>> {
        let handlers = self.handlers.given().filter_map(|(field, _, handler)| match handler {
            Handler::Body(body) => Some(NestedBody { field: field.to_owned(), body, run: BodyRun::OnPath }),
            Handler::Step(_) => None,
        });
        let mut bodies = self.kind.bodies();
        bodies.extend(handlers);
        bodies.extend(
            self.handlers.on_cancel.iter().map(|cleanup| NestedBody::alone(ON_CANCEL, &cleanup.body)),
        );
        bodies
    }
}

impl From<StepKind> for Step {
    /// A step of this kind that has nothing else.
    fn from(kind: StepKind) -> Self {
        Self { id: None, description: None, kind, next: None, handlers: Handlers::default() }
    }
}
