//! Interruptions: the first SIGINT or SIGTERM asks to drain, the second ends the program at once. That is as
//! safe as a crash: what was accepted is durable.

use std::io;

use tokio::sync::watch;

use crate::exit::{AT_ONCE, Error};

/// Whether a signal came.
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, Error> {
        let mut signals = Signals::new().map_err(|error| Error::Failed(format!("signals: {error}")))?;
        let (asked, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            // Where nobody listens any more, the program ends anyway.
            let _ = asked.send(true);
            signals.next().await;
            std::process::exit(AT_ONCE);
        });
        Ok(Self(receiver))
    }

    /// Waits for the first signal.
    pub(crate) async fn asked(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
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
