//! The clients of a run: a client that submits under a key retries until it is answered, as does one that asks for a control.
//! Mirrors what a backend does with `engine/src/handle.rs`.

use std::time::Duration;

use serde_json::json;
use updraft_protocol::{
    ApprovalAnswer, ExecutionId, ExecutionStatus, Name, Signal, StepId, TaskDocument, Timestamp,
};

use crate::event::{NodeId, WorldEvent};
use crate::execution::{Ask, asked};
use crate::node::{AskedRerun, Submitted};
use crate::scenario::{ClientControl, MILLIS, Order, PEOPLE, SentAnswer, SentSkip};
use crate::world::World;

/// The state of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientRequest {
    /// It is still to be made.
    Open,
    /// A process has it.
    Pending(NodeId),
    /// It is accepted.
    Accepted(ExecutionId),
    /// Unknown: it has no key, and its process died.
    Unknown,
}

/// How often a person asks for a rerun: the last time is weeks after the first.
const RERUN_TIMES: u32 = 18;

/// How long a client submits again at once.
const PATIENCE: u64 = 20_000 * MILLIS;

impl World {
    /// Submits an order to the process that runs its tenant.
    pub(crate) fn submit(&mut self, number: usize) {
        let Some(order) = self.scenario.orders.iter().find(|order| order.number == number).cloned() else {
            return;
        };
        if self.requests.get(&number) != Some(&ClientRequest::Open) {
            return;
        }
        let owner = self.owner_of(order.tenant as usize);
        let submitted = match owner.and_then(|owner| self.nodes.get_mut(&owner)) {
            Some(node) => node.submit(&order, order.input(), &mut self.cx),
            None => Submitted::Refused,
        };
        match (submitted, owner) {
            (Submitted::Taken, Some(node)) => {
                self.cx.statistics.count("submissions");
                self.requests.insert(number, ClientRequest::Pending(node));
            }
            (Submitted::Known(peid), _) => {
                self.cx.statistics.count("submissions answered by their key");
                self.cx.oracle.accepted(number, peid);
                self.requests.insert(number, ClientRequest::Accepted(peid));
            }
            (Submitted::Reused(peid), _) => {
                let what = format!("order {number} is refused for {peid}, and is the first under its key");
                self.cx.violated("one execution for a key", what);
            }
            _ => {
                // The backlog may be full for as long as its tenant is paused.
                let wait = if self.cx.now > order.at + PATIENCE { 10_000 } else { 200 } * MILLIS;
                self.cx.queue.at(self.cx.now + wait, WorldEvent::Submit(number));
            }
        }
    }

    /// Another client submits under the key of an accepted execution: with the same input it gets the same execution,
    /// with another it is refused with the id of the execution that has the key.
    pub(crate) fn submit_again(&mut self, number: usize) {
        let Some(order) = self.scenario.orders.iter().find(|order| order.number == number).cloned() else {
            return;
        };
        let Some(ClientRequest::Accepted(first)) = self.requests.get(&number).copied() else { return };
        let owner = self.owner_of(order.tenant as usize);
        let Some(node) = owner.and_then(|owner| self.nodes.get_mut(&owner)) else { return };
        let same = order.input_again() == order.input();
        let submitted = node.submit(&order, order.input_again(), &mut self.cx);
        let right = match submitted {
            Submitted::Refused => return,
            Submitted::Known(peid) => same && peid == first,
            Submitted::Reused(peid) => !same && peid == first,
            Submitted::Taken => false,
        };
        let what =
            if same { "submissions answered by their key" } else { "submissions refused for another input" };
        self.cx.statistics.count(what);
        if !right {
            let what = format!("order {number} is {first}; again, its input the same: {same}: {submitted:?}");
            self.cx.violated("one execution for a key", what);
        }
    }

    /// A process has answered a submission; the client may no longer wait for it.
    pub(crate) fn answered(&mut self, node: NodeId, number: usize, peid: Option<ExecutionId>) {
        match peid {
            Some(peid) => {
                self.requests.insert(number, ClientRequest::Accepted(peid));
            }
            None if self.requests.get(&number) == Some(&ClientRequest::Pending(node)) => {
                self.unanswered(number)
            }
            None => {}
        }
    }

