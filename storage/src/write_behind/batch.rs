//! One batch on its way to the store: what became of each of its updates. Splits a batch that the store refuses
//! until it has found what it refuses; never tries again what failed for the moment.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use updraft_protocol::Update;

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
}

/// What became of a batch.
pub(super) struct Landed {
    /// One for each update, in order.
    pub(super) verdicts: Vec<Verdict>,
    /// Why some are to be written again.
    pub(super) trouble: Option<String>,
}

/// Whose fault an error is.
enum Blame {
    /// The store's; any other batch would fare as ill.
    Store,
    /// One of the updates'.
    Update,
    /// Either's: an update's, if the store takes another one.
    Unclear,
}

fn blame(error: &Error) -> Blame {
    match error {
        Error::Unavailable(_) | Error::Full(_) | Error::InUse { .. } | Error::Schema { .. } => Blame::Store,
        Error::Refused(_) => Blame::Update,
        // One row that cannot be read, or the whole file.
        Error::Corrupt(_) => Blame::Unclear,
    }
}

/// Writes the updates.
pub(super) async fn write(store: &dyn Store, updates: &[Update], timeout: Duration) -> Landed {
    let mut landed = Landed { verdicts: vec![Verdict::Retry; updates.len()], trouble: None };
    let mut parts: Vec<Range<usize>> = std::iter::once(0..updates.len()).collect();
    let mut suspects = Vec::new();
    // It ends: each part is done with, or replaced by two that are smaller.
    while let Some(part) = parts.pop() {
        let error = match attempt(store, updates[part.clone()].to_vec(), timeout).await {
            Ok(outcomes) => {
                for (verdict, outcome) in landed.verdicts[part].iter_mut().zip(outcomes) {
                    *verdict = outcome.into();
                }
                continue;
            }
            Err(error) => error,
        };
        match blame(&error) {
            Blame::Store => {
                landed.trouble = Some(error.to_string());
                return landed;
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
    let store_writes = landed.verdicts.contains(&Verdict::Written);
    for (at, reason) in suspects {
        if store_writes {
            landed.verdicts[at] = Verdict::Poison(reason);
        } else {
            landed.trouble = Some(reason);
        }
    }
    landed
}

/// One write, of which an error means that nobody knows what became of it.
async fn attempt(
    store: &dyn Store,
    updates: Vec<Update>,
    timeout: Duration,
) -> Result<Vec<WriteOutcome>, Error> {
    let sent = updates.len();
    let writing = AssertUnwindSafe(async { store.write(updates).await }).catch_unwind();
    let outcomes = match tokio::time::timeout(timeout, writing).await {
        Ok(Ok(outcomes)) => outcomes?,
        Ok(Err(_)) => return Err(Error::Unavailable("it panicked".to_owned())),
        Err(_) => return Err(Error::Unavailable(format!("no answer in {timeout:?}"))),
    };
    if outcomes.len() == sent {
        Ok(outcomes)
    } else {
        Err(Error::Unavailable(format!("{} outcomes for {sent} updates", outcomes.len())))
    }
}

impl From<WriteOutcome> for Verdict {
    fn from(outcome: WriteOutcome) -> Self {
        match outcome {
            WriteOutcome::Written => Self::Written,
            WriteOutcome::Stale => Self::Stale,
            WriteOutcome::Poison(reason) => Self::Poison(reason),
        }
    }
}
