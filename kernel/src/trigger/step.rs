//! The next step of a scheduled trigger: rest, keep what is decided, or fire. What is to fire is kept before it is submitted: a
//! crash in between submits it again under the same key, which starts nothing twice. Reads no clock.

use std::collections::VecDeque;
use std::sync::Arc;

use updraft_protocol::limits::{TRIGGER_CAUGHT_UP, TRIGGER_LATE, TRIGGER_STEP, TRIGGER_TROUBLE_BYTES};
use updraft_protocol::{ExecutionId, Firing, Missed, Overlap, Timestamp, TriggerHistory};

use super::PlannedTrigger;

/// The next step of a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum TriggerStep {
    /// Nothing is due before this instant; never again where there is none.
    Rest(Option<Timestamp>),
    /// An instant is due, and waits for the end of the execution before.
    AwaitEnd,
    /// What was decided is stored, then the next step is asked for.
    Keep(TriggerHistory),
    /// This instant is submitted, and what that came to is stored.
    Fire {
        /// The instant.
        at: Timestamp,
        /// Whether the execution before is cancelled first.
        replaces: bool,
    },
}

/// The instants that are due.
struct Due {
    /// The first that may fire.
    first: Option<Timestamp>,
    /// Those before it, which do not.
    left_out: u64,
    /// The last that was looked at.
    seen: Timestamp,
    /// The next that is not due.
    next: Option<Timestamp>,
}

impl PlannedTrigger {
    /// The next step of a trigger whose events count since `since`; `runs` is whether the execution that it started last has not
    /// ended.
    pub fn step(
        &self,
        since: Timestamp,
        history: &TriggerHistory,
        now: Timestamp,
        runs: bool,
    ) -> TriggerStep {
        let Some(schedule) = self.schedule() else { return TriggerStep::Rest(None) };
        let overlap = schedule.overlap;
        if let Some(at) = history.pending {
            return TriggerStep::Fire { at, replaces: runs && overlap == Overlap::Replace };
        }
        let from = match counted_from(since, history, now) {
            Ok(from) => from,
            Err(ahead) => return TriggerStep::Keep(ahead),
        };
        let due = self.due(schedule.missed, (from, now));
        let missed = history.missed + due.left_out;
        match due.first {
            None if due.left_out == 0 => TriggerStep::Rest(due.next),
            None => TriggerStep::Keep(TriggerHistory { until: due.seen, missed, ..history.clone() }),
            Some(_) if runs && overlap == Overlap::Queue => TriggerStep::AwaitEnd,
            Some(at) if runs && overlap == Overlap::Skip => {
                let overlapped = history.overlapped + 1;
                TriggerStep::Keep(TriggerHistory { until: at, missed, overlapped, ..history.clone() })
            }
            Some(at) => {
                TriggerStep::Keep(TriggerHistory { until: at, missed, pending: Some(at), ..history.clone() })
            }
        }
    }

    /// What is due after `until`. Looks at so many instants at most: those before the last of them were missed long ago.
    fn due(&self, missed: Missed, (until, now): (Timestamp, Timestamp)) -> Due {
        let room = match missed {
            Missed::Skip => 0,
            Missed::Once => 1,
            Missed::All => TRIGGER_CAUGHT_UP,
        };
        let (mut late, mut kept, mut seen) = (0_u64, VecDeque::new(), until);
        for _ in 0..TRIGGER_STEP {
            let found = self.next(seen);
            let Some(at) = found.filter(|at| *at <= now) else {
                let left_out = late - kept.len() as u64;
                return Due { first: kept.front().copied(), left_out, seen, next: found };
            };
            if u128::from(now.since(at)) <= TRIGGER_LATE.as_millis() {
                let left_out = late - kept.len() as u64;
                let first = kept.front().copied().or(Some(at));
                return Due { first, left_out, seen: at, next: None };
            }
            late += 1;
            seen = at;
            kept.push_back(at);
            if kept.len() > room {
                kept.pop_front();
            }
        }
        Due { first: None, left_out: late, seen, next: None }
    }
}

/// The instant after which instants count. Where what says so is far ahead, the clock was when it was stored: the history that
/// counts from now on instead, since the trigger would stand still until then. An instant that fired meanwhile and comes again
/// starts nothing: it has the same key.
fn counted_from(
    since: Timestamp,
    history: &TriggerHistory,
    now: Timestamp,
) -> Result<Timestamp, TriggerHistory> {
    let is_ahead = |at: Timestamp| u128::from(at.since(now)) > TRIGGER_LATE.as_millis();
    let is_first = history.until == Timestamp::default();
    if is_ahead(history.until) || is_ahead(since) && is_first {
        return Err(TriggerHistory { until: now, ..history.clone() });
    }
    Ok(if is_ahead(since) { history.until } else { since.max(history.until) })
}

/// The history after an instant that started an execution.
pub fn fired(history: &TriggerHistory, at: Timestamp, peid: ExecutionId) -> TriggerHistory {
    let last = Some(Firing { at, peid });
    TriggerHistory { pending: None, last, fired: history.fired + 1, ..history.clone() }
}

/// The history after an instant that `when` left out.
pub fn filtered(history: &TriggerHistory) -> TriggerHistory {
    TriggerHistory { pending: None, filtered: history.filtered + 1, ..history.clone() }
}

/// The history after an instant that was to start an execution, and started none.
pub fn refused(history: &TriggerHistory, why: &str) -> TriggerHistory {
    let (refused, trouble) = (history.refused + 1, Some(short(why)));
    TriggerHistory { pending: None, refused, trouble, ..history.clone() }
}

/// A reason that is kept.
pub(super) fn short(why: &str) -> Arc<str> {
    let end = (0..=TRIGGER_TROUBLE_BYTES.min(why.len())).rev().find(|&at| why.is_char_boundary(at));
    why.get(..end.unwrap_or(0)).unwrap_or_default().into()
}
