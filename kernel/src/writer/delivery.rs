//! A delivery: one batch on its way to the store, call by call. Splits a batch that the store refuses until it has found what
//! it refuses, and has what is poison kept as dead letters before it is let go. Never tries again what failed for the moment.

use std::ops::Range;
use std::time::Duration;

use updraft_protocol::limits::BATCH_BYTES;
use updraft_protocol::{DeadLetter, Update};

use crate::batch_limit::Sent;
use crate::coalescer::{Batch, BatchId};

/// What became of one update of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum WriteOutcome {
    /// It is in the store.
    Written,
    /// The store has a newer one; nothing changed.
    Stale,
    /// The store will never take it.
    Poison(String),
    /// The store refused it for the moment, and nothing changed: it is to be sent again.
    Retry(String),
    /// The store refused it for a reason that this version does not know. Where it takes others, it is poison.
    Unknown(String),
}

/// Why a call of the store failed as a whole: nobody knows what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreFault {
    /// For the store's sake; any other call would fare as ill.
    Store(String),
    /// For the sake of something in the call.
    Content(String),
    /// Either: something in the call, if the store takes another one.
    Unclear(String),
}

/// A call of the store.
#[derive(Debug, Clone)]
pub enum StoreCall {
    /// Write these updates; [`Delivery::written`] hears of it.
    Write(Vec<Update>),
    /// Keep these dead letters; [`Delivery::kept`] hears of it.
    Keep(Vec<DeadLetter>),
}

/// What is to become of one update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
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

/// Dead letters of one call, with the places of their updates in the batch.
type Letters = (Vec<usize>, Vec<DeadLetter>);

/// A batch on its way to the store.
pub struct Delivery {
    pub(super) id: BatchId,
    pub(super) updates: Vec<Update>,
    /// How many of them were deferred before.
    pub(super) deferred: usize,
    pub(super) sent: Sent,
    /// Places of updates that are poison where they are refused for whatever reason.
    refused_too_often: Vec<usize>,
    began: Duration,
    /// Parts of the batch that are still to be written, the next one last.
    parts: Vec<Range<usize>>,
    /// Dead letters that are still to be kept, the next ones last; none while updates are written.
    letters: Option<Vec<Letters>>,
    /// Updates that the store refused for an unknown reason, with what it said.
    unknown: Vec<(usize, String)>,
    /// One for each update, in order.
    pub(super) fates: Vec<Fate>,
    /// Why the store should be left alone for a while.
    pub(super) trouble: Option<String>,
    /// Why some are deferred.
    pub(super) deferral: Option<String>,
    /// Those of them that the store refused for an unknown reason, by their place.
    pub(super) refused: Vec<usize>,
    /// Whether the store wants less, or is not there.
    pub(super) pushback: bool,
    /// How many calls the writing took.
    pub(super) calls: usize,
    /// How long the writing took.
    pub(super) took: Duration,
    pub(super) letters_kept: usize,
    /// Letters that the store will never keep, with its reason.
    pub(super) lost: Vec<(DeadLetter, String)>,
}

impl Delivery {
    pub(super) fn new(batch: Batch, sent: Sent, refused_too_often: Vec<usize>, now: Duration) -> Self {
        let Batch { id, updates, deferred } = batch;
        Self {
            id,
            fates: vec![Fate::Retry; updates.len()],
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

    /// The next call of the store; none where the delivery is over. It ends: each part is done with, or replaced by two that
    /// are smaller.
    pub fn next_call(&self) -> Option<StoreCall> {
        match (self.parts.last(), &self.letters) {
            (Some(part), _) => Some(StoreCall::Write(self.updates[part.clone()].to_vec())),
            (None, letters) => {
                letters.as_ref().and_then(|parts| parts.last()).map(|(_, it)| StoreCall::Keep(it.clone()))
            }
        }
    }

    /// The store answered a write, in order, or did not.
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
            Err(StoreFault::Content(reason)) => self.fates[part.start] = Fate::Poison(reason),
            Err(StoreFault::Unclear(reason)) => self.unknown.push((part.start, reason)),
        }
        if self.parts.is_empty() {
            self.took = now.saturating_sub(self.began);
            self.judge();
            self.letters = Some(self.dead_letters());
        }
    }

    fn take(&mut self, place: usize, outcome: WriteOutcome) {
        self.fates[place] = match outcome {
            WriteOutcome::Written => Fate::Written,
            WriteOutcome::Stale => Fate::Stale,
            WriteOutcome::Poison(reason) => Fate::Poison(reason),
            WriteOutcome::Retry(reason) => {
                self.deferral.get_or_insert(reason);
                self.pushback = true;
                Fate::Defer
            }
            WriteOutcome::Unknown(reason) => {
                self.unknown.push((place, reason));
                Fate::Retry
            }
        };
    }

    /// Updates that were refused for an unknown reason are poison where they were refused often before, while the store took
    /// others. Until then the store may be at fault: they are deferred, and others are not kept waiting for them.
    fn judge(&mut self) {
        for (place, reason) in std::mem::take(&mut self.unknown) {
            if self.refused_too_often.contains(&place) {
                self.fates[place] = Fate::Poison(reason);
            } else {
                self.fates[place] = Fate::Defer;
                self.refused.push(place);
                self.deferral.get_or_insert(reason);
            }
        }
    }

    /// What is poison, as dead letters, in parts that a store takes at once.
    fn dead_letters(&self) -> Vec<Letters> {
        let mut parts: Vec<Letters> = Vec::new();
        let mut bytes = 0;
        for (place, (update, fate)) in self.updates.iter().zip(&self.fates).enumerate() {
            let Fate::Poison(reason) = fate else { continue };
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

    /// The store keeps dead letters, or does not. What it cannot keep at the moment is deferred, to be found poison again;
    /// what it never will is let go, and said to be lost.
    pub fn kept(&mut self, answer: Result<(), StoreFault>) {
        let Some(parts) = &mut self.letters else { return };
        let Some((mut places, mut letters)) = parts.pop() else { return };
        match answer {
            Ok(()) => self.letters_kept += letters.len(),
            Err(StoreFault::Store(error)) => {
                self.deferral.get_or_insert(format!("a dead letter cannot be kept: {error}"));
                for place in places.into_iter().chain(parts.drain(..).flat_map(|(places, _)| places)) {
                    self.fates[place] = Fate::Defer;
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

    /// How many updates have this fate.
    pub(super) fn count(&self, wanted: impl Fn(&Fate) -> bool) -> usize {
        self.fates.iter().filter(|fate| wanted(fate)).count()
    }
}
