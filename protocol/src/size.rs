//! Sizes: the approximate number of bytes of updates and documents in memory and in a message, for limits. JSON counts
//! as its text; a store whose form of it is larger limits its own messages.

use crate::document::{ExecutionDocument, PlaybookDocument, TaskDocument};
use crate::field::Fields;
use crate::update::Update;

/// The size of a state beside its texts: ids, dates, the names of the fields, and a slot in the coalescer.
const STATE_BYTES: usize = 448;
/// The size of the fields of a head beside their texts.
const HEAD_BYTES: usize = 256;

impl Update {
    /// The approximate number of bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Execution(update) => {
                update.head.as_deref().map_or(0, head_bytes) + state_bytes(&update.state)
            }
            Self::Task(update) => update.head.as_deref().map_or(0, head_bytes) + state_bytes(&update.state),
        }
    }
}

impl ExecutionDocument {
    /// The approximate number of bytes.
    pub fn bytes(&self) -> usize {
        head_bytes(&*self.head) + state_bytes(&self.state)
    }
}

impl TaskDocument {
    /// The approximate number of bytes.
    pub fn bytes(&self) -> usize {
        head_bytes(&*self.head) + state_bytes(&self.state)
    }
}

impl PlaybookDocument {
    /// The approximate number of bytes.
    pub fn bytes(&self) -> usize {
        head_bytes(self)
    }
}

fn head_bytes(head: &impl Fields) -> usize {
    HEAD_BYTES + head.text_bytes()
}

