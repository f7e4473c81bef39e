//! The log and other words to standard error, above the live tree where there is one.

use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::exit::Error;

/// What is drawn on the terminal. Others write above it.
#[derive(Clone)]
pub(crate) struct Screen(MultiProgress);

impl Default for Screen {
    /// Draws nothing until it is given a target.
    fn default() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::hidden()))
    }
}

impl Screen {
    /// Where live lines are added.
    pub(crate) fn lines(&self) -> &MultiProgress {
        &self.0
    }

    /// Says something to whoever watches, on standard error.
    pub(crate) fn say(&self, text: &str) {
        let text = format!("{text}\n");
        // Where standard error is closed, nobody watches.
        let _ = Above(self.clone()).write_all(text.as_bytes());
    }
}

/// Logs to standard error from now on.
pub(crate) fn start(filter: &str, screen: Screen) -> Result<(), Error> {
    let filter = EnvFilter::builder().parse(filter).map_err(|error| Error::refused("--log", error))?;
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Writers(screen));
    subscriber.try_init().map_err(|error| Error::Failed(format!("the log: {error}")))
}

struct Writers(Screen);

impl<'a> MakeWriter<'a> for Writers {
    type Writer = Above;

    fn make_writer(&'a self) -> Above {
        Above(self.0.clone())
    }
}

/// Standard error, above the live lines.
struct Above(Screen);

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.suspend(|| io::stderr().lock().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
