//! The limits of time of tests: how long a test waits for what must happen. Far beyond what it takes; never asserted on.

use std::future::Future;
use std::time::Duration;

/// Nothing that a test waits for takes this long, however busy the machine is.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The outcome of what must come.
///
/// # Panics
/// It does not come.
pub async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(TEST_TIMEOUT, what).await.expect("what the test waits for never came")
}

/// Looks again and again until something holds that nobody tells of.
///
/// # Panics
/// It never holds.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) {
    soon(async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
