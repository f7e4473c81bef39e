//! Waits: which call waits for a connection now. The driver reports when a wait begins and ends, but not when the
//! caller is dropped in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Pool;

tokio::task_local! {
    static CALL: Arc<Waits>;
}

/// The waits of one call: more than one if it makes several requests at once.
struct Waits {
    pool: Pool,
    now: AtomicU64,
}

impl Drop for Waits {
    fn drop(&mut self) {
        let now = *self.now.get_mut();
        if now > 0 {
            self.pool.abandoned(now);
        }
    }
}

/// Runs a call, and tracks its waits.
pub(super) async fn follow<T>(pool: Pool, call: impl Future<Output = T>) -> T {
    let waits = Arc::new(Waits { pool, now: AtomicU64::new(0) });
    CALL.scope(waits, call).await
}

/// The call of this task waits.
pub(super) fn began() {
    // Outside of calls, the driver's own tasks are not dropped midway.
    let _ = CALL.try_with(|waits| waits.now.fetch_add(1, Ordering::Relaxed));
}

/// The call no longer waits.
pub(super) fn ended() {
    let _ = CALL.try_with(|waits| {
        waits.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(1)))
    });
}
