//! The inbox of an actor: messages from its commits, attempts, actors and reads, oldest first. One queue for all of
//! them, because a future for each in the actor's context would be polled at each of its wake-ups. Knows no message.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_util::stream::Stream;

/// The messages of one actor. Bounded, since each message has a sender that the actor waits for and that sends once.
pub(crate) struct Inbox<T> {
    /// Nearly always there is only one message.
    first: Cell<Option<T>>,
    later: RefCell<VecDeque<T>>,
    reader: Cell<Option<Waker>>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { first: Cell::new(None), later: RefCell::default(), reader: Cell::new(None) }
    }
}

impl<T> Inbox<T> {
    pub(crate) fn put(&self, message: T) {
        match self.first.take() {
            None => self.first.set(Some(message)),
            Some(first) => {
                self.first.set(Some(first));
                self.later.borrow_mut().push_back(message);
            }
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Visits each waiting message.
    pub(crate) fn each(&self, mut look: impl FnMut(&T)) {
        let first = self.first.take();
        first.iter().for_each(&mut look);
        self.first.set(first);
        self.later.borrow().iter().for_each(look);
    }

    fn take(&self) -> Option<T> {
        let first = self.first.take()?;
        self.first.set(self.later.borrow_mut().pop_front());
        Some(first)
    }

    /// All messages from now on; one reader at a time.
    pub(crate) fn read(self: &Rc<Self>) -> InboxStream<T> {
        InboxStream(self.clone())
    }
}

/// The messages as they arrive. It never ends.
pub(crate) struct InboxStream<T>(Rc<Inbox<T>>);

impl<T> Stream for InboxStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(message) = self.0.take() {
            return Poll::Ready(Some(message));
        }
        let waker = self.0.reader.take().filter(|waker| waker.will_wake(context.waker()));
        self.0.reader.set(Some(waker.unwrap_or_else(|| context.waker().clone())));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn messages_come_in_their_order() {
        let inbox = Rc::new(Inbox::default());
        let mut read = inbox.read();
        assert!(read.next().now_or_never().is_none());
        (1..4).for_each(|message| inbox.put(message));
        let mut shown = Vec::new();
        inbox.each(|message| shown.push(*message));
        assert_eq!(shown, [1, 2, 3]);
        let mut next = || read.next().now_or_never().flatten();
        assert_eq!([next(), next(), next(), next()], [Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn a_message_wakes_the_reader_that_waits() {
        let (inbox, waker) = (Rc::new(Inbox::<u8>::default()), futures_util::task::noop_waker());
        let mut read = inbox.read();
        assert!(read.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
        assert!(inbox.reader.take().is_some_and(|reader| reader.will_wake(&waker)));
    }
}
