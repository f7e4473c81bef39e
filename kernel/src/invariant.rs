//! The invariants as named functions, over documents and machines: unit, property, crash and simulation
//! tests call the same ones, and so do the machine's debug assertions.

mod containment;
mod locks;
mod pause;
mod queue;
mod rerun;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use updraft_protocol::{
    ApprovalOutcome, ExecutionDocument, ExecutionStatus, FailureKind, GivenAnswer, Json, Revision, ScopePath,
    StepId, TaskDocument, TaskId, TaskStatus, Value,
};

use crate::machine::{FAILED_CLEANUP, Machine};
use crate::plan::{Follows, Plan, PlannedAction, PlannedKind, PlannedStep, REFUSE};

pub use containment::{is_held_to_the_last, is_never_forgotten};
pub use locks::{ActingCall, acts_with_its_locks, nobody_waits_for_what_it_is_lent, one_holder};
pub use pause::{held_by_a_pause, nothing_begins_while_paused, paused_before_it_failed};
pub use queue::{
    accepted_adds_up, begins_in_order, begins_once, none_begins_while_paused, waits_for_a_round,
    within_its_share,
};
pub use rerun::{kept_results_stand, what_stands_is_kept};
pub use undo::{undo_is_registered, undone_before_the_end};

/// An invariant that does not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{invariant}: {what}")]
pub struct Violation {
    /// The name of the invariant.
    pub invariant: &'static str,
    /// The observation that breaks it.
    pub what: String,
}

fn violated(invariant: &'static str, what: impl Into<String>) -> Result<(), Violation> {
    Err(Violation { invariant, what: what.into() })
}

/// An execution ends exactly once: of its statuses in the order of their reports, only the last is an end.
pub fn one_end(statuses: &[ExecutionStatus]) -> Result<(), Violation> {
    let ends = statuses.iter().filter(|status| status.ended()).count();
    match statuses.last() {
        Some(last) if ends == 1 && last.ended() => Ok(()),
        _ => violated("one end", format!("{ends} ends in {statuses:?}")),
    }
}

/// When an execution has ended, so have all its tasks, and the end is complete.
pub fn ended_whole(execution: &ExecutionDocument, tasks: &[TaskDocument]) -> Result<(), Violation> {
    let state = &execution.state;
    if !state.execution_status.ended() {
        return violated("ended whole", format!("{} is {}", execution.peid, state.execution_status));
    }
    if state.finished_date.is_none() || state.playbook_runtime.is_none() {
        return violated("ended whole", format!("{} has no end time", execution.peid));
    }
    match tasks.iter().find(|task| !task.state.status.ended()) {
        Some(task) => violated(
            "ended whole",
            format!(
                "{} is {} while its execution is {}",
                task.head.step_id, task.state.status, state.execution_status
            ),
        ),
        None => Ok(()),
    }
}

/// Steps run in order: the task is the first step's, or an ended task of its scope leads to its step, or it begins a
/// scope that another task opened.
pub fn steps_in_order(plan: &Plan, tasks: &[TaskDocument]) -> Result<(), Violation> {
    let by_place: BTreeMap<(&str, &str), &TaskDocument> =
        tasks.iter().map(|task| ((task.head.scope.as_str(), task.head.step_id.as_str()), task)).collect();
    for task in tasks {
        let (scope, id) = (&task.head.scope, &task.head.step_id);
        let Some(index) = plan.index_of(id) else {
            return violated("steps in order", format!("no step \"{id}\""));
        };
        // What is undone may have left memory; `undone_before_the_end` looks at all.
        if PlannedAction::of(plan.step(index)).is_some_and(|action| action.undoes.is_some()) {
            continue;
        }
        let earlier = |scope: &str, step: &PlannedStep| {
            let before = by_place.get(&(scope, step.id.as_str())).copied();
            before.filter(|before| before.head.task_seq < task.head.task_seq)
        };
        let begins = match scope.opened_by() {
            None => index == plan.start,
            Some((outer, opener, body)) => plan.steps.iter().any(|step| {
                let opens = step.id.as_str() == opener && step.opens(body) == Some(index);
                opens && earlier(outer, step).is_some()
            }),
        };
        let follows = |step: &PlannedStep| {
            earlier(scope.as_str(), step).is_some_and(|before| {
                step.follows(before.state.status, &before.state) == Some(Follows::Step(index))
            })
        };
        if !begins && !plan.steps.iter().any(follows) {
            return violated(
                "steps in order",
                format!("nothing that ended asks for \"{id}\" in \"{scope}\""),
            );
        }
    }
    Ok(())
}

