//! Approvals: what a person is asked, and what people have answered. Owns the form of both; decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::StepId;
use crate::json::Json;
use crate::time::Timestamp;
use crate::value::Value;

/// Who may answer an approval that waits, with what, and who has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The choices, in the order in which they are written; `refuse` is always among them.
    pub choices: Vec<StepId>,
    /// The people who may answer. Without any, and without groups, everybody may.
    pub assignees: Vec<Arc<str>>,
    /// The groups whose members may answer.
    pub groups: Vec<Arc<str>>,
    /// How many people have to choose the same, but for `refuse`.
    pub quorum: u32,
    /// Whether an answer has data, for which its step has a form.
    pub has_form: bool,
    /// The answers so far, the first one first.
    pub answers: Vec<GivenAnswer>,
}

impl Gate {
    /// The approximate number of bytes of its texts.
    pub(crate) fn text_bytes(&self) -> usize {
        let names = self.assignees.iter().chain(&self.groups).map(|name| name.len());
        let choices = self.choices.iter().map(|choice| choice.as_str().len());
        let answer = |given: &GivenAnswer| {
            let comment = given.comment.as_ref().map_or(0, |comment| comment.len());
            let data = given.data.as_ref().map_or(0, |data| data.as_str().len());
            size_of::<GivenAnswer>() + given.uid.len() + given.choice.as_str().len() + comment + data
        };
        names.chain(choices).chain(self.answers.iter().map(answer)).sum()
    }

    /// Whether this person, who is in these groups, may answer.
    pub fn asks(&self, uid: &str, groups: &[Arc<str>]) -> bool {
        let everybody = self.assignees.is_empty() && self.groups.is_empty();
        everybody
            || self.assignees.iter().any(|asked| **asked == *uid)
            || self.groups.iter().any(|asked| groups.contains(asked))
    }
}

/// An answer as its task keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenAnswer {
    /// The person.
    pub uid: Arc<str>,
    /// The choice.
    pub choice: StepId,
    /// When it was given.
    pub at: Timestamp,
    /// What the person added.
    pub comment: Option<Arc<str>>,
    /// What the person filled in, with the defaults of the form.
    pub data: Option<Json>,
}

impl GivenAnswer {
    /// Whether a person who says this again says nothing else: the same choice, and no data that is not there already.
    pub fn says(&self, answer: &ApprovalAnswer) -> bool {
        let there = || self.data.as_ref().map_or(Value::Null, Json::value);
        self.uid == answer.uid
            && self.choice == answer.choice
            && answer.data.as_ref().is_none_or(|data| contains(&there(), &data.value()))
    }
}

/// Whether every field of a value has the same value in another, which may have more.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|there| contains(there, value)))
        }
        (whole, part) => whole == part,
    }
}

/// The output of an approval that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalOutcome {
    /// The choice that was made.
    pub choice: StepId,
    /// The data of the answer that decided.
    pub data: Option<Json>,
    /// All answers, the first one first; the last one decided.
    pub answers: Vec<GivenAnswer>,
}

/// An answer of a person to an approval. Person and groups are what the caller knows of the person, never what the
/// person says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalAnswer {
    /// The person.
    pub uid: Arc<str>,
    /// The groups that the person is in.
    pub groups: Vec<Arc<str>>,
    /// The choice.
    pub choice: StepId,
    /// What the person adds.
    pub comment: Option<Arc<str>>,
    /// What the person fills in, where the approval has a form: a map.
    pub data: Option<Json>,
}
