//! The suite that every log must pass: the promises of the `Log` contract, case by case. Knows no log.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use updraft_protocol::Update;

use super::{Append, CloseOutcome, Error, Log, Need, Revoke};
use crate::journal::testing::update;

/// How long to wait for an event that must not happen.
const NOTHING: Duration = Duration::from_millis(20);

/// A log that is empty, with the faults that the suite injects.
#[async_trait]
pub(crate) trait LogUnderTest: Send {
    /// The log. The store takes nothing from it yet, so it is soon full.
    fn log(&self) -> Arc<dyn Log>;

    /// From now on the store takes everything.
    fn go_on(&mut self);

    /// The next write does not become durable.
    fn break_next(&self);

    /// The appends that survive a power loss now, in order and numbered.
    fn after_power_loss(&self) -> Vec<(u64, Vec<Update>)>;
}

type Answered = oneshot::Receiver<Result<u64, Error>>;

fn asked(number: u64, need: Need) -> (Append, Answered) {
    let (answer, answered) = oneshot::channel();
    let done = Box::new(move |outcome| drop(answer.send(outcome)));
    (Append::new(updates(number), need, done), answered)
}

fn updates(number: u64) -> Vec<Update> {
    vec![update(number % 3, number)]
}

fn queue(log: &dyn Log, number: u64, need: Need) -> Answered {
    let (append, answered) = asked(number, need);
    log.append(append).unwrap();
    answered
}

async fn put(log: &dyn Log, number: u64, need: Need) -> Result<u64, Error> {
    queue(log, number, need).await.unwrap()
}

/// Appends until there is no room; returns the accepted appends, with the receivers of their answers.
fn fill(log: &dyn Log) -> Vec<Answered> {
    let mut taken = Vec::new();
    loop {
        let (append, answered) = asked(taken.len() as u64 + 1, Need::Durable);
        match log.append(append) {
            Ok(()) => taken.push(answered),
            Err(refused) => {
                assert!(matches!(refused.error, Error::Full) && refused.error.retryable(), "{refused:?}");
                assert_eq!(refused.append.updates, updates(taken.len() as u64 + 1));
                return taken;
            }
        }
    }
}

pub(crate) async fn what_is_answered_as_durable_is_there_after_power_was_lost(mut of: impl LogUnderTest) {
    of.go_on();
    let mut all = Vec::new();
    for number in 1..=20 {
        all.push((put(&*of.log(), number, Need::Durable).await.unwrap(), updates(number)));
        assert_eq!(of.after_power_loss(), all);
    }
    assert!(all.is_sorted_by(|one, next| one.0 < next.0));
    assert_eq!(Some(of.log().status().durable_lsn), all.last().map(|(lsn, _)| *lsn));
}

pub(crate) async fn a_durable_append_covers_every_earlier_one_in_their_order(mut of: impl LogUnderTest) {
    of.go_on();
    let behind: Vec<_> = (1..=50).map(|number| queue(&*of.log(), number, Need::Behind)).collect();
    put(&*of.log(), 51, Need::Durable).await.unwrap();
    let (numbers, there): (Vec<u64>, Vec<_>) = of.after_power_loss().into_iter().unzip();
    assert_eq!(there, (1..=51).map(updates).collect::<Vec<_>>());
    for (answered, number) in behind.into_iter().zip(numbers) {
        assert_eq!(answered.await.unwrap().unwrap(), number);
    }
}

pub(crate) async fn what_may_be_behind_is_answered_and_stays_in_order(mut of: impl LogUnderTest) {
    of.go_on();
    let mut numbers = Vec::new();
    for number in 1..=20 {
        numbers.push(put(&*of.log(), number, Need::Behind).await.unwrap());
    }
    // A prefix of them; the log decides how long it is.
    let there = of.after_power_loss();
    let all: Vec<_> = numbers.into_iter().zip((1..).map(updates)).collect();
    assert!(all.starts_with(&there));
}

pub(crate) async fn an_append_of_nothing_is_answered_and_makes_what_was_answered_durable(
    mut of: impl LogUnderTest,
) {
    of.go_on();
    let put = put(&*of.log(), 1, Need::Behind).await.unwrap();
    let (answer, answered) = oneshot::channel();
    let done = Box::new(move |outcome| drop(answer.send(outcome)));
    of.log().append(Append::new(Vec::new(), Need::Durable, done)).unwrap();
    assert!(answered.await.unwrap().is_ok());
    assert_eq!(of.after_power_loss(), [(put, updates(1))]);
}

pub(crate) async fn at_its_bound_it_refuses_or_waits(mut of: impl LogUnderTest) {
    let (log, taken) = (of.log(), fill(&*of.log()));
    let last = taken.len() as u64 + 1;
    let (append, answered) = asked(last, Need::Durable);
    let mut waiting = tokio::spawn(async move { log.append_waiting(append).await });
    assert!(tokio::time::timeout(NOTHING, &mut waiting).await.is_err(), "there is no room");
    of.go_on();
    waiting.await.unwrap().unwrap();
    for taken in taken {
        taken.await.unwrap().unwrap();
    }
    answered.await.unwrap().unwrap();
    assert_eq!(of.after_power_loss().last().map(|(_, updates)| updates.clone()), Some(updates(last)));
}

