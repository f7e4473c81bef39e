//! News for a shard: that an execution's actor has ended, or that a read has come back. Wakes the shard for
//! each alone: a future in its context would be polled at each of its wake-ups, for every execution there is.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use futures_util::stream::{self, Stream};
use tokio::sync::Notify;
use updraft_protocol::ExecutionId;

use crate::execution::Exit;
use crate::live::Lost;
use crate::revive::Found;

/// What became of an execution.
pub(crate) enum News {
    /// Its actor has ended.
    Exited(Exit),
    /// The store was read for it.
    Found(Result<Found, Lost>),
    /// Its actor, or the read, died without a word.
    Died,
}

/// The news of one shard, oldest first. Bounded by its executions: each has one messenger at a time.
#[derive(Default)]
pub(crate) struct Newsroom {
    queue: RefCell<VecDeque<(ExecutionId, News)>>,
    arrived: Notify,
}

/// Brings one piece of news; dropped, that of a death.
pub(crate) struct Messenger {
    peid: ExecutionId,
    /// None once it has brought it.
    room: Option<Rc<Newsroom>>,
}

impl Newsroom {
    pub(crate) fn messenger(self: &Rc<Self>, peid: ExecutionId) -> Messenger {
        Messenger { peid, room: Some(self.clone()) }
    }

    /// All news from now on; one reader at a time.
    pub(crate) fn read(self: Rc<Self>) -> impl Stream<Item = (ExecutionId, News)> {
        stream::unfold(self, async |room| {
            loop {
                let next = room.queue.borrow_mut().pop_front();
                match next {
                    Some(news) => return Some((news, room)),
                    None => room.arrived.notified().await,
                }
            }
        })
    }
}

impl Messenger {
    pub(crate) fn bring(mut self, news: News) {
        self.put(news);
    }

    fn put(&mut self, news: News) {
        if let Some(room) = self.room.take() {
            room.queue.borrow_mut().push_back((self.peid, news));
            room.arrived.notify_one();
        }
    }
}

impl Drop for Messenger {
    fn drop(&mut self) {
        self.put(News::Died);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn news_come_in_their_order_and_a_messenger_that_is_lost_brings_a_death() {
        let (room, peid) = (Rc::new(Newsroom::default()), ExecutionId::from_bytes([7; 16]));
        let mut read = std::pin::pin!(room.clone().read());
        assert!(read.next().now_or_never().is_none());
        let lost = room.messenger(peid);
        room.messenger(peid).bring(News::Exited(Exit::Ended));
        drop(lost);
        let (first, second) = (read.next().now_or_never().flatten(), read.next().now_or_never().flatten());
        assert!(matches!(first, Some((_, News::Exited(Exit::Ended)))));
        assert!(matches!(second, Some((_, News::Died))));
        assert!(read.next().now_or_never().is_none());
    }
}
