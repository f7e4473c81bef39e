//! Answers: what a dry run asks for in place of tools, people, senders of signals and other executions. Owns the questions and
//! the form of the answers; answers nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use updraft_kernel::machine::ChildReport;
use updraft_protocol::{
    ApprovalAnswer, AuthoredNames, AuthoredStep, Effect, Failure, Gate, Json, Name, ScopePath,
    SecretReference, StepId, StepPart, TaskId, Timestamp, Value,
};

/// Where a task stands, as the author of its playbook knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskPlace {
    /// The steps of the sub-playbooks that it is inside of, the outermost first: `each:3/isolate`; empty in the execution itself.
    pub within: Arc<str>,
    /// The scope.
    pub scope: ScopePath,
    /// The step.
    pub step: StepId,
    /// What of the step it is, where one step was made into several.
    pub part: StepPart,
}

impl TaskPlace {
    /// The place of a task of a native step, in the words of these authors; `wraps` says of which native steps the rounds are no
    /// scopes.
    pub(crate) fn of(
        names: &AuthoredNames,
        (within, scope, step): (&Arc<str>, &ScopePath, &StepId),
        wraps: impl Fn(&StepId) -> bool,
    ) -> Self {
        let within = within.clone();
        if names.is_native() {
            return Self { within, scope: scope.clone(), step: step.clone(), part: StepPart::Whole };
        }
        let AuthoredStep { step, part } = names.step(step);
        Self { within, scope: names.scope(scope, wraps), step, part }
    }

    /// The place of the executions below this task.
    pub fn below(&self) -> Arc<str> {
        let before = if self.within.is_empty() { String::new() } else { format!("{} > ", self.within) };
        format!("{before}{}", self.own()).into()
    }

    fn own(&self) -> String {
        match self.scope.as_str() {
            "" => self.step.to_string(),
            scope => format!("{scope}/{}", self.step),
        }
    }
}

impl fmt::Display for TaskPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.below())
    }
}

/// A call that would be made.
#[derive(Debug, Clone)]
pub struct CallMade {
    /// Its task.
    pub place: TaskPlace,
    /// The tool.
    pub integration: Name,
    /// What the tool is to do.
    pub action: Name,
    /// Whether that changes something.
    pub effect: Effect,
    /// The arguments, with the names of secrets in their places.
    pub arguments: Value,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// When its task began.
    pub began: Timestamp,
    /// When it is made.
    pub at: Timestamp,
    /// How long it may take.
    pub timeout: Duration,
}

/// A call that looks something up, and may be made for real. Only a dry run makes one, of calls that only read.
#[derive(Debug)]
pub struct ReadCall {
    made: CallMade,
    task_id: TaskId,
    arguments: Value,
    secrets: Arc<[SecretReference]>,
}

impl ReadCall {
    /// The call, unless it changes something.
    pub(crate) fn of(
        made: &CallMade,
        task_id: TaskId,
        arguments: Value,
        secrets: Arc<[SecretReference]>,
    ) -> Option<Self> {
        match made.effect {
            Effect::Read => Some(Self { made: made.clone(), task_id, arguments, secrets }),
            Effect::Write => None,
        }
    }

    /// What is asked.
    pub fn made(&self) -> &CallMade {
        &self.made
    }

    /// Its idempotency key.
    pub fn task_id(&self) -> TaskId {
        self.task_id
    }

    /// The arguments, with `null` in the place of each secret.
    pub fn arguments(&self) -> &Value {
        &self.arguments
    }

    /// The secrets that it needs, by their places.
    pub fn secrets(&self) -> &Arc<[SecretReference]> {
        &self.secrets
    }
}

/// The answer of a tool.
#[derive(Debug, Clone)]
pub struct GivenOutcome {
    /// Its output or its failure.
    pub outcome: Result<Json, Failure>,
    /// How long it takes.
    pub after: Duration,
    /// Where it is from, for people: `answers[2]`.
    pub from: Arc<str>,
}

/// A question that people are asked.
#[derive(Debug, Clone)]
pub struct QuestionAsked {
    /// Its task.
    pub place: TaskPlace,
    /// The question, rendered.
    pub question: Arc<str>,
    /// Who may answer what.
    pub gate: Gate,
    /// When it is asked.
    pub at: Timestamp,
    /// When its time is over.
    pub until: Option<Timestamp>,
}

/// What people do about a question.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// They answer, each so long after it was asked.
    Answers(Vec<(Duration, ApprovalAnswer)>),
    /// Nobody answers in time.
    Nothing,
    /// A person skips it, so long after it was asked.
    Skips(Duration),
}

/// A wait for a signal.
#[derive(Debug, Clone)]
pub struct SignalAwaited {
    /// Its task.
    pub place: TaskPlace,
    /// The name of the signal.
    pub signal: Arc<str>,
    /// Its key.
    pub key: Option<Arc<str>>,
    /// Since when.
    pub at: Timestamp,
    /// When its time is over.
    pub until: Option<Timestamp>,
}

/// What becomes of a wait for a signal.
#[derive(Debug, Clone)]
pub enum SignalGiven {
    /// It comes so long after the wait began, with this payload.
    Comes(Duration, Json),
    /// It does not come in time.
    Nothing,
    /// A person skips the wait, so long after it began.
    Skips(Duration),
}

/// A sub-playbook that would be started.
#[derive(Debug, Clone)]
pub struct ChildMade {
    /// The task that starts it.
    pub place: TaskPlace,
    /// The playbook, as its step names it.
    pub playbook: String,
    /// Its input.
    pub input: Json,
    /// When the task began.
    pub at: Timestamp,
    /// Whether the task waits for its end.
    pub waits: bool,
    /// Whether the playbook is there, so that it runs where nothing is given.
    pub is_there: bool,
}

/// Answers a dry run. `None` is no answer: the path stops there.
pub trait Answers {
    /// The answer of a tool.
    fn call(&mut self, call: &CallMade) -> Option<GivenOutcome>;

    /// The answer of a tool that is asked for real, of a call that changes nothing; asked where [`Answers::call`] has none.
    fn read(&mut self, _call: ReadCall) -> Option<GivenOutcome> {
        None
    }

    /// What people do about a question.
    fn question(&mut self, asked: &QuestionAsked) -> Option<Reaction>;

    /// What becomes of a wait for a signal.
    fn signal(&mut self, awaited: &SignalAwaited) -> Option<SignalGiven>;

    /// How a sub-playbook ends that does not run here, and how long it takes.
    fn child(&mut self, child: &ChildMade) -> Option<(ChildReport, Duration)>;
}
