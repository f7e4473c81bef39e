//! Answers of people to approvals. A gate is one task, named by its id, which scope and step give: an answer opens no
//! other. Owns who may answer and when an approval is decided.

use std::sync::Arc;

use updraft_protocol::limits::{COMMENT_BYTES, FORM_DATA_BYTES, FORM_MISTAKES, KEY_BYTES};
use updraft_protocol::{
    Applied, ApprovalAnswer, ApprovalOutcome, ControlRefusal, Failure, FailureKind, Gate, GivenAnswer, Json,
    TaskId, TaskState, TaskStatus, Timestamp, Value,
};

use super::task::{Ending, Phase, Task};
use super::{Effects, Machine};
use crate::plan::{PlannedApproval, PlannedKind, REFUSE};

impl Machine {
    /// A person answers. The same answer of the same person again changes nothing.
    pub(super) fn answered(
        &mut self,
        id: TaskId,
        answer: ApprovalAnswer,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<Applied, ControlRefusal> {
        // A blank more is no other person.
        let answer = ApprovalAnswer { uid: answer.uid.trim().into(), ..answer };
        let task = self.tasks.iter().find(|task| task.id == id);
        let gate = |task: &Task| task.state.wait.as_ref().and_then(|wait| wait.gate.as_deref().cloned());
        let (seq, mut gate) =
            task.and_then(|task| Some((task.seq, gate(task)?))).ok_or(ControlRefusal::NoApproval(id))?;
        let plan = self.plan.clone();
        let approval = match &plan.step(self.task(seq).step).kind {
            PlannedKind::Approval(approval) => Some(approval),
            // A guardrail asks.
            PlannedKind::Action(_) => None,
            _ => return Err(ControlRefusal::NoApproval(id)),
        };
        // First, so that a person who is not asked learns nothing of the answers.
        if !(1..=KEY_BYTES).contains(&answer.uid.len()) {
            return Err(ControlRefusal::NoPerson);
        }
        if !gate.asks(&answer.uid, &answer.groups) {
            return Err(ControlRefusal::NotAsked(answer.uid));
        }
        if !gate.choices.contains(&answer.choice) {
            return Err(ControlRefusal::NoChoice(answer.choice));
        }
        let comment_bytes = answer.comment.as_ref().map_or(0, |comment| comment.len());
        if comment_bytes > COMMENT_BYTES {
            return Err(ControlRefusal::LongComment(comment_bytes));
        }
        let task = self.task(seq);
        let waits = match &task.phase {
            Phase::Waiting(_) => approval.is_some() || self.is_asked_to_pass(task),
            Phase::Asking(asking) => asking.ending.is_none(),
            _ => false,
        };
        if let Some(reply) = earlier(&task.state, &gate, &answer, waits) {
            return reply;
        }
        let data = match approval {
            Some(approval) => self.filled_in(approval, &gate, &answer)?,
            None if answer.data.is_some() => return Err(ControlRefusal::NoForm),
            None => None,
        };
        let ApprovalAnswer { uid, choice, comment, .. } = answer;
        gate.answers.push(GivenAnswer { uid, choice: choice.clone(), at: now, comment, data });
        let missing = missing(&gate, choice.as_str());
        let Some(approval) = approval else {
            let decided = self.decided_to_pass(seq, gate, now, effects);
            return Ok(if decided { Applied::Decided } else { Applied::Counted { missing } });
        };
        let Some(ending) = approval.decided(&gate) else {
            self.write_gate(seq, gate, now, effects);
            return Ok(Applied::Counted { missing });
        };
        if matches!(self.task(seq).phase, Phase::Waiting(_)) {
            self.settle(seq, ending, now, effects);
            return Ok(Applied::Decided);
        }
        self.decide_asked(seq, ending, now, effects);
        if self.tasks.get(seq).is_some_and(|task| task.phase != Phase::Ended) {
            // Calls beside it are waited for: the answers are what a resume decides by.
            self.write_gate(seq, gate, now, effects);
        }
        Ok(Applied::Decided)
    }

    /// The data that a person has filled in, with the defaults of the form.
    fn filled_in(
        &self,
        approval: &PlannedApproval,
        gate: &Gate,
        answer: &ApprovalAnswer,
    ) -> Result<Option<Json>, ControlRefusal> {
        let Some(form) = &approval.form else {
            return if answer.data.is_none() { Ok(None) } else { Err(ControlRefusal::NoForm) };
        };
        let bytes = answer.data.as_ref().map_or(0, |data| data.as_str().len());
        if bytes > FORM_DATA_BYTES {
            return Err(ControlRefusal::LargeData(bytes));
        }
        // Who refuses need not fill in anything.
        if answer.data.is_none() && answer.choice.as_str() == REFUSE {
            return Ok(None);
        }
        let misfit = |why: String| ControlRefusal::Misfit(why.into());
        let data = answer.data.as_ref().map_or(Ok(Value::Null), Json::tree);
        let data = data.map_err(|why| misfit(format!("data: {why}")))?;
        let filled = form.filled(&data).map_err(|mistakes| {
            let told: Vec<String> = mistakes.iter().take(FORM_MISTAKES).map(ToString::to_string).collect();
            misfit(told.join("; "))
        })?;
        // The output has the data of all, and once more that of the answer that decides.
        let data = Json::from(&filled);
        let earlier = gate.answers.iter().filter_map(|given| given.data.as_ref());
        let bytes = 2 * data.as_str().len() + earlier.map(|data| data.as_str().len()).sum::<usize>();
        if self.too_much(bytes).is_some() {
            return Err(ControlRefusal::LargeData(data.as_str().len()));
        }
        Ok(Some(data))
    }
}

/// The reply to an answer that comes after another of the same person, or too late.
fn earlier(
    state: &TaskState,
    gate: &Gate,
    answer: &ApprovalAnswer,
    waits: bool,
) -> Option<Result<Applied, ControlRefusal>> {
    let outcome = state.response.as_ref();
    let outcome = outcome.and_then(|json| serde_json::from_str::<ApprovalOutcome>(json.as_str()).ok());
    let answers = outcome.as_ref().map_or(&gate.answers, |outcome| &outcome.answers);
    let own = answers.iter().find(|given| given.uid == answer.uid);
    if own.is_some_and(|own| own.says(answer)) {
        return Some(Ok(Applied::Repeated));
    }
    let told = |given: &GivenAnswer| ControlRefusal::Answered {
        uid: given.uid.clone(),
        choice: given.choice.clone(),
        at: given.at,
    };
    if let Some(outcome) = &outcome {
        return outcome.answers.last().map(|last| Err(told(last)));
    }
    if !waits {
        let last = gate.answers.last().filter(|last| missing(gate, last.choice.as_str()) == 0);
        let over = if state.status.ended() { state.status } else { TaskStatus::Failed };
        return Some(Err(last.map_or(ControlRefusal::Over(over), told)));
    }
    own.map(|own| Err(told(own)))
}

/// The reply to an answer to an approval that has ended and is in no machine any more: that of an item of a loop, or of an
/// execution that has ended. `None` if the state is that of no approval.
pub fn late_answer(state: &TaskState, answer: &ApprovalAnswer) -> Option<Result<Applied, ControlRefusal>> {
    let gate = state.wait.as_ref()?.gate.as_deref()?;
    let answer = &ApprovalAnswer { uid: answer.uid.trim().into(), ..answer.clone() };
    if !gate.asks(&answer.uid, &answer.groups) {
        return Some(Err(ControlRefusal::NotAsked(answer.uid.clone())));
    }
    earlier(state, gate, answer, !state.status.ended())
}

/// How many people more have to choose this, as the answers are; none, once one has refused.
pub(super) fn missing(gate: &Gate, choice: &str) -> u32 {
    if choice == REFUSE {
        return 0;
    }
    let same = gate.answers.iter().filter(|given| given.choice.as_str() == choice).count();
    gate.quorum.saturating_sub(u32::try_from(same).unwrap_or(u32::MAX))
}

impl PlannedApproval {
    /// How an approval with these answers ends; `None` if they do not decide it.
    pub(super) fn decided(&self, gate: &Gate) -> Option<Ending> {
        let last = gate.answers.last().filter(|last| missing(gate, last.choice.as_str()) == 0)?;
        let (choice, data, answers) = (last.choice.clone(), last.data.clone(), gate.answers.clone());
        Some(ending_with(self, &ApprovalOutcome { choice, data, answers }))
    }
}

/// How a decided approval ends: only a choice after which its author goes on completes it.
fn ending_with(approval: &PlannedApproval, outcome: &ApprovalOutcome) -> Ending {
    // Cannot fail: its data is JSON already, and is not nested as deeply as it might be.
    let output = serde_json::to_string(outcome).unwrap_or_default();
    let output = Json::parse(&output).unwrap_or_else(|_| Json::null());
    if approval.goes_on(outcome.choice.as_str()) {
        return Ending::Completed(Some(output));
    }
    let by: Arc<str> = outcome.answers.last().map_or_else(|| "".into(), |last| last.uid.clone());
    Ending::EndedFailed(Failure::new(FailureKind::Refused, format!("{by} has refused")), output)
}
