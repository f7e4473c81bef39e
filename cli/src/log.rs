//! The log and other words to standard error, above the live tree where there is one.

use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::exit::Error;
use crate::text::{clean, clean_lines};

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

    /// Says something to whoever watches, on a line of standard error; nothing in it is obeyed by a terminal.
    pub(crate) fn say(&self, text: &str) {
        let text = format!("{}\n", clean(text));
        // Where standard error is closed, nobody watches.
        let _ = Above(self.clone()).write_all(text.as_bytes());
    }
}

/// What a filter of the log is.
const FILTERS: &str =
    "a level is needed (off, error, warn, info, debug, trace), or levels of parts: warn,updraft=debug";

/// Logs to standard error from now on.
pub(crate) fn start(text: &str, screen: Screen) -> Result<(), Error> {
    let filter = EnvFilter::builder().parse(text);
    let filter = filter.map_err(|_| Error::refused("--log", format!("`{text}` is none: {FILTERS}")))?;
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Writers(screen));
    subscriber.try_init().map_err(|error| Error::Failed(format!("the log: {error}")))
}

/// Tells of panics as of everything else: what they say may come from outside.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let name = std::thread::current().name().unwrap_or("?").to_owned();
        // Written past the screen: it may have been drawing when it panicked. Where nobody reads, nobody is told.
        let mut errors = io::stderr().lock();
        let _ = writeln!(errors, "updraft: thread {} panicked: {}", clean(&name), clean(&panic.to_string()));
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            let _ = writeln!(errors, "{}", clean_lines(&trace.to_string()));
        }
    }));
}

struct Writers(Screen);

impl<'a> MakeWriter<'a> for Writers {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(Above(self.0.clone()))
    }
}

/// One line of the log: it is written at once, and what its fields bring adds no line and is not obeyed.
struct Line(Above);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let line = clean(text.strip_suffix('\n').unwrap_or(&text));
        self.0.write_all(format!("{line}\n").as_bytes()).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
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
