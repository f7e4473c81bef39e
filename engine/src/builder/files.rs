//! What the builder says of files of executions.

use std::time::Duration;

use updraft_protocol::limits::SPAN;

use super::Builder;

impl Builder {
    /// How long the files of an execution stay after its end, at most 366 days; by default 30 days. Then they are removed, by the
    /// next sweep, which is once in an hour; their execution stays, and says that it had them.
    #[must_use]
    pub fn files_kept(mut self, kept: Duration) -> Self {
        self.files.kept = kept.min(SPAN);
        self
    }

    /// The most bytes that all files of one tenant have; by default 32 GiB. A step whose file would exceed it fails, with
    /// `too_large`.
    #[must_use]
    pub fn files_of_tenant(mut self, bytes: u64) -> Self {
        self.files.of_tenant = bytes;
        self
    }
}
