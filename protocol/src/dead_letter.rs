//! Dead letters: updates that a store refuses for good, kept with the reason. Decides which part is kept; never whether
//! an update is one.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::ids::{ExecutionId, TenantCode};
use crate::json::Json;
use crate::limits::DEAD_LETTER_BYTES;
use crate::time::Timestamp;
use crate::update::{DocumentId, Update};

/// An update that a store refuses for good (`dead_letter`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Kind, id and revision of the update, as text: the same update has the same key. Grows with time within a kind.
    pub key: String,
    /// Its tenant, if known.
    pub tenant_code: Option<TenantCode>,
    /// Its execution.
    pub peid: ExecutionId,
    /// Why the store refuses it; cut like the message of a failure.
    pub reason: String,
    /// The `updated_date` of the update, or the latest date that every store keeps.
    pub updated_date: Timestamp,
    /// The update; `None` if it is larger than [`DEAD_LETTER_BYTES`].
    pub update: Option<Json>,
}

impl DeadLetter {
    /// The letter of an update.
    pub fn of(update: &Update, reason: String) -> Self {
        let revision = update.revision();
        let (kind, id) = match update.document() {
            DocumentId::Execution(peid) => ("execution", peid.to_string()),
            DocumentId::Task(task_id) => ("task", task_id.to_string()),
        };
        let (tenant_code, peid, updated_date) = match update {
            Update::Execution(update) => {
                let head = update.head.as_ref();
                (head.map(|head| head.tenant_code.clone()), update.peid, update.state.updated_date)
            }
            Update::Task(update) => {
                let head = update.head.as_ref();
                (head.map(|head| head.tenant_code.clone()), update.peid, update.state.updated_date)
            }
        };
        // No store keeps a later date; the update itself has the original.
        let updated_date = Timestamp(updated_date.0.min(i64::MAX as u64));
        let text = serde_json::to_string(update).ok().filter(|text| text.len() <= DEAD_LETTER_BYTES);
        Self {
            key: format!("{kind}:{id}:{:020}:{:020}", revision.epoch, revision.seq),
            tenant_code,
            peid,
            reason: Failure::new(FailureKind::Store, reason).message,
            updated_date,
            update: text.and_then(|text| Json::parse(&text).ok()),
        }
    }
}
