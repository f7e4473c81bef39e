//! Tests of attempts: when their time begins, what is withdrawn, and what becomes of them with their actor.

use super::*;

use std::cell::Cell;

use futures_util::StreamExt;
use updraft_kernel::machine::TaskSeq;
use updraft_protocol::limits::TASK_ACTOR_IDLE;

use super::mailbox::TaskMailbox;
use crate::execution::message::{Attempted, Incoming};
use crate::inbox::Inbox;

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(5);

fn edr() -> Name {
    Name::new("edr").unwrap()
}

/// Lets the other tasks of this thread run.
async fn ticks() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

/// An attempt that reports its end to this inbox, handed to the actor.
fn begun(
    (mailbox, inbox): (&TaskMailbox, &Rc<Inbox<Incoming>>),
    number: u64,
    call: impl Future<Output = Result<Json, Failure>> + 'static,
    sent: Option<Arc<Sent>>,
) -> Attempt {
    let mut running = Running::begin(LONG, sent.clone());
    running.report = Some(Report::of(inbox, TaskSeq(number.try_into().unwrap()), 1));
    let calling: Calling = Box::pin(AssertUnwindSafe(call).catch_unwind());
    let calling = Rc::new(RefCell::new(Some(calling)));
    let (polled, registration) = AbortHandle::new_pair();
    running.aborted = Some(polled.clone());
    let attempt = Abortable::new(attempt(calling.clone(), running, false), registration);
    mailbox.put(Box::pin(attempt.map(drop)));
    Attempt { polled, calling, sent }
}

/// The end of a call of an integration that reports when it sends; `call` gets the handle for that.
async fn ends<F: Future<Output = Result<Json, Failure>> + 'static>(
    (to_be_sent, timeout): (Duration, Duration),
    call: impl FnOnce(updraft_protocol::Sending) -> F,
) -> (Result<Json, Failure>, bool) {
    let sent = Arc::<Sent>::default();
    let mut running = Running::begin(timeout, Some(sent.clone()));
    let calling: Calling = Box::pin(AssertUnwindSafe(call(sent.sending())).catch_unwind());
    let calling = Rc::new(RefCell::new(Some(calling)));
    let called = in_time(&calling, &mut running, to_be_sent).await;
    (over(calling.take().unwrap(), called), running.withdrawn())
}

#[tokio::test(start_paused = true)]
async fn the_time_of_an_attempt_begins_when_it_is_sent() {
    let (outcome, unsent) = ends((LONG, SHORT), |sending| async move {
        tokio::time::sleep(10 * SHORT).await;
        assert!(sending.begin());
        std::future::pending().await
    })
    .await;
    let failure = outcome.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Timeout, "no answer within 5ms"));
    assert!(!unsent && failure.may_have_acted());
}

#[tokio::test]
async fn one_that_is_never_sent_has_a_bound_of_its_own_and_has_not_acted() {
    let (outcome, unsent) = ends((SHORT, LONG), |sending| async move {
        std::future::pending::<()>().await;
        assert!(sending.begin());
        Ok(Json::null())
    })
    .await;
    let failure = outcome.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(unsent && !failure.may_have_acted() && failure.retryable());
}

#[tokio::test]
async fn a_call_is_gone_in_the_moment_in_which_its_attempt_is() {
    let local = tokio::task::LocalSet::new();
    let gone = local.run_until(async {
        let (held, sent) = (Rc::new(()), None);
        let guard = held.clone();
        let call = async move {
            let _guard = guard;
            std::future::pending().await
        };
        let calling: Calling = Box::pin(AssertUnwindSafe(call).catch_unwind());
        let calling = Rc::new(RefCell::new(Some(calling)));
        let (waited, mut running) = (calling.clone(), Running::begin(LONG, None));
        let waiting = async move { drop(in_time(&waited, &mut running, LONG).await) };
        let (polled, registration) = AbortHandle::new_pair();
        let actors = TaskActors::new(Arc::default());
        let mailbox = actors.of(&edr());
        mailbox.put(Box::pin(Abortable::new(waiting, registration).map(drop)));
        ticks().await;
        assert_eq!((Rc::strong_count(&held), mailbox.inside()), (2, 1), "it is under way");
        drop(Attempt { polled, calling, sent });
        let left = Rc::strong_count(&held);
        ticks().await;
        assert_eq!(mailbox.inside(), 0, "its actor has nothing of it any more");
        left
    });
    assert_eq!(gone.await, 1, "an abort alone would end it later");
}

