//! The driver: carries the machines of a dry run, one of the execution and one of each sub-playbook, by a queue of events and a
//! clock that goes to the next of them. Owns time and order; what follows an event is decided by the machine that ships, and what
//! is answered by [`Answers`]. Calls nothing.

mod ask;
mod children;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use updraft_kernel::machine::{Act, Effects, Machine, MachineEvent, StartAttempt, Terms, Timer};
use updraft_kernel::plan::PlannedAction;
use updraft_protocol::limits::{DRY_RUN_EVENTS, DRY_RUN_SPAN};
use updraft_protocol::{
    CallRecord, ExecutionHead, ExecutionId, Failure, FailureKind, Span, TaskId, TaskStatus, Timestamp, Update,
};

use crate::answers::{Answers, CallMade, GivenOutcome, ReadCall};
use crate::authored::whole;
use crate::plans::RunPlans;
use crate::start::Start;
use crate::trace::{Keeper, RunTrace, TraceEnd, Unanswered};
use queue::Queue;

/// The id of the execution of every dry run: the ids of its tasks, which templates may print, are the same each time.
const PEID: ExecutionId =
    ExecutionId::from_bytes([1, 2, 3, 4, 5, 6, 0x70, 8, 0x89, 10, 11, 12, 13, 14, 15, 16]);

/// The settings of an engine where nothing is said.
fn terms() -> Terms {
    Terms::default()
}

/// Runs the first of these playbooks to its end, or to where an answer is missing on every path.
pub fn run(plans: &RunPlans, start: &Start, answers: &mut dyn Answers) -> RunTrace {
    let Some(planned) = plans.main() else {
        return RunTrace::refused(vec!["there is no playbook".to_owned()], start.now);
    };
    let head = match start.head(planned) {
        Ok(head) => head,
        Err(mistakes) => return RunTrace::refused(mistakes, start.now),
    };
    let mut run = DryRun::new(plans, answers, start.now);
    run.begin(planned.plan.clone(), PEID, head, Arc::from(""));
    if let Some((after, asked)) = &start.cancel {
        run.queue.push(start.now.after(*after), (0, MachineEvent::Cancel(Some(asked.clone()))));
    }
    run.go();
    run.finish()
}

/// One machine.
struct Running {
    machine: Machine,
    /// The place of its tasks.
    within: Arc<str>,
}

/// A dry run under way.
struct DryRun<'a> {
    plans: &'a RunPlans,
    answers: &'a mut dyn Answers,
    began: Timestamp,
    now: Timestamp,
    queue: Queue,
    /// The execution, then its sub-playbooks.
    machines: Vec<Running>,
    children: children::Children,
    /// Tasks that ask for what has no answer.
    stuck: BTreeSet<TaskId>,
    /// The waits that were asked about, by their task and beginning.
    asked: BTreeSet<(TaskId, Timestamp)>,
    keeper: Keeper,
    /// Why it goes no further.
    stopped: Option<TraceEnd>,
}

impl<'a> DryRun<'a> {
    fn new(plans: &'a RunPlans, answers: &'a mut dyn Answers, now: Timestamp) -> Self {
        Self {
            plans,
            answers,
            began: now,
            now,
            queue: Queue::default(),
            machines: Vec::new(),
            children: children::Children::default(),
            stuck: BTreeSet::new(),
            asked: BTreeSet::new(),
            keeper: Keeper::default(),
            stopped: None,
        }
    }

    /// Starts a machine.
    fn begin(
        &mut self,
        plan: Arc<updraft_kernel::plan::Plan>,
        peid: ExecutionId,
        head: ExecutionHead,
        within: Arc<str>,
    ) {
        let (machine, effects) = Machine::start(plan, peid, Arc::new(head), terms(), self.now);
        self.machines.push(Running { machine, within });
        self.absorb(self.machines.len() - 1, effects);
    }

    /// Handles event after event.
    fn go(&mut self) {
        let last = self.began.after(DRY_RUN_SPAN);
        for _ in 0..DRY_RUN_EVENTS {
            if self.stopped.is_some() || self.machines.iter().all(|running| running.machine.ended()) {
                return;
            }
            let Some((at, (number, event))) = self.queue.pop() else {
                self.stopped = Some(match self.stuck.is_empty() {
                    true => TraceEnd::Beyond("it waits for what never comes"),
                    false => TraceEnd::NeedsAnswer,
                });
                return;
            };
            if at > last {
                self.stopped = Some(TraceEnd::Beyond("it waits longer than 400 days"));
            } else if self.keeper.is_full() {
                self.stopped = Some(TraceEnd::Beyond("it has more tasks than a dry run keeps"));
            } else if !self.is_held(number, &event) {
                self.now = self.now.max(at);
                self.apply(number, event);
            }
        }
        self.stopped.get_or_insert(TraceEnd::Beyond("it has more steps than a dry run makes"));
    }

    /// Whether the time of something is over that waits for an answer which nobody gives: what would follow is not known.
    fn is_held(&self, number: usize, event: &MachineEvent) -> bool {
        let MachineEvent::TimerDue(timer) = event else { return false };
        match timer {
            Timer::Execution => !self.stuck.is_empty(),
            Timer::Task(task) => {
                let named = self.machines.get(number).and_then(|running| running.machine.name_of(*task));
                named.is_some_and(|(id, _)| self.stuck.contains(&id))
            }
            Timer::Turn => false,
        }
    }

