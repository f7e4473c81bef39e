//! A mailbox: the promises of a bounded channel, in loom's terms. Owns what was sent and not yet taken; a wake-up
//! that is lost is a deadlock, which loom reports.

use std::collections::VecDeque;
use std::sync::PoisonError;

use loom::sync::{Condvar, Mutex, MutexGuard};

/// A channel with room for so many.
pub struct Mailbox<T> {
    room: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    sent: VecDeque<T>,
    closed: bool,
}

impl<T> Mailbox<T> {
    /// An empty one.
    pub fn new(room: usize) -> Self {
        let state = State { sent: VecDeque::new(), closed: false };
        Self { room, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits for room, and sends.
    pub fn send(&self, message: T) {
        let mut state = self.lock();
        while state.sent.len() >= self.room {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.sent.push_back(message);
        self.changed.notify_all();
    }

    /// Nothing more will be sent.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits for a message; none when it is closed and empty.
    pub fn receive(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(message) = state.sent.pop_front() {
                self.changed.notify_all();
                return Some(message);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is there now, without waiting.
    pub fn try_receive(&self) -> Option<T> {
        let message = self.lock().sent.pop_front();
        if message.is_some() {
            self.changed.notify_all();
        }
        message
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
