//! Approvals: what a person is asked, and what people have answered. Owns the form of both; decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::StepId;
use crate::time::Timestamp;

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
            size_of::<GivenAnswer>() + given.uid.len() + given.choice.as_str().len() + comment
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
}

/// The output of an approval that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalOutcome {
    /// The choice that was made.
    pub choice: StepId,
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
}