fn state_bytes(state: &impl Fields) -> usize {
    STATE_BYTES + state.text_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::document::{ExecutionHead, ExecutionState, TaskHead, TaskState};
    use crate::failure::{Failure, FailureKind};
    use crate::ids::{ExecutionId, Name, PlaybookId, StepId, TaskId, TenantCode};
    use crate::json::Json;
    use crate::pause::{Asked, Pause, PauseCause};
    use crate::priority::Priority;
    use crate::scope::ScopePath;
    use crate::signal::ReceivedSignals;
    use crate::status::{CacheMode, ExecutionStatus, PlaybookStatus, TaskStatus};
    use crate::time::Timestamp;
    use crate::update::{ExecutionUpdate, Revision, TaskUpdate};

    /// Every text of it has this length.
    fn document(length: usize) -> TaskDocument {
        let name = |letter: &str| Name::new(letter.repeat(length)).unwrap();
        TaskDocument {
            task_request_id: TaskId::new(Uuid::from_u128(7)),
            head: Arc::new(TaskHead {
                peid: ExecutionId::new(Uuid::from_u128(1)),
                task_seq: 1,
                step_id: StepId::new("s".repeat(length)).unwrap(),
                scope: ScopePath::MAIN,
                tenant_code: TenantCode::new("t".repeat(length)).unwrap(),
                alert_id: Some("k".repeat(length).into()),
                integration: name("i"),
                action: name("a"),
                taken_from: None,
            }),
            state: TaskState {
                status: TaskStatus::Failed,
                attempt: 1,
                response: Some(Json::from(serde_json::json!("r".repeat(length)))),
                error: Some(Box::new(Failure::new(FailureKind::Status, "m".repeat(length)))),
                started_date: Some(Timestamp(10)),
                updated_date: Timestamp(1),
                runtime: None,
                wait: None,
                call: None,
                undo: None,
                registration_due: None,
            },
            epoch: 1,
            seq: 1,
        }
    }

    fn update(of: &TaskDocument) -> TaskUpdate {
        TaskUpdate {
            task_id: of.task_request_id,
            peid: of.head.peid,
            revision: Revision { epoch: of.epoch, seq: of.seq },
            head: Some(of.head.clone()),
            state: of.state.clone(),
            positions: Default::default(),
        }
    }

    #[test]
    fn what_is_counted_of_an_update_is_no_less_than_what_it_takes() {
        let filled = |length: usize| Update::from(update(&document(length)));
        // Including the two reference counts.
        let counted = size_of::<Update>() + 2 * size_of::<usize>();
        for length in [1, 64] {
            let update = filled(length);
            let takes = counted + size_of::<TaskUpdate>() + size_of::<TaskHead>() + 7 * length;
            assert!(update.bytes() >= takes, "{} of {takes}", update.bytes());
            assert!(update.bytes() >= serde_json::to_string(&update).unwrap().len());
        }
        assert_eq!(filled(64).bytes() - filled(1).bytes(), 7 * 63, "every text counts");
        let bare = Update::from(TaskUpdate {
            head: None,
            state: TaskState { response: None, error: None, ..document(1).state },
            ..update(&document(1))
        });
        let takes = counted + size_of::<ExecutionUpdate>() + 64;
        assert!(bare.bytes() >= takes, "and a place in the coalescer");
    }

    #[test]
    fn every_text_of_an_execution_counts() {
        let text = |length: usize| Json::from(serde_json::json!("x".repeat(length)));
        let execution = |length: usize| ExecutionDocument {
            peid: ExecutionId::new(Uuid::from_u128(1)),
            head: Arc::new(ExecutionHead {
                tenant_code: TenantCode::new("t".repeat(length)).unwrap(),
                pid: PlaybookId::new(Uuid::from_u128(1)),
                playbook_name: Name::new("p".repeat(length)).unwrap(),
                playbook_version: 1,
                uid: Some("u".repeat(length).into()),
                alert_id: Some("a".repeat(length).into()),
                priority: Priority::Normal,
                createddate: Timestamp(1),
                input: text(length),
                variables: text(length),
                idempotency_key: Some("k".repeat(length).into()),
                input_hash: None,
                parent: None,
                rerun_of: None,
                cache: CacheMode::Use,
            }),
            state: ExecutionState {
                execution_status: ExecutionStatus::Failed,
                started_date: None,
                updated_date: Timestamp(1),
                finished_date: None,
                playbook_runtime: None,
                output: Some(text(length)),
                error: Some(Box::new(Failure::new(FailureKind::Status, "m".repeat(length)))),
                signals: Some(Arc::new(ReceivedSignals {
                    kept: Vec::new(),
                    taken: vec!["g".repeat(length).into()],
                })),
                ending: None,
                pause: Some(Arc::new(Pause {
                    since: Timestamp(1),
                    cause: PauseCause::Asked(Asked {
                        uid: "u".repeat(length).into(),
                        reason: "r".repeat(length).into(),
                    }),
                })),
                controls: None,
                queue_position: None,
                reprioritised: None,
            },
            epoch: 1,
            seq: 1,
        };
        assert_eq!(execution(64).bytes() - execution(1).bytes(), 12 * 63);
        let takes = size_of::<ExecutionDocument>() + size_of::<ExecutionHead>() + 9;
        assert!(execution(1).bytes() >= takes, "{} of {takes}", execution(1).bytes());
    }

    #[test]
    fn what_is_counted_of_a_document_is_no_less_than_what_it_takes() {
        for length in [1, 64] {
            let task = document(length);
            let takes = size_of::<TaskDocument>() + size_of::<TaskHead>() + 7 * length;
            assert!(task.bytes() >= takes, "{} of {takes}", task.bytes());
            assert_eq!(task.bytes(), Update::from(update(&task)).bytes());
            let playbook = PlaybookDocument {
                pid: PlaybookId::new(Uuid::from_u128(1)),
                tenant_code: task.head.tenant_code.clone(),
                name: task.head.action.clone(),
                version: 1,
                status: PlaybookStatus::Active,
                category_id: Some("c".repeat(length)),
                definition: Json::from(serde_json::json!("d".repeat(length))),
                createddate: Timestamp(1),
                updated_date: Timestamp(1),
            };
            let takes = size_of::<PlaybookDocument>() + 4 * length;
            assert!(playbook.bytes() >= takes, "{} of {takes}", playbook.bytes());
        }
    }
}
