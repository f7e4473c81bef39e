//! Approvals: what a person was told of an answer stays so, and nobody decides who is not asked.

use updraft_kernel::invariant::Violation;
use updraft_protocol::{
    Applied, ApprovalAnswer, ApprovalOutcome, ControlRefusal, GivenAnswer, ScopePath, TaskDocument, TaskId,
    TaskStatus,
};

use super::{Oracle, broken};
use crate::scenario::{ClientControl, PEOPLE};

impl Oracle {
    /// An answer was answered.
    pub fn answer_told(
        &mut self,
        control: ClientControl,
        task: TaskId,
        answer: &ApprovalAnswer,
        told: Result<Applied, ControlRefusal>,
    ) {
        self.answers.entry(control).or_insert((task, answer.clone(), told));
    }

    /// Every answer that counted is there, and none of a person who is not asked.
    pub(super) fn answers_are_there(&self, tasks: &[TaskDocument]) -> Result<(), Violation> {
        for task in tasks {
            let Some(gate) = task.state.wait.as_ref().and_then(|wait| wait.gate.as_deref()) else { continue };
            let output = task.state.response.as_ref().map(|output| output.as_str());
            let outcome = output.and_then(|output| serde_json::from_str::<ApprovalOutcome>(output).ok());
            let given: &[GivenAnswer] = outcome.as_ref().map_or(&gate.answers, |outcome| &outcome.answers);
            let leads = ["leads".into()];
            let uninvited = given.iter().find(|given| {
                let groups: &[_] = if *given.uid == *PEOPLE[2] { &leads } else { &[] };
                !gate.asks(&given.uid, groups)
            });
            if let Some(given) = uninvited {
                let what =
                    format!("{} asks {:?} and {} answered", task.head.step_id, gate.assignees, given.uid);
                return broken("answered as asked", what);
            }
            let told = self.answers.values().filter(|(of, ..)| *of == task.task_request_id);
            for (_, answer, told) in told {
                let is_there = |given: &GivenAnswer| given.says(answer);
                let fits = match told {
                    // One that waited for calls beside it may have been cancelled after it was decided.
                    Ok(Applied::Decided) => {
                        let is_kept = outcome.is_some() || task.state.status == TaskStatus::Cancelled;
                        given.last().is_some_and(is_there) && is_kept
                    }
                    Ok(_) => given.iter().any(is_there),
                    Err(ControlRefusal::Ended(_)) => true,
                    // The shell looks for an approval of an ended item in the store; here it does not.
                    Err(ControlRefusal::NoApproval(_)) if task.head.scope != ScopePath::MAIN => true,
                    // The same choice may have been given again, with the form filled in as it has to be.
                    Err(ControlRefusal::Misfit(_)) => {
                        !given.iter().any(|given| is_there(given) && given.data == answer.data)
                    }
                    Err(_) => !given.iter().any(is_there),
                };
                if !fits {
                    let what =
                        format!("{} told {told:?} of {answer:?}, and has {given:?}", task.head.step_id);
                    return broken("answered as asked", what);
                }
            }
        }
        Ok(())
    }
}
