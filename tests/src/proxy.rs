//! A proxy between an engine and its MongoDB server, with faults that a test switches while it runs. Knows the
//! frames of the protocol and the names of commands; never what they mean.

mod line;
mod rules;
#[cfg(all(test, feature = "mongodb"))]
mod tests;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::timeouts::soon;
use rules::Rules;
pub use rules::{Of, WireFault};

/// The proxy, on a port of its own. Dropped, it is gone with all its connections.
pub struct MongoProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What the connections look at.
struct Shared {
    upstream: SocketAddr,
    rules: Rules,
    refusing: AtomicBool,
    /// While it holds, no message goes either way.
    frozen: watch::Sender<bool>,
    /// Grows when every connection is to end.
    cuts: watch::Sender<u64>,
}

impl MongoProxy {
    /// Starts it on the runtime that asks, before the server on this port of this machine.
    pub async fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: SocketAddr::from(([127, 0, 0, 1], port)),
            rules: Rules::default(),
            refusing: AtomicBool::new(false),
            frozen: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, accepting }
    }

    /// The URI of a database behind it. The driver keeps to this address, whatever the server calls itself.
    pub fn uri(&self, database: &str) -> String {
        format!("mongodb://{}/{database}?directConnection=true", self.address)
    }

    /// The next `times` commands of this kind meet this fault. Earlier rules come first.
    pub fn strike(&self, of: Of, times: usize, fault: WireFault) {
        self.shared.rules.add(of, times, fault);
    }

    /// Every command of this kind meets this fault, until `pass`.
    pub fn keep_striking(&self, of: Of, fault: WireFault) {
        self.strike(of, usize::MAX, fault);
    }

    /// Ends every connection now.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// From now on every new connection is closed at once; those that there are go on.
    pub fn refuse(&self) {
        self.shared.refusing.store(true, Ordering::SeqCst);
    }

    /// From now on no message goes either way, and nobody is told.
    pub fn freeze(&self) {
        self.shared.frozen.send_replace(true);
    }

    /// Drops every rule, takes connections, and lets everything pass.
    pub fn pass(&self) {
        self.shared.rules.clear();
        self.shared.refusing.store(false, Ordering::SeqCst);
        self.shared.frozen.send_replace(false);
    }

    /// How many commands have met a fault since the start.
    pub fn strikes(&self) -> usize {
        self.shared.rules.strikes()
    }

    /// Waits until so many commands have met a fault in all.
    ///
    /// # Panics
    /// They do not come.
    pub async fn struck(&self, strikes: usize) {
        soon(self.shared.rules.struck(strikes)).await;
    }

    /// How many commands of these names have come from the client.
    pub fn asked(&self, commands: &[&str]) -> usize {
        self.shared.rules.asked(commands)
    }
}

impl Drop for MongoProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        if !shared.refusing.load(Ordering::SeqCst) {
            // Subscribed here, so that a cut that follows the connection ends it.
            let cuts = shared.cuts.subscribe();
            tokio::spawn(line::run(client, shared.clone(), cuts));
        }
    }
}
