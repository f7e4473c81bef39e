//! The terminal while `updraft top` draws on it: another screen, and keys as they are pressed. Gives it back as it was, also where the
//! program panics.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{self, Event};
use ratatui::DefaultTerminal;
use tokio::sync::mpsc;

/// How often the reader of keys looks whether it is needed still.
const LOOK: Duration = Duration::from_millis(100);
/// Keys that wait: who holds one down for longer is not waited for.
const KEYS: usize = 64;

/// The terminal. Dropped, it is as it was before.
pub(super) struct TopTerminal {
    pub(super) terminal: DefaultTerminal,
    keys: mpsc::Receiver<Event>,
    ends: Arc<AtomicBool>,
}

impl TopTerminal {
    /// Takes the terminal of this process.
    pub(super) fn take() -> io::Result<Self> {
        // It restores the terminal in the hook of panics, before what is told of them.
        let terminal = ratatui::try_init()?;
        let (sender, keys) = mpsc::channel(KEYS);
        let ends = Arc::new(AtomicBool::new(false));
        let ended = ends.clone();
        let taken = Self { terminal, keys, ends };
        let reads = move || {
            while !ended.load(Ordering::Relaxed) {
                match event::poll(LOOK) {
                    Ok(false) => {}
                    // A full queue has keys enough; without a reader there is nobody to tell.
                    Ok(true) => match event::read() {
                        Ok(event) => drop(sender.try_send(event)),
                        Err(_) => return,
                    },
                    Err(_) => return,
                }
            }
        };
        std::thread::Builder::new().name("top-keys".to_owned()).spawn(reads)?;
        Ok(taken)
    }

    /// The next key, or another size; `None` where the terminal has gone.
    pub(super) async fn event(&mut self) -> Option<Event> {
        self.keys.recv().await
    }
}

impl Drop for TopTerminal {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // A terminal that has gone needs nothing.
        let _ = ratatui::try_restore();
    }
}
