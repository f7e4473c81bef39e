//! The writer as a machine: the order of its commands, its end, and that everything is written or kept as a dead letter
//! in the end, whatever faults a store has for a while.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use updraft_protocol::{
    DeadLetter, DocumentId, ExecutionId, Revision, TaskId, TaskState, TaskStatus, TaskUpdate, Timestamp,
    Update,
};

use super::*;

const MS: Duration = Duration::from_millis(1);

/// An update of a task that has ended.
pub(super) fn update(document: u64, seq: u64) -> Update {
    Update::from(TaskUpdate {
        task_id: TaskId::from_bytes(u128::from(document + 1).to_be_bytes()),
        peid: ExecutionId::from_bytes([9; 16]),
        revision: Revision { epoch: 1, seq },
        head: None,
        state: TaskState::change(TaskStatus::Completed, 1, Timestamp(seq)),
        positions: Default::default(),
    })
}

fn groups(lsn: u64, updates: Vec<Update>) -> Input<u32, ()> {
    Input::Groups(vec![Group::new(lsn, updates)])
}

fn writer(noted: Option<u64>) -> Writer<u32, ()> {
    Writer::new(WriterConfig::default(), BatchLimit::Fixed { operations: 2, batches: 2 }, noted)
}

fn deliveries(commands: Vec<Command<u32>>) -> Vec<Delivery> {
    let delivery = |command| match command {
        Command::Deliver(delivery) => Some(*delivery),
        _ => None,
    };
    commands.into_iter().filter_map(delivery).collect()
}

/// The commands besides deliveries, in order.
fn others(commands: &[Command<u32>]) -> Vec<String> {
    let other = |command: &Command<u32>| match command {
        Command::Deliver(_) | Command::Notify(_) | Command::Warn(_) => None,
        Command::Note { up_to, closing } => Some(format!("note {up_to} {closing}")),
        Command::Stored { below } => Some(format!("stored {below}")),
        Command::Noted { below } => Some(format!("noted {below}")),
        Command::Answer(token, outcome) => Some(format!("answer {token} {}", outcome.is_ok())),
        Command::End(ended) => Some(format!("{ended:?}")),
    };
    commands.iter().filter_map(other).collect()
}

fn write(delivery: &mut Delivery, now: Duration) {
    let Some(StoreCall::Write(updates)) = delivery.next_call() else { panic!("no write") };
    delivery.written(Ok(vec![WriteOutcome::Written; updates.len()]), now);
    assert!(delivery.next_call().is_none());
}

#[test]
fn a_barrier_is_answered_after_the_watermark_has_passed_it() {
    let mut writer = writer(None);
    assert_eq!(others(&writer.on(groups(7, vec![update(1, 1)]), MS)), ["stored 7"], "it waits for company");
    let mut sent = deliveries(writer.on(Input::Barrier { token: 5, closing: false }, MS));
    write(&mut sent[0], 2 * MS);
    let commands = writer.on(Input::Delivered(Box::new(sent.remove(0))), 2 * MS);
    assert_eq!(others(&commands), ["stored 8", "answer 5 true"]);
}

#[test]
fn who_closes_is_answered_when_the_store_has_noted_so() {
    let mut writer = writer(Some(1));
    assert_eq!(others(&writer.on(groups(7, vec![update(1, 1)]), MS)), ["stored 7"]);
    let mut sent = deliveries(writer.on(Input::Barrier { token: 5, closing: true }, MS));
    write(&mut sent[0], 2 * MS);
    let commands = writer.on(Input::Delivered(Box::new(sent.remove(0))), 2 * MS);
    assert_eq!(others(&commands), ["stored 8", "note 7 true"]);
    let commands = writer.on(Input::Noted(Err("away".to_owned())), 3 * MS);
    assert_eq!(others(&commands), [""; 0]);
    assert!(writer.wakes_at().is_some(), "it is noted again");
    let commands = writer.on(Input::Woken, writer.wakes_at().unwrap());
    assert_eq!(others(&commands), ["note 7 true"]);
    let commands = writer.on(Input::Noted(Ok(())), 2_000 * MS);
    assert_eq!(others(&commands), ["noted 8", "answer 5 true"]);
    assert_eq!(others(&writer.on(Input::Closed, 2_000 * MS)), ["Stored"]);
}

