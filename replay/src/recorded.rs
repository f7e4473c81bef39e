//! Recordings: a past execution with its tasks and those of its sub-playbooks, from which a dry run is answered. A task is found
//! by its place, or else by its step where that ran once. Owns what a stored task answers; reads no store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::machine::ChildReport;
use updraft_protocol::{
    ApprovalAnswer, ApprovalOutcome, AuthoredNames, ControlKind, ExecutionDocument, ExecutionId,
    ExecutionStatus, FailureKind, Gate, GivenAnswer, Json, StepId, StepPart, TaskDocument, TaskStatus,
    Timestamp, Value, WaitKind,
};

use crate::answers::{
    Answers, CallMade, ChildMade, GivenOutcome, QuestionAsked, Reaction, SignalAwaited, SignalGiven,
    TaskPlace,
};
use crate::authored::{Part, whole};
use crate::file::is_inner;
use crate::plans::Planned;
use crate::start::Start;

/// The action of a task that runs a sub-playbook.
const SUB_PLAYBOOK: &str = "playbook";
/// The tool of the steps that Updraft itself decides.
const UPDRAFT: &str = "updraft";

/// A task of a recording.
#[derive(Debug, Clone)]
pub struct RecordedTask {
    /// Where it stands.
    pub place: TaskPlace,
    /// Its document.
    pub document: TaskDocument,
}

/// A past execution.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its document.
    pub execution: Arc<ExecutionDocument>,
    /// Its tasks, then those of its sub-playbooks; each in their order.
    pub tasks: Vec<RecordedTask>,
    /// By their places, as wholes.
    by_place: BTreeMap<TaskPlace, Vec<usize>>,
    by_step: BTreeMap<StepId, Vec<usize>>,
    /// What the author of its playbook calls the steps.
    names: AuthoredNames,
}

impl Recording {
    /// An execution with its tasks, told by these names of its steps: those of another version of its playbook.
    pub fn new(execution: Arc<ExecutionDocument>, tasks: Vec<TaskDocument>, names: AuthoredNames) -> Self {
        let (by_place, by_step) = (BTreeMap::new(), BTreeMap::new());
        let mut recording = Self { execution, tasks: Vec::new(), by_place, by_step, names };
        recording.add(&"".into(), tasks);
        recording
    }

    /// Adds the tasks of an execution at this place.
    pub fn add(&mut self, within: &Arc<str>, tasks: Vec<TaskDocument>) {
        // A step around which another one was put for its time has parts of itself inside.
        let opener = |document: &TaskDocument| {
            let (_, opener, _) = document.head.scope.opened_by()?;
            let rest = document.head.step_id.as_str().strip_prefix(opener)?;
            rest.starts_with('.').then(|| opener.to_owned())
        };
        let wraps: BTreeSet<String> = match self.names.is_native() {
            true => BTreeSet::new(),
            false => tasks.iter().filter_map(opener).collect(),
        };
        for document in tasks {
            let head = &document.head;
            let native = (within, &head.scope, &head.step_id);
            let place = TaskPlace::of(&self.names, native, |step| wraps.contains(step.as_str()));
            self.by_step.entry(place.step.clone()).or_default().push(self.tasks.len());
            self.by_place.entry(whole_of(&place)).or_default().push(self.tasks.len());
            self.tasks.push(RecordedTask { place, document });
        }
    }

    /// The sub-playbooks that tasks from this number on have started: the place of their tasks, and their ids.
    pub fn children(&self, from: usize) -> Vec<(Arc<str>, ExecutionId)> {
        let started = self.tasks.iter().skip(from).filter(|task| is_of(&task.document, SUB_PLAYBOOK));
        started
            .map(|task| (task.place.below(), ExecutionId::of_child(task.document.task_request_id)))
            .collect()
    }

    /// The start that this execution had, for a version of its playbook: its alert, its instant, and a cancel by a person. Of the
    /// variables those are kept that say where to connect to, and those for which the version has no value; all that it knows
    /// where `keeps_variables`.
    pub fn start(&self, planned: &Planned, keeps_variables: bool) -> Start {
        let head = &self.execution.head;
        let recorded = match head.variables.value() {
            Value::Object(fields) => fields,
            _ => BTreeMap::new(),
        };
        let is_kept = |name: &str| match planned.variables.get(name) {
            None => false,
            Some(own) => keeps_variables || own.is_null() || planned.plan.connects_to(name),
        };
        let mut start = Start::new(head.tenant_code.clone(), head.input.value(), head.createddate);
        start.variables = recorded.into_iter().filter(|(name, _)| is_kept(name)).collect();
        (start.uid, start.alert_id) = (head.uid.clone(), head.alert_id.clone());
        let controls = self.execution.state.controls.as_deref();
        let mut records = controls.iter().flat_map(|history| history.newest.iter());
        let cancel = records.find(|record| record.kind == ControlKind::Cancel);
        let is_cancelled = self.execution.state.execution_status == ExecutionStatus::Cancelled;
        start.cancel = cancel
            .filter(|_| is_cancelled)
            .map(|cancel| (since(cancel.at, head.createddate), cancel.asked.clone()));
        start
    }

