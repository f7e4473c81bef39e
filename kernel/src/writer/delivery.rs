//! A delivery: one batch on its way to the store, call by call. If the store refuses a batch, splits it until the
//! refused updates are found, and has the store keep these as dead letters before they are dropped. Never retries a
//! failure that is temporary.

use std::ops::Range;
use std::time::Duration;

use updraft_protocol::limits::BATCH_BYTES;
use updraft_protocol::{DeadLetter, Update};

use crate::batch_limit::Sent;
use crate::coalescer::{Batch, BatchId};

/// The result of one update of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum WriteOutcome {
    /// It is in the store.
    Written,
    /// The store has a newer one; nothing changed.
    Stale,
    /// The store refuses it for good.
    Poison(String),
    /// The store refused it for the moment, and nothing changed: it is to be sent again.
    Retry(String),
    /// The store refused it for a reason that this version does not know. If the store takes others, the update is
    /// poison.
    Unknown(String),
}

/// A store call failed as a whole: the result of its updates is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreFault {
    /// Because of the store; any other call would fail as well.
    Store(String),
    /// Because of something in the call.
    Content(String),
    /// Unclear: because of something in the call, if the store takes another one.
    Unclear(String),
}

/// A call of the store, which the driver makes.
#[derive(Debug, Clone)]
pub enum StoreCall {
    /// Write these updates; answered by [`Delivery::written`].
    Write(Vec<Update>),
    /// Keep these dead letters; answered by [`Delivery::kept`].
    Keep(Vec<DeadLetter>),
}

/// What happens to one update after the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Disposition {
    /// Done: the store has it.
    Written,
    /// Done: the store has a newer one.
    Stale,
    /// Done: the store refuses it for good.
    Poison(String),
    /// The result is unknown: it is written again.
    Retry,
    /// The store refuses it for the moment: it is written again after a pause.
    Defer,
}

/// Dead letters of one call, with the indices of their updates in the batch.
type Letters = (Vec<usize>, Vec<DeadLetter>);

/// A batch on its way to the store.
pub struct Delivery {
    pub(super) id: BatchId,
    pub(super) updates: Vec<Update>,
    /// How many of its updates were deferred before.
    pub(super) deferred: usize,
    pub(super) sent: Sent,
    /// Indices of updates that are poison if they are refused once more.
    refused_too_often: Vec<usize>,
    began: Duration,
    /// Parts of the batch that remain to be written, the next one last.
    parts: Vec<Range<usize>>,
    /// Dead letters that remain to be kept, the next ones last; `None` while updates are written.
    letters: Option<Vec<Letters>>,
    /// Updates that the store refused for an unknown reason, with its error.
    unknown: Vec<(usize, String)>,
    /// The state of each update, in order.
    pub(super) dispositions: Vec<Disposition>,
    /// Why the store should get no batch for a while.
    pub(super) trouble: Option<String>,
    /// Why some updates are deferred.
    pub(super) deferral: Option<String>,
    /// The deferred updates that the store refused for an unknown reason, by index.
    pub(super) refused: Vec<usize>,
    /// Whether the store is overloaded or unreachable.
    pub(super) pushback: bool,
    /// How many write calls were made.
    pub(super) calls: usize,
    /// How long the write calls took.
    pub(super) took: Duration,
    pub(super) letters_kept: usize,
    /// Letters that the store refuses for good, with its reason.
    pub(super) lost: Vec<(DeadLetter, String)>,
}

impl Delivery {
    pub(super) fn new(batch: Batch, sent: Sent, refused_too_often: Vec<usize>, now: Duration) -> Self {
        let Batch { id, updates, deferred } = batch;
        Self {
            id,
            dispositions: vec![Disposition::Retry; updates.len()],
            parts: std::iter::once(0..updates.len()).collect(),
            updates,
            deferred,
            sent,
            refused_too_often,
            began: now,
            letters: None,
            unknown: Vec::new(),
            trouble: None,
            deferral: None,
            refused: Vec::new(),
            pushback: false,
            calls: 0,
            took: Duration::ZERO,
            letters_kept: 0,
            lost: Vec::new(),
        }
    }

    /// The updates of the whole batch.
    pub fn updates(&self) -> &[Update] {
        &self.updates
    }

    /// The next store call; `None` if the delivery is over. It ends, since each part is either finished or replaced by
    /// two smaller ones.
    pub fn next_call(&self) -> Option<StoreCall> {
        match (self.parts.last(), &self.letters) {
            (Some(part), _) => Some(StoreCall::Write(self.updates[part.clone()].to_vec())),
            (None, letters) => {
                letters.as_ref().and_then(|parts| parts.last()).map(|(_, it)| StoreCall::Keep(it.clone()))
            }
        }
    }