/// Approvals are decided as their steps ask: each person counts once, only people who are asked, as many as are needed, and
/// only a choice after which the playbook goes on completes the task, and the data of each fits the form.
pub fn answered_as_asked(plan: &Plan, tasks: &[TaskDocument]) -> Result<(), Violation> {
    for task in tasks {
        let Some(gate) = task.state.wait.as_ref().and_then(|wait| wait.gate.as_deref()) else { continue };
        let step = plan.index_of(&task.head.step_id).map(|index| &plan.step(index).kind);
        let Some(PlannedKind::Approval(approval)) = step else { continue };
        let output = task.state.response.as_ref().map(|output| output.as_str());
        let outcome = output.and_then(|output| serde_json::from_str::<ApprovalOutcome>(output).ok());
        let answers = outcome.as_ref().map_or(&gate.answers, |outcome| &outcome.answers);
        let people: BTreeSet<&str> = answers.iter().map(|given| &*given.uid).collect();
        let is_asked = |uid: &&str| !gate.groups.is_empty() || gate.asks(uid, &[]);
        let refused = task.state.error.as_ref().is_some_and(|error| error.kind == FailureKind::Refused);
        let completed = task.state.status == TaskStatus::Completed;
        let is_filled_in = |given: &GivenAnswer| match (&approval.form, &given.data) {
            (None, data) => data.is_none(),
            (Some(_), None) => given.choice.as_str() == REFUSE,
            (Some(form), Some(data)) => form.filled(&data.value()).is_ok_and(|filled| filled == data.value()),
        };
        let fits = match &outcome {
            None => !refused && !completed,
            Some(outcome) => {
                let same = answers.iter().filter(|given| given.choice == outcome.choice).count();
                let is_enough = outcome.choice.as_str() == REFUSE || same >= gate.quorum as usize;
                let last = answers.last().map(|given| &given.choice);
                let goes_on = approval.goes_on(outcome.choice.as_str());
                let is_its_data = answers.last().is_some_and(|given| given.data == outcome.data);
                let is_last = last == Some(&outcome.choice) && is_its_data;
                is_enough && is_last && completed == goes_on && refused != goes_on
            }
        };
        if !fits
            || !answers.iter().all(is_filled_in)
            || people.len() != answers.len()
            || !people.iter().all(is_asked)
        {
            return violated("answered as asked", format!("{}: {:?}", task.head.step_id, task.state));
        }
    }
    Ok(())
}

/// What runs beside the wait of an approval ends with it: when the approval has ended so have the tasks in its bodies, and none
/// of them began after the step that follows.
pub fn bodies_end_with_their_wait(plan: &Plan, tasks: &[TaskDocument]) -> Result<(), Violation> {
    let found = |scope: &str, step: &str| {
        tasks.iter().find(|task| task.head.scope.as_str() == scope && task.head.step_id.as_str() == step)
    };
    for task in tasks {
        let Some((outer, opener, _)) = task.head.scope.opened_by() else { continue };
        let step = StepId::new(opener).ok().and_then(|id| plan.index_of(&id)).map(|index| plan.step(index));
        let Some(step) = step.filter(|step| matches!(step.kind, PlannedKind::Approval(_))) else { continue };
        let Some(gate) = found(outer, opener).filter(|gate| gate.state.status.ended()) else { continue };
        let after = match step.follows(gate.state.status, &gate.state) {
            Some(Follows::Step(next)) => found(outer, plan.step(next).id.as_str()),
            _ => None,
        };
        let began_late = after.is_some_and(|after| after.head.task_seq < task.head.task_seq);
        if !task.state.status.ended() || began_late {
            return violated(
                "bodies end with their wait",
                format!("{} in {} is {} after it", task.head.step_id, task.head.scope, task.state.status),
            );
        }
    }
    Ok(())
}

