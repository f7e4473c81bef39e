//! The post of one execution: what its commits, its attempts and its shard have to tell it, oldest first. One queue
//! for all of them: a future for each in the actor's context would be made anew for every step, and polled at
//! each of its wake-ups.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_util::stream::Stream;
use updraft_kernel::machine::TaskSeq;
use updraft_protocol::{Failure, FailureKind, Json};

/// What an execution is told.
pub(crate) enum Letter {
    /// Its commit is in the journal at this position; none where the journal will not have it.
    Committed(Option<u64>),
    /// An attempt has ended.
    Attempted(Attempted),
    /// Its shard has died, or has let go of it.
    Orphaned,
}

/// How an attempt ended.
pub(crate) struct Attempted {
    pub(crate) task: TaskSeq,
    pub(crate) attempt: u32,
    pub(crate) outcome: Result<Json, Box<Failure>>,
}

/// The letters of one execution. Bounded by what it waits for: one commit, and its attempts.
#[derive(Default)]
pub(crate) struct Post {
    /// Nearly always the only one.
    first: Cell<Option<Letter>>,
    later: RefCell<VecDeque<Letter>>,
    reader: Cell<Option<Waker>>,
}

impl Post {
    pub(crate) fn put(&self, letter: Letter) {
        match self.first.take() {
            None => self.first.set(Some(letter)),
            Some(first) => {
                self.first.set(Some(first));
                self.later.borrow_mut().push_back(letter);
            }
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        let first = self.first.take();
        let empty = first.is_none();
        self.first.set(first);
        empty
    }

    /// Names the tasks of which a report waits that says that the tool has not acted.
    pub(crate) fn each_not_acted(&self, mut told: impl FnMut(TaskSeq)) {
        let mut look = |letter: &Letter| {
            if let Letter::Attempted(Attempted { task, outcome: Err(failure), .. }) = letter
                && !failure.may_have_acted()
            {
                told(*task);
            }
        };
        let first = self.first.take();
        first.iter().for_each(&mut look);
        self.first.set(first);
        self.later.borrow().iter().for_each(&mut look);
    }

    fn take(&self) -> Option<Letter> {
        let first = self.first.take()?;
        self.first.set(self.later.borrow_mut().pop_front());
        Some(first)
    }

    /// All letters from now on; one reader at a time.
    pub(crate) fn read(self: &Rc<Self>) -> Reading {
        Reading(self.clone())
    }
}

/// The letters as they come. It never ends.
pub(crate) struct Reading(Rc<Post>);

impl Stream for Reading {
    type Item = Letter;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Letter>> {
        if let Some(letter) = self.0.take() {
            return Poll::Ready(Some(letter));
        }
        let waker = self.0.reader.take().filter(|waker| waker.will_wake(context.waker()));
        self.0.reader.set(Some(waker.unwrap_or_else(|| context.waker().clone())));
        Poll::Pending
    }
}

/// Says what became of a commit; dropped unsaid, that the journal will not have it.
pub(crate) struct Receipt(Option<Rc<Post>>);

impl Receipt {
    pub(crate) fn of(post: &Rc<Post>) -> Self {
        Self(Some(post.clone()))
    }

    pub(crate) fn give(mut self, lsn: u64) {
        if let Some(post) = self.0.take() {
            post.put(Letter::Committed(Some(lsn)));
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(post) = self.0.take() {
            post.put(Letter::Committed(None));
        }
    }
}

/// Reports how an attempt ended; dropped unsaid, that it died.
pub(crate) struct Report {
    /// None once it has.
    post: Option<Rc<Post>>,
    task: TaskSeq,
    attempt: u32,
}

impl Report {
    pub(crate) fn of(post: &Rc<Post>, task: TaskSeq, attempt: u32) -> Self {
        Self { post: Some(post.clone()), task, attempt }
    }

    pub(crate) fn give(mut self, outcome: Result<Json, Failure>) {
        self.put(outcome);
    }

    fn put(&mut self, outcome: Result<Json, Failure>) {
        if let Some(post) = self.post.take() {
            let (task, attempt, outcome) = (self.task, self.attempt, outcome.map_err(Box::new));
            post.put(Letter::Attempted(Attempted { task, attempt, outcome }));
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.post.is_some() {
            self.put(Err(Failure::new(FailureKind::Panic, "the attempt died")));
        }
    }
}

/// Held by the shard for as long as it has the execution; its drop tells the execution so.
pub(crate) struct Parentage(Rc<Post>);

impl Parentage {
    pub(crate) fn of(post: &Rc<Post>) -> Self {
        Self(post.clone())
    }
}

impl Drop for Parentage {
    fn drop(&mut self) {
        self.0.put(Letter::Orphaned);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn letters_come_in_their_order_and_what_is_dropped_unsaid_says_so() {
        let post = Rc::new(Post::default());
        let mut read = post.read();
        assert!(post.is_empty() && read.next().now_or_never().is_none());
        Receipt::of(&post).give(7);
        drop(Receipt::of(&post));
        Report::of(&post, TaskSeq(1), 2).give(Ok(Json::null()));
        drop(Report::of(&post, TaskSeq(3), 4));
        drop(Parentage::of(&post));
        assert!(!post.is_empty());
        let mut next = || read.next().now_or_never().flatten();
        assert!(matches!(next(), Some(Letter::Committed(Some(7)))));
        assert!(matches!(next(), Some(Letter::Committed(None))));
        let Some(Letter::Attempted(reported)) = next() else { panic!("a report") };
        assert_eq!((reported.task, reported.attempt, reported.outcome), (TaskSeq(1), 2, Ok(Json::null())));
        let Some(Letter::Attempted(died)) = next() else { panic!("a report") };
        assert_eq!(died.outcome.map_err(|failure| failure.kind), Err(FailureKind::Panic));
        assert!(matches!(next(), Some(Letter::Orphaned)));
        assert!(next().is_none());
    }

    #[test]
    fn a_report_that_waits_tells_whether_the_tool_has_acted() {
        let post = Rc::new(Post::default());
        Report::of(&post, TaskSeq(1), 1).give(Err(Failure::new(FailureKind::Unreachable, "no")));
        Report::of(&post, TaskSeq(2), 1).give(Ok(Json::null()));
        Report::of(&post, TaskSeq(3), 1).give(Err(Failure::new(FailureKind::Timeout, "late")));
        let unsent = Failure::new(FailureKind::Panic, "it panicked").with_may_have_acted(false);
        Report::of(&post, TaskSeq(4), 1).give(Err(unsent));
        let mut told = Vec::new();
        post.each_not_acted(|task| told.push(task));
        assert_eq!(told, [TaskSeq(1), TaskSeq(4)]);
        assert!(!post.is_empty(), "the letters stay");
    }

    #[test]
    fn a_letter_wakes_the_reader_that_waits() {
        let (post, woken) = (Rc::new(Post::default()), futures_util::task::noop_waker());
        let mut read = post.read();
        assert!(read.poll_next_unpin(&mut Context::from_waker(&woken)).is_pending());
        assert!(post.reader.take().is_some_and(|reader| reader.will_wake(&woken)));
    }
}
