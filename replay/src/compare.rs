//! The comparison of a past execution with its replay: the first place where their paths differ, the calls that are new, those that
//! are gone, and those with other arguments. Owns what counts as a difference; runs nothing.

use std::collections::BTreeMap;

use serde::Serialize;
use updraft_protocol::playbook::Record;
use updraft_protocol::{CallRecord, TaskStatus};

use crate::answers::TaskPlace;
use crate::plans::RunPlans;
use crate::recorded::{RecordedTask, Recording, Replayed};
use crate::trace::{RunTrace, TraceEnd};

/// How a replay compares with its execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum ReplayVerdict {
    /// The same path, the same end.
    Same,
    /// It takes another path.
    Differs {
        /// The step at which the paths part, or `output`.
        step: String,
        /// What was there.
        old: String,
        /// What is there now.
        new: String,
    },
    /// It asks for what was not recorded.
    NeedsAnswer {
        /// The step that asks.
        step: String,
        /// What it asks for.
        asked: String,
    },
    /// It could not be replayed.
    Failed {
        /// Why.
        why: String,
    },
}

/// A comparison.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayComparison {
    /// What it came to.
    #[serde(flatten)]
    pub verdict: ReplayVerdict,
    /// How the execution ended.
    pub old_status: String,
    /// How the replay ended.
    pub new_status: String,
    /// The calls that were not made then, with their arguments.
    pub new_calls: Vec<String>,
    /// The calls that are not made any more.
    pub gone_calls: Vec<String>,
    /// The calls that are made with other arguments.
    pub other_arguments: Vec<String>,
}

impl ReplayComparison {
    /// That of an execution that cannot be replayed.
    pub fn failed(old_status: &str, why: String) -> Self {
        Self {
            verdict: ReplayVerdict::Failed { why },
            old_status: old_status.to_owned(),
            new_status: "refused".to_owned(),
            new_calls: Vec::new(),
            gone_calls: Vec::new(),
            other_arguments: Vec::new(),
        }
    }
}

/// Runs the alert of a past execution through a version of its playbook, and compares.
pub fn replay(recording: &Recording, plans: &RunPlans, keeps_variables: bool) -> ReplayComparison {
    let old_status = recording.execution.state.execution_status.to_string();
    let failed = |why: &str| ReplayComparison::failed(&old_status, why.to_owned());
    let Some(planned) = plans.main() else { return failed("there is no playbook") };
    if !recording.execution.state.execution_status.ended() {
        return failed("the execution has not ended");
    }
    let mut answers = Replayed::new(recording);
    let trace = crate::run(plans, &recording.start(planned, keeps_variables), &mut answers);
    if let TraceEnd::Refused(mistakes) = &trace.end {
        return failed(&mistakes.join("; "));
    }
    let is_known = |place: &TaskPlace, what| recording.task(place, what).is_some();
    let new_calls = trace.calls.iter().filter(|call| {
        let made = &call.made;
        made.attempt == 1 && !is_known(&made.place, (made.integration.as_str(), made.action.as_str()))
    });
    let told = |call: &crate::trace::TracedCall| {
        let made = &call.made;
        format!("{} ({}.{} {})", made.place, made.integration, made.action, made.arguments)
    };
    ReplayComparison {
        verdict: of_trace(recording, &trace),
        old_status: old_status.clone(),
        new_status: trace.word().to_owned(),
        new_calls: new_calls.map(told).collect(),
        gone_calls: answers.gone().map(named).collect(),
        other_arguments: other_arguments(recording, &trace),
    }
}

fn named(task: &RecordedTask) -> String {
    format!("{} ({}.{})", task.place, task.document.head.integration, task.document.head.action)
}

/// How a run compares with an execution.
pub fn of_trace(recording: &Recording, trace: &RunTrace) -> ReplayVerdict {
    match &trace.end {
        TraceEnd::NeedsAnswer => {
            let first = trace.unanswered.first();
            return ReplayVerdict::NeedsAnswer {
                step: first.map(|first| first.step.clone()).unwrap_or_default(),
                asked: first.map(|first| first.asked.clone()).unwrap_or_default(),
            };
        }
        TraceEnd::Beyond(why) => return ReplayVerdict::Failed { why: (*why).to_owned() },
        TraceEnd::Refused(_) | TraceEnd::Ended(_) => {}
    }
    if let Some((step, old, new)) = first_difference(recording, trace) {
        return ReplayVerdict::Differs { step, old, new };
    }
    let state = &recording.execution.state;
    if state.execution_status.as_str() != trace.word() {
        let (old, new) = (state.execution_status.to_string(), trace.word().to_owned());
        return ReplayVerdict::Differs { step: "end".to_owned(), old, new };
    }
    match (&state.output, &trace.output) {
        (Some(old), Some(new)) if !old.same_value(new) => ReplayVerdict::Differs {
            step: "output".to_owned(),
            old: crate::difference::told(&old.value()),
            new: crate::difference::told(&new.value()),
        },
        _ => ReplayVerdict::Same,
    }
}

/// A run of a body: the steps that it took, with their statuses.
type Bodies<'t> = BTreeMap<(&'t str, &'t str), Vec<(&'t TaskPlace, TaskStatus)>>;

/// The first task of which the other path has another, body by body: between branches there is no order.
fn first_difference(recording: &Recording, trace: &RunTrace) -> Option<(String, String, String)> {
    // What a sub-playbook did is compared where it has run here.
    let runs =
        |within: &str| within.is_empty() || trace.tasks.iter().any(|task| *task.place.within == *within);
    let mut then: Bodies<'_> = BTreeMap::new();
    let recorded = recording.whole();
    for task in recorded.iter().filter(|task| runs(&task.place.within)) {
        let body = then.entry((&task.place.within, task.place.scope.as_str())).or_default();
        body.push((&task.place, task.document.state.status));
    }
    let mut at: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let said = |step: &TaskPlace, status: TaskStatus| format!("{} {status}", step.step);
    for task in &trace.tasks {
        let body = (&*task.place.within, task.place.scope.as_str());
        let next = at.entry(body).or_default();
        let old = then.get(&body).and_then(|steps| steps.get(*next));
        *next += 1;
        match old {
            Some((step, status)) if step.step == task.place.step && *status == task.status => {}
            old => {
                let old = old.map_or_else(|| "nothing".to_owned(), |(step, status)| said(step, *status));
                return Some((task.place.to_string(), old, said(&task.place, task.status)));
            }
        }
    }
    let left = then.iter().find_map(|(body, steps)| steps.get(at.get(body).copied().unwrap_or_default()));
    left.map(|(step, status)| (step.to_string(), said(step, *status), "nothing".to_owned()))
}

/// The calls whose arguments are not those that were recorded.
fn other_arguments(recording: &Recording, trace: &RunTrace) -> Vec<String> {
    let tenant = &recording.execution.head.tenant_code;
    let mut found = Vec::new();
    for call in trace.calls.iter().filter(|call| call.made.attempt == 1) {
        let made = &call.made;
        let then = recording.task(&made.place, (made.integration.as_str(), made.action.as_str()));
        let Some(record) = then.and_then(|task| task.state.call.as_deref()) else { continue };
        let how = (made.effect, Record::None, None);
        if record.hash != CallRecord::of(tenant, &made.arguments, &[], how).hash {
            let was = record.arguments.as_ref().map(|was| format!(", was {was}")).unwrap_or_default();
            found.push(format!("{} ({}{was})", made.place, made.arguments));
        }
    }
    found
}

#[cfg(test)]
mod tests;
