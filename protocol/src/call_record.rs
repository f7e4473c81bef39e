//! Call records: the part of a call's arguments that a stored task keeps, and whether it was answered without a call, for incident reports, undo and replay.
//! Contains no secret, only its name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::TenantCode;
use crate::input_hash::InputHash;
use crate::integration::Effect;
use crate::json::Json;
use crate::limits::{RECORDED_ARGUMENTS_BYTES, RECORDED_TARGET_BYTES};
use crate::playbook::Record;
use crate::secret::SecretReference;
use crate::value::Value;

/// The record of a task's call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The hash of the arguments, keyed by the tenant: equal only for equal arguments of one tenant.
    pub hash: InputHash,
    /// The rendered arguments of an action that changes something; `{"$secret": NAME}` in place of a secret.
    pub arguments: Option<Json>,
    /// Why the arguments of such an action are missing.
    pub omitted: Option<Omission>,
    /// The target of the call, as the integration declares it: a host, an account.
    pub target: Option<Arc<str>>,
    /// What was found among the answers that are kept, if they were asked.
    #[serde(default)]
    pub cache: Option<CacheUse>,
}

/// What a step found among the answers that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheUse {
    /// What it came to.
    #[serde(rename = "use")]
    pub found: CacheFound,
    /// How old the answer was, in milliseconds; 0 where the tool was asked.
    pub age: u64,
}

/// Whether an answer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheFound {
    /// None: the tool was asked.
    Miss,
    /// The tenant's own.
    Hit,
    /// One that another tenant may have asked for.
    Shared,
    /// One that is over its time, while it is asked for anew.
    Stale,
}

impl CacheUse {
    /// Nothing was found.
    pub const MISS: Self = Self { found: CacheFound::Miss, age: 0 };
}

impl CacheFound {
    /// The text in records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Hit => "hit",
            Self::Shared => "shared",
            Self::Stale => "stale",
        }
    }
}

/// Why arguments are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Omission {
    /// The step has `record: none`.
    Author,
    /// They are larger than the limit.
    TooLarge,
}

impl CallRecord {
    /// The record of a call with these arguments; `target` names the argument with the target.
    pub fn of(
        tenant: &TenantCode,
        arguments: &Value,
        secrets: &[SecretReference],
        (effect, record, target): (Effect, Record, Option<&str>),
    ) -> Self {
        let named;
        let arguments = if secrets.is_empty() {
            arguments
        } else {
            named = Self::with_names(arguments, secrets);
            &named
        };
        let target =
            target.filter(|_| record == Record::Arguments).and_then(|name| arguments.get(name)?.as_str());
        let (kept, omitted) = match (effect, record) {
            (Effect::Read, _) => (None, None),
            (Effect::Write, Record::None) => (None, Some(Omission::Author)),
            (Effect::Write, Record::Arguments) => {
                let text = Json::from(arguments);
                let fits = text.as_str().len() <= RECORDED_ARGUMENTS_BYTES;
                if fits { (Some(text), None) } else { (None, Some(Omission::TooLarge)) }
            }
        };
        Self {
            hash: InputHash::of_arguments(tenant, arguments),
            arguments: kept,
            omitted,
            target: target.filter(|target| target.len() <= RECORDED_TARGET_BYTES).map(Arc::from),
            cache: None,
        }
    }

    /// The arguments with `{"$secret": NAME}` in the place of each secret.
    pub fn with_names(arguments: &Value, secrets: &[SecretReference]) -> Value {
        let mut named = arguments.clone();
        for secret in secrets {
            if let Some(place) = named.at_mut(&secret.place) {
                let name = Value::String(secret.name.as_str().to_owned());
                *place = Value::Object([("$secret".to_owned(), name)].into());
            }
        }
        named
    }

    /// The approximate number of bytes of its texts.
    pub fn bytes(&self) -> usize {
        let arguments = self.arguments.as_ref().map_or(0, |arguments| arguments.as_str().len());
        size_of::<Self>() + arguments + self.target.as_ref().map_or(0, |target| target.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::Name;

    fn value(value: serde_json::Value) -> Value {
        Json::from(value).tree().unwrap()
    }

    #[test]
    fn arguments_of_writes_are_kept_with_secrets_by_name() {
        let tenant = |code: &str| TenantCode::new(code).unwrap();
        let given = value(json!({"host": "ws-17", "headers": {"key": null}}));
        let secret = SecretReference {
            place: "/headers/key".into(),
            name: Name::new("edr").unwrap(),
            prefix: "Bearer ".into(),
        };
        let how = |effect, record| (effect, record, Some("host"));
        let of = |code, how| CallRecord::of(&tenant(code), &given, std::slice::from_ref(&secret), how);
        let write = of("acme", how(Effect::Write, Record::Arguments));
        let kept = write.arguments.as_ref().unwrap();
        assert_eq!(kept.value(), json!({"host": "ws-17", "headers": {"key": {"$secret": "edr"}}}));
        assert_eq!((write.target.as_deref(), write.omitted), (Some("ws-17"), None));
        let read = of("acme", how(Effect::Read, Record::Arguments));
        assert_eq!((&read.arguments, read.omitted, read.hash), (&None, None, write.hash));
        let unrecorded = of("acme", how(Effect::Write, Record::None));
        assert_eq!((&unrecorded.arguments, unrecorded.omitted), (&None, Some(Omission::Author)));
        assert_eq!((unrecorded.target, unrecorded.hash), (None, write.hash));
        assert_ne!(
            of("globex", how(Effect::Write, Record::Arguments)).hash,
            write.hash,
            "keyed by the tenant"
        );
        let large = value(json!({"host": "x".repeat(RECORDED_ARGUMENTS_BYTES)}));
        let large = CallRecord::of(&tenant("acme"), &large, &[], how(Effect::Write, Record::Arguments));
        assert_eq!((large.arguments, large.omitted, large.target), (None, Some(Omission::TooLarge), None));
    }
}
