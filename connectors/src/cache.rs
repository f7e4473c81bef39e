//! `cache` of an action: whether its answers are kept where a step does not say it. Owns the checks of the field, and the key
//! that it gives; keeps nothing.

use updraft_kernel::template::Template;
use updraft_protocol::playbook::CachePolicy;
use updraft_protocol::{Effect, Json};

use crate::data::{ARGUMENTS, CallData};
use crate::read::Reading;

/// How answers of an action are kept.
#[derive(Debug)]
pub(crate) struct KeptAnswers {
    pub(crate) policy: CachePolicy,
    key: Option<Template>,
}

impl KeptAnswers {
    /// Checks what a file says at `place`.
    pub(crate) fn read(
        reading: &mut Reading<'_>,
        place: &str,
        written: &CachePolicy,
        (effect, polls): (Effect, bool),
    ) -> Option<Self> {
        for (field, message) in written.wrong_spans() {
            reading.mistake(format!("{place}.{field}"), message);
        }
        if effect == Effect::Write {
            reading.mistake(place, "only of an action that reads: what changes something is asked each time");
        }
        if polls {
            let message = "an action that asks until something has come about is asked each time";
            reading.mistake(place, message);
        }
        let key = match &written.key {
            None => None,
            Some(key) => Some(reading.value(&format!("{place}.key"), key, &[ARGUMENTS])?),
        };
        Some(Self { policy: CachePolicy { key: None, ..written.clone() }, key })
    }

    /// What the answer of a call depends on; `None` if that is all of its arguments.
    pub(crate) fn key(&self, data: &CallData) -> Option<Json> {
        self.key.as_ref()?.render(data).ok().map(|key| Json::from(&key))
    }

    /// The text of its key.
    pub(crate) fn template(&self) -> Option<&Template> {
        self.key.as_ref()
    }
}
