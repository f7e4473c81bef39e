//! Reruns of a process: an execution that has ended runs again, with results that it has. Mirrors `engine/src/rerun.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use updraft_kernel::machine::{Effects, Machine};
use updraft_kernel::plan::Plan;
use updraft_kernel::rerun::{RerunPlan, RerunRefusal, containments_of, noted, standings};
use updraft_protocol::{
    ContainmentDocument, ContainmentId, Declaration, ExecutionDocument, ExecutionHead, ExecutionId,
    IdempotencyKey, InputHash, Json, RerunOf, StepId, TaskDocument, TaskId, Timestamp,
};

use super::{Phase, SimulatedNode};
use crate::context::Context;
use crate::execution::asked;
use crate::journal::{SimulatedAppend, Who};
use crate::registry::RegisteredExecution;
use crate::scenario::SentRerun;
use crate::shard::terms;
use crate::writer::Asker;

/// The input of reruns with another one.
const OTHER_INPUT: u64 = 1_000;

/// A rerun that a person asks for.
#[derive(Debug, Clone, Copy)]
pub struct AskedRerun {
    /// What is asked for.
    pub sent: SentRerun,
    /// The execution.
    pub peid: ExecutionId,
    /// Whether the store had its end before it was asked to have all that was known.
    pub saw_end: bool,
}

impl SimulatedNode {
    /// A person asks for a rerun: what is known of the execution has to be in the store first.
    pub fn ask_rerun(&mut self, asked: AskedRerun, cx: &mut Context) {
        if self.phase != Phase::Open || self.rerunning.is_some() {
            return;
        }
        self.wait_for_the_store(AskedRerun { saw_end: has_ended(asked.peid, cx), ..asked }, cx);
    }

    fn wait_for_the_store(&mut self, asked: AskedRerun, cx: &mut Context) {
        self.rerunning = None;
        if self.journal.barrier(Asker::Rerun(asked.sent.number)) {
            self.rerunning = Some(asked);
            self.settle(cx);
        }
    }

    /// The store has what was known when the rerun was asked for.
    pub(super) fn rerun(&mut self, number: usize, cx: &mut Context) {
        let Some(asked) = self.rerunning.filter(|asked| asked.sent.number == number) else { return };
        // An end that came meanwhile may be there before what came before it.
        if !asked.saw_end && has_ended(asked.peid, cx) {
            return self.wait_for_the_store(AskedRerun { saw_end: true, ..asked }, cx);
        }
        if self.begin_again(asked, cx).is_none() {
            self.rerunning = None;
        }
    }

    /// The rerun was accepted, or is not.
    pub(super) fn rerun_accepted(&mut self, peid: Option<ExecutionId>, cx: &mut Context) {
        let asked = self.rerunning.take();
        if let Some((asked, peid)) = asked.zip(peid) {
            cx.oracle.reran(asked.sent.number, peid);
        }
    }

