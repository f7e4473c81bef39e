//! Updates as operations of the driver, prepared beforehand: written anew here, so that a loop over them owes
//! nothing to the store's code. The store's own documents prove that they are the same.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, doc};
use updraft::{ExecutionHead, ExecutionState, Json, Revision, TaskHead, TaskState, Timestamp, Update};

/// The collections.
pub(crate) const EXECUTIONS: &str = "playbook_execution_collection";
pub(crate) const TASKS: &str = "task_execution_collection";

/// What an update does.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) collection: &'static str,
    pub(crate) id: Binary,
    revision: Revision,
    /// What is written once; present where the document may not be there yet.
    pub(crate) head: Option<Document>,
    /// What changes.
    pub(crate) state: Document,
}

impl Operation {
    pub(crate) fn of(update: &Update) -> Self {
        let revision = update.revision();
        match update {
            Update::Execution(update) => Self {
                collection: EXECUTIONS,
                id: binary(update.peid.as_bytes()),
                revision,
                head: update.head.as_deref().map(execution_head),
                state: execution_state(&update.state, revision),
            },
            Update::Task(update) => Self {
                collection: TASKS,
                id: binary(update.task_id.as_bytes()),
                revision,
                head: update.head.as_deref().map(task_head),
                state: task_state(&update.state, revision),
            },
        }
    }

    /// The whole document, where it may not be there yet.
    pub(crate) fn whole(&self) -> Option<Document> {
        let mut document = doc! { "_id": self.id.clone() };
        document.extend(self.head.clone()?);
        document.extend(self.state.clone());
        Some(document)
    }

    /// The filter of the guarded update.
    pub(crate) fn guard(&self) -> Document {
        let Revision { epoch, seq } = self.revision;
        let (epoch, seq) = (epoch as i64, seq as i64);
        let older =
            doc! { "$or": [{ "epoch": { "$lt": epoch } }, { "epoch": epoch, "seq": { "$lt": seq } }] };
        doc! { "$and": [{ "_id": self.id.clone() }, older] }
    }
}

fn binary(id: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.to_vec() }
}

fn text(value: &str) -> Bson {
    Bson::String(value.to_owned())
}

fn date(value: Timestamp) -> Bson {
    Bson::Int64(value.0 as i64)
}

fn json(value: &Json) -> Bson {
    let value: serde_json::Value = serde_json::from_str(value.as_str()).expect("JSON");
    mongodb::bson::serialize_to_bson(&value).expect("BSON")
}

/// Fields in order, without those that are none.
fn fields<const N: usize>(fields: [(&str, Option<Bson>); N]) -> Document {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn execution_head(head: &ExecutionHead) -> Document {
    fields([
        ("tenant_code", Some(text(head.tenant_code.as_str()))),
        ("pid", Some(binary(head.pid.as_bytes()).into())),
        ("playbook_name", Some(text(head.playbook_name.as_str()))),
        ("playbook_version", Some(i64::from(head.playbook_version).into())),
        ("uid", head.uid.as_deref().map(text)),
        ("alert_id", head.alert_id.as_deref().map(text)),
        ("priority", Some(i64::from(head.priority).into())),
        ("createddate", Some(date(head.createddate))),
        ("input", Some(json(&head.input))),
        ("variables", Some(json(&head.variables))),
        ("idempotency_key", head.idempotency_key.as_deref().map(text)),
        ("input_hash", head.input_hash.map(|hash| text(&hash.to_string()))),
    ])
}

fn execution_state(state: &ExecutionState, revision: Revision) -> Document {
    fields([
        ("epoch", Some((revision.epoch as i64).into())),
        ("seq", Some((revision.seq as i64).into())),
        ("execution_status", Some(text(state.execution_status.as_str()))),
        ("started_date", state.started_date.map(date)),
        ("updated_date", Some(date(state.updated_date))),
        ("finished_date", state.finished_date.map(date)),
        ("playbook_runtime", state.playbook_runtime.map(|runtime| (runtime as i64).into())),
        ("output", state.output.as_ref().map(json)),
    ])
}

fn task_head(head: &TaskHead) -> Document {
    fields([
        ("peid", Some(binary(head.peid.as_bytes()).into())),
        ("task_seq", Some(i64::from(head.task_seq).into())),
        ("step_id", Some(text(head.step_id.as_str()))),
        ("scope", Some(text(head.scope.as_str()))),
        ("tenant_code", Some(text(head.tenant_code.as_str()))),
        ("alert_id", head.alert_id.as_deref().map(text)),
        ("integration", Some(text(head.integration.as_str()))),
        ("action", Some(text(head.action.as_str()))),
    ])
}

fn task_state(state: &TaskState, revision: Revision) -> Document {
    fields([
        ("epoch", Some((revision.epoch as i64).into())),
        ("seq", Some((revision.seq as i64).into())),
        ("status", Some(text(state.status.as_str()))),
        ("attempt", Some(i64::from(state.attempt).into())),
        ("response", state.response.as_ref().map(json)),
        ("started_date", state.started_date.map(date)),
        ("updated_date", Some(date(state.updated_date))),
        ("runtime", state.runtime.map(|runtime| (runtime as i64).into())),
    ])
}