pub(crate) async fn what_is_given_up_in_time_is_never_written(mut of: impl LogUnderTest) {
    let log = of.log();
    let queue = |number| {
        let (append, answered) = asked(number, Need::Durable);
        let (append, claim) = append.revocable();
        log.append(append).unwrap();
        (number, claim, answered)
    };
    let queued: Vec<_> = (1..=9).map(queue).collect();
    let given_up: Vec<u64> = queued
        .iter()
        .filter(|(number, claim, _)| number % 2 == 0 && claim.revoke() == Revoke::InTime)
        .map(|(number, ..)| *number)
        .collect();
    of.go_on();
    let mut kept = Vec::new();
    for (number, claim, answered) in queued {
        match answered.await.unwrap() {
            Err(error) => assert!(given_up.contains(&number) && matches!(error, Error::Closed), "{error}"),
            Ok(lsn) => {
                assert_eq!(claim.revoke(), Revoke::TooLate);
                kept.push((lsn, updates(number)));
            }
        }
    }
    assert_eq!(kept.len(), 9 - given_up.len());
    assert_eq!(of.after_power_loss(), kept);
}

pub(crate) async fn a_flush_is_answered_when_the_store_has_everything(mut of: impl LogUnderTest) {
    let log = of.log();
    put(&*log, 1, Need::Durable).await.unwrap();
    let mut flush = tokio::spawn(async move { log.flush().await });
    assert!(tokio::time::timeout(NOTHING, &mut flush).await.is_err(), "the store has nothing yet");
    of.go_on();
    flush.await.unwrap().unwrap();
}

pub(crate) async fn after_a_failed_write_everything_is_refused_and_what_was_durable_stays(
    mut of: impl LogUnderTest,
) {
    of.go_on();
    let first = put(&*of.log(), 1, Need::Durable).await.unwrap();
    of.break_next();
    assert!(matches!(put(&*of.log(), 2, Need::Durable).await, Err(Error::Poisoned { .. })));
    refuses_everything(&*of.log()).await;
    assert!(matches!(of.log().close(Duration::ZERO).await, Err(Error::Poisoned { .. })));
    assert_eq!(of.after_power_loss(), [(first, updates(1))]);
}

pub(crate) async fn one_that_is_stopped_refuses_everything(mut of: impl LogUnderTest) {
    of.go_on();
    put(&*of.log(), 1, Need::Durable).await.unwrap();
    of.log().stop("another has the store");
    refuses_everything(&*of.log()).await;
}

async fn refuses_everything(log: &dyn Log) {
    assert!(log.status().poisoned.is_some());
    for need in [Need::Behind, Need::Durable] {
        let refused = log.append(asked(3, need).0).unwrap_err();
        assert!(matches!(refused.error, Error::Poisoned { .. }) && !refused.error.retryable());
        assert_eq!(refused.append.updates, updates(3));
        let refused = log.append_waiting(asked(4, need).0).await.unwrap_err();
        assert!(matches!(refused.error, Error::Poisoned { .. }));
        assert_eq!((refused.append.updates, refused.append.need), (updates(4), need));
    }
    assert!(matches!(log.flush().await, Err(Error::Poisoned { .. })));
}

pub(crate) async fn closed_it_has_what_was_queued_and_refuses_the_rest(mut of: impl LogUnderTest) {
    let log = of.log();
    let queued: Vec<_> = (1..=9).map(|number| queue(&*log, number, Need::Durable)).collect();
    of.go_on();
    let left = log.close(Duration::from_secs(60)).await.unwrap();
    for answered in queued {
        answered.await.unwrap().unwrap();
    }
    assert_eq!(log.close(Duration::ZERO).await.unwrap(), left);
    // The store may or may not have noted everything.
    assert!(matches!(left, CloseOutcome::Empty | CloseOutcome::ToReplay));
    let refused = log.append(asked(10, Need::Durable).0).unwrap_err();
    assert!(matches!(refused.error, Error::Closed));
    assert_eq!(refused.append.updates, updates(10));
    assert!(matches!(log.flush().await, Err(Error::Closed)));
}

/// Every promise, as a test of the log that `$open` returns.
macro_rules! conformance {
    ($open:expr; $($case:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            crate::log::conformance::$case($open).await;
        }
    )+};
    ($open:expr) => {
        crate::log::conformance::conformance! { $open;
            what_is_answered_as_durable_is_there_after_power_was_lost,
            a_durable_append_covers_every_earlier_one_in_their_order,
            what_may_be_behind_is_answered_and_stays_in_order,
            an_append_of_nothing_is_answered_and_makes_what_was_answered_durable,
            at_its_bound_it_refuses_or_waits,
            what_is_given_up_in_time_is_never_written,
            a_flush_is_answered_when_the_store_has_everything,
            after_a_failed_write_everything_is_refused_and_what_was_durable_stays,
            one_that_is_stopped_refuses_everything,
            closed_it_has_what_was_queued_and_refuses_the_rest,
        }
    };
}
pub(crate) use conformance;
