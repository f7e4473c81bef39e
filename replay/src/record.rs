//! Recording: a test case made of a past execution, with personal data masked, and what is expected of it taken from its own run.
//! Owns what is written down of each task; reads no store.

mod write;

use thiserror::Error;
use updraft_protocol::limits::SPAN;
use updraft_protocol::{
    FailureKind, Json, Span, StepId, StepPart, TaskDocument, TaskStatus, TenantCode, Value, WaitKind,
};

use crate::case::TestCase;
use crate::compare::{ReplayVerdict, of_trace};
use crate::expect::{Expectation, ExpectedCall, ExpectedFailure};
use crate::file::{WrittenAnswer, WrittenApproval, WrittenFailure, WrittenSignal};
use crate::mask::Masks;
use crate::plans::RunPlans;
use crate::recorded::{RecordedTask, Recording, answers_of, runtime, was_called};
use crate::trace::{RunTrace, TraceEnd};
pub use write::file_of;

/// Steps of a path that are written down: of a longer one, such as that of a loop, each step once.
const PATH_STEPS: usize = 100;
/// Calls that are written down with their arguments.
const CALLS: usize = 50;

/// Why no case was made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// No playbook was given.
    #[error("there is no playbook")]
    NoPlaybook,
    /// What tools and people will say is not known yet.
    #[error("the execution has not ended: a case is made of what has happened")]
    NotEnded,
    /// A place that is to be masked is not there.
    #[error("--mask {0}: the execution has no such value")]
    NoValue(String),
    /// There is nothing to mask in a place.
    #[error("--mask {0}: there is no text and no number, so that nothing is masked")]
    NothingToMask(String),
    /// The playbook refuses the alert or the variables that the execution had.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// The case has no end.
    #[error("the case goes on beyond the bounds of a dry run: {0}")]
    Unfinished(&'static str),
}

impl Error {
    /// Whether the same can be done another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// What is asked of a recording.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The name of the case.
    pub name: String,
    /// Places of the alert to mask: `input.user.mail`.
    pub mask: Vec<String>,
    /// Whether what usually names people stays.
    pub keeps_personal: bool,
}

/// A case that was made.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The case, which passes.
    pub case: TestCase,
    /// How many values are masked.
    pub masked: u32,
    /// Where its run is another than that of the execution, if it is.
    pub verdict: ReplayVerdict,
}

/// Makes a case of an execution.
///
/// # Errors
/// A place to mask that is not there; or why the case does not run.
pub fn case_of(recording: &Recording, plans: &RunPlans, wish: &Wish) -> Result<Recorded, Error> {
    let planned = plans.main().ok_or(Error::NoPlaybook)?;
    if !recording.execution.state.execution_status.ended() {
        return Err(Error::NotEnded);
    }
    let start = recording.start(planned, true);
    let mut masks = Masks::default();
    for place in &wish.mask {
        let value =
            Masks::place("input", &start.input, place).ok_or_else(|| Error::NoValue(place.clone()))?;
        if !masks.all(value) {
            return Err(Error::NothingToMask(place.clone()));
        }
    }
    if !wish.keeps_personal {
        masks.personal(&start.input);
        for task in &recording.tasks {
            let state = &task.document.state;
            let answer = state.error.as_ref().and_then(|error| error.answer.as_ref());
            state.response.iter().chain(answer).for_each(|value| masks.personal(&value.value()));
            // Who is asked by name is in the playbook, or in the alert.
            let gate = state.wait.as_deref().and_then(|wait| wait.gate.as_deref());
            let is_named = |uid: &std::sync::Arc<str>| gate.is_some_and(|gate| gate.assignees.contains(uid));
            let given = answers_of(&task.document).into_iter().map(|given| given.uid);
            given.filter(|uid| !is_named(uid)).for_each(|uid| masks.person(&uid));
        }
    }
    let mut case = TestCase { name: wish.name.clone(), ..TestCase::default() };
    case.alert = Some(masks.masked(&start.input));
    let own = |name: &String, value: &Value| planned.variables.get(name) == Some(value);
    let others = start.variables.iter().filter(|(name, value)| !own(name, value));
    let written = |name: &String| plans.names().written_variable(name).to_owned();
    case.variables = others.map(|(name, value)| (written(name), masks.masked(value))).collect();
    case.clock = Some(start.now.to_string());
    case.cancel_after = start.cancel.as_ref().map(|(after, _)| Span(*after));
    let alert = case.alert.clone().unwrap_or_default();
    let tenant = &recording.execution.head.tenant_code;
    // How long tools took matters where paths race.
    let mut last = None;
    for timed in [false, true] {
        write_answers(&mut case, recording, (plans, &masks, timed));
        let trace = run(&mut case, plans, (tenant, &alert));
        let verdict = of_trace(recording, &trace);
        let is_same = !matches!(&verdict, ReplayVerdict::Differs { step, .. } if step != "output");
        last = Some((trace, verdict));
        if is_same {
            break;
        }
    }
    let (trace, verdict) = last.ok_or(Error::Unfinished("nothing ran"))?;
    match &trace.end {
        TraceEnd::Ended(_) | TraceEnd::NeedsAnswer => {}
        TraceEnd::Refused(mistakes) => return Err(Error::Refused(mistakes.clone())),
        TraceEnd::Beyond(why) => return Err(Error::Unfinished(why)),
    }
    case.expect = expected(&trace);
    Ok(Recorded { case, masked: masks.count(), verdict })
}

