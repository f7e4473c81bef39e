//! Interruptions: the first SIGINT or SIGTERM asks to drain, the second ends the program at once. That is as
//! safe as a crash: what was accepted is durable. A program that has not ended long after the first is ended.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::exit::{AT_ONCE, Ending, Error};
use crate::log::Screen;

/// How long the program may take to end after the first signal: longer than everything that it then waits for with a
/// limit of its own. Whatever has none, a disk that does not answer say, waits no longer.
const END: Duration = Duration::from_secs(90);

/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Whether a signal came.
pub(crate) struct Interrupt {
    asked: watch::Receiver<bool>,
    /// What is said where a signal ends it all at once.
    last_words: Arc<Mutex<Option<String>>>,
}

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn listen(screen: &Screen) -> Result<Self, Error> {
        let mut signals = Signals::new().map_err(|error| Error::Failed(format!("signals: {error}")))?;
        let (asked, receiver) = watch::channel(false);
        let last_words = Arc::new(Mutex::new(None::<String>));
        let (words, screen) = (last_words.clone(), screen.clone());
        tokio::spawn(async move {
            signals.next().await;
            // Where nobody listens any more, the program ends anyway.
            let _ = asked.send(true);
            let code = tokio::select! {
                () = signals.next() => AT_ONCE,
                () = tokio::time::sleep(END) => Ending::Interrupted as i32,
            };
            let said = words.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(words) = said {
                // Where nobody reads standard error, saying it would take for ever.
                let saying = tokio::task::spawn_blocking(move || screen.say(&words));
                let _ = tokio::time::timeout(LAST_WORDS, saying).await;
            }
            std::process::exit(code);
        });
        Ok(Self { asked: receiver, last_words })
    }

    /// What is to be said where a signal ends it all at once.
    pub(crate) fn last_words(&self, words: String) {
        *self.last_words.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }

    /// Whether a signal came before now.
    pub(crate) fn came(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits for the first signal.
    pub(crate) async fn asked(&mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for something; none where a signal comes first, or came before.
    pub(crate) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.asked() => None,
            done = work => Some(done),
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without a way to be told of signals, the program runs to its end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
