//! Sending: the report of an integration that it is about to send its request. Sends nothing.

use std::fmt;
use std::sync::Arc;

/// By this an integration reports that it is about to send. Until then the attempt has not acted: its time has not
/// begun, and an `at_most_once` step that fails is `failed`, never `unknown`.
#[derive(Clone, Default)]
pub struct Sending(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Sending {
    /// A handle that calls `begun` for each report.
    pub fn new(begun: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(begun)))
    }

    /// Reports that the request is about to be sent: from here on the tool may act. Repeating it has no effect. Returns
    /// false if the call was withdrawn before, for example because its execution was cancelled: then nothing may be
    /// sent.
    #[must_use]
    pub fn begin(&self) -> bool {
        self.0.as_ref().is_none_or(|begun| begun())
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending")
    }
}
