//! The commits of one shard: while one group is on its way to the journal the next one gathers, so that a shard crosses
//! threads once for many executions. Makes nothing durable itself.

use updraft_protocol::Update;
use updraft_protocol::limits::JOURNAL_GROUP_BYTES;

/// Commits that wait. Bounded: an execution waits for its commit before the next. `T` is told what became of one.
#[derive(Debug)]
pub struct CommitQueue<T> {
    waiting: Vec<(Vec<Update>, T)>,
    under_way: bool,
}

impl<T> Default for CommitQueue<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), under_way: false }
    }
}

impl<T> CommitQueue<T> {
    /// Hands over updates that are made durable together, or not at all. Where it says so, the groups are to be asked for.
    #[must_use]
    pub fn push(&mut self, updates: Vec<Update>, told: T) -> bool {
        self.waiting.push((updates, told));
        !std::mem::replace(&mut self.under_way, true)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits and nothing is on its way.
    pub fn is_idle(&self) -> bool {
        !self.under_way
    }

    /// The next group, when none is on its way any more; none where nothing waits.
    pub fn next_group(&mut self) -> Option<(Vec<Update>, Vec<T>)> {
        self.under_way = !self.waiting.is_empty();
        if !self.under_way {
            return None;
        }
        let mut bytes = 0;
        let fits = self.waiting.iter().take_while(|(updates, _)| {
            let before = bytes;
            bytes += updates.iter().map(Update::bytes).sum::<usize>();
            before == 0 || bytes <= JOURNAL_GROUP_BYTES
        });
        let count = fits.count();
        let updates = self.waiting.iter().take(count).map(|(updates, _)| updates.len()).sum();
        let (mut all, mut told) = (Vec::with_capacity(updates), Vec::with_capacity(count));
        for (updates, one) in self.waiting.drain(..count) {
            all.extend(updates);
            told.push(one);
        }
        Some((all, told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_group_is_on_its_way_and_the_next_gathers() {
        let mut queue = CommitQueue::default();
        assert!(queue.push(Vec::new(), 1));
        assert_eq!(queue.next_group().map(|(_, told)| told), Some(vec![1]));
        assert!(!queue.push(Vec::new(), 2) && !queue.push(Vec::new(), 3));
        assert_eq!((queue.next_group().map(|(_, told)| told), queue.is_idle()), (Some(vec![2, 3]), false));
        assert!(queue.next_group().is_none() && queue.is_idle());
    }
}