    /// The clients of a process that died, or was taken over, turn to its successor.
    pub(crate) fn leave(&mut self, node: NodeId) {
        let waits = |(_, request): &(&usize, &ClientRequest)| **request == ClientRequest::Pending(node);
        let waiting: Vec<usize> = self.requests.iter().filter(waits).map(|(order, _)| *order).collect();
        waiting.into_iter().for_each(|order| self.unanswered(order));
    }

    fn unanswered(&mut self, number: usize) {
        let keyed = self.scenario.orders.iter().any(|order| order.number == number && order.key.is_some());
        let request = if keyed { ClientRequest::Open } else { ClientRequest::Unknown };
        self.requests.insert(number, request);
        if keyed {
            self.cx.queue.at(self.cx.now + 100 * MILLIS, WorldEvent::Submit(number));
        }
    }

    /// Asks for a control until a node holds it; repeats it at successors until it is answered or the end is known.
    pub(crate) fn control(&mut self, control: ClientControl) {
        let Some((order, ask)) = self.asked(control) else { return };
        let (number, tenant) = (order.number, order.tenant as usize);
        let again = match self.requests.get(&number) {
            Some(ClientRequest::Accepted(peid)) => {
                let peid = *peid;
                let ended = |store: &crate::store::SimulatedStore| {
                    store.executions.get(&peid).is_some_and(|found| found.state.execution_status.ended())
                };
                if self.cx.oracle.is_answered(control) || ended(&self.cx.store) {
                    return;
                }
                let owner = self.owner_of(tenant).filter(|owner| !self.cx.oracle.is_held(control, *owner));
                if let Some((owner, node)) =
                    owner.and_then(|owner| Some((owner, self.nodes.get_mut(&owner)?)))
                    && let Some(ask) = ask
                {
                    self.cx.statistics.count("controls");
                    if node.ask(peid, ask, &mut self.cx) {
                        self.cx.oracle.hold(control, owner);
                    }
                }
                true
            }
            Some(ClientRequest::Open | ClientRequest::Pending(_)) => true,
            Some(ClientRequest::Unknown) | None => false,
        };
        if again {
            self.cx.queue.at(self.cx.now + 10_000 * MILLIS, WorldEvent::Control(control));
        }
    }

    /// Asks for a rerun, ever less often, until it has begun or cannot.
    pub(crate) fn rerun(&mut self, number: usize, times: u32) {
        let Some(sent) = self.scenario.reruns.iter().find(|rerun| rerun.number == number).copied() else {
            return;
        };
        let Some(order) = self.scenario.orders.iter().find(|order| order.number == sent.order) else {
            return;
        };
        let owner = self.owner_of(order.tenant as usize);
        let peid = match self.requests.get(&sent.order) {
            Some(ClientRequest::Accepted(peid)) => Some(*peid),
            Some(ClientRequest::Open | ClientRequest::Pending(_)) => None,
            Some(ClientRequest::Unknown) | None => return,
        };
        if self.cx.oracle.is_rerun(number) || times > RERUN_TIMES {
            return;
        }
        if let Some((peid, node)) = peid.zip(owner.and_then(|owner| self.nodes.get_mut(&owner))) {
            node.ask_rerun(AskedRerun { sent, peid, saw_end: false }, &mut self.cx);
        }
        let wait = (5_000 * MILLIS) << times;
        self.cx.queue.at(self.cx.now + wait, WorldEvent::Rerun(number, times + 1));
    }

