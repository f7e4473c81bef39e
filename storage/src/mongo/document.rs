//! Documents as BSON and back: which field has which name and type. Names what cannot be read, never its content,
//! and passes over fields that it does not know: they are the backend's.

mod fields;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, RawDocument, RawDocumentBuf};
use updraft_protocol::{
    ExecutionDocument, ExecutionHead, ExecutionId, ExecutionState, ExecutionUpdate, Json, KeyHolder,
    PlaybookDocument, PlaybookId, TaskDocument, TaskHead, TaskId, TaskState, TaskUpdate,
};
use uuid::Uuid;

use fields::Fields;
pub(super) use fields::{uuid_of, whole_number};
use writer::Writer;

use super::{EXECUTIONS, PLAYBOOKS, TASKS};
use crate::store::{Detail, Error, PlaybookRuntime};

/// An id as the server keeps it.
pub(super) fn id(id: Uuid) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() }
}

/// The whole document of an update with its head; where it cannot be one, why.
pub(super) fn execution_insert(
    update: &ExecutionUpdate,
    head: &ExecutionHead,
) -> Result<RawDocumentBuf, String> {
    let mut document = Writer::new(update.state.output.as_ref().map_or(0, |output| output.as_str().len()));
    document.id("_id", update.peid.as_bytes());
    document.text("tenant_code", head.tenant_code.as_str());
    document.id("pid", head.pid.as_bytes());
    document.text("playbook_name", head.playbook_name.as_str());
    document.number("playbook_version", head.playbook_version.into())?;
    document.text_if_any("uid", head.uid.as_deref());
    document.text_if_any("alert_id", head.alert_id.as_deref());
    document.number("priority", head.priority.into())?;
    document.number("createddate", head.createddate.0)?;
    document.json("input", &head.input);
    document.json("variables", &head.variables);
    document.text_if_any("idempotency_key", head.idempotency_key.as_deref());
    document.text_if_any("input_hash", head.input_hash.map(|hash| hash.to_string()).as_deref());
    execution_state(&mut document, update)?;
    document.finish()
}

/// What an update of an execution sets: its revision, and the fields that its state names.
pub(super) fn execution_set(update: &ExecutionUpdate) -> Result<RawDocumentBuf, String> {
    let mut fields = Writer::new(update.state.output.as_ref().map_or(0, |output| output.as_str().len()));
    execution_state(&mut fields, update)?;
    fields.finish()
}

/// The whole document of an update with its head; where it cannot be one, why.
pub(super) fn task_insert(update: &TaskUpdate, head: &TaskHead) -> Result<RawDocumentBuf, String> {
    let mut document =
        Writer::new(update.state.response.as_ref().map_or(0, |response| response.as_str().len()));
    document.id("_id", update.task_id.as_bytes());
    document.id("peid", head.peid.as_bytes());
    document.number("task_seq", head.task_seq.into())?;
    document.text("step_id", head.step_id.as_str());
    document.text("scope", head.scope.as_str());
    document.text("tenant_code", head.tenant_code.as_str());
    document.text_if_any("alert_id", head.alert_id.as_deref());
    document.text("integration", head.integration.as_str());
    document.text("action", head.action.as_str());
    task_state(&mut document, update)?;
    document.finish()
}

/// What an update of a task sets: its revision, and the fields that its state names.
pub(super) fn task_set(update: &TaskUpdate) -> Result<RawDocumentBuf, String> {
    let mut fields =
        Writer::new(update.state.response.as_ref().map_or(0, |response| response.as_str().len()));
    task_state(&mut fields, update)?;
    fields.finish()
}

/// The whole document of a playbook version; where it cannot be one, why.
pub(super) fn playbook_insert(playbook: &PlaybookDocument) -> Result<RawDocumentBuf, String> {
    let mut document = Writer::new(playbook.definition.as_str().len());
    document.id("_id", playbook.pid.as_bytes());
    document.text("tenant_code", playbook.tenant_code.as_str());
    document.text("name", playbook.name.as_str());
    document.number("version", playbook.version.into())?;
    document.text("status", playbook.status.as_str());
    document.text_if_any("category_id", playbook.category_id.as_deref());
    document.json("definition", &playbook.definition);
    document.number("createddate", playbook.createddate.0)?;
    document.number("updated_date", playbook.updated_date.0)?;
    document.finish()
}

fn execution_state(fields: &mut Writer, update: &ExecutionUpdate) -> Result<(), String> {
    let state = &update.state;
    fields.number("epoch", update.revision.epoch)?;
    fields.number("seq", update.revision.seq)?;
    fields.text("execution_status", state.execution_status.as_str());
    fields.number_if_any("started_date", state.started_date.map(|date| date.0))?;
    fields.number("updated_date", state.updated_date.0)?;
    fields.number_if_any("finished_date", state.finished_date.map(|date| date.0))?;
    fields.number_if_any("playbook_runtime", state.playbook_runtime)?;
    fields.json_if_any("output", state.output.as_ref());
    fields.record_if_any("error", state.error.as_ref())
}

