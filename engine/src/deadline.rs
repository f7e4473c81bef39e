//! Deadlines: the instant by which a store, a secret or a thread has to answer, and the error where it has not. Decides
//! nothing of what follows.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use updraft_actors::timer::TimerThread;
use updraft_protocol::limits::{SPAN, START_ANSWER};

/// The instant that is `wait` away; where the clock has none, one that is [`SPAN`] away.
pub(crate) fn after(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now + SPAN)
}

/// What the store answers to a question of the start.
///
/// # Errors
/// What the store says, or [`updraft_storage::Error::Unavailable`] where it does not answer within [`START_ANSWER`].
pub(crate) async fn answered<T>(
    asked: impl Future<Output = Result<T, updraft_storage::Error>>,
    timer: &TimerThread,
) -> Result<T, updraft_storage::Error> {
    let answered = timer.until(Instant::now() + START_ANSWER, asked).await;
    answered.unwrap_or_else(|_| {
        let seconds = START_ANSWER.as_secs();
        Err(updraft_storage::Error::Unavailable(format!("no answer within {seconds} s")))
    })
}