    /// The order that a control is for, and the control as the execution gets it; an answer waits for its approval.
    fn asked(&self, control: ClientControl) -> Option<(&Order, Option<Ask>)> {
        let order = |number| self.scenario.orders.iter().find(|order| order.number == number);
        match control {
            ClientControl::Cancel(number) => {
                let cancel = self.scenario.cancels.iter().find(|cancel| cancel.number == number)?;
                Some((order(cancel.order)?, Some(Ask::Cancel(number))))
            }
            ClientControl::Signal(number) | ClientControl::Repeated(number) => {
                let signal = self.scenario.signals.iter().find(|signal| signal.number == number)?;
                let order = order(signal.order)?;
                let sent = Signal {
                    id: format!("signal-{number}").into(),
                    name: Name::new(signal.name).ok()?,
                    key: signal.keyed.then(|| order.input().to_string().into()),
                    payload: json!({ "signal": number }).into(),
                };
                Some((order, Some(Ask::Signal(control, sent, asked()))))
            }
            ClientControl::Skip(number) => {
                let skip = self.scenario.skips.iter().find(|skip| skip.number == number)?;
                Some((order(skip.order)?, self.skip_of(skip)))
            }
            ClientControl::Pause(number) => {
                let pause = self.scenario.pauses.iter().find(|pause| pause.number == number)?;
                Some((order(pause.order)?, Some(Ask::Pause(control, asked()))))
            }
            ClientControl::Prioritise(number) => {
                let sent = self.scenario.priorities.iter().find(|sent| sent.number == number)?;
                Some((order(sent.order)?, Some(Ask::Prioritise(control, sent.priority))))
            }
            // Asked for before, it would be refused, and the execution would stay paused.
            ClientControl::Resume(number) => {
                let pause = self.scenario.pauses.iter().find(|pause| pause.number == number)?;
                let order = order(pause.order)?;
                let is_due = match pause.mends {
                    true => self.is_paused_for_failure(order),
                    false => self.cx.oracle.is_answered(ClientControl::Pause(number)),
                };
                Some((order, is_due.then(|| Ask::Resume(control, asked()))))
            }
            ClientControl::Answer(number) => {
                let answer = self.scenario.answers.iter().find(|answer| answer.number == number)?;
                Some((order(answer.order)?, self.answer_of(answer)))
            }
        }
    }

    /// Whether an order waits for a person who mends what made a step fail.
    fn is_paused_for_failure(&self, order: &Order) -> bool {
        let Some(ClientRequest::Accepted(peid)) = self.requests.get(&order.number) else { return false };
        let state = self.cx.store.executions.get(peid).map(|found| &found.state);
        state
            .filter(|state| state.execution_status == ExecutionStatus::Paused)
            .is_some_and(|state| state.pause.as_ref().is_some_and(|pause| pause.cause.asked().is_none()))
    }

    /// The skip of one of the tasks of its order that wait, or another end of its wait.
    fn skip_of(&self, skip: &SentSkip) -> Option<Ask> {
        let Some(ClientRequest::Accepted(peid)) = self.requests.get(&skip.order) else { return None };
        let tasks = self.cx.store.tasks_of(*peid);
        let waits = |task: &&TaskDocument| task.state.wait.is_some() && !task.state.status.ended();
        let waiting: Vec<&TaskDocument> = tasks.iter().filter(waits).collect();
        let task = waiting.get(skip.number % waiting.len().max(1))?;
        let (control, id) = (ClientControl::Skip(skip.number), task.task_request_id);
        let since = task.state.wait.as_ref().map_or_else(Timestamp::default, |wait| wait.since);
        Some(match skip.lasts {
            None => Ask::Skip(control, id, asked()),
            Some(lasts) => Ask::ExtendWait(control, id, since.after(Duration::from_millis(lasts)), asked()),
        })
    }

    /// The answer to one of the approvals of its order, decided ones too.
    fn answer_of(&self, answer: &SentAnswer) -> Option<Ask> {
        let Some(ClientRequest::Accepted(peid)) = self.requests.get(&answer.order) else { return None };
        let tasks = self.cx.store.tasks_of(*peid);
        let asks = |task: &&TaskDocument| task.state.wait.as_ref().is_some_and(|wait| wait.gate.is_some());
        let gates: Vec<&TaskDocument> = tasks.iter().filter(asks).collect();
        let task = gates.get(answer.number % gates.len().max(1))?;
        let gate = task.state.wait.as_ref().and_then(|wait| wait.gate.as_deref());
        let hosts = answer.number_of_hosts.filter(|_| gate.is_some_and(|gate| gate.has_form));
        let groups = if answer.person == 2 { vec!["leads".into()] } else { Vec::new() };
        let given = ApprovalAnswer {
            uid: PEOPLE[answer.person].into(),
            groups,
            choice: StepId::new(answer.choice).ok()?,
            comment: None,
            data: hosts.map(|hosts| json!({ "hosts": hosts }).into()),
        };
        Some(Ask::Answer(ClientControl::Answer(answer.number), task.task_request_id, given))
    }
}
