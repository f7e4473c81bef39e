//! Sending: the word of an integration that its request is about to leave. Sends nothing.

use std::fmt;
use std::sync::Arc;

/// By which an integration says that it is about to send. Until then the attempt has not acted: its clock has not
/// begun, and an `at_most_once` step that fails is `failed`, never `unknown`.
#[derive(Clone, Default)]
pub struct Sending(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Sending {
    /// One that asks `begun` each time it is told.
    pub fn new(begun: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(begun)))
    }

    /// The request is about to leave: from here on the tool may act. Said once more, it changes nothing. False where the
    /// call was withdrawn before, as of an execution that was cancelled: then nothing may be sent.
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
