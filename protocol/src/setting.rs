//! Settings: what an operator or the engine has decided at run time, as it is stored: small documents under a key, each
//! changed only as it was read. Decides nothing, and knows no value's shape.

use std::sync::Arc;

use crate::field::fields;
use crate::json::Json;
use crate::time::Timestamp;

fields! {
    /// One setting (`setting_collection`).
    #[derive(Debug, Clone, PartialEq)]
    pub struct Setting {
        /// Its kind and name, see [`SettingKind::key`].
        pub key as "_id": Arc<str>,
        /// The number of changes so far: 1 when it is new.
        pub revision: u64,
        /// What is set. At most [`SETTING_BYTES`](crate::limits::SETTING_BYTES) large.
        pub value: Json,
        /// When it was set.
        pub updated_date: Timestamp,
        /// The person who set it; `None` if it was the engine.
        pub uid: Option<Arc<str>>,
        /// Why, in the words of that person.
        pub reason: Option<Arc<str>>,
    }
}

/// What a setting is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SettingKind {
    /// The quotas of a tenant.
    Quota,
    /// Executions that are paused together: those of a tenant, or of a playbook.
    Pause,
    /// A guardrail.
    Guardrail,
    /// How much of a guardrail's cap is used.
    GuardrailCount,
    /// How much of a daily quota of calls is used.
    CallCount,
    /// A circuit breaker that a person has forced.
    Breaker,
    /// Which versions of a tool executions began with.
    ToolVersion,
    /// A trigger of a tenant.
    Trigger,
    /// What has become of the events of a trigger so far.
    TriggerHistory,
    /// How far the poll of a trigger has come.
    TriggerPoll,
    /// A publication of a tenant.
    Publication,
    /// How far a publication has come.
    PublicationProgress,
}

impl SettingKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Quota,
        Self::Pause,
        Self::Guardrail,
        Self::GuardrailCount,
        Self::CallCount,
        Self::Breaker,
        Self::ToolVersion,
        Self::Trigger,
        Self::TriggerHistory,
        Self::TriggerPoll,
        Self::Publication,
        Self::PublicationProgress,
    ];

    /// Its name in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quota => "quota",
            Self::Pause => "pause",
            Self::Guardrail => "guardrail",
            Self::GuardrailCount => "guardrail_count",
            Self::CallCount => "call_count",
            Self::Breaker => "breaker",
            Self::ToolVersion => "tool_version",
            Self::Trigger => "trigger",
            Self::TriggerHistory => "trigger_history",
            Self::TriggerPoll => "trigger_poll",
            Self::Publication => "publication",
            Self::PublicationProgress => "publication_progress",
        }
    }

    /// The key of the setting of this kind and name.
    pub fn key(self, name: &str) -> Arc<str> {
        format!("{}/{name}", self.as_str()).into()
    }

    /// The name in a key of this kind; `None` if it is of another.
    pub fn name_in(self, key: &str) -> Option<&str> {
        key.strip_prefix(self.as_str())?.strip_prefix('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_one_kind_and_gives_its_name_back() {
        for kind in SettingKind::ALL {
            for name in ["acme", "", "a/b", "/"] {
                let key = kind.key(name);
                let read = SettingKind::ALL.map(|other| other.name_in(&key));
                let expected = SettingKind::ALL.map(|other| (other == kind).then_some(name));
                assert_eq!(read, expected, "{key}");
            }
        }
    }
}