#[test]
fn a_writer_that_gives_up_tells_who_waits_and_what_is_left() {
    let mut writer = writer(None);
    let sent = deliveries(writer.on(groups(7, vec![update(1, 1), update(2, 1), update(3, 1)]), MS));
    assert_eq!(sent.len(), 1);
    drop(writer.on(Input::Barrier { token: 5, closing: false }, MS));
    drop(writer.on(Input::Closed, MS));
    let commands = writer.on(Input::Woken, WriterConfig::default().drain + MS);
    assert_eq!(others(&commands), ["answer 5 false", "GaveUp { documents: 3 }"]);
}

/// A store that behaves differently at each call, until it is healthy.
struct FaultyStore {
    has: BTreeMap<DocumentId, u64>,
    poison: BTreeSet<u64>,
    letters: BTreeSet<String>,
}

impl FaultyStore {
    fn call(&mut self, delivery: &mut Delivery, mood: u8, now: Duration) {
        match delivery.next_call() {
            Some(StoreCall::Write(updates)) => {
                let answer = match mood {
                    1 => Err(StoreFault::Store("away".to_owned())),
                    2 if updates.iter().any(|update| self.refuses(update)) => {
                        Err(StoreFault::Content("something".to_owned()))
                    }
                    3 => Ok(Vec::new()),
                    _ => Ok(updates.iter().map(|update| self.write(update, mood)).collect()),
                };
                delivery.written(answer, now);
            }
            Some(StoreCall::Keep(letters)) => delivery.kept(match mood {
                1 | 4 => Err(StoreFault::Store("full".to_owned())),
                _ => {
                    self.letters.extend(letters.into_iter().map(|letter| letter.key));
                    Ok(())
                }
            }),
            None => {}
        }
    }

    fn refuses(&self, update: &Update) -> bool {
        self.poison.contains(&update.revision().seq)
    }

    fn write(&mut self, update: &Update, mood: u8) -> WriteOutcome {
        let seq = update.revision().seq;
        match mood {
            _ if self.refuses(update) => WriteOutcome::Poison("never".to_owned()),
            4 if seq.is_multiple_of(3) => WriteOutcome::Retry("not now".to_owned()),
            _ => {
                let has = self.has.entry(update.document()).or_insert(seq);
                *has = seq.max(*has);
                WriteOutcome::Written
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_store_does_for_a_while_everything_is_written_or_kept(
        documents in prop::collection::vec(0_u64..6, 1..40),
        poison in prop::collection::btree_set(1_u64..40, 0..4),
        moods in prop::collection::vec(0_u8..5, 0..60),
    ) {
        let (mut writer, mut now, mut moods) = (writer(None), MS, moods.into_iter());
        let mut store = FaultyStore { has: BTreeMap::new(), poison, letters: BTreeSet::new() };
        let (mut newest, mut told_poison) = (BTreeMap::new(), BTreeSet::new());
        let mut flying: VecDeque<Box<Delivery>> = VecDeque::new();
        let mut inputs: VecDeque<Input<u32, ()>> = VecDeque::new();
        for (seq, document) in (1..).zip(documents) {
            newest.insert(update(document, seq).document(), (document, seq));
            inputs.push_back(groups(seq, vec![update(document, seq)]));
        }
        inputs.push_back(Input::Barrier { token: 1, closing: true });
        let mut answered = false;
        for _ in 0..10_000 {
            let input = match if writer.receives() { inputs.pop_front() } else { None } {
                Some(input) => input,
                None => match flying.pop_front() {
                    Some(mut delivery) => {
                        while delivery.next_call().is_some() {
                            store.call(&mut delivery, moods.next().unwrap_or(0), now);
                        }
                        Input::Delivered(delivery)
                    }
                    None => {
                        let Some(at) = writer.wakes_at() else { break };
                        now = now.max(at);
                        Input::Woken
                    }
                },
            };
            for command in writer.on(input, now) {
                match command {
                    Command::Deliver(delivery) => flying.push_back(delivery),
                    Command::Answer(_, outcome) => answered = outcome.is_ok(),
                    Command::Notify(Notice::Poison { update, .. }) => {
                        prop_assert!(store.letters.contains(&DeadLetter::of(&update, String::new()).key));
                        told_poison.insert(update.revision().seq);
                    }
                    _ => {}
                }
            }
        }
        prop_assert!(answered);
        prop_assert_eq!((writer.figures().documents, writer.figures().bytes), (0, 0));
        for (id, (document, seq)) in newest {
            prop_assert!(
                store.has.get(&id) == Some(&seq) || told_poison.contains(&seq),
                "document {} at {}", document, seq
            );
        }
    }
}
