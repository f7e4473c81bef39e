//! Files of a world's execution: their items are given in parts of two, and the parts that were read are counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use updraft_protocol::{ExecutionId, Failure, FailureKind, FileId, Json, TenantCode, Value};

use super::{Machine, Terms, Timestamp, World, head, plan};
use crate::item_files::{ItemFiles, ItemsPart};

/// Items in a part.
const PART: usize = 2;

/// Files that are there.
#[derive(Debug, Default)]
pub(in crate::machine::tests) struct Files {
    pub(in crate::machine::tests) parts: AtomicUsize,
    files: Mutex<BTreeMap<FileId, Vec<Value>>>,
}

impl Files {
    /// A file with these items, each of which is told to have so many bytes.
    pub(in crate::machine::tests) fn put(&self, items: &[serde_json::Value]) -> FileId {
        let mut files = self.files.lock().unwrap();
        let id = FileId::from_bytes([u8::try_from(files.len()).unwrap(); 16]);
        files.insert(id, items.iter().cloned().map(Value::from).collect());
        id
    }

    pub(in crate::machine::tests) fn remove(&self, id: FileId) {
        self.files.lock().unwrap().remove(&id);
    }

    fn items(&self, file: FileId) -> Result<Vec<Value>, Failure> {
        let missing = || Failure::new(FailureKind::InvalidArguments, "this execution has no such file");
        self.files.lock().unwrap().get(&file).cloned().ok_or_else(missing)
    }
}

impl ItemFiles for Files {
    fn count(&self, _: (&TenantCode, ExecutionId), file: FileId) -> Result<u64, Failure> {
        self.items(file).map(|items| items.len() as u64)
    }

    fn part(&self, _: (&TenantCode, ExecutionId), file: FileId, from: u64) -> Result<ItemsPart, Failure> {
        self.parts.fetch_add(1, Ordering::Relaxed);
        let from = usize::try_from(from).unwrap();
        let items: Vec<_> = self.items(file)?.into_iter().skip(from).take(PART).collect();
        let next = (from + items.len()) as u64;
        let sized = |item: Value| {
            let bytes = item.to_string().len();
            (item, bytes)
        };
        Ok(ItemsPart { items: items.into_iter().map(sized).collect(), next })
    }
}

impl World {
    /// Begins where executions have these files.
    pub(in crate::machine::tests) fn begin_with_files(
        playbook: &serde_json::Value,
        input: serde_json::Value,
        files: &Arc<Files>,
    ) -> Self {
        let (plan, now) = (plan(playbook), Timestamp(1_000_000));
        let terms = Terms { files: Some(files.clone()), ..Terms::default() };
        let head = Arc::new(head(&plan, Json::from(input), now));
        let peid = ExecutionId::from_bytes([7; 16]);
        let (machine, effects) = Machine::start(plan, peid, head, terms, now);
        let mut world = Self::of(machine, effects, now);
        world.files = Some(files.clone());
        world
    }
}
