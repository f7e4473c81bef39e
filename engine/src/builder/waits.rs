//! What the builder says of waits whose steps do not say how long they are.

use std::time::Duration;

use updraft_protocol::limits::SPAN;

use super::Builder;

impl Builder {
    /// How long an approval waits whose step does not say it, at most 366 days; by default seven days. One that waits already
    /// keeps its deadline.
    #[must_use]
    pub fn approval_wait(mut self, wait: Duration) -> Self {
        self.waits.approval = wait.min(SPAN);
        self
    }

    /// How long a step waits for a signal that does not say it, at most 366 days; by default a day. One that waits already
    /// keeps its deadline.
    #[must_use]
    pub fn signal_wait(mut self, wait: Duration) -> Self {
        self.waits.signal = wait.min(SPAN);
        self
    }

    /// How long a step waits for a sub-playbook that does not say it, at most 366 days; by default eight days. One that waits
    /// already keeps its deadline.
    #[must_use]
    pub fn child_wait(mut self, wait: Duration) -> Self {
        self.waits.child = wait.min(SPAN);
        self
    }

    /// How long a step with `on_last_failure: pause` waits for a person when its last attempt has failed, at most 366 days; by
    /// default seven days. One that waits already keeps its deadline.
    #[must_use]
    pub fn last_failure_wait(mut self, wait: Duration) -> Self {
        self.waits.last_failure = wait.min(SPAN);
        self
    }
}