fn task_state(fields: &mut Writer, update: &TaskUpdate) -> Result<(), String> {
    let state = &update.state;
    fields.number("epoch", update.revision.epoch)?;
    fields.number("seq", update.revision.seq)?;
    fields.text("status", state.status.as_str());
    fields.number("attempt", state.attempt.into())?;
    fields.json_if_any("response", state.response.as_ref());
    fields.record_if_any("error", state.error.as_ref())?;
    fields.number_if_any("started_date", state.started_date.map(|date| date.0))?;
    fields.number("updated_date", state.updated_date.0)?;
    fields.number_if_any("runtime", state.runtime)?;
    fields.record_if_any("wait", state.wait.as_ref())?;
    fields.record_if_any("call", state.call.as_ref())
}

/// A document of the executions; a summary has no large fields, whatever was read.
pub(super) fn execution(document: &RawDocument, detail: Detail) -> Result<ExecutionDocument, Error> {
    let fields = Fields::of(EXECUTIONS, document)?;
    let whole = detail == Detail::Whole;
    let large = |name| if whole { fields.json(name) } else { Ok(Json::null()) };
    let head = ExecutionHead {
        tenant_code: fields.word("tenant_code")?,
        pid: PlaybookId::new(fields.uuid("pid")?),
        playbook_name: fields.word("playbook_name")?,
        playbook_version: fields.number("playbook_version")?,
        uid: fields.shared_text_if_any("uid")?,
        alert_id: fields.shared_text_if_any("alert_id")?,
        priority: fields.number("priority")?,
        createddate: fields.date("createddate")?,
        input: large("input")?,
        variables: large("variables")?,
        idempotency_key: fields.shared_text_if_any("idempotency_key")?,
        input_hash: fields.word_if_any("input_hash")?,
    };
    let state = ExecutionState {
        execution_status: fields.word("execution_status")?,
        started_date: fields.date_if_any("started_date")?,
        updated_date: fields.date("updated_date")?,
        finished_date: fields.date_if_any("finished_date")?,
        playbook_runtime: fields.number_if_any("playbook_runtime")?,
        output: if whole { fields.json_if_any("output")? } else { None },
        error: fields.record_if_any("error")?,
    };
    Ok(ExecutionDocument {
        peid: ExecutionId::new(fields.own_id()),
        head: Arc::new(head),
        state,
        epoch: fields.number("epoch")?,
        seq: fields.number("seq")?,
    })
}

/// A document of the tasks; a summary has no response, whatever was read.
pub(super) fn task(document: &RawDocument, detail: Detail) -> Result<TaskDocument, Error> {
    let fields = Fields::of(TASKS, document)?;
    let head = TaskHead {
        peid: ExecutionId::new(fields.uuid("peid")?),
        task_seq: fields.number("task_seq")?,
        step_id: fields.word("step_id")?,
        scope: fields.word("scope")?,
        tenant_code: fields.word("tenant_code")?,
        alert_id: fields.shared_text_if_any("alert_id")?,
        integration: fields.word("integration")?,
        action: fields.word("action")?,
    };
    let state = TaskState {
        status: fields.word("status")?,
        attempt: fields.number("attempt")?,
        response: if detail == Detail::Whole { fields.json_if_any("response")? } else { None },
        error: fields.record_if_any("error")?,
        started_date: fields.date_if_any("started_date")?,
        updated_date: fields.date("updated_date")?,
        runtime: fields.number_if_any("runtime")?,
        wait: fields.record_if_any("wait")?,
        call: fields.record_if_any("call")?,
    };
    Ok(TaskDocument {
        task_request_id: TaskId::new(fields.own_id()),
        head: Arc::new(head),
        state,
        epoch: fields.number("epoch")?,
        seq: fields.number("seq")?,
    })
}

/// A document of the playbooks.
pub(super) fn playbook(document: &RawDocument) -> Result<PlaybookDocument, Error> {
    let fields = Fields::of(PLAYBOOKS, document)?;
    Ok(PlaybookDocument {
        pid: PlaybookId::new(fields.own_id()),
        tenant_code: fields.word("tenant_code")?,
        name: fields.word("name")?,
        version: fields.number("version")?,
        status: fields.word("status")?,
        category_id: fields.text_if_any("category_id")?.map(Into::into),
        definition: fields.json("definition")?,
        createddate: fields.date("createddate")?,
        updated_date: fields.date("updated_date")?,
    })
}

/// What `query::execution_by_key` asks of an execution.
pub(super) fn key_holder(document: &RawDocument) -> Result<KeyHolder, Error> {
    let fields = Fields::of(EXECUTIONS, document)?;
    Ok(KeyHolder { peid: ExecutionId::new(fields.own_id()), input_hash: fields.word_if_any("input_hash")? })
}

/// The id of any document of a collection.
pub(super) fn own_id(collection: &'static str, document: &RawDocument) -> Result<Uuid, Error> {
    Ok(Fields::of(collection, document)?.own_id())
}

/// A group of `query::slowest`.
pub(super) fn runtime(document: &RawDocument) -> Result<PlaybookRuntime, Error> {
    let fields = Fields::of(EXECUTIONS, document)?;
    Ok(PlaybookRuntime {
        pid: PlaybookId::new(fields.own_id()),
        executions: fields.number("executions")?,
        average_ms: fields.real("average_ms")?,
        longest_ms: fields.number("longest_ms")?,
    })
}
