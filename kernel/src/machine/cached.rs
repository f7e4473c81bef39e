//! Answers that are kept: a call that may be answered without being made stands in line like one that waits for a permit, and
//! has not been attempted. Owns what follows from what was found. Knows no cache: the driver asks it, before anything else that
//! the call needs, and a driver without one asks nothing.

use std::sync::Arc;

use updraft_protocol::{CacheMode, CacheUse, CallRecord, Failure, Json, TaskId, Timestamp, Value};

use super::permit::WaitingCall;
use super::{Effects, Machine, Ready};
use crate::plan::{CachedKey, PlannedAction, PlannedCache, StepIndex};

/// A call that a kept answer may answer.
#[derive(Debug)]
pub struct CachedCall<'a> {
    /// Its step.
    pub step: StepIndex,
    /// Its action.
    pub action: &'a PlannedAction,
    /// How its answers are kept.
    pub cache: &'a PlannedCache,
    /// Its arguments.
    pub arguments: &'a Value,
    /// What its answer depends on, or why that cannot be said.
    pub key: Result<CachedKey, Failure>,
}

/// What was found for a call.
#[derive(Debug, Clone, PartialEq)]
pub enum LookedUp {
    /// Nothing: the call is made.
    Miss,
    /// How a call with the same key ended.
    Found(Result<Json, Failure>, CacheUse),
    /// It cannot be said what its answer depends on.
    Refused(Failure),
}

impl Machine {
    /// A call that waits, if kept answers are to be asked before it is made; `None` once they were.
    pub fn cached_call(&self, task: TaskId) -> Option<CachedCall<'_>> {
        let call = self.waiting_calls.iter().find(|call| call.task_id == task)?;
        if call.looked_up.is_some() || self.head.cache == CacheMode::Skip {
            return None;
        }
        let (step, arguments, _) = call.asked();
        let action = PlannedAction::of(self.plan.step(step))?;
        let cache = action.cache.as_deref()?;
        let scope = match call.work {
            Ready::Enter(scope, _) => scope,
            Ready::Again(task) => self.task(task).scope,
        };
        let key = cache.key(&self.view(scope, call.began));
        Some(CachedCall { step, action, cache, arguments, key })
    }

    /// Kept answers were asked for a call. What was found ends its attempt, for which nothing is taken: no permit, no lock, no room
    /// at a guardrail. A call that no longer waits is left as it is.
    pub(super) fn looked_up(&mut self, task: TaskId, found: LookedUp, now: Timestamp, effects: &mut Effects) {
        let Some(at) = self.waiting_calls.iter().position(|call| call.task_id == task) else { return };
        let (outcome, used) = match found {
            LookedUp::Miss => {
                self.waiting_calls[at].looked_up = Some(CacheUse::MISS);
                return;
            }
            LookedUp::Found(outcome, used) => (outcome, Some(used)),
            LookedUp::Refused(failure) => (Err(failure.with_may_have_acted(false)), None),
        };
        let call = self.waiting_calls.remove(at);
        self.running -= 1;
        self.answer(call, (outcome, used), now, effects);
    }

    fn answer(
        &mut self,
        call: WaitingCall,
        (outcome, used): (Result<Json, Failure>, Option<CacheUse>),
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let (step, _, _) = call.asked();
        let plan = self.plan.clone();
        let Some(action) = PlannedAction::of(plan.step(step)) else { return };
        let (task, number) = self.count_attempt(call.work, call.began);
        let record = self.call_record(task, action, call.asked().1, used);
        if self.task(task).revision.seq == 0 {
            // Its first write is that of its end.
            self.task_mut(task).state.call = record;
        } else if record.is_some() {
            let attempt = self.task(task).state.attempt;
            self.write_attempt(task, attempt, record, now, effects);
        }
        self.attempt_ended(task, number, outcome, now, effects);
    }

    /// The same record, with what was found this time.
    pub(super) fn recorded_again(known: &CallRecord, used: Option<CacheUse>) -> Option<Arc<CallRecord>> {
        let used = used.filter(|used| known.cache != Some(*used))?;
        Some(Arc::new(CallRecord { cache: Some(used), ..known.clone() }))
    }
}
