//! Sending: what an integration reports of its request besides the outcome: that it is about to send, and that the tool wants
//! to be left alone. Sends nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// By this an integration reports that it is about to send. Until then the attempt has not acted: its time has not
/// begun, and an `at_most_once` step that fails is `failed`, never `unknown`.
#[derive(Clone, Default)]
pub struct Sending {
    begun: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    left_alone: Option<Arc<dyn Fn(Duration) + Send + Sync>>,
    held_back: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Sending {
    /// A handle that calls `begun` for each report.
    pub fn new(begun: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { begun: Some(Arc::new(begun)), ..Self::default() }
    }

    /// The same, which calls `left_alone` when the tool wants to be left alone.
    #[must_use]
    pub fn with_left_alone(self, left_alone: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self { left_alone: Some(Arc::new(left_alone)), ..self }
    }

    /// The same, which calls `held_back` when a bound of this process has kept a request from its tool.
    #[must_use]
    pub fn with_held_back(self, held_back: impl Fn() + Send + Sync + 'static) -> Self {
        Self { held_back: Some(Arc::new(held_back)), ..self }
    }

    /// The same, which calls `noted` too when a request is about to be sent that may be.
    #[must_use]
    pub fn noting(mut self, noted: impl Fn() + Send + Sync + 'static) -> Self {
        let begun = self.begun.take();
        let begun = move || {
            let may_be_sent = begun.as_ref().is_none_or(|begun| begun());
            if may_be_sent {
                noted();
            }
            may_be_sent
        };
        Self { begun: Some(Arc::new(begun)), ..self }
    }

    /// Reports that the request is about to be sent: from here on the tool may act. Repeating it has no effect. Returns
    /// false if the call was withdrawn before, for example because its execution was cancelled: then nothing may be
    /// sent.
    #[must_use]
    pub fn begin(&self) -> bool {
        self.begun.as_ref().is_none_or(|begun| begun())
    }

    /// Reports that the tool, whatever it answered, wants no further call for so long: the call was the last of a rate.
    pub fn leave_alone(&self, pause: Duration) {
        if let Some(left_alone) = &self.left_alone {
            left_alone(pause);
        }
    }

    /// Reports that the call fails since a bound of this process has kept its request from the tool: that says nothing of the tool,
    /// and no circuit is told. Forgotten where another request of the call is sent after all.
    pub fn held_back(&self) {
        if let Some(held_back) = &self.held_back {
            held_back();
        }
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending")
    }
}
