//! Journaled updates: the payloads of a journal's frames, in every version that was ever written. Owns the forms
//! of earlier versions; never writes one.
//!
//! In version 1 the update of a task did not name its execution.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::codec::{self, Error, VERSION};
use crate::document::{TaskHead, TaskState};
use crate::ids::{ExecutionId, TaskId};
use crate::update::{ExecutionUpdate, Revision, TaskUpdate, Update};

/// The oldest version that is read.
pub const OLDEST: u8 = 1;

/// The version of a payload, where it is one that this version of Updraft reads.
///
/// # Errors
/// [`Error::Version`] or [`Error::Empty`].
pub fn version(payload: &[u8]) -> Result<u8, Error> {
    match payload.first() {
        None => Err(Error::Empty),
        Some(&known @ OLDEST..=VERSION) => Ok(known),
        Some(&found) => Err(Error::Version { found }),
    }
}

/// Reads the payloads of a journal from its oldest frame to its newest.
#[derive(Debug, Default)]
pub struct Reader {
    /// The executions of the tasks of version 1 that were created and have not ended: as many at the most as were
    /// under way when the journal was written.
    owners: BTreeMap<TaskId, ExecutionId>,
}

impl Reader {
    /// The updates of the next frame.
    ///
    /// # Errors
    /// Another version, or bytes that are no updates.
    pub fn read(&mut self, payload: &[u8]) -> Result<Vec<Update>, Error> {
        if version(payload)? == VERSION {
            return codec::decode(payload);
        }
        let updates = codec::decode_of::<Vec<UpdateV1>>(1, payload)?;
        Ok(updates.into_iter().map(|update| self.owned(update)).collect())
    }

    fn owned(&mut self, update: UpdateV1) -> Update {
        match update {
            UpdateV1::Execution(update) => Update::from(update),
            UpdateV1::Task(update) => {
                let TaskUpdateV1 { task_id, revision, head, state } = update;
                let created = head.as_ref().map(|head| head.peid);
                let peid = created.or_else(|| self.owners.get(&task_id).copied()).unwrap_or(UNNAMED);
                if state.status.ended() {
                    self.owners.remove(&task_id);
                } else if created.is_some() {
                    self.owners.insert(task_id, peid);
                }
                Update::from(TaskUpdate { task_id, peid, revision, head, state })
            }
        }
    }
}

/// Stands for the execution of a task whose creation the journal of version 1 no longer has: the store has it. Only
/// an update that the store will never take is asked whom it concerns.
const UNNAMED: ExecutionId = ExecutionId::from_bytes([0; 16]);

#[derive(Deserialize)]
enum UpdateV1 {
    Execution(ExecutionUpdate),
    Task(TaskUpdateV1),
}

#[derive(Deserialize)]
struct TaskUpdateV1 {
    task_id: TaskId,
    revision: Revision,
    head: Option<Arc<TaskHead>>,
    state: TaskState,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::TaskStatus;
    use crate::time::Timestamp;

    /// As version 1 wrote it: of the two kinds, a task's update is the one with number 1.
    fn payload(task: u8, seq: u64, head: bool, status: TaskStatus) -> Vec<u8> {
        let peid = ExecutionId::from_bytes([task; 16]);
        let head = head.then(|| TaskHead {
            peid,
            task_seq: 1,
            step_id: "s".parse().unwrap(),
            iteration: 0,
            tenant_code: "acme".parse().unwrap(),
            alert_id: None,
            integration: "tool".parse().unwrap(),
            action: "act".parse().unwrap(),
        });
        let state = TaskState {
            status,
            attempt: 1,
            response: None,
            error: None,
            started_date: None,
            updated_date: Timestamp(seq),
            runtime: None,
        };
        let update = (1_u32, TaskId::from_bytes([task; 16]), Revision { epoch: 1, seq }, head, state);
        let mut bytes = Vec::new();
        codec::encode_into(&vec![update], &mut bytes).unwrap();
        bytes[0] = 1;
        bytes
    }

    #[test]
    fn a_task_of_version_1_belongs_to_the_execution_that_its_creation_named() {
        let mut reader = Reader::default();
        let mut read = |task, seq, head, status| {
            let updates = reader.read(&payload(task, seq, head, status)).unwrap();
            assert_eq!(updates[0].revision(), Revision { epoch: 1, seq });
            updates[0].execution()
        };
        let owner = |task: u8| ExecutionId::from_bytes([task; 16]);
        assert_eq!(read(7, 1, true, TaskStatus::Executing), owner(7));
        assert_eq!(read(8, 1, true, TaskStatus::Executing), owner(8));
        assert_eq!(read(7, 2, false, TaskStatus::Executing), owner(7));
        assert_eq!(read(9, 2, false, TaskStatus::Executing), UNNAMED, "its creation is gone");
        assert_eq!(read(7, 3, false, TaskStatus::Completed), owner(7));
        assert_eq!(
            reader.owners,
            BTreeMap::from([(TaskId::from_bytes([8; 16]), owner(8))]),
            "what ended is let go"
        );
    }

    #[test]
    fn a_version_that_is_not_known_is_named() {
        for found in [0, VERSION + 1, 255] {
            assert_eq!(Reader::default().read(&[found, 0]), Err(Error::Version { found }));
        }
        assert_eq!(Reader::default().read(&[]), Err(Error::Empty));
        assert_eq!(Reader::default().read(&[1, 0]), Ok(vec![]));
    }
}
