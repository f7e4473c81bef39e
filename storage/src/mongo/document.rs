//! Documents as BSON and back. `updraft_protocol` knows their fields. Names a field that cannot be read, never its
//! content, and skips unknown fields: they are the backend's.

mod elements;
mod writer;

#[cfg(test)]
mod tests;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, RawDocument, RawDocumentBuf};
use updraft_protocol::{
    ContainmentDocument, ExecutionDocument, Field, FieldWriter, Fields, KeyHolder, PlaybookDocument,
    PlaybookId, Revision, TaskDocument, Update,
};
use uuid::Uuid;

use elements::Elements;
pub(super) use elements::{uuid_of, whole, whole_number};
use writer::Writer;

use super::{CONTAINMENTS, EXECUTIONS, PLAYBOOKS, TASKS};
use crate::store::{Detail, Error, PlaybookRuntime};

/// An id as a BSON value.
pub(super) fn id(id: Uuid) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() }
}

/// The whole document of an update with its head, or why it cannot be made; `None` for an update without a head.
pub(super) fn to_insert(update: &Update) -> Option<Result<RawDocumentBuf, String>> {
    let revision = update.revision();
    Some(match update {
        Update::Execution(update) => {
            insert(update.peid.as_bytes(), update.head.as_deref()?, revision, &update.state)
        }
        Update::Task(update) => {
            insert(update.task_id.as_bytes(), update.head.as_deref()?, revision, &update.state)
        }
    })
}

/// The fields that an update sets: its revision, and those of its state.
pub(super) fn to_set(update: &Update) -> Result<RawDocumentBuf, String> {
    let revision = update.revision();
    match update {
        Update::Execution(update) => set(Writer::new(update.state.text_bytes()), revision, &update.state),
        Update::Task(update) => set(Writer::new(update.state.text_bytes()), revision, &update.state),
    }
}

/// The whole document of a playbook version, or why it cannot be made.
pub(super) fn playbook_insert(playbook: &PlaybookDocument) -> Result<RawDocumentBuf, String> {
    let mut document = Writer::new(playbook.text_bytes());
    playbook.write_fields(&mut document)?;
    document.finish()
}

/// The whole document of a containment, or why it cannot be made.
pub(super) fn containment_insert(containment: &ContainmentDocument) -> Result<RawDocumentBuf, String> {
    let mut document = Writer::new(containment.text_bytes());
    containment.write_fields(&mut document)?;
    document.finish()
}

fn insert(
    id: &[u8; 16],
    head: &impl Fields,
    revision: Revision,
    state: &impl Fields,
) -> Result<RawDocumentBuf, String> {
    let mut document = Writer::new(head.text_bytes() + state.text_bytes());
    document.id("_id", id)?;
    head.write_fields(&mut document)?;
    set(document, revision, state)
}

fn set(mut document: Writer, revision: Revision, state: &impl Fields) -> Result<RawDocumentBuf, String> {
    document.number("epoch", revision.epoch)?;
    document.number("seq", revision.seq)?;
    state.write_fields(&mut document)?;
    document.finish()
}

/// A document of the executions; a summary has no large fields, even if they were read.
pub(super) fn execution(document: &RawDocument, detail: Detail) -> Result<ExecutionDocument, Error> {
    ExecutionDocument::read(&mut Elements::of(EXECUTIONS, document, detail)?)
}

/// A document of the tasks; a summary has no response, even if it was read.
pub(super) fn task(document: &RawDocument, detail: Detail) -> Result<TaskDocument, Error> {
    TaskDocument::read(&mut Elements::of(TASKS, document, detail)?)
}

/// A document of the playbooks.
pub(super) fn playbook(document: &RawDocument) -> Result<PlaybookDocument, Error> {
    PlaybookDocument::read_fields(&mut Elements::of(PLAYBOOKS, document, Detail::Whole)?)
}

/// A document of the containments.
pub(super) fn containment(document: &RawDocument) -> Result<ContainmentDocument, Error> {
    ContainmentDocument::read_fields(&mut Elements::of(CONTAINMENTS, document, Detail::Whole)?)
}

/// A result of `query::execution_by_key`.
pub(super) fn key_holder(document: &RawDocument) -> Result<KeyHolder, Error> {
    let fields = &mut Elements::of(EXECUTIONS, document, Detail::Whole)?;
    Ok(KeyHolder { peid: Field::read("_id", fields)?, input_hash: Field::read("input_hash", fields)? })
}

/// The id of any document of a collection.
pub(super) fn own_id(collection: &'static str, document: &RawDocument) -> Result<Uuid, Error> {
    Ok(Elements::of(collection, document, Detail::Summary)?.id)
}

/// A result of `query::runtimes`, which has no id; `None` of what is no such execution.
pub(super) fn pid_and_runtime(document: &RawDocument) -> Option<(PlaybookId, u64)> {
    let pid = document.get("pid").ok()??.as_binary()?;
    let runtime = document.get("playbook_runtime").ok()??.as_i64()?;
    Some((PlaybookId::new(Uuid::from_slice(pid.bytes).ok()?), u64::try_from(runtime).ok()?))
}

/// A group of `query::slowest`.
pub(super) fn runtime(document: &RawDocument) -> Result<PlaybookRuntime, Error> {
    let fields = &mut Elements::of(EXECUTIONS, document, Detail::Whole)?;
    Ok(PlaybookRuntime {
        pid: Field::read("_id", fields)?,
        executions: Field::read("executions", fields)?,
        average_ms: fields.real("average_ms")?,
        longest_ms: Field::read("longest_ms", fields)?,
    })
}
