//! The items of a `for_each` that are in a file of the execution: read part by part as they begin, so that a loop holds a bounded
//! part of them. The file never changes, so that a machine that is made of documents reads the same. Reads no disk itself.

use std::collections::{BTreeMap, VecDeque};

use updraft_protocol::limits::{FILE_LOOP_BYTES, FILE_PAGE_BYTES, LOOP_BYTES};
use updraft_protocol::{ExecutionFile, ExecutionId, Failure, FailureKind, FileId, Value};

use super::Machine;
use super::items::{Item, Items};
use crate::item_files::{ItemFiles, ItemsPart};
use crate::plan::PlannedForEach;

/// The items of a file that are not read yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FileItems {
    /// The execution that has the file.
    peid: ExecutionId,
    file: FileId,
    /// The place of the next one.
    place: u64,
    /// Those that have begun and not ended, with their sizes.
    open: BTreeMap<u32, usize>,
    open_bytes: usize,
    /// Bytes of those that were read, and begin later.
    held: usize,
    /// Why no further one is read.
    pub(super) broken: Option<Failure>,
}

impl FileItems {
    /// Further ones; at least one, as there are more.
    pub(super) fn further(
        &mut self,
        read: &dyn Fn(&Self) -> Result<ItemsPart, Failure>,
    ) -> Result<VecDeque<Item>, Failure> {
        let part = read(self)?;
        if part.items.is_empty() {
            let message = format!("file {} has fewer items than it had", self.file);
            return Err(Failure::new(FailureKind::Interrupted, message).with_retryable(false));
        }
        self.place = part.next;
        Ok(part.items.into_iter().map(|(value, bytes)| Item { key: None, value, bytes }).collect())
    }

    /// Whether another one may begin beside those that have not ended.
    pub(super) fn may_begin(&self) -> bool {
        self.open_bytes < FILE_PAGE_BYTES
    }

    pub(super) fn begin(&mut self, number: u32, item: &Item) {
        self.open.insert(number, item.bytes);
        self.open_bytes += item.bytes;
    }

    pub(super) fn end(&mut self, number: u32) {
        self.open_bytes -= self.open.remove(&number).unwrap_or_default();
    }

    /// One begins later, as a rerun has results of those after it.
    pub(super) fn hold(&mut self, item: &Item) -> Result<(), Failure> {
        self.held += item.bytes;
        if self.held <= LOOP_BYTES {
            return Ok(());
        }
        let message = format!(
            "the items of file {} that run again before others of which there are results have more than {LOOP_BYTES} bytes",
            self.file
        );
        Err(Failure::new(FailureKind::TooLarge, message).with_retryable(false))
    }

    pub(super) fn hold_less(&mut self, item: &Item) {
        self.held -= item.bytes;
    }
}

impl Machine {
    /// The items of the file that a step names.
    ///
    /// # Errors
    /// It names none that this execution has, or one without items.
    pub(super) fn items_of_file(&self, value: &Value, each: &PlannedForEach) -> Result<Items, Failure> {
        let Some(file) = ExecutionFile::id_in(value) else {
            let message =
                "`for_each: {file: …}` needs a file of the execution, such as `steps.ID.output.file`";
            return Err(Failure::new(FailureKind::Template, message));
        };
        let Some(files) = &self.files else {
            let message = "there are no files of executions here, so that their items cannot be read";
            return Err(Failure::new(FailureKind::Template, message));
        };
        let tenant = &self.head.tenant_code;
        let peid = self.peid;
        let count = files.count((tenant, peid), file)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let items =
            FileItems { peid, file, place: 0, open: BTreeMap::new(), open_bytes: 0, held: 0, broken: None };
        Items::counted(VecDeque::new(), (count, FILE_LOOP_BYTES), Some(items), each.collect.is_some())
    }

    /// Reads further items of a file.
    pub(super) fn read_part(
        files: Option<&dyn ItemFiles>,
        tenant: &updraft_protocol::TenantCode,
        items: &FileItems,
    ) -> Result<ItemsPart, Failure> {
        let Some(files) = files else {
            return Err(Failure::new(FailureKind::Template, "there are no files of executions here"));
        };
        files.part((tenant, items.peid), items.file, items.place)
    }
}
