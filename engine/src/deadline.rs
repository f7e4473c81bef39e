//! Deadlines: the instant by which a store, a secret or a thread must answer, and the error if it does not. Decides
//! nothing about what follows.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use updraft_actors::timer::TimerThread;
use updraft_protocol::limits::{SPAN, START_ANSWER};

/// The instant after `wait`; if the clock has no such instant, the one after [`SPAN`].
pub(crate) fn after(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now + SPAN)
}

/// The store's answer to a read at the start.
///
/// # Errors
/// The error of the store, or [`updraft_storage::Error::Unavailable`] if it does not answer within [`START_ANSWER`].
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
