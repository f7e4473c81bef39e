//! The mailbox of a task actor: attempts that have begun and that the actor has not taken yet. Bounded: where it is full, an
//! attempt waits, and its tool has not been called. Polls nothing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use tokio::sync::Notify;

/// An attempt, until its end is reported.
pub(super) type AttemptFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The mailbox. It outlives its actor: what is in it is taken by the actor's successor.
pub(super) struct TaskMailbox {
    capacity: usize,
    waiting: RefCell<VecDeque<AttemptFuture>>,
    reader: Cell<Option<Waker>>,
    /// Notified when one that was full is read.
    room: Notify,
    /// How many mailboxes of the shard are full.
    full: Rc<Cell<usize>>,
    /// Attempts that are in it or in the actor.
    inside: Cell<usize>,
    /// Attempts that ever were.
    counted: Cell<u64>,
    closed: Cell<bool>,
}

impl TaskMailbox {
    /// A mailbox for so many attempts; `full` counts it while it has no room.
    pub(super) fn new(capacity: usize, full: Rc<Cell<usize>>) -> Rc<Self> {
        Rc::new(Self {
            capacity,
            waiting: RefCell::default(),
            reader: Cell::new(None),
            room: Notify::new(),
            full,
            inside: Cell::new(0),
            counted: Cell::new(0),
            closed: Cell::new(false),
        })
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.borrow().len() >= self.capacity
    }

    /// Adds an attempt that has begun. Who begins one looks before whether there is room.
    pub(super) fn put(&self, attempt: AttemptFuture) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push_back(attempt);
        if waiting.len() == self.capacity {
            self.full.set(self.full.get() + 1);
        }
        drop(waiting);
        self.inside.set(self.inside.get() + 1);
        self.counted.set(self.counted.get() + 1);
        self.wake();
    }

    /// Waits for room, then adds an attempt that has not begun. Where the actor has stopped, it is dropped with the mailbox.
    pub(super) async fn put_later(&self, attempt: AttemptFuture) {
        loop {
            // From here on it is notified.
            let room = self.room.notified();
            if !self.is_full() || self.is_closed() {
                return self.put(attempt);
            }
            room.await;
        }
    }

    /// Takes the attempts that have come. If there is none, the actor is woken by the next one.
    pub(super) fn take(&self, context: &Context<'_>) -> VecDeque<AttemptFuture> {
        self.reader.set(Some(context.waker().clone()));
        let taken = std::mem::take(&mut *self.waiting.borrow_mut());
        if taken.len() >= self.capacity {
            self.full.set(self.full.get().saturating_sub(1));
            self.room.notify_waiters();
        }
        taken
    }

    /// An attempt has ended in the actor.
    pub(super) fn left(&self) {
        self.inside.set(self.inside.get().saturating_sub(1));
    }

    /// The actor has died with all that it had taken.
    pub(super) fn abandoned(&self) {
        self.inside.set(self.waiting.borrow().len());
    }

    /// Attempts that are in it or in the actor.
    pub(super) fn inside(&self) -> usize {
        self.inside.get()
    }

    /// Attempts that ever were in it.
    pub(super) fn counted(&self) -> u64 {
        self.counted.get()
    }

    /// Has the actor stop.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.room.notify_waiters();
        self.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    fn wake(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}
