//! Documents as BSON and back. `updraft_protocol` knows their fields. Names a field that cannot be read, never its
//! content, and skips unknown fields: they are the backend's.

mod elements;
mod writer;

#[cfg(test)]
mod tests;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, RawDocument, RawDocumentBuf};
use updraft_kernel::backlog::Queued;
use updraft_protocol::{
    AuditRecord, ContainmentDocument, DeadLetter, ExecutionDocument, ExecutionPositions, Field, FieldReader,
    FieldWriter, Fields, Json, KeyHolder, PlaybookDocument, PlaybookId, Revision, Setting, TaskDocument,
    TaskPositions, Timestamp, Update,
};
use uuid::Uuid;

use elements::Elements;
pub(super) use elements::{uuid_of, whole_number};
use writer::Writer;

use super::DEAD_LETTERS;
use crate::page::Row;
use crate::store::{Detail, Error, PlaybookRuntime};

/// An id as a BSON value.
pub(super) fn id(id: Uuid) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() }
}

/// Whether an update has all of its document.
pub(super) fn is_whole(update: &Update) -> bool {
    match update {
        Update::Execution(update) => update.head.is_some(),
        Update::Task(update) => update.head.is_some(),
    }
}

/// The whole document of an update with its head, or else the fields that it sets; or why it cannot be made.
pub(super) fn of_update(update: &Update, whole: bool) -> Result<RawDocumentBuf, String> {
    match update {
        Update::Execution(update) => {
            let head = update.head.as_deref().filter(|_| whole);
            updated(update.peid.as_bytes(), head, update.revision, (&update.state, &update.positions))
        }
        Update::Task(update) => {
            let head = update.head.as_deref().filter(|_| whole);
            updated(update.task_id.as_bytes(), head, update.revision, (&update.state, &update.positions))
        }
    }
}

fn updated(
    id: &[u8; 16],
    head: Option<&impl Fields>,
    revision: Revision,
    (state, positions): (&impl Fields, &impl Fields),
) -> Result<RawDocumentBuf, String> {
    let mut document = Writer::new(head.map_or(0, Fields::text_bytes) + state.text_bytes())?;
    if let Some(head) = head {
        document.id("_id", id)?;
        head.write_fields(&mut document)?;
    }
    document.number("epoch", revision.epoch)?;
    document.number("seq", revision.seq)?;
    state.write_fields(&mut document)?;
    positions.write_fields(&mut document)?;
    document.finish()
}

/// The whole document of a playbook version or a containment, or why it cannot be made.
pub(super) fn whole(of: &impl Fields) -> Result<RawDocumentBuf, String> {
    let mut document = Writer::new(of.text_bytes())?;
    of.write_fields(&mut document)?;
    document.finish()
}

/// A document that lists and look-ups find.
pub(super) trait Stored: Row + Sized {
    /// Fields that a document has if it is ours and not another program's.
    const NEEDED: &'static [&'static str] = &[];

    /// Reads the fields of a document of ours.
    fn of(fields: &mut Elements<'_>) -> Result<Self, Error>;

    /// Reads a document; `None` if another program put it there. A summary has no large fields, even if they were read.
    /// One of ours that cannot be read is an error.
    fn read(collection: &'static str, document: &RawDocument, detail: Detail) -> Result<Option<Self>, Error> {
        let has = |field: &&str| matches!(document.get(field), Ok(Some(_)));
        let id = uuid_of(document).filter(|_| Self::NEEDED.iter().all(has));
        id.map(|id| Self::of(&mut Elements { document, collection, id: &id, detail })).transpose()
    }
}

impl Stored for PlaybookDocument {
    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Self::read_fields(fields)
    }
}

impl Stored for ContainmentDocument {
    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Self::read_fields(fields)
    }
}

impl Stored for AuditRecord {
    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Self::read_fields(fields)
    }
}

/// A setting, which has a text for its id.
impl Stored for Setting {
    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Self::read_fields(fields)
    }

    fn read(collection: &'static str, document: &RawDocument, detail: Detail) -> Result<Option<Self>, Error> {
        let id = document.get_str("_id").ok();
        id.map(|id| Self::of(&mut Elements { document, collection, id: &id, detail })).transpose()
    }
}

impl Stored for ExecutionDocument {
    const NEEDED: &'static [&'static str] = &["epoch", "seq"];

    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Self::read(fields)
    }
}

impl Stored for TaskDocument {
    const NEEDED: &'static [&'static str] = &["epoch", "seq"];

    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Self::read(fields)
    }
}

/// A row of a list of events.
impl Stored for (ExecutionDocument, ExecutionPositions) {
    const NEEDED: &'static [&'static str] = ExecutionDocument::NEEDED;

    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Ok((ExecutionDocument::read(fields)?, ExecutionPositions::read_fields(fields)?))
    }
}

/// A row of a list of events.
impl Stored for (TaskDocument, TaskPositions) {
    const NEEDED: &'static [&'static str] = TaskDocument::NEEDED;

    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Ok((TaskDocument::read(fields)?, TaskPositions::read_fields(fields)?))
    }
}

/// A result of `query::execution_by_key`.
impl Stored for KeyHolder {
    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Ok(Self { peid: Field::read("_id", fields)?, input_hash: Field::read("input_hash", fields)? })
    }
}

/// A result of `queue::queued`.
impl Stored for Queued {
    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        let peid = Field::read("_id", fields)?;
        Ok(Self { peid, position: Field::read("queue_position", fields)? })
    }
}

/// A result of `query::runtimes`. What is no such execution is passed over.
impl Stored for (PlaybookId, u64) {
    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Ok((Field::read("pid", fields)?, Field::read("playbook_runtime", fields)?))
    }

    fn read(collection: &'static str, document: &RawDocument, detail: Detail) -> Result<Option<Self>, Error> {
        let id = uuid_of(document);
        Ok(id.and_then(|id| Self::of(&mut Elements { document, collection, id: &id, detail }).ok()))
    }
}

/// A group of `query::slowest`.
impl Stored for PlaybookRuntime {
    fn of(fields: &mut Elements<'_>) -> Result<Self, Error> {
        Ok(Self {
            pid: Field::read("_id", fields)?,
            executions: Field::read("executions", fields)?,
            average_ms: fields.real("average_ms")?,
            longest_ms: Field::read("longest_ms", fields)?,
        })
    }
}

/// A dead letter, which has a text for its id.
pub(super) fn dead_letter(document: &RawDocument) -> Result<DeadLetter, Error> {
    let id = &document.get_str("_id").unwrap_or("?");
    let fields = &mut Elements { document, collection: DEAD_LETTERS, id, detail: Detail::Whole };
    let date = fields.number("updated_date")?.ok_or_else(|| fields.corrupt("updated_date", "missing"))?;
    let update: Option<String> = Field::read("update", fields)?;
    let update = update.map(|update| Json::parse(&update)).transpose();
    Ok(DeadLetter {
        key: Field::read("_id", fields)?,
        tenant_code: Field::read("tenant_code", fields)?,
        peid: Field::read("peid", fields)?,
        reason: Field::read("reason", fields)?,
        updated_date: Timestamp(date.cast_unsigned()),
        update: update.map_err(|_| fields.corrupt("update", "no JSON"))?,
    })
}
