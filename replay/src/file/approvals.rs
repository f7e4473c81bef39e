//! A written answer of a person to an approval.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use updraft_protocol::{ApprovalAnswer, Gate, Json, ScopePath, Span, StepId, Value};

use super::{Fit, given};
use crate::answers::Reaction;

/// Who answers where nobody is named and everybody may.
const SOMEBODY: &str = "somebody";

/// What a person does about a question.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenApproval {
    /// The step that asks; any where none is said.
    pub step: Option<StepId>,
    /// The scope of the step.
    pub scope: Option<ScopePath>,
    /// The sub-playbook that the step is in.
    pub within: Option<String>,
    /// The choice.
    pub choice: Option<StepId>,
    /// The person; the first who is asked where nobody is named.
    pub uid: Option<Arc<str>>,
    /// The groups that the person is in; those that are asked where none is named.
    pub groups: Option<Vec<Arc<str>>>,
    /// What the person fills in.
    #[serde(default, deserialize_with = "given")]
    pub data: Option<Value>,
    /// What the person adds.
    pub comment: Option<Arc<str>>,
    /// How long after the question.
    pub after: Option<Span>,
    /// How many questions it answers; all that fit where nothing is said.
    pub times: Option<u32>,
    /// Whether nothing need ask for it.
    #[serde(default)]
    pub optional: bool,
    /// Whether nobody answers in time.
    #[serde(default)]
    pub expires: bool,
    /// Whether a person skips it.
    #[serde(default)]
    pub skip: bool,
}

impl WrittenApproval {
    pub(super) fn fit(&self) -> Fit<'_> {
        Fit { step: self.step.as_ref(), scope: self.scope.as_ref(), within: self.within.as_deref() }
    }

    /// What makes no sense in it.
    pub(super) fn mistake(&self) -> Option<String> {
        let ends = [self.choice.is_some(), self.expires, self.skip];
        if ends.into_iter().filter(|given| *given).count() != 1 {
            return Some("one of `choice`, `expires: true` and `skip: true` is needed".to_owned());
        }
        (self.times == Some(0)).then(|| "`times` counts from 1".to_owned())
    }

    fn after(&self) -> Duration {
        self.after.map_or(Duration::ZERO, |Span(after)| after)
    }

    fn answer(&self, choice: &StepId, gate: &Gate) -> ApprovalAnswer {
        let first = || gate.assignees.first().cloned().unwrap_or_else(|| SOMEBODY.into());
        ApprovalAnswer {
            uid: self.uid.clone().unwrap_or_else(first),
            groups: self.groups.clone().unwrap_or_else(|| gate.groups.clone()),
            choice: choice.clone(),
            comment: self.comment.clone(),
            data: self.data.as_ref().map(Json::from),
        }
    }
}

/// What people do about a question for which these are written.
pub(super) fn reaction(taken: &[&WrittenApproval], gate: &Gate) -> Option<Reaction> {
    let first = taken.first()?;
    if first.skip {
        return Some(Reaction::Skips(first.after()));
    }
    let answers = taken
        .iter()
        .filter_map(|approval| Some((approval.after(), approval.answer(approval.choice.as_ref()?, gate))));
    let answers: Vec<_> = answers.collect();
    Some(if answers.is_empty() { Reaction::Nothing } else { Reaction::Answers(answers) })
}
