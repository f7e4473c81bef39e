//! Polling: which call each shard polls at this moment. A call is polled on the thread of its shard, where everything else
//! waits meanwhile: whoever looks again and again can say which tool holds one up, and for how long. Stops nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use updraft_protocol::limits::BLOCKED_TOLD;
use updraft_protocol::{ExecutionId, Name, StepId};

/// A call that is polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolledCall {
    /// The tool.
    pub integration: Name,
    /// The execution for which it is called.
    pub peid: ExecutionId,
    /// The step of it.
    pub step: StepId,
}

/// What each shard of an engine polls now.
#[derive(Debug)]
pub struct Polling {
    shards: Vec<Arc<ShardPolling>>,
    /// The poll that the last look has seen on each shard.
    seen: Mutex<Vec<Option<SeenPoll>>>,
}

/// A poll, and since when looks have seen it.
#[derive(Debug)]
struct SeenPoll {
    turn: u64,
    call: PolledCall,
    since: Instant,
    is_told: bool,
}

/// A shard that a call holds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedShard {
    /// The number of the shard.
    pub shard: usize,
    /// The call.
    pub call: PolledCall,
    /// For how long at least.
    pub blocked: Duration,
}

/// What a look has found that the look before had not.
#[derive(Debug, PartialEq, Eq)]
pub enum PollChange {
    /// A call holds a shard up.
    Blocked(BlockedShard),
    /// It does no more, after so long.
    Freed(BlockedShard),
}

/// What one shard polls now.
#[derive(Debug, Default)]
pub struct ShardPolling(Mutex<Turn>);

#[derive(Debug, Default)]
struct Turn {
    /// Counts polls, so that two looks can tell whether they have seen the same one.
    turn: u64,
    call: Option<PolledCall>,
}

/// A poll under way; dropped, it is over, and its call is given back.
struct Poll<'a>(&'a ShardPolling, &'a mut Option<PolledCall>);

impl Polling {
    /// For so many shards.
    pub fn new(shards: usize) -> Self {
        let seen = (0..shards).map(|_| None).collect();
        Self { shards: (0..shards).map(|_| Arc::default()).collect(), seen: Mutex::new(seen) }
    }

    /// What this shard polls.
    pub(crate) fn of(&self, shard: usize) -> Arc<ShardPolling> {
        self.shards.get(shard).cloned().unwrap_or_default()
    }

    /// Looks at what each shard polls. One that polls the same for [`BLOCKED_TOLD`] is blocked.
    pub fn look(&self, now: Instant) -> Vec<PollChange> {
        let mut changes = Vec::new();
        let mut seen = lock(&self.seen);
        for (shard, (polling, seen)) in self.shards.iter().zip(seen.iter_mut()).enumerate() {
            let polled = polling.now();
            match (seen.as_mut(), polled) {
                (Some(known), Some((turn, _))) if known.turn == turn => {
                    let blocked = known.on(shard, now);
                    if blocked.blocked >= BLOCKED_TOLD && !known.is_told {
                        known.is_told = true;
                        changes.push(PollChange::Blocked(blocked));
                    }
                }
                (known, polled) => {
                    let told = known.filter(|known| known.is_told);
                    changes.extend(told.map(|known| PollChange::Freed(known.on(shard, now))));
                    *seen = polled.map(|(turn, call)| SeenPoll { turn, call, since: now, is_told: false });
                }
            }
        }
        changes
    }

    /// The shards that are blocked, as far as the last look tells.
    pub fn blocked(&self, now: Instant) -> Vec<BlockedShard> {
        let seen = lock(&self.seen);
        let told = seen.iter().enumerate().filter_map(|(shard, seen)| {
            let seen = seen.as_ref().filter(|seen| seen.is_told)?;
            Some(seen.on(shard, now))
        });
        told.collect()
    }
}

impl SeenPoll {
    fn on(&self, shard: usize, now: Instant) -> BlockedShard {
        BlockedShard { shard, call: self.call.clone(), blocked: now.saturating_duration_since(self.since) }
    }
}

impl ShardPolling {
    /// Does `poll`, which polls this call. Calls are polled all the time: it is moved, and not cloned.
    pub(crate) fn during<T>(&self, call: &mut Option<PolledCall>, poll: impl FnOnce() -> T) -> T {
        let mut polling = lock(&self.0);
        polling.turn = polling.turn.wrapping_add(1);
        polling.call = call.take();
        drop(polling);
        let _over = Poll(self, call);
        poll()
    }

    fn now(&self) -> Option<(u64, PolledCall)> {
        let polling = lock(&self.0);
        polling.call.clone().map(|call| (polling.turn, call))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        *self.1 = lock(&self.0.0).call.take();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn call() -> PolledCall {
        let peid = ExecutionId::from_bytes([7; 16]);
        PolledCall { integration: Name::new("edr").unwrap(), peid, step: StepId::new("isolate").unwrap() }
    }

    #[test]
    fn a_call_that_holds_a_shard_up_is_told_once_and_until_it_is_over() {
        let (polling, began) = (Polling::new(2), Instant::now());
        let (call, held) = (call(), polling.of(1));
        let blocked = |blocked| BlockedShard { shard: 1, call: call.clone(), blocked };
        held.during(&mut Some(call.clone()), || {
            assert_eq!(polling.look(began), []);
            assert_eq!((polling.look(began + BLOCKED_TOLD / 2), polling.blocked(began)), (vec![], vec![]));
            let told = PollChange::Blocked(blocked(BLOCKED_TOLD));
            assert_eq!(polling.look(began + BLOCKED_TOLD), [told]);
            assert_eq!(polling.look(began + 2 * BLOCKED_TOLD), []);
            assert_eq!(polling.blocked(began + 3 * BLOCKED_TOLD), [blocked(3 * BLOCKED_TOLD)]);
        });
        // Another poll of the same call, of which nothing is known.
        held.during(&mut Some(call.clone()), || {
            let freed = PollChange::Freed(blocked(4 * BLOCKED_TOLD));
            assert_eq!(polling.look(began + 4 * BLOCKED_TOLD), [freed]);
            assert_eq!(polling.blocked(began + 9 * BLOCKED_TOLD), []);
        });
        assert_eq!(polling.look(began + 9 * BLOCKED_TOLD), []);
    }

    #[test]
    fn a_poll_is_seen_while_it_lasts_and_told_from_the_next_one() {
        let (shard, call) = (ShardPolling::default(), call());
        let mut polled = Some(call.clone());
        let mut seen = || shard.during(&mut polled, || shard.now());
        let (first, second) = (seen().unwrap(), seen().unwrap());
        assert_eq!(first.1, call);
        assert!(first.0 != second.0 && shard.now().is_none());
        let panicked = catch_unwind(AssertUnwindSafe(|| shard.during(&mut polled, || panic!("on purpose"))));
        assert!(panicked.is_err() && shard.now().is_none());
        assert_eq!(polled, Some(call), "it is given back");
    }
}
