//! The time of a call that makes several requests: all of them share that of the attempt, which begins when the first is sent.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use updraft_protocol::{Call, Failure, FailureKind, Span};

/// The time of one call.
#[derive(Debug)]
pub(crate) struct CallTime {
    begun: Arc<OnceLock<Instant>>,
    whole: Duration,
}

impl CallTime {
    /// The time of a call, which takes note of its beginning.
    pub(crate) fn of(call: &mut Call) -> Self {
        let begun = Arc::<OnceLock<Instant>>::default();
        let (noted, sending) = (begun.clone(), std::mem::take(&mut call.sending));
        call.sending = sending.noting(move || {
            noted.get_or_init(Instant::now);
        });
        Self { begun, whole: call.timeout }
    }

    /// What is left of it; all of it where nothing was sent.
    pub(crate) fn left(&self) -> Duration {
        let used = self.begun.get().map_or(Duration::ZERO, |begun| begun.elapsed());
        self.whole.saturating_sub(used)
    }

    /// How long it has gone on.
    pub(crate) fn used(&self) -> Duration {
        self.begun.get().map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    /// The failure of a call whose time is over.
    pub(crate) fn over(&self, what: &str) -> Failure {
        Failure::new(FailureKind::Timeout, format!("{what} within {}", Span(self.whole)))
    }
}
