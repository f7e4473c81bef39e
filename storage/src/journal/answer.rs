//! Answers: callbacks that are called exactly once, whatever becomes of the thread that holds them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Error;

/// What is called with the outcome. It runs on the thread that has the outcome, and must not wait.
pub type Done<T> = Box<dyn FnOnce(Result<T, Error>) + Send>;

/// A callback that still owes its call; dropped, it is told that the journal is closed.
pub(crate) struct Answer<T>(Option<Done<T>>);

impl<T> Answer<T> {
    pub(crate) fn new(done: Done<T>) -> Self {
        Self(Some(done))
    }

    /// Calls it. A panic of the caller's code ends here: it must not end the journal.
    pub(crate) fn give(mut self, outcome: Result<T, Error>) {
        self.call(outcome);
    }

    /// Hands the callback back uncalled.
    pub(crate) fn take_back(mut self) -> Done<T> {
        self.0.take().unwrap_or_else(|| Box::new(|_| ()))
    }

    fn call(&mut self, outcome: Result<T, Error>) {
        let Some(done) = self.0.take() else { return };
        if catch_unwind(AssertUnwindSafe(|| done(outcome))).is_err() {
            tracing::error!("a callback of the journal panicked");
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.call(Err(Error::Closed));
    }
}