/// Runs it; what nothing asked for is left out.
fn run(case: &mut TestCase, plans: &RunPlans, (tenant, alert): (&TenantCode, &Value)) -> RunTrace {
    let outcome = case.run(plans, tenant, alert.clone());
    let is_of = |unused: &String, entry: &str| unused.split(' ').next() == Some(entry);
    let keeps = |list: &str, at: usize| {
        let entry = format!("{list}[{at}]");
        !outcome.unused.iter().any(|unused| is_of(unused, &entry))
    };
    let mut at = 0..;
    case.answers.retain(|_| at.next().is_none_or(|at| keeps("answers", at)));
    let mut at = 0..;
    case.approvals.retain(|_| at.next().is_none_or(|at| keeps("approvals", at)));
    let mut at = 0..;
    case.signals.retain(|_| at.next().is_none_or(|at| keeps("signals", at)));
    outcome.trace
}

fn write_answers(case: &mut TestCase, recording: &Recording, how: (&RunPlans, &Masks, bool)) {
    (case.answers, case.approvals, case.signals) = (Vec::new(), Vec::new(), Vec::new());
    let (plans, masks, timed) = how;
    // Without the other playbooks, the steps that run them are answered, and nothing in them asks.
    let runs_children = plans.has_others();
    for task in recording.tasks.iter().filter(|task| runs_children || task.place.within.is_empty()) {
        let document = &task.document;
        match (document.head.integration.as_str(), document.head.action.as_str()) {
            ("updraft", "approval") => case.approvals.extend(approvals(task, masks, timed)),
            ("updraft", "wait_for") => case.signals.extend(signal(task, masks, timed)),
            ("updraft", "playbook") if !runs_children => case.answers.extend(answer(task, masks, timed)),
            _ if was_called(document) => {
                case.answers.extend(earlier(task, masks));
                case.answers.extend(answer(task, masks, timed));
            }
            _ => {}
        }
    }
}

/// An answer to the calls of a task.
fn of_task(task: &RecordedTask) -> WrittenAnswer {
    let within = (!task.place.within.is_empty()).then(|| task.place.within.to_string());
    let scope = (!task.place.scope.as_str().is_empty()).then(|| task.place.scope.clone());
    // The calls of one step are answered in their order.
    let times = matches!(task.place.part, StepPart::Call(_)).then_some(1);
    WrittenAnswer { step: Some(task.place.step.clone()), scope, within, times, ..WrittenAnswer::default() }
}

fn took(document: &TaskDocument, timed: bool) -> Option<Span> {
    Some(Span(runtime(document))).filter(|span| timed && !span.0.is_zero())
}

/// The attempts before the last one, which failed as the newest of them.
fn earlier(task: &RecordedTask, masks: &Masks) -> Option<WrittenAnswer> {
    let state = &task.document.state;
    let times = state.attempt.checked_sub(1).filter(|times| *times > 0)?;
    let failure = written_failure(state.error.as_deref()?, masks);
    Some(WrittenAnswer { failure: Some(failure), times: Some(times), ..of_task(task) })
}

fn answer(task: &RecordedTask, masks: &Masks, timed: bool) -> Option<WrittenAnswer> {
    let (state, own) = (&task.document.state, of_task(task));
    let after = took(&task.document, timed);
    Some(match state.status {
        TaskStatus::Completed => {
            let output = masks.masked(&state.response.as_ref().map(Json::value).unwrap_or_default());
            let (output, body) = match short(&output) {
                Some(body) => (None, Some(body)),
                None => (Some(output), None),
            };
            WrittenAnswer { output, body, after, ..own }
        }
        TaskStatus::Failed | TaskStatus::Unknown => {
            let failure = Some(written_failure(state.error.as_deref()?, masks));
            WrittenAnswer { failure, after, ..own }
        }
        // It was stopped before it was answered.
        _ => WrittenAnswer { output: Some(Value::Null), after: Some(Span(SPAN)), optional: true, ..own },
    })
}

