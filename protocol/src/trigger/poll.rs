//! Polls: a call of a tool that is made again and again for what is new, in the form in which it is written, and how far it has
//! come. Decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::time::{Span, Timestamp};
use crate::value::Value;

/// What a tool has that is new, asked again and again from a cursor on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// How long after an answer the tool is asked again; this or `cron`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub every: Option<Span>,
    /// At which instants it is asked, as those of a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<Arc<str>>,
    /// The time zone in which `cron` is meant.
    #[serde(default = "super::utc", skip_serializing_if = "super::is_utc")]
    pub zone: Arc<str>,
    /// What is asked: `INTEGRATION.ACTION`, one that only reads.
    pub action: Name,
    /// The arguments of the call; their texts may be templates over `cursor`. A field that is `none` is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub arguments: BTreeMap<String, Value>,
    /// How long the call may take; as the action says where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Span>,
    /// The list of items, a template over `answer`; the answer itself where nothing is said.
    #[serde(default = "answer")]
    pub items: Arc<str>,
    /// What tells items apart, a template over `item`: a text or a number.
    pub id: Arc<str>,
    /// From where on is asked next, a template over `answer`, `items`, `item` (the last one), and `cursor`. It stays where this gives
    /// `none`, or nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Arc<str>>,
    /// The cursor of the first call; its texts may be templates over `since`, the instant from which the trigger holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub first: Option<Value>,
    /// Whether there is more that the answer has not, an expression over `answer` and `items`: then it is asked again at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

/// How far a poll has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollState {
    /// What it asks, as a digest: a version that asks something else begins anew.
    pub asks: Arc<str>,
    /// From where on is asked next. Moved when each item of an answer is accepted, durably.
    #[serde(default)]
    pub cursor: Value,
    /// The items of the last answer that had some, as digests of their ids: an answer may have them again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Arc<str>>,
    /// When it is asked next; never where there is none.
    pub next: Option<Timestamp>,
    /// When it was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
    /// Since when it fails, how often, and why the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<PollFailing>,
}

/// A poll that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollFailing {
    /// Since when.
    pub since: Timestamp,
    /// How often in a row.
    pub times: u32,
    /// Why the last time.
    pub why: Arc<str>,
}

fn answer() -> Arc<str> {
    "{{ answer }}".into()
}

#[cfg(test)]
mod tests {
    use super::super::{Trigger, TriggerSource};

    #[test]
    fn a_poll_is_read_with_its_defaults_and_written_the_same() {
        let file = "
trigger: alerts
version: 1
playbook: triage
on: {poll: {every: 30s, action: siem.list, arguments: {since: '{{ cursor }}', most: 12345678901234567890123}, id: '{{ item.id }}'}}
";
        let read = Trigger::parse(file.as_bytes()).unwrap();
        let TriggerSource::Poll(poll) = &read.on else { panic!("{read:?}") };
        assert_eq!((&*poll.items, &*poll.zone, read.on.as_str()), ("{{ answer }}", "UTC", "poll"));
        let written = serde_json::to_string(&read).unwrap();
        assert!(written.contains("12345678901234567890123"), "{written}");
        assert_eq!(Trigger::parse(written.as_bytes()).unwrap(), read);
    }
}