    fn apply(&mut self, number: usize, event: MachineEvent) {
        let Some(running) = self.machines.get_mut(number) else { return };
        let mut effects = running.machine.apply(event, self.now);
        if let Some(Err(refusal)) = effects.reply.take() {
            self.keeper.notes.push(refusal.to_string());
        }
        self.absorb(number, effects);
    }

    /// Keeps what was written, and does what is to be done.
    fn absorb(&mut self, number: usize, effects: Effects) {
        let mut waiting = Vec::new();
        for write in &effects.writes {
            let Update::Task(update) = write else { continue };
            let Some(within) = self.machines.get(number).map(|running| running.within.clone()) else {
                return;
            };
            self.keeper.write((self.plans.names(), &within), update);
            if self.stuck.contains(&update.task_id) && update.state.status.ended() {
                // What ended it was decided without its answer.
                self.stopped = Some(TraceEnd::NeedsAnswer);
            }
            if update.state.status == TaskStatus::Waiting && update.state.wait.is_some() {
                waiting.push(update.task_id);
            }
        }
        for act in effects.acts {
            self.perform(number, act);
        }
        for task in waiting {
            self.ask(number, task);
        }
        if let Some(running) = self.machines.get_mut(number) {
            running.machine.forget(running.machine.leaving());
        }
    }

    fn perform(&mut self, number: usize, act: Act) {
        let now = self.now;
        match act {
            Act::Acquire(task) => {
                self.queue.push(now, (number, MachineEvent::Acquired { task, outcome: Ok(()) }));
            }
            Act::Start(start) => self.call(number, *start),
            Act::StartChild(start) => self.start_child(number, &start),
            Act::StopChild(task) => self.stop_child(number, task),
            Act::Arm(timer, at) => self.queue.push(at, (number, MachineEvent::TimerDue(timer))),
            Act::End(_) => self.child_ended(number),
            // The outcome of a call that is dropped is ignored when it comes; nobody else acts on a target.
            Act::Stop(_) | Act::StopWaiting(_) | Act::Unlock(_) => {}
        }
    }

    /// A call: its answer comes when it is said to, or never.
    fn call(&mut self, number: usize, start: StartAttempt) {
        let Some(running) = self.machines.get(number) else { return };
        let planned = running.machine.plan().step(start.step);
        let Some(action) = PlannedAction::of(planned) else { return };
        let Some(task) = self.keeper.task(start.task_id) else { return };
        let made = CallMade {
            place: task.place.clone(),
            integration: planned.integration.clone(),
            action: planned.action.clone(),
            effect: action.effect,
            arguments: CallRecord::with_names(&start.arguments, &start.secrets),
            attempt: start.attempt,
            began: task.began,
            at: self.now,
            timeout: start.timeout,
        };
        self.keeper.call(made.clone());
        let given = self.answers.call(&made).or_else(|| {
            self.answers.read(ReadCall::of(&made, start.task_id, start.arguments, start.secrets)?)
        });
        let Some(GivenOutcome { outcome, after, from }) = given else {
            let asked = format!("{}.{} {}", made.integration, made.action, made.arguments);
            return self.lacks(start.task_id, asked);
        };
        self.keeper.answered(from);
        let (after, outcome) = if after > start.timeout {
            let message = format!("no answer within {}", Span(start.timeout));
            (start.timeout, Err(Failure::new(FailureKind::Timeout, message)))
        } else {
            (after, outcome)
        };
        let event = MachineEvent::AttemptEnded { task: start.task, call: start.call, outcome };
        self.queue.push(self.now.after(after), (number, event));
    }

    /// A task asks for what has no answer: its path goes no further.
    fn lacks(&mut self, task: TaskId, asked: String) {
        let step = self.keeper.task(task).map_or_else(String::new, |task| task.place.to_string());
        self.stuck.insert(task);
        self.keeper.unanswered.push(Unanswered { step, asked });
    }

    fn finish(self) -> RunTrace {
        let document = self.machines.first().map(|running| running.machine.document());
        let state = document.map(|document| document.state);
        let status = state.as_ref().map(|state| state.execution_status);
        let ended = status.filter(|status| status.ended()).map(TraceEnd::Ended);
        let end = match (self.stopped, ended) {
            // What is left to a sub-playbook that goes on by itself says nothing of the execution.
            (Some(TraceEnd::Beyond(_)) | None, Some(ended)) => ended,
            (Some(stopped), _) => stopped,
            (None, None) => TraceEnd::NeedsAnswer,
        };
        let Keeper { tasks, calls, questions, unanswered, notes, .. } = self.keeper;
        RunTrace {
            end,
            output: state.as_ref().and_then(|state| state.output.clone()),
            failure: state.and_then(|state| state.error),
            tasks: if self.plans.names().is_native() { tasks } else { whole(&tasks) },
            calls,
            questions,
            unanswered,
            notes,
            clock: (self.began, self.now),
        }
    }
}

/// The map of what tasks have started, by the task.
type ByTask<T> = BTreeMap<TaskId, T>;

#[cfg(test)]
mod tests;