/// The end of a sub-playbook is that of the task that waits for it, unless the task is cancelled for another reason.
pub fn ends_as_its_child(task: &TaskDocument, child: ExecutionStatus) -> Result<(), Violation> {
    let status = task.state.status;
    let fits = match child {
        ExecutionStatus::Queued | ExecutionStatus::Executing | ExecutionStatus::Paused => !status.ended(),
        ExecutionStatus::Completed => status == TaskStatus::Completed,
        ExecutionStatus::Failed => matches!(status, TaskStatus::Failed | TaskStatus::Unknown),
        ExecutionStatus::Cancelled | ExecutionStatus::TimedOut => status == TaskStatus::Failed,
    };
    if fits || status == TaskStatus::Cancelled {
        return Ok(());
    }
    violated("ends as its child", format!("{} is {status}, and its child {child}", task.head.step_id))
}

/// A `for_each` counts its items truly: those that it reports as completed or failed are those that began, each ran in a
/// scope of its own, and no item is left out.
pub fn items_are_counted(plan: &Plan, tasks: &[TaskDocument]) -> Result<(), Violation> {
    let mut begun: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (outer, opener, item) in tasks.iter().filter_map(|task| task.head.scope.opened_by()) {
        begun.entry((outer, opener)).or_default().insert(item);
    }
    for task in tasks {
        let step = plan.index_of(&task.head.step_id).map(|index| plan.step(index));
        let is_loop = step.is_some_and(|step| matches!(step.kind, PlannedKind::ForEach(_)));
        // What a rerun has taken over was counted where it ran.
        let is_counted = is_loop && task.head.taken_from.is_none();
        let Some(output) = task.state.response.as_ref().filter(|_| is_counted).map(Json::value) else {
            continue;
        };
        let count = |field: &str| output[field].as_u64().unwrap_or(u64::MAX);
        let place = (task.head.scope.as_str(), task.head.step_id.as_str());
        let began = begun.get(&place).map_or(0, BTreeSet::len) as u64;
        let told = count("completed").saturating_add(count("failed"));
        // An item whose lock names no target has failed, and nothing of it has begun.
        let lacks_target = |failure: &&Value| {
            failure["message"].as_str().is_some_and(|message| message.starts_with("lock.target: "))
        };
        let failures = output["failures"].as_array().unwrap_or_default();
        let began = began.saturating_add(failures.iter().filter(lacks_target).count() as u64);
        if told != began || told.saturating_add(count("not_started")) != count("items") {
            return violated("items are counted", format!("{} items of {place:?} began: {output}", began));
        }
    }
    Ok(())
}

/// In a playbook whose `set` steps each add one to a variable of their path, these count on: none is forgotten, and none
/// counted twice.
pub fn counters_count_on(plan: &Plan, tasks: &[TaskDocument]) -> Result<(), Violation> {
    let kind_of = |step: &str| {
        let index = StepId::new(step).ok().and_then(|id| plan.index_of(&id))?;
        Some(&plan.step(index).kind)
    };
    let is_set =
        |task: &&TaskDocument| matches!(kind_of(task.head.step_id.as_str()), Some(PlannedKind::Set(_)));
    let mut sets: Vec<&TaskDocument> = tasks.iter().filter(is_set).collect();
    sets.sort_unstable_by_key(|task| task.head.task_seq);
    let mut counts: BTreeMap<(ScopePath, String), Vec<u64>> = BTreeMap::new();
    for task in sets {
        let mut path = task.head.scope.clone();
        // Rounds are on the path around their loop, and so is a `finally` with its body.
        while let Some((outer, opener, _)) = path.opened_by()
            && matches!(kind_of(opener), Some(PlannedKind::Repeat(_) | PlannedKind::Finally(_)))
        {
            path = outer.parse().unwrap_or_default();
        }
        let values = task.state.response.as_ref().map(Json::value);
        for (name, value) in values.iter().filter_map(Value::as_object).flatten() {
            let count = value.as_u64().unwrap_or_default();
            counts.entry((path.clone(), name.clone())).or_default().push(count);
        }
    }
    let wrong = counts.iter().find(|(_, counts)| !counts.iter().copied().eq(1..=counts.len() as u64));
    match wrong {
        Some((of, counts)) => violated("counters count on", format!("{of:?}: {counts:?}")),
        None => Ok(()),
    }
}