/// The body of an answer of HTTP that may be written short.
fn short(output: &Value) -> Option<Value> {
    let fields = output.as_object().filter(|fields| fields.len() == 3)?;
    let is_plain = fields.get("status")?.as_u64() == Some(200)
        && fields.get("headers")?.as_object().is_some_and(|headers| headers.is_empty());
    if is_plain { fields.get("body").cloned() } else { None }
}

fn written_failure(failure: &updraft_protocol::Failure, masks: &Masks) -> WrittenFailure {
    let answer = failure.answer.as_ref().map(|answer| masks.masked(&answer.value()));
    let field = |name: &str| answer.as_ref().and_then(|answer| answer.get(name)).cloned();
    let status =
        field("status").and_then(|status| status.as_u64()).and_then(|status| u16::try_from(status).ok());
    WrittenFailure {
        kind: Some(failure.kind),
        message: Some(masks.masked_text(&failure.message)),
        status,
        headers: field("headers").filter(|_| status.is_some()),
        body: field("body").filter(|_| status.is_some()),
        retry_after: failure.retry_after().map(Span),
        retryable: Some(failure.retryable()),
        acted: Some(failure.may_have_acted()),
    }
}

fn approvals(task: &RecordedTask, masks: &Masks, timed: bool) -> Vec<WrittenApproval> {
    let (state, own) = (&task.document.state, of_task(task));
    let own = WrittenApproval { step: own.step, scope: own.scope, within: own.within, ..Default::default() };
    let kind = state.error.as_ref().map(|error| error.kind);
    let wait = state.wait.as_deref().filter(|wait| wait.kind == WaitKind::Approval);
    let answers = answers_of(&task.document);
    if kind == Some(FailureKind::Skipped) {
        return vec![WrittenApproval { skip: true, ..own }];
    }
    if answers.is_empty() || kind == Some(FailureKind::Expired) {
        return vec![WrittenApproval { expires: true, ..own }];
    }
    let since = wait.map(|wait| wait.since).unwrap_or_default();
    let written = answers.iter().map(|given| WrittenApproval {
        choice: Some(given.choice.clone()),
        // One person is whoever is asked; several are told apart.
        uid: (answers.len() > 1).then(|| masks.masked_text(&given.uid).into()),
        data: given.data.as_ref().map(|data| masks.masked(&data.value())),
        comment: given.comment.as_ref().map(|comment| masks.masked_text(comment).into()),
        after: timed.then(|| Span::millis(given.at.since(since))).filter(|span| !span.0.is_zero()),
        ..own.clone()
    });
    written.collect()
}

fn signal(task: &RecordedTask, masks: &Masks, timed: bool) -> Option<WrittenSignal> {
    let (state, own) = (&task.document.state, of_task(task));
    let own = WrittenSignal { step: own.step, scope: own.scope, within: own.within, ..Default::default() };
    Some(match state.status {
        TaskStatus::Completed => WrittenSignal {
            payload: state.response.as_ref().map(|payload| masks.masked(&payload.value())),
            after: took(&task.document, timed),
            ..own
        },
        _ => WrittenSignal { expires: true, ..own },
    })
}

/// What a run came to.
fn expected(trace: &RunTrace) -> Expectation {
    let own = trace.tasks.iter().filter(|task| task.place.within.is_empty());
    let all: Vec<StepId> = own.map(|task| task.place.step.clone()).collect();
    let is_long = all.len() > PATH_STEPS;
    let mut once: Vec<StepId> = Vec::new();
    for step in all.iter().filter(|_| is_long) {
        if !once.contains(step) {
            once.push(step.clone());
        }
    }
    let first = trace.calls.iter().map(|call| &call.made).filter(|made| made.attempt == 1);
    let calls: Vec<ExpectedCall> = first
        .filter(|made| made.effect == updraft_protocol::Effect::Write)
        .take(CALLS)
        .map(|made| ExpectedCall {
            step: Some(made.place.step.clone()),
            scope: (!made.place.scope.as_str().is_empty()).then(|| made.place.scope.clone()),
            within: (!made.place.within.is_empty()).then(|| made.place.within.to_string()),
            arguments: Some(made.arguments.clone()),
            ..ExpectedCall::default()
        })
        .collect();
    let failure = trace
        .failure
        .as_deref()
        .map(|failure| ExpectedFailure { kind: Some(failure.kind), message: Some(failure.message.clone()) });
    Expectation {
        status: Some(trace.word().to_owned()),
        output_exactly: trace.output.as_ref().map(Json::value),
        path: is_long.then_some(once),
        path_exactly: (!is_long).then_some(all),
        calls,
        failure,
        ..Expectation::default()
    }
}

#[cfg(test)]
mod tests;
