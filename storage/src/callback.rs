//! Callbacks that are called exactly once, even if the thread that holds them dies. Knows no caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Called with the outcome, on the thread that has it; it must not wait.
pub type OnDone<T, E> = Box<dyn FnOnce(Result<T, E>) + Send>;

/// The outcome of a callback that was dropped.
pub(crate) struct Dropped;

/// A callback that is not called yet; dropped, it is called with [`Dropped`].
pub(crate) struct Callback<T, E: From<Dropped>>(Option<OnDone<T, E>>);

impl<T, E: From<Dropped>> Callback<T, E> {
    pub(crate) fn new(done: OnDone<T, E>) -> Self {
        Self(Some(done))
    }

    /// Calls it. A panic of the caller's code is caught: it must not end the thread that has the outcome.
    pub(crate) fn give(mut self, outcome: Result<T, E>) {
        self.call(outcome);
    }

    /// Returns the callback uncalled.
    pub(crate) fn take_back(mut self) -> OnDone<T, E> {
        self.0.take().unwrap_or_else(|| Box::new(|_| ()))
    }

    fn call(&mut self, outcome: Result<T, E>) {
        let Some(done) = self.0.take() else { return };
        if catch_unwind(AssertUnwindSafe(|| done(outcome))).is_err() {
            tracing::error!("a callback of the journal panicked");
        }
    }
}

impl<T, E: From<Dropped>> Drop for Callback<T, E> {
    fn drop(&mut self) {
        self.call(Err(E::from(Dropped)));
    }
}
