//! Rows as documents. An error names the document and the column, not its content; nothing panics.

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::de::DeserializeOwned;
use updraft_kernel::backlog::Queued;
use updraft_protocol::{
    AuditRecord, ContainmentDocument, DeadLetter, ExecutionDocument, ExecutionId, ExecutionPositions, Field,
    FieldReader, Fields, Json, KeyHolder, PlaybookDocument, PlaybookId, Setting, TaskDocument, TaskPositions,
    TenantCode,
};
use uuid::Uuid;

use super::fault;
use crate::store::{Error, PlaybookRuntime};

/// The columns of a row, read from left to right.
struct Columns<'r> {
    row: &'r Row<'r>,
    /// For error messages of other columns.
    id: Uuid,
    next: usize,
}

impl<'r> Columns<'r> {
    /// A row whose first column is an id.
    fn of(row: &'r Row<'r>) -> Result<Self, Error> {
        let mut columns = Self::keyed(row);
        columns.id = Uuid::from_bytes(columns.id("_id")?.unwrap_or_default());
        columns.next = 0;
        Ok(columns)
    }

    /// A row whose first column is a text.
    fn keyed(row: &'r Row<'r>) -> Self {
        Self { row, id: Uuid::nil(), next: 0 }
    }

    fn value(&mut self) -> Result<ValueRef<'r>, Error> {
        let value = self.row.get_ref(self.next).map_err(fault::store_error)?;
        self.next += 1;
        Ok(value)
    }
}

impl FieldReader for Columns<'_> {
    type Error = Error;

    fn id(&mut self, name: &'static str) -> Result<Option<[u8; 16]>, Error> {
        let value = self.value()?;
        let id = value.as_blob_or_null().ok().map(|id| id.map(<[u8; 16]>::try_from).transpose());
        id.and_then(Result::ok).ok_or_else(|| self.corrupt(name, "no id"))
    }

    fn text(&mut self, name: &'static str) -> Result<Option<&str>, Error> {
        let value = self.value()?;
        value.as_str_or_null().map_err(|_| self.corrupt(name, "no text"))
    }

    fn number(&mut self, name: &'static str) -> Result<Option<i64>, Error> {
        let value = self.value()?;
        value.as_i64_or_null().map_err(|_| self.corrupt(name, "no number"))
    }

    fn json(&mut self, name: &'static str) -> Result<Option<Json>, Error> {
        let json = self.text(name)?.map(Json::parse).transpose();
        json.map_err(|_| self.corrupt(name, "no JSON"))
    }

    fn record<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Error> {
        let record = self.text(name)?.map(serde_json::from_str).transpose();
        record.map_err(|_| self.corrupt(name, "not what it should be"))
    }

    fn corrupt(&self, name: &'static str, why: &str) -> Error {
        Error::Corrupt(format!("document {}, {name}: {why}", self.id))
    }
}

/// A row of a query for playbooks.
pub(super) fn playbook(row: &Row<'_>) -> Result<PlaybookDocument, Error> {
    PlaybookDocument::read_fields(&mut Columns::of(row)?)
}

/// A row of [`super::playbook::FIND`].
pub(super) fn definition(row: &Row<'_>) -> Result<(PlaybookId, Json), Error> {
    let columns = &mut Columns::of(row)?;
    Ok((Field::read("_id", columns)?, Field::read("definition", columns)?))
}

/// A row of [`super::query::EXECUTION_BY_KEY`].
pub(super) fn key_holder(row: &Row<'_>) -> Result<KeyHolder, Error> {
    let columns = &mut Columns::of(row)?;
    Ok(KeyHolder { peid: Field::read("_id", columns)?, input_hash: Field::read("input_hash", columns)? })
}

/// A row of [`super::query::QUEUED`].
pub(super) fn queued(row: &Row<'_>) -> Result<Queued, Error> {
    let columns = &mut Columns::of(row)?;
    let peid = Field::read("_id", columns)?;
    Ok(Queued { peid, position: Field::read("queue_position", columns)? })
}

/// A row of [`super::query::QUEUED_TENANTS`].
pub(super) fn tenant(row: &Row<'_>) -> Result<(TenantCode, u64), Error> {
    let columns = &mut Columns::keyed(row);
    Ok((Field::read("tenant_code", columns)?, Field::read("count", columns)?))
}

/// A row that is an id.
pub(super) fn execution_id(row: &Row<'_>) -> Result<ExecutionId, Error> {
    Field::read("_id", &mut Columns::of(row)?)
}

/// A row of a query for executions.
pub(super) fn execution(row: &Row<'_>) -> Result<ExecutionDocument, Error> {
    ExecutionDocument::read(&mut Columns::of(row)?)
}

/// A row of a query for tasks.
pub(super) fn task(row: &Row<'_>) -> Result<TaskDocument, Error> {
    TaskDocument::read(&mut Columns::of(row)?)
}

/// A row of [`super::query::EventLists`] for executions.
pub(super) fn execution_event(row: &Row<'_>) -> Result<(ExecutionDocument, ExecutionPositions), Error> {
    let columns = &mut Columns::of(row)?;
    Ok((ExecutionDocument::read(columns)?, ExecutionPositions::read_fields(columns)?))
}

/// A row of [`super::query::EventLists`] for tasks.
pub(super) fn task_event(row: &Row<'_>) -> Result<(TaskDocument, TaskPositions), Error> {
    let columns = &mut Columns::of(row)?;
    Ok((TaskDocument::read(columns)?, TaskPositions::read_fields(columns)?))
}

/// A row of a query for containments.
pub(super) fn containment(row: &Row<'_>) -> Result<ContainmentDocument, Error> {
    ContainmentDocument::read_fields(&mut Columns::of(row)?)
}

/// A row of a query for settings.
pub(super) fn setting(row: &Row<'_>) -> Result<Setting, Error> {
    Setting::read_fields(&mut Columns::keyed(row))
}

/// A row of a query for the audit.
pub(super) fn audit(row: &Row<'_>) -> Result<AuditRecord, Error> {
    AuditRecord::read_fields(&mut Columns::of(row)?)
}

/// A row of [`super::query::SLOWEST`].
pub(super) fn runtime(row: &Row<'_>) -> Result<PlaybookRuntime, Error> {
    let columns = &mut Columns::of(row)?;
    let pid = Field::read("pid", columns)?;
    let executions = Field::read("count", columns)?;
    let average = columns.value()?;
    Ok(PlaybookRuntime {
        pid,
        executions,
        average_ms: average.as_f64().map_err(|_| columns.corrupt("average", "no number"))?,
        longest_ms: Field::read("longest", columns)?,
    })
}

/// A row of [`super::query::RUNTIMES`].
pub(super) fn playbook_and_runtime(row: &Row<'_>) -> Result<(PlaybookId, u64), Error> {
    let columns = &mut Columns::of(row)?;
    Ok((Field::read("pid", columns)?, Field::read("playbook_runtime", columns)?))
}

/// A row of [`super::query::DEAD_LETTERS`].
pub(super) fn dead_letter(row: &Row<'_>) -> Result<DeadLetter, Error> {
    let columns = &mut Columns::keyed(row);
    let key = Field::read("_id", columns)?;
    let tenant_code = Field::read("tenant_code", columns)?;
    let peid: ExecutionId = Field::read("peid", columns)?;
    // A letter has no id of its own: errors of the other columns name its execution.
    columns.id = peid.uuid();
    Ok(DeadLetter {
        key,
        tenant_code,
        peid,
        reason: Field::read("reason", columns)?,
        updated_date: Field::read("updated_date", columns)?,
        update: Field::read("letter", columns)?,
    })
}