    /// The task at a place, if it is of this action.
    pub fn task(&self, place: &TaskPlace, (integration, action): (&str, &str)) -> Option<&TaskDocument> {
        let is_meant = |task: &&RecordedTask| {
            let head = &task.document.head;
            let is_part = call_number(task.place.part) == call_number(place.part);
            is_part && head.integration.as_str() == integration && head.action.as_str() == action
        };
        let meant = |at: &usize| self.tasks.get(*at).filter(is_meant);
        if let Some(there) = self.by_place.get(&whole_of(place)) {
            return there.iter().find_map(meant).map(|task| &task.document);
        }
        // The step stands in another scope now: inside of more, or of fewer, or where it ran but once.
        let all: Vec<&RecordedTask> = self.by_step.get(&place.step)?.iter().filter_map(meant).collect();
        let is_near = |task: &&&RecordedTask| {
            let (scope, new) = (task.place.scope.as_str(), place.scope.as_str());
            !scope.is_empty() && !new.is_empty() && (is_inner(scope, new) || is_inner(new, scope))
        };
        let mut near = all.iter().filter(is_near);
        match (near.next(), near.next(), all.as_slice()) {
            (Some(only), None, _) | (None, None, [only]) => Some(&only.document),
            _ => None,
        }
    }

    /// Its tasks as the author knows them.
    pub(crate) fn whole(&self) -> Vec<RecordedTask> {
        if self.names.is_native() { self.tasks.clone() } else { whole(&self.tasks) }
    }
}

/// The place of the step that a task is part of.
fn whole_of(place: &TaskPlace) -> TaskPlace {
    TaskPlace { part: StepPart::Whole, ..place.clone() }
}

/// The number of a call: that of a step with one call is the first.
fn call_number(part: StepPart) -> Option<u32> {
    match part {
        StepPart::Whole => Some(1),
        StepPart::Call(number) => Some(number),
        StepPart::Inner => None,
    }
}

impl Part for RecordedTask {
    fn place(&self) -> &TaskPlace {
        &self.place
    }

    fn status(&self) -> TaskStatus {
        self.document.state.status
    }

    fn take(&mut self, part: &Self) {
        let (own, part) = (&mut self.document.state, &part.document.state);
        if own.status == TaskStatus::Completed && part.status != TaskStatus::Completed {
            own.status = part.status;
        }
    }
}

/// Whether Updraft itself decides the task, and it is of this kind.
fn is_of(document: &TaskDocument, kind: &str) -> bool {
    document.head.integration.as_str() == UPDRAFT && document.head.action.as_str() == kind
}

fn since(at: Timestamp, earlier: Timestamp) -> Duration {
    Duration::from_millis(at.since(earlier))
}

/// How long a task took.
pub(crate) fn runtime(document: &TaskDocument) -> Duration {
    Duration::from_millis(document.state.runtime.unwrap_or_default())
}

/// The answers of people to an approval: those of its outcome, or those that it had when it ended otherwise.
pub(crate) fn answers_of(document: &TaskDocument) -> Vec<GivenAnswer> {
    let state = &document.state;
    let outcome = state.response.as_ref().map(|response| serde_json::from_str(response.as_str()));
    if let Some(Ok(ApprovalOutcome { answers, .. })) = outcome {
        return answers;
    }
    let gate = state.wait.as_ref().and_then(|wait| wait.gate.as_ref());
    gate.map(|gate| gate.answers.clone()).unwrap_or_default()
}

/// Whether it is known what its tool answered: it was called, here or where its result is from, or could not be.
pub(crate) fn was_called(document: &TaskDocument) -> bool {
    let state = &document.state;
    let is_unsent = |kind| matches!(kind, FailureKind::Unreachable | FailureKind::NotConfigured);
    let is_known = state.call.is_some()
        || document.head.taken_from.is_some()
        || state.error.as_ref().is_some_and(|error| is_unsent(error.kind));
    is_known && document.head.integration.as_str() != UPDRAFT
}

/// A recording, while a dry run is answered from it.
#[derive(Debug)]
pub struct Replayed<'r> {
    recording: &'r Recording,
    /// The ids of the tasks whose answers were taken.
    taken: BTreeSet<updraft_protocol::TaskId>,
}

impl<'r> Replayed<'r> {
    /// Nothing of it is taken yet.
    pub fn new(recording: &'r Recording) -> Self {
        Self { recording, taken: BTreeSet::new() }
    }

