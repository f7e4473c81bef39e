//! The pool's connections, as the driver tells of them: who has them, who waits for one. Opens and closes none.
//!
//! The driver says nothing of a caller that is dropped while it waits, and of connections that it opens
//! beforehand it tells of a return without a way out. So each connection is known by its number, and each wait
//! by the call that waits.

#[cfg(test)]
mod tests;
mod wait;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mongodb::event::cmap::CmapEvent;
use mongodb::options::ServerAddress;

use crate::store::PoolStatistics;

/// What is known of the pool. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// Every open connection, and whether somebody has it. The driver's bound is theirs.
    connections: HashMap<(ServerAddress, u32), bool>,
    in_use: u64,
    waiting: u64,
    opened: u64,
    in_vain: u64,
    waited: Duration,
}

impl Pool {
    /// How the connections stand, at one moment.
    pub(super) fn statistics(&self) -> PoolStatistics {
        self.book().statistics()
    }

    /// Hears what the driver tells. Called where it happens, on the task of who waits.
    pub(super) fn hear(&self, event: CmapEvent) {
        let statistics = {
            let mut book = self.book();
            match event {
                CmapEvent::ConnectionReady(event) => book.opened((event.address, event.connection_id)),
                CmapEvent::ConnectionClosed(event) => book.closed(&(event.address, event.connection_id)),
                CmapEvent::ConnectionCheckedIn(event) => {
                    book.held(&(event.address, event.connection_id), false);
                }
                CmapEvent::ConnectionCheckoutStarted(_) => {
                    book.waiting += 1;
                    wait::began();
                }
                CmapEvent::ConnectionCheckedOut(event) => {
                    book.held(&(event.address, event.connection_id), true);
                    book.waited(event.duration);
                    wait::ended();
                }
                CmapEvent::ConnectionCheckoutFailed(event) => {
                    book.waited(event.duration);
                    book.in_vain += 1;
                    wait::ended();
                }
                CmapEvent::PoolClosed(event) => book.forget(&event.address),
                // What a clear leaves behind is closed one by one, and told so.
                _ => return,
            }
            book.statistics()
        };
        show(statistics);
    }

    /// Follows a call, so that what it waits for when it is dropped is not waited for ever after.
    pub(super) async fn follow<T>(&self, call: impl Future<Output = T>) -> T {
        wait::follow(self.clone(), call).await
    }

    /// Callers went away while they waited.
    fn abandoned(&self, callers: u64) {
        let statistics = {
            let mut book = self.book();
            book.waiting = book.waiting.saturating_sub(callers);
            book.in_vain += callers;
            book.statistics()
        };
        show(statistics);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn opened(&mut self, connection: (ServerAddress, u32)) {
        self.opened += 1;
        self.connections.insert(connection, false);
    }

    fn closed(&mut self, connection: &(ServerAddress, u32)) {
        // One that was never ready was never open.
        if self.connections.remove(connection) == Some(true) {
            self.in_use -= 1;
        }
    }

    fn held(&mut self, connection: &(ServerAddress, u32), held: bool) {
        let Some(known) = self.connections.get_mut(connection) else { return };
        match (std::mem::replace(known, held), held) {
            (false, true) => self.in_use += 1,
            (true, false) => self.in_use -= 1,
            (true, true) | (false, false) => {}
        }
    }

    fn waited(&mut self, duration: Duration) {
        self.waiting = self.waiting.saturating_sub(1);
        self.waited += duration;
    }

    fn forget(&mut self, server: &ServerAddress) {
        self.connections.retain(|(address, _), _| address != server);
        self.in_use = self.connections.values().filter(|held| **held).count() as u64;
    }

    fn statistics(&self) -> PoolStatistics {
        let open = self.connections.len() as u64;
        PoolStatistics {
            open,
            idle: open - self.in_use,
            in_use: self.in_use,
            waiting: self.waiting,
            opened_total: self.opened,
            timeouts_total: self.in_vain,
            waited_us_total: u64::try_from(self.waited.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

fn show(statistics: PoolStatistics) {
    let states = [("idle", statistics.idle), ("in_use", statistics.in_use), ("waiting", statistics.waiting)];
    for (state, connections) in states {
        metrics::gauge!("updraft_store_pool_connections", "store" => "mongodb", "state" => state)
            .set(connections as f64);
    }
}