#[tokio::test]
async fn what_was_withdrawn_cannot_be_sent_any_more() {
    let sent = Arc::<Sent>::default();
    let sending = sent.sending();
    assert!(sent.withdraw() && !sending.begin() && sent.withdraw());
    let sent = Arc::<Sent>::default();
    let sending = sent.sending();
    assert!(sending.begin() && !sent.withdraw() && sending.begin());
}

#[tokio::test]
async fn another_thread_may_say_that_it_sends() {
    let (outcome, unsent) = ends((LONG, SHORT), |sending| async move {
        std::thread::spawn(move || assert!(sending.begin()));
        std::future::pending().await
    })
    .await;
    assert_eq!(outcome.unwrap_err().kind, FailureKind::Timeout);
    assert!(!unsent);
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_dies_is_started_again_and_its_calls_say_whether_they_may_have_acted() {
    let local = tokio::task::LocalSet::new();
    let told = local.run_until(async {
        let (actors, inbox) = (TaskActors::new(Arc::default()), Rc::new(Inbox::default()));
        let mailbox = actors.of(&edr());
        let unsent = Arc::<Sent>::default();
        let never = std::future::pending;
        let sent = begun((&mailbox, &inbox), 1, never(), None);
        let waiting = begun((&mailbox, &inbox), 2, never(), Some(unsent.clone()));
        let given_up = begun((&mailbox, &inbox), 3, never(), Some(Arc::default()));
        ticks().await;
        drop(given_up);
        ticks().await;
        assert_eq!(mailbox.inside(), 2);
        mailbox.put(Box::pin(async { panic!("on purpose: the actor") }));
        ticks().await;
        let next = begun((&mailbox, &inbox), 4, async { Ok(Json::null()) }, None);
        let mut read = inbox.read();
        let mut told = Vec::new();
        while told.len() < 4 {
            let Some(Incoming::Attempted(Attempted { task, outcome, .. })) = read.next().await else {
                panic!("an attempt")
            };
            told.push((task.0, outcome.map_err(|failure| (failure.kind, failure.may_have_acted()))));
        }
        assert!(!unsent.sending().begin(), "what is said to have not acted cannot be sent later");
        assert_eq!(mailbox.inside(), 0);
        drop((sent, waiting, next));
        told
    });
    let mut told = told.await;
    told.sort_by_key(|(task, _)| *task);
    let interrupted = FailureKind::Interrupted;
    assert_eq!(told[0], (1, Err((interrupted, true))));
    assert_eq!(told[1], (2, Err((interrupted, false))));
    assert_eq!(told[2].0, 3, "its execution has given it up, and does not ask how it ended");
    assert_eq!(told[3], (4, Ok(Json::null())));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_waits_for_room_in_a_full_mailbox_and_is_not_lost() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let actors = TaskActors::with_capacity(Arc::default(), 2);
            let mailbox = actors.of(&edr());
            let polled = Rc::new(Cell::new(0));
            let attempt = || {
                let polled = polled.clone();
                Box::pin(async move { polled.set(polled.get() + 1) })
            };
            mailbox.put(attempt());
            assert!(actors.full(&edr()).is_none());
            mailbox.put(attempt());
            assert!(actors.full(&edr()).is_some());
            assert!(actors.full(&Name::new("siem").unwrap()).is_none(), "another tool has room");
            for _ in 0..3 {
                let (mailbox, attempt) = (mailbox.clone(), attempt());
                actix::spawn(async move { mailbox.put_later(attempt).await });
            }
            ticks().await;
            assert_eq!((polled.get(), mailbox.inside()), (5, 0));
            assert!(actors.full(&edr()).is_none());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_nobody_uses_is_stopped_and_the_next_call_has_another() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let actors = TaskActors::new(Arc::default());
            let (first, inbox) = (actors.of(&edr()), Rc::new(Inbox::default()));
            let running = begun((&first, &inbox), 1, std::future::pending(), None);
            tokio::time::sleep(3 * TASK_ACTOR_IDLE).await;
            assert!(Rc::ptr_eq(&first, &actors.of(&edr())), "it has a call");
            drop(running);
            tokio::time::sleep(3 * TASK_ACTOR_IDLE).await;
            let second = actors.of(&edr());
            assert!(first.is_closed() && !Rc::ptr_eq(&first, &second));
            drop(actors);
            ticks().await;
            assert_eq!((second.is_closed(), Rc::strong_count(&second)), (true, 1), "the shard has ended");
        })
        .await;
}