    /// The calls that were made and that nothing asked for.
    pub fn gone(&self) -> impl Iterator<Item = &RecordedTask> {
        let is_gone = |task: &&RecordedTask| {
            was_called(&task.document) && !self.taken.contains(&task.document.task_request_id)
        };
        self.recording.tasks.iter().filter(is_gone)
    }

    fn take(&mut self, place: &TaskPlace, what: (&str, &str)) -> Option<&'r TaskDocument> {
        let document = self.recording.task(place, what)?;
        self.taken.insert(document.task_request_id);
        Some(document)
    }
}

impl Answers for Replayed<'_> {
    fn call(&mut self, call: &CallMade) -> Option<GivenOutcome> {
        let document = self.recording.task(&call.place, (call.integration.as_str(), call.action.as_str()))?;
        let state = &document.state;
        if !was_called(document) || call.attempt > state.attempt {
            return None;
        }
        self.taken.insert(document.task_request_id);
        let failed = || state.error.as_deref().cloned();
        let last = call.began.after(runtime(document));
        let (outcome, after) = if call.attempt < state.attempt {
            (Err(failed()?), Duration::ZERO)
        } else {
            match state.status {
                TaskStatus::Completed => {
                    (Ok(state.response.clone().unwrap_or_else(Json::null)), since(last, call.at))
                }
                TaskStatus::Failed | TaskStatus::Unknown => (Err(failed()?), since(last, call.at)),
                // It was stopped before it was answered: the answer comes too late.
                TaskStatus::Executing
                | TaskStatus::Retrying
                | TaskStatus::Waiting
                | TaskStatus::Cancelled => (Ok(Json::null()), Duration::MAX),
            }
        };
        // A call may have stood in line before its time began.
        let after = if after == Duration::MAX { after } else { after.min(call.timeout) };
        Some(GivenOutcome { outcome, after, from: "recorded".into() })
    }

    fn question(&mut self, asked: &QuestionAsked) -> Option<Reaction> {
        let document = self.take(&asked.place, (UPDRAFT, "approval"))?;
        let wait = document.state.wait.as_deref();
        let kind = document.state.error.as_ref().map(|error| error.kind);
        match kind {
            Some(FailureKind::Expired) => return Some(Reaction::Nothing),
            Some(FailureKind::Skipped) => return Some(Reaction::Skips(runtime(document))),
            _ => {}
        }
        let (gate, began) = (wait?.gate.as_deref()?, wait?.since);
        let given = answers_of(document);
        if given.is_empty() {
            // The execution ended before anybody answered.
            return document.state.status.ended().then_some(Reaction::Nothing);
        }
        let answers = given.into_iter().map(|given| {
            let answer = ApprovalAnswer {
                uid: given.uid,
                groups: groups(gate, &asked.gate),
                choice: given.choice,
                comment: given.comment,
                data: given.data,
            };
            (since(given.at, began), answer)
        });
        let answers: Vec<_> = answers.collect();
        let is_choice =
            |(_, answer): &(Duration, ApprovalAnswer)| asked.gate.choices.contains(&answer.choice);
        answers.iter().all(is_choice).then_some(Reaction::Answers(answers))
    }

    fn signal(&mut self, awaited: &SignalAwaited) -> Option<SignalGiven> {
        let document = self.take(&awaited.place, (UPDRAFT, "wait_for"))?;
        let wait = document.state.wait.as_deref().filter(|wait| wait.kind == WaitKind::Signal);
        if wait.is_some_and(|wait| wait.subject.as_ref() != Some(&awaited.signal)) {
            return None;
        }
        match document.state.status {
            TaskStatus::Completed => {
                let payload = document.state.response.clone().unwrap_or_else(Json::null);
                Some(SignalGiven::Comes(runtime(document), payload))
            }
            _ => Some(SignalGiven::Nothing),
        }
    }

    fn child(&mut self, child: &ChildMade) -> Option<(ChildReport, Duration)> {
        if child.is_there {
            return None;
        }
        let document = self.take(&child.place, (UPDRAFT, SUB_PLAYBOOK))?;
        let state = &document.state;
        let kind = state.error.as_ref().map(|error| error.kind);
        let status = match state.status {
            TaskStatus::Completed if !child.waits => return Some((ChildReport::Started, runtime(document))),
            TaskStatus::Completed => ExecutionStatus::Completed,
            TaskStatus::Cancelled => ExecutionStatus::Cancelled,
            _ if kind == Some(FailureKind::Expired) => ExecutionStatus::TimedOut,
            _ => ExecutionStatus::Failed,
        };
        let report =
            ChildReport::Ended { status, output: state.response.clone(), error: state.error.clone() };
        Some((report, runtime(document)))
    }
}

/// The groups of whoever answered, which nobody has recorded: those that were asked, and those that are.
fn groups(then: &Gate, now: &Gate) -> Vec<Arc<str>> {
    then.groups.iter().chain(&now.groups).cloned().collect()
}
