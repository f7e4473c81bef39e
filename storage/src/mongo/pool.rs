//! The pool's connections, from the driver's events: which are in use, and the callers that wait for one. Opens and
//! closes none.
//!
//! The driver sends no event for a caller that is dropped while it waits; for connections that it opens beforehand it
//! reports a check-in without a check-out. So each connection is known by its number, and each wait by the call that
//! waits.

#[cfg(test)]
mod tests;
mod wait;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mongodb::event::cmap::CmapEvent;
use mongodb::options::ServerAddress;

use crate::store::PoolStatistics;

/// The state of the pool. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// Every open connection, and whether it is in use. The driver limits their number.
    connections: HashMap<(ServerAddress, u32), bool>,
    waiting: u64,
    opened: u64,
    in_vain: u64,
    waited: Duration,
}

impl Pool {
    /// The statistics of the connections now.
    pub(super) fn statistics(&self) -> PoolStatistics {
        self.book().statistics()
    }

    /// Handles an event of the driver. Called on the task that waits.
    pub(super) fn hear(&self, event: CmapEvent) {
        let statistics = {
            let mut book = self.book();
            match event {
                CmapEvent::ConnectionReady(event) => {
                    book.opened += 1;
                    book.connections.insert((event.address, event.connection_id), false);
                }
                CmapEvent::ConnectionClosed(event) => {
                    book.connections.remove(&(event.address, event.connection_id));
                }
                CmapEvent::ConnectionCheckedIn(event) => {
                    book.connections
                        .entry((event.address, event.connection_id))
                        .and_modify(|held| *held = false);
                }
                CmapEvent::ConnectionCheckoutStarted(_) => {
                    book.waiting += 1;
                    wait::began();
                }
                CmapEvent::ConnectionCheckedOut(event) => {
                    book.connections
                        .entry((event.address, event.connection_id))
                        .and_modify(|held| *held = true);
                    book.waited(event.duration);
                    wait::ended();
                }
                CmapEvent::ConnectionCheckoutFailed(event) => {
                    book.waited(event.duration);
                    book.in_vain += 1;
                    wait::ended();
                }
                CmapEvent::PoolClosed(event) => {
                    book.connections.retain(|(address, _), _| *address != event.address);
                }
                // Connections that a clear leaves behind are closed one by one, with events of their own.
                _ => return,
            }
            book.statistics()
        };
        show(statistics);
    }

    /// Follows a call, so that its waits end when it is dropped.
    pub(super) async fn follow<T>(&self, call: impl Future<Output = T>) -> T {
        wait::follow(self.clone(), call).await
    }

    /// Callers were dropped while they waited.
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
    fn waited(&mut self, duration: Duration) {
        self.waiting = self.waiting.saturating_sub(1);
        self.waited += duration;
    }

    fn statistics(&self) -> PoolStatistics {
        let open = self.connections.len() as u64;
        let in_use = self.connections.values().filter(|held| **held).count() as u64;
        PoolStatistics {
            open,
            idle: open - in_use,
            in_use,
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
