//! The count of one cap: which calls it has let pass, which contain something still, and who waits for room. Pure: the caller
//! stores the count before a call is made, so that a crash counts too much and never too little. The line of those that wait
//! is not stored: after a start each looks again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use updraft_protocol::limits::{
    GUARDRAIL_ACTIVE_UNKNOWN, GUARDRAIL_LATE, GUARDRAIL_LOOK, GUARDRAIL_LOOK_MAX,
};
use updraft_protocol::{Cap, ContainmentId, OverCap, TaskId, TenantCode, Timestamp};

/// What is stored of a cap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapCount {
    /// The calls of the window, the oldest first; each task once.
    taken: Vec<Taken>,
    /// What they contain that is not known to be undone.
    active: Vec<Active>,
}

/// A task whose call was let pass, and when it last was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    task: TaskId,
    at: Timestamp,
}

/// A target that a task contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Active {
    tenant: TenantCode,
    containment: ContainmentId,
    task: TaskId,
    at: Timestamp,
}

/// The calls that wait for room, in the order in which they began to.
#[derive(Debug, Default)]
pub struct CapLine {
    /// With the instant until which each keeps its place without a further look.
    waiting: BTreeMap<(Timestamp, TaskId), Timestamp>,
    /// Since when each waits.
    since: BTreeMap<TaskId, Timestamp>,
}

/// A call that asks for room.
#[derive(Debug, Clone)]
pub struct CapAsk {
    /// For whom.
    pub tenant: TenantCode,
    /// Its task: its attempts are counted once.
    pub task: TaskId,
    /// Since when it waits; now where it comes for the first time.
    pub since: Timestamp,
    /// What it contains, where it does.
    pub containment: Option<ContainmentId>,
    /// Whether people have let it pass.
    pub is_approved: bool,
}

/// What a cap says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CapVerdict {
    /// It is counted, and may be made once the count is stored. `is_first` is whether it was not counted before.
    Taken {
        /// Whether its task was not counted before: then it is given back where it was not made.
        is_first: bool,
    },
    /// It waits, and looks again at this instant.
    Wait(Timestamp),
    /// People are asked.
    Ask,
    /// It is refused.
    Refuse,
    /// It is refused, since nobody would know when what it does is undone.
    RefuseUncontained,
}

impl CapCount {
    /// Decides about a call.
    pub fn ask(&mut self, cap: &Cap, line: &mut CapLine, ask: CapAsk, now: Timestamp) -> CapVerdict {
        self.forget(cap, now);
        line.forget(now);
        if cap.active.is_some() && ask.containment.is_none() {
            return CapVerdict::RefuseUncontained;
        }
        let place = (ask.since, ask.task);
        let is_known = self.taken.iter().any(|taken| taken.task == ask.task);
        let ahead = line.waiting.range(..place).filter(|(other, _)| other.1 != ask.task).count();
        let opens = if is_known { Ok(()) } else { self.opens(cap, (ahead, ask.containment), now) };
        if opens.is_ok() || ask.is_approved {
            line.leave(ask.task);
            self.take(ask, now);
            return CapVerdict::Taken { is_first: !is_known };
        }
        match (cap.over, opens) {
            (OverCap::Wait, Err(opens)) => {
                line.enter(place, opens.after(GUARDRAIL_LATE));
                CapVerdict::Wait(opens)
            }
            (OverCap::Ask, _) => CapVerdict::Ask,
            _ => CapVerdict::Refuse,
        }
    }

    /// Whether there is room behind so many that wait; else when to look again.
    fn opens(
        &self,
        cap: &Cap,
        (ahead, containment): (usize, Option<ContainmentId>),
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let mut opens = None;
        if let (Some(calls), Some(per)) = (cap.calls, cap.per) {
            let calls = calls.get() as usize;
            if let Some(behind) = (self.taken.len() + ahead).checked_sub(calls) {
                opens = Some(self.window_opens(behind, per.0, now));
            }
        }
        if let Some(most) = cap.active {
            let distinct = self.contained();
            let is_there = containment.is_some_and(|id| distinct.contains(&id));
            if !is_there && distinct.len() + ahead >= most.get() as usize {
                opens = opens.max(Some(now.after(GUARDRAIL_LOOK_MAX)));
            }
        }
        let soonest = now.after(GUARDRAIL_LOOK);
        opens.map_or(Ok(()), |at| Err(at.clamp(soonest, now.after(GUARDRAIL_LOOK_MAX).max(soonest))))
    }

    /// When the call has left the window whose place is the one for who has `behind` others before in line.
    fn window_opens(&self, behind: usize, per: Duration, now: Timestamp) -> Timestamp {
        match self.taken.get(behind) {
            Some(taken) => taken.at.after(per),
            None => now.after(per),
        }
    }

    fn take(&mut self, ask: CapAsk, now: Timestamp) {
        self.taken.retain(|taken| taken.task != ask.task);
        self.taken.push(Taken { task: ask.task, at: now });
        self.active.retain(|active| active.task != ask.task);
        if let Some(containment) = ask.containment {
            self.active.push(Active { tenant: ask.tenant, containment, task: ask.task, at: now });
        }
    }

    /// A call that was counted first was not made.
    pub fn give_back(&mut self, task: TaskId) {
        self.taken.retain(|taken| taken.task != task);
        self.active.retain(|active| active.task != task);
    }

    /// What is contained, as far as is known.
    fn contained(&self) -> BTreeSet<ContainmentId> {
        self.active.iter().map(|active| active.containment).collect()
    }

    /// What is contained, and for whom.
    pub fn of_whom(&self) -> BTreeSet<(TenantCode, ContainmentId)> {
        self.active.iter().map(|active| (active.tenant.clone(), active.containment)).collect()
    }

    /// What is known of a containment: whether it has ended, and when it last changed; `None` where there is none.
    pub fn learn(&mut self, id: ContainmentId, state: Option<(bool, Timestamp)>, now: Timestamp) {
        self.active.retain(|active| {
            active.containment != id
                || match state {
                    Some((false, _)) => true,
                    Some((true, ended)) if ended >= active.at => false,
                    // One that ended before this task acted says nothing of it.
                    _ => now < active.at.after(GUARDRAIL_ACTIVE_UNKNOWN),
                }
        });
    }

    /// How many calls are in the window, and how many targets are contained.
    pub fn used(&self) -> (usize, usize) {
        (self.taken.len(), self.contained().len())
    }

    /// Forgets what has left the window. A clock that was put back forgets nothing.
    fn forget(&mut self, cap: &Cap, now: Timestamp) {
        let per = cap.per.map_or(Duration::ZERO, |per| per.0);
        self.taken.retain(|taken| taken.at.after(per) > now);
    }

    /// Invariant: each task is counted once, the oldest first, unless the clock was put back.
    pub fn is_sound(&self) -> bool {
        let tasks: BTreeSet<TaskId> = self.taken.iter().map(|taken| taken.task).collect();
        tasks.len() == self.taken.len()
    }
}

impl CapLine {
    /// A call waits no more.
    pub fn leave(&mut self, task: TaskId) {
        if let Some(since) = self.since.remove(&task) {
            self.waiting.remove(&(since, task));
        }
    }

    fn enter(&mut self, (since, task): (Timestamp, TaskId), until: Timestamp) {
        self.leave(task);
        self.since.insert(task, since);
        self.waiting.insert((since, task), until);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whoever has not looked again in time has ended.
    fn forget(&mut self, now: Timestamp) {
        let since = &mut self.since;
        self.waiting.retain(|(_, task), until| {
            let waits = *until >= now;
            if !waits {
                since.remove(task);
            }
            waits
        });
    }
}