    /// The store's answer to a write, in order, or its error.
    pub fn written(&mut self, answer: Result<Vec<WriteOutcome>, StoreFault>, now: Duration) {
        let Some(part) = self.parts.pop() else { return };
        self.calls += 1;
        let answer = answer.and_then(|outcomes| {
            let (given, sent) = (outcomes.len(), part.len());
            let wrong = || StoreFault::Store(format!("{given} outcomes for {sent} updates"));
            (given == sent).then_some(outcomes).ok_or_else(wrong)
        });
        match answer {
            Ok(outcomes) => part.zip(outcomes).for_each(|(place, outcome)| self.take(place, outcome)),
            Err(StoreFault::Store(reason)) => {
                self.trouble = Some(reason);
                self.pushback = true;
                self.parts.clear();
            }
            Err(StoreFault::Content(_) | StoreFault::Unclear(_)) if part.len() > 1 => {
                let middle = part.start + part.len() / 2;
                self.parts.push(middle..part.end);
                self.parts.push(part.start..middle);
            }
            Err(StoreFault::Content(reason)) => self.dispositions[part.start] = Disposition::Poison(reason),
            Err(StoreFault::Unclear(reason)) => self.unknown.push((part.start, reason)),
        }
        if self.parts.is_empty() {
            self.took = now.saturating_sub(self.began);
            self.judge();
            self.letters = Some(self.dead_letters());
        }
    }

    fn take(&mut self, place: usize, outcome: WriteOutcome) {
        self.dispositions[place] = match outcome {
            WriteOutcome::Written => Disposition::Written,
            WriteOutcome::Stale => Disposition::Stale,
            WriteOutcome::Poison(reason) => Disposition::Poison(reason),
            WriteOutcome::Retry(reason) => {
                self.deferral.get_or_insert(reason);
                self.pushback = true;
                Disposition::Defer
            }
            WriteOutcome::Unknown(reason) => {
                self.unknown.push((place, reason));
                Disposition::Retry
            }
        };
    }

    /// Updates that were refused for an unknown reason are poison if they were refused often before while the store
    /// took others. Until then the store may be at fault: they are deferred, so that other updates are not delayed.
    fn judge(&mut self) {
        for (place, reason) in std::mem::take(&mut self.unknown) {
            if self.refused_too_often.contains(&place) {
                self.dispositions[place] = Disposition::Poison(reason);
            } else {
                self.dispositions[place] = Disposition::Defer;
                self.refused.push(place);
                self.deferral.get_or_insert(reason);
            }
        }
    }

    /// The dead letters of poison updates, in parts that a store takes in one call.
    fn dead_letters(&self) -> Vec<Letters> {
        let mut parts: Vec<Letters> = Vec::new();
        let mut bytes = 0;
        for (place, (update, disposition)) in self.updates.iter().zip(&self.dispositions).enumerate() {
            let Disposition::Poison(reason) = disposition else { continue };
            let letter = DeadLetter::of(update, reason.clone());
            let more = letter.update.as_ref().map_or(0, |update| update.as_str().len());
            match parts.last_mut().filter(|_| bytes + more <= BATCH_BYTES) {
                Some((places, letters)) => {
                    bytes += more;
                    places.push(place);
                    letters.push(letter);
                }
                None => {
                    bytes = more;
                    parts.push((vec![place], vec![letter]));
                }
            }
        }
        parts
    }

    /// The store's answer to dead letters. A letter that it cannot keep at the moment is deferred, to be found poison
    /// again. A letter that it refuses for good is dropped and reported as lost.
    pub fn kept(&mut self, answer: Result<(), StoreFault>) {
        let Some(parts) = &mut self.letters else { return };
        let Some((mut places, mut letters)) = parts.pop() else { return };
        match answer {
            Ok(()) => self.letters_kept += letters.len(),
            Err(StoreFault::Store(error)) => {
                self.deferral.get_or_insert(format!("a dead letter cannot be kept: {error}"));
                for place in places.into_iter().chain(parts.drain(..).flat_map(|(places, _)| places)) {
                    self.dispositions[place] = Disposition::Defer;
                }
            }
            Err(StoreFault::Content(_) | StoreFault::Unclear(_)) if letters.len() > 1 => {
                let middle = letters.len() / 2;
                let half = (places.split_off(middle), letters.split_off(middle));
                parts.push(half);
                parts.push((places, letters));
            }
            Err(StoreFault::Content(error) | StoreFault::Unclear(error)) => {
                self.lost.extend(letters.into_iter().map(|letter| (letter, error.clone())));
            }
        }
    }

    /// The number of updates in a state.
    pub(super) fn count(&self, wanted: impl Fn(&Disposition) -> bool) -> usize {
        self.dispositions.iter().filter(|disposition| wanted(disposition)).count()
    }
}
