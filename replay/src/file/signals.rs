//! What is written of a wait for a signal.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use updraft_protocol::{Json, Name, ScopePath, Span, StepId, Value};

use super::{Fit, given};
use crate::answers::{SignalAwaited, SignalGiven};

/// A signal, for a wait that fits.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenSignal {
    /// Its name.
    pub signal: Option<Name>,
    /// Its key; any where none is said.
    pub key: Option<Arc<str>>,
    /// The step that waits; any where none is said.
    pub step: Option<StepId>,
    /// The scope of the step.
    pub scope: Option<ScopePath>,
    /// The sub-playbook that the step is in.
    pub within: Option<String>,
    /// Its payload.
    #[serde(default, deserialize_with = "given")]
    pub payload: Option<Value>,
    /// How long after the wait began.
    pub after: Option<Span>,
    /// How many waits it ends; all that fit where nothing is said.
    pub times: Option<u32>,
    /// Whether nothing need wait for it.
    #[serde(default)]
    pub optional: bool,
    /// Whether it does not come in time.
    #[serde(default)]
    pub expires: bool,
    /// Whether a person skips the wait.
    #[serde(default)]
    pub skip: bool,
}

impl WrittenSignal {
    /// What makes no sense in it.
    pub(super) fn mistake(&self) -> Option<String> {
        if self.signal.is_none() && self.step.is_none() {
            return Some("`signal` or `step` is needed".to_owned());
        }
        if self.times == Some(0) {
            return Some("`times` counts from 1".to_owned());
        }
        let ends = [self.payload.is_some(), self.expires, self.skip];
        (ends.into_iter().filter(|given| *given).count() > 1)
            .then(|| "one of `payload`, `expires: true` and `skip: true` is enough".to_owned())
    }

    pub(super) fn fits(&self, awaited: &SignalAwaited) -> bool {
        let fit =
            Fit { step: self.step.as_ref(), scope: self.scope.as_ref(), within: self.within.as_deref() };
        fit.is(&awaited.place)
            && self.signal.as_ref().is_none_or(|name| name.as_str() == &*awaited.signal)
            && self.key.as_ref().is_none_or(|key| Some(key) == awaited.key.as_ref())
    }

    pub(super) fn given(&self) -> SignalGiven {
        let after = self.after.map_or(Duration::ZERO, |Span(after)| after);
        match (self.expires, self.skip) {
            (true, _) => SignalGiven::Nothing,
            (_, true) => SignalGiven::Skips(after),
            _ => SignalGiven::Comes(after, Json::from(self.payload.as_ref().unwrap_or(&Value::Null))),
        }
    }
}
