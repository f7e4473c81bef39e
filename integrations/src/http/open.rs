//! Open connections: how many there are to all tools together, and which of them are idle. Owns the bound on both, for the whole
//! process: at one of them the connection that is idle longest is closed, and who finds none to close waits. Opens none.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use updraft_protocol::limits::{HTTP_CONNECTIONS, HTTP_FILES_LEFT, HTTP_IDLE_CONNECTIONS};

/// Those of the process: its open files are what they share.
static OF_PROCESS: LazyLock<Arc<OpenConnections>> =
    LazyLock::new(|| OpenConnections::new(within(open_files()), HTTP_IDLE_CONNECTIONS));

/// All open connections.
pub(crate) struct OpenConnections {
    /// A place for each connection that may be open.
    places: Arc<Semaphore>,
    idle_most: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    connections: HashMap<u64, Entry>,
    /// The connections that are idle, by the order in which they began to be.
    idle: BTreeMap<u64, u64>,
    /// Numbers connections, and the beginnings of their being idle.
    counted: u64,
    /// Those that wait for a place.
    waiting: usize,
}

struct Entry {
    signal: Arc<Signal>,
    requests: usize,
    /// It is opened for a call that asks for it and does not have it yet: it is not closed for another.
    is_asked_for: bool,
    /// Its place among those that are idle.
    idle: Option<u64>,
    /// Its reader has been told of the end: it carries no further request.
    ended: bool,
}

/// By this a connection is told to end.
#[derive(Default)]
struct Signal {
    ends: AtomicBool,
    reader: AtomicWaker,
}

/// One open connection; counted as open until this is dropped.
pub(crate) struct OpenConnection {
    connections: Arc<OpenConnections>,
    number: u64,
    signal: Arc<Signal>,
    _place: OwnedSemaphorePermit,
}

/// The name of an open connection, by which requests are counted on it.
#[derive(Clone)]
pub(crate) struct ConnectionName {
    connections: Arc<OpenConnections>,
    number: u64,
}

/// A request on a connection, which is not idle until this is dropped.
pub(crate) struct InUse(ConnectionName);

/// Counts who waits for a place.
struct Waiting<'a>(&'a OpenConnections);

impl OpenConnections {
    /// Those of this process.
    pub(crate) fn of_process() -> Arc<Self> {
        OF_PROCESS.clone()
    }

    /// At most so many, and of them so many idle.
    pub(crate) fn new(most: usize, idle_most: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { places, idle_most, table: Mutex::default() })
    }

    /// Waits until another connection may be opened. Where there is no place, the one that is idle longest is closed.
    pub(crate) async fn enter(self: &Arc<Self>) -> OpenConnection {
        let place = match self.places.clone().try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) => self.next_place().await,
        };
        let Some(place) = place else { return std::future::pending().await };
        let signal = Arc::<Signal>::default();
        let mut table = self.lock();
        let number = table.next();
        let entry =
            Entry { signal: signal.clone(), requests: 0, is_asked_for: true, idle: None, ended: false };
        table.connections.insert(number, entry);
        OpenConnection { connections: self.clone(), number, signal, _place: place }
    }

    async fn next_place(&self) -> Option<OwnedSemaphorePermit> {
        let waiting = Waiting(self);
        let woken = {
            let mut table = self.lock();
            table.waiting += 1;
            table.end_for_another()
        };
        wake(woken);
        let place = self.places.clone().acquire_owned().await.ok();
        drop(waiting);
        place
    }

    /// The connections that are open, and those of them that are idle.
    #[cfg(test)]
    pub(crate) fn count(&self) -> (usize, usize) {
        let table = self.lock();
        (table.connections.len(), table.idle.len())
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn next(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }

    /// Tells the connection to end that is idle longest.
    fn end_oldest(&mut self) -> Option<Arc<Signal>> {
        let (_, number) = self.idle.pop_first()?;
        self.end(number)
    }

    /// The same, for somebody who waits.
    fn end_for_another(&mut self) -> Option<Arc<Signal>> {
        let is_spare = |number: &u64| self.connections.get(number).is_some_and(|entry| !entry.is_asked_for);
        let (since, number) =
            self.idle.iter().find(|(_, number)| is_spare(number)).map(|(at, of)| (*at, *of))?;
        self.idle.remove(&since);
        self.end(number)
    }

    fn end(&mut self, number: u64) -> Option<Arc<Signal>> {
        let entry = self.connections.get_mut(&number)?;
        entry.idle = None;
        entry.signal.ends.store(true, Ordering::Release);
        Some(entry.signal.clone())
    }

    /// The connection is idle from now on, unless it is told to end, as another is if there are too many.
    fn rest(&mut self, number: u64, idle_most: usize) -> Option<Arc<Signal>> {
        let since = self.next();
        let entry = self.connections.get_mut(&number)?;
        if entry.requests > 0 || entry.idle.is_some() || entry.ended {
            return None;
        }
        entry.idle = Some(since);
        self.idle.insert(since, number);
        if self.idle.len() > idle_most {
            return self.end_oldest();
        }
        if self.waiting > 0 { self.end_for_another() } else { None }
    }
}

