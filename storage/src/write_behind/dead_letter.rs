//! Dead letters: what is poison is kept elsewhere, with its reason, before it is let go. Decides what happens where that
//! fails; never what is poison.

use std::time::Duration;

use updraft_protocol::limits::BATCH_BYTES;
use updraft_protocol::{DeadLetter, Update};

use super::batch::{Blame, Landed, Verdict, blame, guarded};
use crate::store::Store;

/// Keeps what is poison of a batch. What the store cannot keep at the moment is deferred, to be found poison
/// again; what it never will is let go, and said to be lost.
pub(super) async fn keep(store: &dyn Store, updates: &[Update], landed: &mut Landed, timeout: Duration) {
    let mut parts = letters(updates, landed);
    // It ends: each part is done with, or replaced by two that are smaller.
    while let Some((mut places, mut letters)) = parts.pop() {
        let call = async { store.bury(letters.clone()).await };
        let Err(error) = guarded(call, timeout).await else {
            count("kept", letters.len());
            continue;
        };
        match blame(&error) {
            Blame::Store => {
                landed.deferred.get_or_insert(format!("a dead letter cannot be kept: {error}"));
                for place in places.into_iter().chain(parts.drain(..).flat_map(|(places, _)| places)) {
                    landed.verdicts[place] = Verdict::Defer;
                }
            }
            Blame::Update | Blame::Unclear if letters.len() > 1 => {
                let middle = letters.len() / 2;
                let half = (places.split_off(middle), letters.split_off(middle));
                parts.push(half);
                parts.push((places, letters));
            }
            Blame::Update | Blame::Unclear => {
                count("lost", letters.len());
                for letter in letters {
                    let (key, reason) = (letter.key, letter.reason);
                    tracing::error!(key, reason, %error, "a dead letter will never be kept and is lost");
                }
            }
        }
    }
}

/// The letters with their places in the batch, in parts that a store takes at once.
fn letters(updates: &[Update], landed: &Landed) -> Vec<(Vec<usize>, Vec<DeadLetter>)> {
    let mut parts: Vec<(Vec<usize>, Vec<DeadLetter>)> = Vec::new();
    let mut bytes = 0;
    for (place, (update, verdict)) in updates.iter().zip(&landed.verdicts).enumerate() {
        let Verdict::Poison(reason) = verdict else { continue };
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

fn count(outcome: &'static str, letters: usize) {
    metrics::counter!("updraft_store_dead_letters_total", "outcome" => outcome).increment(letters as u64);
}
