//! The commits of one shard. While one group of commits is on its way to the journal, the next group gathers, so that a
//! shard crosses threads once for many executions. Makes nothing durable itself.

use updraft_protocol::Update;
use updraft_protocol::limits::JOURNAL_GROUP_BYTES;

use crate::execution::Need;

/// Commits that wait. Bounded, since an execution waits for its commit before the next. `T` is notified of the result.
#[derive(Debug)]
pub struct CommitQueue<T> {
    waiting: Vec<(Vec<Update>, Need, T)>,
    under_way: bool,
}

impl<T> Default for CommitQueue<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), under_way: false }
    }
}

impl<T> CommitQueue<T> {
    /// Queues updates that are appended together or not at all. Returns whether the caller must fetch the next
    /// group now.
    #[must_use]
    pub fn push(&mut self, updates: Vec<Update>, need: Need, notify: T) -> bool {
        self.waiting.push((updates, need, notify));
        !std::mem::replace(&mut self.under_way, true)
    }

    /// The number of commits that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits and nothing is on its way.
    pub fn is_idle(&self) -> bool {
        !self.under_way
    }

    /// The next group, and the strongest need in it; `None` if nothing waits. Called when no group is on its way.
    pub fn next_group(&mut self) -> Option<(Vec<Update>, Need, Vec<T>)> {
        self.under_way = !self.waiting.is_empty();
        if !self.under_way {
            return None;
        }
        let mut bytes = 0;
        let fits = self.waiting.iter().take_while(|(updates, ..)| {
            let before = bytes;
            bytes += updates.iter().map(Update::bytes).sum::<usize>();
            before == 0 || bytes <= JOURNAL_GROUP_BYTES
        });
        let count = fits.count();
        let updates = self.waiting.iter().take(count).map(|(updates, ..)| updates.len()).sum();
        let (mut all, mut notify) = (Vec::with_capacity(updates), Vec::with_capacity(count));
        let mut strongest = Need::Behind;
        for (updates, need, one) in self.waiting.drain(..count) {
            all.extend(updates);
            notify.push(one);
            strongest = strongest.max(need);
        }
        Some((all, strongest, notify))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_group_is_on_its_way_and_the_next_gathers() {
        let mut queue = CommitQueue::default();
        let group = |queue: &mut CommitQueue<u8>| queue.next_group().map(|(_, need, notify)| (need, notify));
        assert!(queue.push(Vec::new(), Need::Behind, 1));
        assert_eq!(group(&mut queue), Some((Need::Behind, vec![1])));
        assert!(!queue.push(Vec::new(), Need::Durable, 2) && !queue.push(Vec::new(), Need::Behind, 3));
        let strongest = Some((Need::Durable, vec![2, 3]));
        assert_eq!((group(&mut queue), queue.is_idle()), (strongest, false));
        assert!(queue.next_group().is_none() && queue.is_idle());
    }
}