impl OpenConnection {
    /// By this requests on it are counted.
    pub(crate) fn name(&self) -> ConnectionName {
        ConnectionName { connections: self.connections.clone(), number: self.number }
    }

    /// The connection is in its pool, and has no request yet.
    pub(crate) fn is_open(&self) {
        self.name().rest();
    }

    /// Whether its opening ends, since no call asks for it any more, and another waits for the place: until it does, it is one of
    /// those that are idle. Else `waker` is woken when it has to.
    pub(crate) fn gives_way(&self, waker: &Waker) -> bool {
        self.name().unasked();
        self.name().rest();
        self.ends(waker)
    }

    /// Whether its reader is told of the end now: it has been told to end, and got no request since. Else `waker` is woken
    /// when it is told to.
    pub(crate) fn ends(&self, waker: &Waker) -> bool {
        self.signal.reader.register(waker);
        if !self.signal.ends.load(Ordering::Acquire) {
            return false;
        }
        let mut table = self.connections.lock();
        let Some(entry) = table.connections.get_mut(&self.number) else { return true };
        if entry.requests > 0 {
            return false;
        }
        entry.ended = true;
        true
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        let entry = table.connections.remove(&self.number);
        if let Some(since) = entry.and_then(|entry| entry.idle) {
            table.idle.remove(&since);
        }
    }
}

impl ConnectionName {
    /// A request is on it from now on. One that it was about to get when it was told to end keeps it open.
    pub(crate) fn used(&self) -> InUse {
        let mut table = self.connections.lock();
        if let Some(entry) = table.connections.get_mut(&self.number) {
            (entry.requests, entry.is_asked_for) = (entry.requests + 1, false);
            entry.signal.ends.store(false, Ordering::Release);
            if let Some(since) = entry.idle.take() {
                table.idle.remove(&since);
            }
        }
        InUse(self.clone())
    }

    /// No call asks for it any more.
    pub(crate) fn unasked(&self) {
        let woken = {
            let mut table = self.connections.lock();
            let entry = table.connections.get_mut(&self.number);
            let is_idle = entry.is_some_and(|entry| {
                entry.is_asked_for = false;
                entry.idle.is_some()
            });
            if is_idle && table.waiting > 0 { table.end_for_another() } else { None }
        };
        wake(woken);
    }

    fn rest(&self) {
        let woken = self.connections.lock().rest(self.number, self.connections.idle_most);
        wake(woken);
    }
}

impl PartialEq for ConnectionName {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && Arc::ptr_eq(&self.connections, &other.connections)
    }
}

impl InUse {
    /// Whether it is on this connection.
    pub(crate) fn is_of(&self, name: &ConnectionName) -> bool {
        self.0 == *name
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if let Some(entry) = self.0.connections.lock().connections.get_mut(&self.0.number) {
            entry.requests = entry.requests.saturating_sub(1);
        }
        self.0.rest();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut table = self.0.lock();
        table.waiting = table.waiting.saturating_sub(1);
    }
}

fn wake(signal: Option<Arc<Signal>>) {
    if let Some(signal) = signal {
        signal.reader.wake();
    }
}

/// How many connections there may be in a process that may have so many files open.
fn within(files: Option<u64>) -> usize {
    let Some(files) = files.and_then(|files| usize::try_from(files).ok()) else { return HTTP_CONNECTIONS };
    files.saturating_sub(HTTP_FILES_LEFT).max(files / 2).clamp(1, HTTP_CONNECTIONS)
}

/// How many files this process may have open; `None` for as many as it likes, or where that is not known.
#[cfg(unix)]
fn open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn open_files() -> Option<u64> {
    None
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
