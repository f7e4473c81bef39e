//! One batch on its way to the store: what became of each of its updates. Splits a batch that the store refuses
//! until it has found what it refuses; never tries again what failed for the moment.

use std::collections::HashSet;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use updraft_protocol::{DocumentId, Update};

use crate::store::{Error, Store, WriteOutcome};

/// What became of one update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The store has it.
    Written,
    /// The store has a newer one.
    Stale,
    /// The store will never take it.
    Poison(String),
    /// Nobody knows: it is to be written again.
    Retry,
    /// The store will not have it now: it is to be written again after a while.
    Defer,
}

/// What became of a batch.
pub(super) struct Landed {
    /// One for each update, in order.
    pub(super) verdicts: Vec<Verdict>,
    /// Why the store should be left alone for a while.
    pub(super) trouble: Option<String>,
    /// Why some are deferred.
    pub(super) deferred: Option<String>,
    /// Those of them that the store refused for an unknown reason, by their place.
    pub(super) refusals: Vec<usize>,
    /// Whether it is the store that wants less, or is not there.
    pub(super) pushback: bool,
    /// How many calls of the store it took.
    pub(super) calls: usize,
}

/// Whose fault an error is.
pub(super) enum Blame {
    /// The store's; any other batch would fare as ill.
    Store,
    /// One of the updates'.
    Update,
    /// Either's: an update's, if the store takes another one.
    Unclear,
}

pub(super) fn blame(error: &Error) -> Blame {
    match error {
        Error::Unavailable(_) | Error::Full(_) | Error::InUse { .. } | Error::Schema { .. } => Blame::Store,
        Error::Refused(_) => Blame::Update,
        // One row that cannot be read, or the whole file.
        Error::Corrupt(_) => Blame::Unclear,
    }
}

/// Writes the updates. Those of the `convicted` documents are poison where they are refused for whatever reason.
pub(super) async fn write(
    store: &dyn Store,
    updates: &[Update],
    convicted: &HashSet<DocumentId>,
    timeout: Duration,
) -> Landed {
    let mut landed = Landed {
        verdicts: vec![Verdict::Retry; updates.len()],
        trouble: None,
        deferred: None,
        refusals: Vec::new(),
        pushback: false,
        calls: 0,
    };
    let mut parts: Vec<Range<usize>> = std::iter::once(0..updates.len()).collect();
    let mut suspects = Vec::new();
    // It ends: each part is done with, or replaced by two that are smaller.
    while let Some(part) = parts.pop() {
        landed.calls += 1;
        let error = match attempt(store, updates[part.clone()].to_vec(), timeout).await {
            Ok(outcomes) => {
                for (at, outcome) in part.zip(outcomes) {
                    landed.take(at, outcome, &mut suspects);
                }
                continue;
            }
            Err(error) => error,
        };
        match blame(&error) {
            Blame::Store => {
                landed.trouble = Some(error.to_string());
                landed.pushback = true;
                break;
            }
            Blame::Update | Blame::Unclear if part.len() > 1 => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
            Blame::Update => landed.verdicts[part.start] = Verdict::Poison(error.to_string()),
            Blame::Unclear => suspects.push((part.start, error.to_string())),
        }
    }
    landed.judge(suspects, |at| updates.get(at).is_some_and(|it| convicted.contains(&it.document())));
    landed
}

impl Landed {
    fn take(&mut self, at: usize, outcome: WriteOutcome, suspects: &mut Vec<(usize, String)>) {
        self.verdicts[at] = match outcome {
            WriteOutcome::Written => Verdict::Written,
            WriteOutcome::Stale => Verdict::Stale,
            WriteOutcome::Poison(reason) => Verdict::Poison(reason),
            WriteOutcome::Retry(reason) => {
                self.deferred.get_or_insert(reason);
                self.pushback = true;
                Verdict::Defer
            }
            WriteOutcome::Unknown(reason) => {
                suspects.push((at, reason));
                Verdict::Retry
            }
        };
    }

    /// Those that were refused for an unknown reason are poison where they were often before, while the store took
    /// others. Until then it may be the store: they are deferred, and others are not kept waiting for them.
    fn judge(&mut self, suspects: Vec<(usize, String)>, convicted: impl Fn(usize) -> bool) {
        for (at, reason) in suspects {
            if convicted(at) {
                self.verdicts[at] = Verdict::Poison(reason);
            } else {
                self.verdicts[at] = Verdict::Defer;
                self.refusals.push(at);
                self.deferred.get_or_insert(reason);
            }
        }
    }

    /// How many updates were given this verdict.
    pub(super) fn count(&self, wanted: impl Fn(&Verdict) -> bool) -> usize {
        self.verdicts.iter().filter(|verdict| wanted(verdict)).count()
    }
}

/// One write, of which an error means that nobody knows what became of it.
async fn attempt(
    store: &dyn Store,
    updates: Vec<Update>,
    timeout: Duration,
) -> Result<Vec<WriteOutcome>, Error> {
    let sent = updates.len();
    let outcomes = guarded(async { store.write(updates).await }, timeout).await?;
    if outcomes.len() == sent {
        Ok(outcomes)
    } else {
        Err(Error::Unavailable(format!("{} outcomes for {sent} updates", outcomes.len())))
    }
}

/// A call of the store that ends in time, and without a panic.
pub(super) async fn guarded<T>(
    call: impl Future<Output = Result<T, Error>>,
    timeout: Duration,
) -> Result<T, Error> {
    match tokio::time::timeout(timeout, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(_)) => Err(Error::Unavailable("it panicked".to_owned())),
        Err(_) => Err(Error::Unavailable(format!("no answer in {timeout:?}"))),
    }
}
