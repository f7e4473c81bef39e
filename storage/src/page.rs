//! Pages of lists: where one ends, the same in every store. Reads nothing.

#[cfg(feature = "mongodb")]
use updraft_protocol::PlaybookId;
use updraft_protocol::limits::{PAGE_BYTES, PAGE_ROWS};
use updraft_protocol::{
    AuditRecord, ContainmentDocument, ExecutionDocument, ExecutionPositions, Fields, KeyHolder,
    PlaybookDocument, Setting, TaskDocument, TaskPositions,
};

/// A row of a list.
pub trait Row {
    /// Its approximate size.
    fn bytes(&self) -> usize;
}

impl Row for ExecutionDocument {
    fn bytes(&self) -> usize {
        self.bytes()
    }
}

impl Row for TaskDocument {
    fn bytes(&self) -> usize {
        self.bytes()
    }
}

/// A row of a list of events.
impl Row for (ExecutionDocument, ExecutionPositions) {
    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// A row of a list of events.
impl Row for (TaskDocument, TaskPositions) {
    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

impl Row for PlaybookDocument {
    fn bytes(&self) -> usize {
        self.bytes()
    }
}

impl Row for ContainmentDocument {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.text_bytes()
    }
}

impl Row for Setting {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.text_bytes()
    }
}

impl Row for AuditRecord {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.text_bytes()
    }
}

impl Row for KeyHolder {
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// The runtime of an execution, with its playbook.
#[cfg(feature = "mongodb")]
impl Row for (PlaybookId, u64) {
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// All tasks of an execution, gathered page by page.
#[derive(Default)]
pub(crate) struct AllTasks {
    pub(crate) tasks: Vec<TaskDocument>,
    complete: bool,
}

impl AllTasks {
    /// The `task_seq` after which the next page begins; `None` if there is none.
    pub(crate) fn after(&self) -> Option<u32> {
        let last = self.tasks.last().map_or(0, |task| task.head.task_seq);
        (!self.complete).then_some(last)
    }

    /// Adds a page that was read with [`PAGE_ROWS`].
    pub(crate) fn add(&mut self, page: Vec<TaskDocument>) {
        self.complete = !is_full(&page, PAGE_ROWS);
        self.tasks.extend(page);
    }
}

/// The room that is left in a page: rows, and bytes of [`PAGE_BYTES`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    rows: usize,
    bytes: usize,
}

impl Room {
    /// An empty page of at most so many rows.
    pub(crate) fn of(limit: usize) -> Self {
        Self { rows: limit, bytes: PAGE_BYTES }
    }

    /// Whether one more row may be added, however large it is.
    pub(crate) fn is_left(self) -> bool {
        self.rows > 0 && self.bytes > 0
    }

    /// The room that is left after these rows.
    pub(crate) fn with<T: Row>(mut self, rows: &[T]) -> Self {
        rows.iter().for_each(|row| self.take(row));
        self
    }

    pub(crate) fn take(&mut self, row: &impl Row) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(row.bytes());
    }
}

/// Whether a page of at most `limit` rows is full, so that there may be more after its last row. A list ends with a
/// page that is not full.
pub fn is_full<T: Row>(page: &[T], limit: usize) -> bool {
    !Room::of(limit).with(page).is_left()
}

/// One page of these rows.
pub(crate) fn of<T: Row>(rows: impl IntoIterator<Item = T>, limit: usize) -> Vec<T> {
    let (mut page, mut room, mut rows) = (Vec::new(), Room::of(limit), rows.into_iter());
    while room.is_left()
        && let Some(row) = rows.next()
    {
        room.take(&row);
        page.push(row);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Bytes(usize);

    impl Row for Bytes {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn a_page_ends_with_its_last_row_or_with_the_one_that_makes_it_large() {
        let small = vec![Bytes(1); 5];
        assert_eq!(of(small.clone(), 5), small);
        assert_eq!(of(small.clone(), 3), small[..3]);
        assert_eq!(of(small, 0), []);
        let half = PAGE_BYTES / 2;
        assert_eq!(of([half, half - 1, 1, 1].map(Bytes), 9), [half, half - 1, 1].map(Bytes));
        assert_eq!(of([3 * PAGE_BYTES, 1].map(Bytes), 9), [Bytes(3 * PAGE_BYTES)]);
    }

    #[test]
    fn a_page_that_is_not_full_ends_its_list() {
        for (rows, limit) in
            [(vec![1, 1], 2), (vec![PAGE_BYTES], 9), (vec![1, PAGE_BYTES - 1], 9), (vec![], 0)]
        {
            assert!(is_full(&rows.iter().copied().map(Bytes).collect::<Vec<_>>(), limit), "{rows:?}");
        }
        for (rows, limit) in [(vec![1, 1], 3), (vec![PAGE_BYTES - 1], 2), (vec![], 1)] {
            assert!(!is_full(&rows.iter().copied().map(Bytes).collect::<Vec<_>>(), limit), "{rows:?}");
        }
    }
}
