//! The timer: limits the waits of callers. Owns a thread that does nothing else, so that a caller's runtime needs no
//! timers and may be busy; never decides what follows a limit.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, Timeout};

/// A timer for futures of any runtime. It must outlive them.
pub struct TimerThread {
    timers: Handle,
    /// Dropped with the timer, which ends its thread.
    _alive: oneshot::Sender<()>,
}

impl TimerThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The machine has no more threads or timers.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let timers = runtime.handle().clone();
        let (alive, dropped) = oneshot::channel::<()>();
        std::thread::Builder::new().name("updraft-timer".into()).spawn(move || {
            // The sender is dropped to end it, which is an error here.
            let _ = runtime.block_on(dropped);
        })?;
        Ok(Self { timers, _alive: alive })
    }

    /// Where what waits for an instant can be spawned.
    pub fn handle(&self) -> Handle {
        self.timers.clone()
    }

    /// Waits for a future until `deadline`; an error if that has passed.
    pub fn until<F: Future>(&self, deadline: Instant, what: F) -> Timeout<F> {
        let _here = self.timers.enter();
        tokio::time::timeout_at(deadline, what)
    }

    /// Waits for so long.
    pub fn pause(&self, length: Duration) -> Sleep {
        let _here = self.timers.enter();
        tokio::time::sleep(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_timers() -> tokio::runtime::Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn a_runtime_without_timers_waits_no_longer_than_it_is_told() {
        let timer = TimerThread::start().unwrap();
        without_timers().block_on(async {
            let soon = Instant::now() + Duration::from_millis(1);
            assert!(timer.until(soon, std::future::pending::<()>()).await.is_err());
            timer.pause(Duration::from_millis(1)).await;
        });
    }

    #[test]
    fn what_is_ready_is_given_also_when_the_time_is_over() {
        let timer = TimerThread::start().unwrap();
        let given = without_timers().block_on(timer.until(Instant::now(), std::future::ready(7)));
        assert_eq!(given.ok(), Some(7));
    }
}
