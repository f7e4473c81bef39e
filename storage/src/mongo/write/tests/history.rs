//! Histories: updates of a few documents, sent in batches, of which some are lost, some are not answered, and some
//! arrive again later. Sent as the write-behind does: unconfirmed updates are merged with newer ones.

use proptest::prelude::*;
use serde_json::json;
use updraft_protocol::{
    ExecutionStatus, ExecutionUpdate, Json, Revision, TaskStatus, TaskUpdate, Timestamp, Update,
};

use super::samples::{change, execution, hostile, task};
use crate::store::WriteOutcome;

/// Documents of a history: executions first, then tasks.
pub(super) const DOCUMENTS: usize = 4;
const EXECUTIONS: usize = 2;

/// The delivery of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// It arrives, but its answer does not.
    Unanswered,
    Lost,
}

/// One batch.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// New updates of each document.
    grown: [u8; DOCUMENTS],
    /// Whether a new writer takes over first.
    takeover: bool,
    fate: Fate,
    /// Batches sent before that arrive once more, first.
    late: Vec<prop::sample::Index>,
}

pub(super) fn histories() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![3 => Just(Fate::Answered), 2 => Just(Fate::Unanswered), 2 => Just(Fate::Lost)];
    let late = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let step = (prop::array::uniform4(0..3_u8), prop::bool::weighted(0.15), fate, late);
    let step = step.prop_map(|(grown, takeover, fate, late)| Step { grown, takeover, fate, late });
    prop::collection::vec(step, 1..12)
}

/// One document, from its writer's view.
struct Document {
    /// Everything so far.
    whole: Option<Update>,
    /// Updates that the store has not confirmed.
    pending: Option<Update>,
}

/// Plays a history with `write`; returns the newest state of each document, as far as it has one.
pub(super) fn play(
    steps: &[Step],
    mut write: impl FnMut(Vec<Update>) -> Vec<WriteOutcome>,
) -> Vec<Option<Update>> {
    let mut documents: Vec<_> = (0..DOCUMENTS).map(|_| Document { whole: None, pending: None }).collect();
    let mut sent: Vec<Vec<Update>> = Vec::new();
    let mut epoch = 1;
    for step in steps {
        epoch += u64::from(step.takeover);
        for (at, (document, grown)) in documents.iter_mut().zip(step.grown).enumerate() {
            for _ in 0..grown {
                document.grow(at, epoch);
            }
        }
        for late in &step.late {
            if !sent.is_empty() {
                let _ = write(late.get(&sent).clone());
            }
        }
        deliver(&mut documents, &mut sent, step.fate, &mut write);
    }
    deliver(&mut documents, &mut sent, Fate::Answered, &mut write);
    // Delayed batches arrive at the end.
    for batch in sent {
        let _ = write(batch);
    }
    documents.into_iter().map(|document| document.whole).collect()
}

fn deliver(
    documents: &mut [Document],
    sent: &mut Vec<Vec<Update>>,
    fate: Fate,
    write: &mut impl FnMut(Vec<Update>) -> Vec<WriteOutcome>,
) {
    let batch: Vec<_> = documents.iter().filter_map(|document| document.pending.clone()).collect();
    sent.push(batch.clone());
    if fate == Fate::Lost {
        return;
    }
    let outcomes = write(batch);
    if fate == Fate::Unanswered {
        return;
    }
    let waiting: Vec<_> = documents.iter_mut().filter(|document| document.pending.is_some()).collect();
    assert_eq!(outcomes.len(), waiting.len());
    for (document, outcome) in waiting.into_iter().zip(outcomes) {
        assert!(matches!(outcome, WriteOutcome::Written | WriteOutcome::Stale), "{outcome:?}");
        document.pending = None;
    }
}

impl Document {
    /// The next update of the document. A new writer numbers its own from 1.
    fn grow(&mut self, at: usize, epoch: u64) {
        let last = self.whole.as_ref().map(Update::revision);
        let seq = last.filter(|last| last.epoch == epoch).map_or(1, |last| last.seq + 1);
        let next = update(at, Revision { epoch, seq }, last.is_none());
        for known in [&mut self.whole, &mut self.pending] {
            match known {
                Some(known) => known.merge(next.clone()),
                None => *known = Some(next.clone()),
            }
        }
    }
}

/// Update `seq` of a document: the first has the head, and each sets other fields.
fn update(at: usize, revision: Revision, first: bool) -> Update {
    let seq = revision.seq;
    let named = |every: u64| seq.is_multiple_of(every);
    let value = || {
        Json::from(
            json!({"$set": {"seq": seq, "epoch": revision.epoch}, "of": "$seq", "hostile": hostile().value()}),
        )
    };
    if at < EXECUTIONS {
        let base = execution(at as u64);
        let mut next = ExecutionUpdate { head: base.head.filter(|_| first), ..change(at as u64, revision) };
        next.state.execution_status =
            if named(2) { ExecutionStatus::Completed } else { ExecutionStatus::Executing };
        next.state.started_date = named(3).then_some(Timestamp(seq));
        next.state.playbook_runtime = named(4).then_some(seq);
        next.state.output = named(2).then(value);
        Update::from(next)
    } else {
        let base = task(0, at as u32);
        let mut next = TaskUpdate { head: base.head.clone().filter(|_| first), revision, ..base };
        next.state.status = if named(2) { TaskStatus::Completed } else { TaskStatus::Executing };
        next.state.attempt = seq as u32;
        next.state.updated_date = Timestamp(seq);
        next.state.started_date = named(3).then_some(Timestamp(seq));
        next.state.runtime = named(4).then_some(seq);
        next.state.response = named(2).then(value);
        Update::from(next)
    }
}