/// What runs in any case has run once: the body of a `finally` that was entered is followed by its cleanup, and so is a task
/// with an `on_cancel` that was cancelled while it ran or waited. Of a cleanup that waited for a permit until its time was over,
/// no task is there; its failure is told.
pub fn cleaned_up(plan: &Plan, tasks: &[TaskDocument]) -> Result<(), Violation> {
    let places: BTreeSet<(&str, &str)> =
        tasks.iter().map(|task| (task.head.scope.as_str(), task.head.step_id.as_str())).collect();
    for task in tasks.iter().filter(|task| task.state.status.ended()) {
        let step = plan.index_of(&task.head.step_id).map(|index| plan.step(index));
        let Some((step, cleanup)) = step.and_then(|step| Some((step, step.cleanup.as_ref()?))) else {
            continue;
        };
        let is_finally = matches!(step.kind, PlannedKind::Finally(_));
        let is_due = is_finally || task.state.status == TaskStatus::Cancelled;
        let scope = task.head.scope.inside(&step.id, cleanup.scope);
        let has_run = places.contains(&(scope.as_str(), plan.step(cleanup.start).id.as_str()));
        let told = task.state.error.as_ref().is_some_and(|error| error.message.contains(FAILED_CLEANUP));
        if is_due != has_run && !(is_due && told) {
            return violated("cleaned up", format!("{} of {}: {has_run}", cleanup.scope, task.head.step_id));
        }
    }
    Ok(())
}

/// At least once, or at most once, as the step demands: `acts` are the keys under which a tool acted for one completed
/// task.
pub fn acted_as_asked(at_most_once: bool, task: TaskId, acts: &[TaskId]) -> Result<(), Violation> {
    if let Some(other) = acts.iter().find(|key| **key != task) {
        return violated("acted as asked", format!("{task} acted under the key {other}"));
    }
    match (at_most_once, acts.len()) {
        (true, 0 | 1) => Ok(()),
        (true, times) => {
            violated("acted as asked", format!("{task} acted {times} times, at most once was asked"))
        }
        (false, 0) => violated("acted as asked", format!("{task} completed and never acted")),
        (false, _) => Ok(()),
    }
}

/// Statuses never go back: a later read of a document gives the same revision or a newer one.
pub fn never_back(seen: &[Revision]) -> Result<(), Violation> {
    match seen.windows(2).find(|pair| pair[1] < pair[0]) {
        Some(pair) => violated("never back", format!("{:?} was read after {:?}", pair[1], pair[0])),
        None => Ok(()),
    }
}

/// At any time a machine has no more attempts than its limit, keeps no signal that a task waits for, and has no scope open
/// whose opener has ended, and after the end nothing is under way.
pub fn machine(machine: &Machine) -> Result<(), Violation> {
    let (running, places) = machine.places();
    if running > places {
        return violated("places", format!("{running} attempts in {places} places"));
    }
    if !machine.ended() {
        if machine.overlooks_a_signal() {
            return violated("signals", "a signal is kept that a task waits for");
        }
        if machine.has_an_orphan() {
            return violated("scopes", "a scope is open whose opener has ended");
        }
        return held_by_a_pause(machine);
    }
    if running > 0 {
        return violated("one end", format!("{running} attempts after the end"));
    }
    let tasks = machine.task_documents();
    steps_in_order(machine.plan(), &tasks)?;
    answered_as_asked(machine.plan(), &tasks)?;
    undo_is_registered(machine.plan(), &tasks)?;
    bodies_end_with_their_wait(machine.plan(), &tasks)?;
    ended_whole(&machine.document(), &tasks)
}
