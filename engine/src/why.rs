//! Why an execution has not ended: of each of its tasks that has not, what it waits for, since when, until when, and who or
//! what ends that wait; and what people have asked of it. Made of the documents alone, so that a running engine and the store say the same. A call that stands
//! in line for a place at its tool has no task yet, and is not told of.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use updraft_actors::Inspection;
use updraft_protocol::{
    ControlHistory, ExecutionStatus, Name, Pause, Priority, ScopePath, StepId, TaskDocument, TaskId,
    TaskStatus, Timestamp, Wait, WaitKind,
};

/// Why an execution has not ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Its status.
    pub status: ExecutionStatus,
    /// Since when it stands in the backlog, and with which priority, if nothing of it has begun.
    pub queued: Option<(Timestamp, Priority)>,
    /// Who or what holds it, if it is paused: nothing begins before it is resumed.
    pub pause: Option<Arc<Pause>>,
    /// Its waits, in the order of their tasks.
    pub waits: Vec<ExplainedWait>,
    /// What people have asked of it.
    pub controls: Option<Arc<ControlHistory>>,
}

/// The wait of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedWait {
    /// The task.
    pub task: TaskId,
    /// The step that it runs.
    pub step: StepId,
    /// Its scope.
    pub scope: ScopePath,
    /// What ends the wait.
    pub ended_by: EndedBy,
    /// When it began.
    pub since: Timestamp,
    /// When it ends by itself. `None` where that is not known: a call ends when its tool answers.
    pub until: Option<Timestamp>,
}

/// Who or what ends a wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The answer of a tool.
    Tool {
        /// The tool.
        integration: Name,
        /// The action of the tool.
        action: Name,
        /// The number of the attempt.
        attempt: u32,
    },
    /// An instant.
    Instant,
    /// The instant of the next attempt, after one that failed.
    Retry {
        /// The attempt that failed.
        attempt: u32,
        /// Why it failed.
        failure: String,
    },
    /// A person who configures what the engine lacks.
    Configuration {
        /// What is missing.
        missing: String,
    },
    /// A signal.
    Signal {
        /// Its name.
        name: Arc<str>,
        /// Its key.
        key: Option<Arc<str>>,
    },
    /// People who answer.
    People {
        /// The question.
        question: Arc<str>,
        /// The people who may answer. Without any, and without groups, everybody may.
        assignees: Vec<Arc<str>>,
        /// The groups whose members may.
        groups: Vec<Arc<str>>,
        /// How many have to choose the same.
        quorum: u32,
        /// The people who have answered.
        answered: Vec<Arc<str>>,
    },
    /// The end of a sub-playbook.
    Child {
        /// The id of its execution, of which may be asked the same.
        execution: Arc<str>,
    },
    /// The calls of branches that no longer count, and may act at most once.
    Branches,
    /// The instant at which the next round begins.
    Round,
    /// The steps that run when its body has ended, or since it was cancelled.
    Cleanup,
    /// Room at the cap of a guardrail.
    Guardrail {
        /// The guardrail.
        name: Arc<str>,
        /// Why there is no room.
        why: String,
    },
    /// The instant from which the tool may be called again.
    Cooldown {
        /// The tool.
        tool: Arc<str>,
        /// Why it is not called.
        why: String,
    },
    /// A person who mends what made the last attempt fail, and resumes the execution.
    LastFailure {
        /// The attempts that have failed.
        attempt: u32,
        /// Why the last one did.
        failure: String,
    },
}

impl Explanation {
    /// Explains an execution at the instant `now`.
    pub fn of(inspection: &Inspection, now: Timestamp) -> Self {
        let state = &inspection.execution.state;
        let is_paused = state.execution_status == ExecutionStatus::Paused;
        let mut open: Vec<&TaskDocument> =
            inspection.tasks.iter().filter(|task| !task.state.status.ended()).collect();
        open.sort_by_key(|task| task.head.task_seq);
        Self {
            status: state.execution_status,
            queued: (state.execution_status == ExecutionStatus::Queued)
                .then(|| (inspection.execution.head.createddate, inspection.execution.priority())),
            pause: state.pause.clone().filter(|_| is_paused),
            waits: open.into_iter().filter_map(|task| explained(task, now)).collect(),
            controls: state.controls.clone(),
        }
    }
}

/// The wait of a task that has not ended; `None` of one that only waits for what runs inside of it.
pub(crate) fn explained(task: &TaskDocument, now: Timestamp) -> Option<ExplainedWait> {
    let (head, state) = (&task.head, &task.state);
    let cleans_up = state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Cleanup);
    let calls = state.call.is_some() && state.status == TaskStatus::Executing && !cleans_up;
    let (ended_by, since, until) = if calls {
        let (integration, action) = (head.integration.clone(), head.action.clone());
        (EndedBy::Tool { integration, action, attempt: state.attempt }, state.updated_date, None)
    } else {
        let wait = state.wait.as_deref()?;
        // The pause before a round that runs is over.
        let is_over = wait.kind == WaitKind::Round && wait.until.is_none_or(|until| until <= now);
        (!is_over).then_some(())?;
        (ended_by(task, wait), wait.since, wait.until)
    };
    let (step, scope) = (head.step_id.clone(), head.scope.clone());
    Some(ExplainedWait { task: task.task_request_id, step, scope, ended_by, since, until })
}

fn ended_by(task: &TaskDocument, wait: &Wait) -> EndedBy {
    let subject = || wait.subject.clone().unwrap_or_default();
    let failure = || task.state.error.as_ref().map_or_else(String::new, |error| error.message.clone());
    match wait.kind {
        WaitKind::Delay => EndedBy::Instant,
        WaitKind::Retry => EndedBy::Retry { attempt: task.state.attempt, failure: failure() },
        WaitKind::Configuration => EndedBy::Configuration { missing: failure() },
        WaitKind::Signal => EndedBy::Signal { name: subject(), key: wait.key.clone() },
        WaitKind::Approval => {
            let gate = wait.gate.as_deref();
            let given = gate.map_or(&[][..], |gate| &gate.answers);
            EndedBy::People {
                question: subject(),
                assignees: gate.map(|gate| gate.assignees.clone()).unwrap_or_default(),
                groups: gate.map(|gate| gate.groups.clone()).unwrap_or_default(),
                quorum: gate.map_or(1, |gate| gate.quorum),
                answered: given.iter().map(|given| given.uid.clone()).collect(),
            }
        }
        WaitKind::Branches => EndedBy::Branches,
        WaitKind::Child => EndedBy::Child { execution: subject() },
        WaitKind::Round => EndedBy::Round,
        WaitKind::Cleanup => EndedBy::Cleanup,
        WaitKind::Guardrail => EndedBy::Guardrail { name: subject(), why: failure() },
        WaitKind::Cooldown => EndedBy::Cooldown { tool: subject(), why: failure() },
        WaitKind::LastFailure => EndedBy::LastFailure { attempt: task.state.attempt, failure: failure() },
    }
}
