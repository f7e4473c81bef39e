//! The step `approval`: asks once, and waits until an instant, which is the same after a crash. Who is asked is rendered
//! when it begins and stored with the wait.

use std::sync::Arc;

use updraft_protocol::limits::{APPROVAL_PEOPLE, KEY_BYTES, QUESTION_BYTES};
use updraft_protocol::{Failure, FailureKind, Gate, Json, Span, Timestamp, Value, Wait, WaitKind};

use super::Arrival;
use crate::machine::task::Ending;
use crate::machine::task_seq::TaskSeq;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::PlannedApproval;
use crate::template::Template;

impl Machine {
    pub(super) fn arrive_at_approval(
        &mut self,
        at: Arrival,
        approval: &PlannedApproval,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if let Some(task) = at.recorded {
            let due = self.wait_of(task).and_then(|wait| wait.until).unwrap_or(at.now);
            if approval.beside.is_empty() {
                return self.wait(task, due, effects);
            }
            let ending = self.decided_before(task, approval, due, at.now);
            return self.ask_with_bodies(task, approval, ending, effects, work);
        }
        if self.is_put_off(at) {
            return;
        }
        match self.question_of(at, approval) {
            Ok((question, gate)) => {
                let until = at.now.after(approval.timeout.unwrap_or(self.default_waits.approval));
                let gate = Some(Box::new(gate));
                let wait =
                    Wait { subject: Some(question), gate, ..Wait::until(WaitKind::Approval, at.now, until) };
                let task = self.create_waiting(at.scope, at.step, wait, effects);
                if approval.beside.is_empty() {
                    return self.wait(task, until, effects);
                }
                self.ask_with_bodies(task, approval, None, effects, work);
            }
            Err(failure) => {
                let task = at.ending_task(self);
                work.push(self.end_task(task, Ending::Failed(failure), at.now, effects));
            }
        }
    }

    /// How a recorded approval was decided or cancelled, whose bodies had not ended.
    fn decided_before(
        &self,
        task: TaskSeq,
        approval: &PlannedApproval,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<Ending> {
        if self.scopes.get(self.task(task).scope).is_some_and(|scope| scope.cancelled) {
            return Some(Ending::Cancelled);
        }
        let gate = self.wait_of(task).and_then(|wait| wait.gate.as_deref());
        let decided = gate.and_then(|gate| approval.decided(gate));
        // A time that passes during a pause is over when the execution goes on.
        let is_over = until <= now && !self.is_paused();
        decided.or_else(|| is_over.then(|| Ending::Failed(self.expired(task))))
    }

    /// The failure of an approval that was not decided in time.
    pub(in crate::machine) fn expired(&self, task: TaskSeq) -> Failure {
        Failure::new(FailureKind::Expired, format!("it was not decided within {}", self.waited(task)))
    }

    /// How long a task waits that is waited for until an instant.
    pub(in crate::machine) fn waited(&self, task: TaskSeq) -> Span {
        let wait = self.wait_of(task);
        Span::millis(wait.and_then(|wait| Some(wait.until?.since(wait.since))).unwrap_or_default())
    }

    fn question_of(&mut self, at: Arrival, approval: &PlannedApproval) -> Result<(Arc<str>, Gate), Failure> {
        let question = match self.rendered(at, &approval.question)? {
            Value::String(text) => text,
            other => Json::from(&other).to_string(),
        };
        // A question that is cut would be answered by people who have not read all of it.
        if question.len() > QUESTION_BYTES {
            let message =
                format!("the question has {} bytes; at most {QUESTION_BYTES} are allowed", question.len());
            return Err(Failure::new(FailureKind::TooLarge, message));
        }
        let assignees = self.people(at, "assignees", approval.assignees.as_ref())?;
        let groups = self.people(at, "group", approval.group.as_ref())?;
        if groups.is_empty() && !assignees.is_empty() && assignees.len() < approval.quorum as usize {
            let message = format!("{} people cannot be a quorum of {}", assignees.len(), approval.quorum);
            return Err(Failure::new(FailureKind::InvalidArguments, message));
        }
        let (choices, quorum) = (approval.choices(), approval.quorum);
        let has_form = approval.form.is_some();
        let gate = Gate { choices, assignees, groups, quorum, has_form, answers: Vec::new() };
        Ok((question.into(), gate))
    }

    /// The names that a field gives, each once. A field that is there and names nobody fails: it must not ask everybody.
    fn people(
        &mut self,
        at: Arrival,
        field: &str,
        template: Option<&Template>,
    ) -> Result<Vec<Arc<str>>, Failure> {
        let Some(template) = template else { return Ok(Vec::new()) };
        let names = match self.rendered(at, template)? {
            Value::Array(names) => names,
            one => vec![one],
        };
        let name = |value: &Value| {
            // As the names of those who answer, which come without blanks around them.
            let name = value.as_str().map(str::trim);
            let name = name.filter(|name| (1..=KEY_BYTES).contains(&name.len()));
            name.map(Arc::<str>::from)
        };
        let named: Option<Vec<Arc<str>>> = names.iter().map(name).collect();
        match named {
            Some(mut people) if (1..=APPROVAL_PEOPLE).contains(&people.len()) => {
                people.sort();
                people.dedup();
                Ok(people)
            }
            _ => {
                let message =
                    format!("{field}: a name, or a list of 1 to {APPROVAL_PEOPLE} names, is needed");
                Err(Failure::new(FailureKind::InvalidArguments, message))
            }
        }
    }
}