    /// Begins the rerun; `None` if it is refused.
    fn begin_again(&mut self, AskedRerun { sent, peid: of, .. }: AskedRerun, cx: &mut Context) -> Option<()> {
        let first = cx.store.executions.get(&of)?.clone();
        let is_readable =
            self.phase == Phase::Open && cx.store.answers(cx.now) && !cx.store.tainted.contains(&of);
        if !is_readable || !first.state.execution_status.ended() || self.forgotten.contains(&sent.order) {
            return None;
        }
        let plan = cx.plans.get(sent.order)?.clone()?;
        let key = IdempotencyKey {
            tenant_code: first.head.tenant_code.clone(),
            playbook_name: plan.name.clone(),
            text: format!("rerun/{of}/{}", sent.number).into(),
        };
        if self.registry.under_key(&key).is_some() || cx.store.under_key(&key).is_some() {
            return None;
        }
        // What it takes over is read now, and may change: it is not queued.
        if self.admission.holds(&first.head.tenant_code, &plan.name).is_some() {
            return None;
        }
        let permit = self.admission.try_acquire(&first.head.tenant_code)?;
        let tasks = cx.store.tasks_of(of);
        let from = sent.from.and_then(|from| tasks.get(from as usize % tasks.len().max(1)));
        let from = from.map(|task| task.head.step_id.clone());
        let now = self.home.clock(cx);
        let results = results(&plan, (&first, tasks), (&sent, from.as_ref()), now, cx)?;
        let rerun_of = Arc::new(RerunOf { peid: of, from, asked: asked() });
        let head = head(&first, rerun_of, &key, &sent, now);
        let epoch = self.home.epochs.of(&head.tenant_code);
        let (peid, input_hash) = (cx.execution_id(), head.input_hash);
        let begun = Machine::rerun(plan, peid, Arc::new(head), results, terms(epoch), now);
        let Ok((machine, mut effects)) = begun else {
            cx.violated("reruns", format!("{of} is refused its rerun for its work"));
            return None;
        };
        cx.note(format_args!("n{} rerun {} of {of} is {peid}: {effects:?}", self.id, sent.number));
        let decided = cx.oracle.decided(&machine, &effects, epoch);
        cx.check(decided);
        let takes = cx.oracle.takes_what_stands(&machine, &cx.store);
        cx.check(takes);
        cx.oracle.began_again(&machine);
        let note = noted(&first, peid, asked(), epoch, now);
        cx.oracle.noted(&first, &note);
        effects.writes.push(note);
        let Effects { writes: updates, acts, .. } = effects;
        if !self.journal.append(SimulatedAppend { updates, who: Who::Submission(peid) }) {
            return None;
        }
        cx.statistics.count("reruns");
        let tenant = cx.tenants.iter().position(|tenant| *tenant == first.head.tenant_code)?;
        let execution = RegisteredExecution::submitted(sent.order, tenant, Some(key), input_hash);
        self.registry.add(peid, execution);
        self.registry.hold(peid, Some(permit));
        self.submitted.push((machine, acts));
        self.settle(cx);
        Some(())
    }
}

/// Whether the store has the end of an execution.
fn has_ended(peid: ExecutionId, cx: &Context) -> bool {
    cx.store.executions.get(&peid).is_some_and(|document| document.state.execution_status.ended())
}

/// The results that are taken over, once what is not known was declared.
fn results(
    plan: &Plan,
    (first, tasks): (&ExecutionDocument, Vec<TaskDocument>),
    (sent, from): (&SentRerun, Option<&StepId>),
    now: Timestamp,
    cx: &mut Context,
) -> Option<Vec<TaskDocument>> {
    let containments: BTreeMap<ContainmentId, ContainmentDocument> = containments_of(&tasks)
        .filter_map(|id| cx.store.containments.get(&id).map(|found| (id, found.clone())))
        .collect();
    let standings = standings(&tasks, &containments, now);
    let asked = |declared: &BTreeMap<TaskId, Declaration>| {
        let other = sent.has_other_input.then(other_input);
        let inputs = other.as_ref().map(|other| (&first.head.input, other));
        let standings = &standings;
        RerunPlan { plan, playbooks: None, inputs, from, standings, declared }.results(tasks.clone())
    };
    let refusal = match asked(&BTreeMap::new()) {
        Ok(results) => return Some(results),
        Err(refusal) => refusal,
    };
    let RerunRefusal::Undeclared(unknown) = refusal else {
        cx.violated("reruns", format!("{} is refused its rerun: {refusal}", first.peid));
        return None;
    };
    let says = if sent.has_acted { Declaration::Acted } else { Declaration::NotActed };
    let declared: BTreeMap<TaskId, Declaration> = unknown.into_iter().map(|task| (task, says)).collect();
    cx.statistics.count("reruns with a declaration");
    asked(&declared).ok()
}

fn other_input() -> Json {
    Json::from(json!({ "n": OTHER_INPUT }))
}

fn head(
    first: &ExecutionDocument,
    rerun_of: Arc<RerunOf>,
    key: &IdempotencyKey,
    sent: &SentRerun,
    now: Timestamp,
) -> ExecutionHead {
    let mut head = ExecutionHead::clone(&first.head);
    if sent.has_other_input {
        head.input = other_input();
    }
    let input_hash = InputHash::of(&head.input.value(), &BTreeMap::new());
    ExecutionHead {
        createddate: now,
        idempotency_key: Some(key.text.clone()),
        input_hash: Some(input_hash),
        rerun_of: Some(rerun_of),
        ..head
    }
}
