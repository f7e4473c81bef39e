//! Guardrails: what an operator lets playbooks do, in the form in which it is written, set and stored. Decides nothing.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{Name, TenantCode};
use crate::integration::Effect;
use crate::limits::GUARDRAIL_FILE_BYTES;
use crate::parse;
use crate::time::Span;

/// A file of guardrails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardrailFile {
    /// The guardrails.
    pub guardrails: Vec<Guardrail>,
}

/// One guardrail: the calls that it concerns, and what of them it lets pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    /// Its name, by which it is set, cleared and told.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Arc<str>>,
    /// The tenants that it concerns; all where none is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantCode>,
    /// The calls that it concerns: integrations (`edr`) and actions (`edr.isolate`); all where nothing is said.
    #[serde(default, rename = "for", skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Arc<str>>,
    /// The effect of the calls that it concerns; any where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Whether none of these calls is made, but for undos.
    #[serde(default, skip_serializing_if = "is_false")]
    pub kill_switch: bool,
    /// Whether the kill switch stops undos too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stops_undo: bool,
    /// How many calls are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// The targets that are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<ProtectedTargets>,
    /// When calls are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<OpenHours>,
    /// The calls that may be made at all, of a tool that can do everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<OnlyCalls>,
}

/// How many calls are made in a time, and how many targets are contained at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// So many calls, each task counted once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<NonZeroU32>,
    /// In any time of this length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Span>,
    /// So many containments that are not undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<NonZeroU32>,
    /// What becomes of a call that is one too many.
    #[serde(default)]
    pub over: OverCap,
    /// How long it waits at most, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Span>,
    /// Who is asked, where people are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<AskedPeople>,
    /// Whether the calls of all tenants are counted together; else those of each.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
}

/// What becomes of a call that is over a cap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverCap {
    /// It waits until there is room.
    #[default]
    Wait,
    /// It waits for people who let it pass or not.
    Ask,
    /// Its step fails.
    Refuse,
}

/// The people who let a call pass that is over a cap. Without any, and without a group, everybody may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedPeople {
    /// The people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<Arc<str>>,
    /// The group whose members may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
    /// How many have to let it pass; 1 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<NonZeroU32>,
    /// How long they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
}

/// Targets that are left alone, by their kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtectedTargets {
    /// Names of hosts; `*.dc.example` are all below that name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Arc<str>>,
    /// Addresses and networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<Arc<str>>,
    /// People and accounts: `ceo@corp.example`, `CORP\ceo`, `ceo`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<Arc<str>>,
    /// What becomes of a call that changes something where nobody knows what.
    #[serde(default)]
    pub unknown: UnknownTarget,
}

/// What becomes of a call of effect `write` whose action declares no target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownTarget {
    /// It is refused.
    #[default]
    Refuse,
    /// It passes.
    Allow,
}

/// When calls are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenHours {
    /// The time zone: `Europe/Berlin`.
    pub zone: Arc<str>,
    /// The times of a week.
    pub open: Vec<OpenTime>,
}

/// A time of a day, on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenTime {
    /// The days on which it begins; all where none is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// When it begins.
    pub from: DayTime,
    /// When it ends; on the next day where that is not later.
    pub to: DayTime,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A time of a day: `08:30`, up to `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DayTime {
    minutes: u16,
}

/// The calls that may be made of a tool that can do everything, such as `http`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnlyCalls {
    /// Whether only those pass that look something up.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reads: bool,
    /// The hosts that may be called, with a port or without, `*.vendor.example` for all below that name; any where none
    /// is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Arc<str>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl GuardrailFile {
    /// Reads a file of guardrails, YAML or JSON. What they mean together is not checked.
    ///
    /// # Errors
    /// Its first mistake, with line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, parse::Error> {
        parse::document(bytes, GUARDRAIL_FILE_BYTES)
    }
}

impl DayTime {
    /// Minutes since the beginning of the day, up to 1,440.
    pub const fn minutes(self) -> u16 {
        self.minutes
    }
}

impl FromStr for DayTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            let is_short = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u16>().ok().filter(|_| is_short)
        };
        let read = text.split_once(':').and_then(|(hours, minutes)| Some((number(hours)?, number(minutes)?)));
        match read {
            Some((hours, minutes)) if minutes < 60 && hours * 60 + minutes <= 24 * 60 => {
                Ok(Self { minutes: hours * 60 + minutes })
            }
            _ => Err("a time of a day is written as `08:30`, from `00:00` to `24:00`".to_owned()),
        }
    }
}

impl TryFrom<String> for DayTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<DayTime> for String {
    fn from(time: DayTime) -> Self {
        time.to_string()
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r"
guardrails:
  - name: isolate-few
    tenants: [acme]
    for: [edr.isolate]
    cap: {calls: 5, per: 1h, active: 20, over: ask, ask: {group: soc-leads, timeout: 4h}}
  - name: crown-jewels
    effect: write
    protected: {hosts: ['*.dc.corp.example'], ips: [10.0.0.0/8], users: ['CORP\ceo']}
    hours: {zone: Europe/Berlin, open: [{days: [mon, fri], from: '08:00', to: '24:00'}]}
";

    #[test]
    fn a_file_reads_as_it_is_written_and_stores_as_it_reads() {
        let file = GuardrailFile::parse(FILE.as_bytes()).unwrap();
        let cap = file.guardrails[0].cap.as_ref().unwrap();
        assert_eq!((cap.calls.map(NonZeroU32::get), cap.over), (Some(5), OverCap::Ask));
        let hours = file.guardrails[1].hours.as_ref().unwrap();
        assert_eq!((hours.open[0].from.minutes(), hours.open[0].to.minutes()), (480, 1_440));
        let stored = serde_json::to_string(&file).unwrap();
        assert_eq!(GuardrailFile::parse(stored.as_bytes()).unwrap(), file);
    }

    #[test]
    fn a_mistake_in_the_form_is_told_with_its_place() {
        let wrong = FILE.replace("over: ask", "over: asks");
        let error = GuardrailFile::parse(wrong.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("line 6, column") && error.contains("guardrails[0].cap.over"), "{error}");
        let wrong = FILE.replace("protected:", "protect:");
        let error = GuardrailFile::parse(wrong.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("line 9") && error.contains("protect"), "{error}");
    }

    #[test]
    fn a_time_of_a_day_is_within_one() {
        for wrong in ["", "8:00", "08:60", "24:01", "08.00", "+8:00", "008:00"] {
            assert!(wrong.parse::<DayTime>().is_err(), "{wrong}");
        }
        assert_eq!("24:00".parse::<DayTime>().unwrap().to_string(), "24:00");
    }
}
