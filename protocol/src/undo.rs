//! Undo records: the part of a stored task that says how what it did is taken back, written together with its end. Contains
//! no secret, only its name; makes no call.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{Name, TaskId};
use crate::input_hash::InputHash;
use crate::json::Json;
use crate::limits::CONTAINMENT_LATE;
use crate::playbook::{Retry, UndoOn};
use crate::secret::SecretReference;
use crate::time::{Span, Timestamp};
use crate::value::Value;

/// How what a task did is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndoRecord {
    /// How far it has come.
    pub status: UndoStatus,
    /// Its number among those of the execution, from 1, in the order in which the tasks ended.
    pub number: u32,
    /// The task that acted, in what the task of the undo tells.
    pub of: Option<TaskId>,
    /// When it is made.
    pub on: Vec<UndoOn>,
    /// Whether what the task did was so before. Then it is held along with others that contain it, and never for this task
    /// alone.
    pub was_so: bool,
    /// The call.
    pub call: UndoCall,
    /// Why it cannot be made, or why it failed.
    pub reason: Option<Arc<str>>,
    /// What is registered with a containment: what the task contains, if what it did expires, as then the reconciler makes
    /// the call, and the execution never does; or the name of what an undo that failed has left.
    pub hold: Option<Hold>,
}

/// How far an undo has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoStatus {
    /// It can be made, and has not been.
    Registered,
    /// A containment whose execution no longer needs it: it ends before it expires.
    Released,
    /// It cannot be made, or it failed.
    Failed,
}

/// A call that takes something back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndoCall {
    /// The tool.
    pub integration: Name,
    /// The action of the tool.
    pub action: Name,
    /// Its rendered arguments, with `null` in place of each secret; `None` if they could not be rendered or kept.
    pub arguments: Option<Json>,
    /// The secrets, by their places. Kept apart from the arguments, so that no data can become a reference to one.
    pub secrets: Vec<SecretReference>,
    /// How long after its beginning it may be tried again.
    pub within: Span,
    /// How long one attempt may take.
    pub timeout: Option<Span>,
    /// How often and when it is retried.
    pub retry: Option<Retry>,
}

/// What a task contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The target: a host, an account.
    pub target: Arc<str>,
    /// When it is undone.
    pub until: Timestamp,
}

impl UndoRecord {
    /// When a record of this instant is due to be registered with a containment; never if it has nothing for one. What was so
    /// before may be so by another task whose record is on its way to the store: it waits for that.
    pub fn registration_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.hold.as_ref().map(|_| if self.was_so { now.after(CONTAINMENT_LATE) } else { now })
    }

    /// The approximate number of bytes of its texts.
    pub(crate) fn bytes(&self) -> usize {
        let reason = self.reason.as_ref().map_or(0, |reason| reason.len());
        let target = self.hold.as_ref().map_or(0, |hold| hold.target.len());
        size_of::<Self>() + self.call.bytes() + reason + target
    }
}

impl UndoCall {
    /// What tells it from another call: its tool and its arguments, with the names of secrets in place of them. Two tasks that
    /// register the same call are undone by one.
    pub fn hash(&self) -> InputHash {
        let text = |text: &str| Value::String(text.to_owned());
        let secret = |secret: &SecretReference| {
            Value::Array(vec![text(&secret.place), text(secret.name.as_str()), text(&secret.prefix)])
        };
        InputHash::of_value(&Value::Array(vec![
            text(self.integration.as_str()),
            text(self.action.as_str()),
            self.arguments.as_ref().map_or(Value::Null, Json::value),
            Value::Array(self.secrets.iter().map(secret).collect()),
        ]))
    }

    /// The approximate number of bytes of its texts.
    pub(crate) fn bytes(&self) -> usize {
        let arguments = self.arguments.as_ref().map_or(0, |arguments| arguments.as_str().len());
        let secret = |secret: &SecretReference| {
            size_of::<SecretReference>()
                + secret.place.len()
                + secret.prefix.len()
                + secret.name.as_str().len()
        };
        let secrets: usize = self.secrets.iter().map(secret).sum();
        arguments + secrets + self.integration.as_str().len() + self.action.as_str().len()
    }
}
