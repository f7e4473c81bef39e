//! Rows as documents. What cannot be read names its document and column, not its content; nothing panics.

use std::str::FromStr;
use std::sync::Arc;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::de::DeserializeOwned;
use updraft_protocol::{
    DeadLetter, ExecutionDocument, ExecutionHead, ExecutionId, ExecutionState, Json, KeyHolder,
    PlaybookDocument, PlaybookId, TaskDocument, TaskHead, TaskId, TaskState, Timestamp,
};
use uuid::Uuid;

use super::fault;
use crate::store::{Error, PlaybookRuntime};

/// The columns of a row, read from left to right. The first is the id.
struct Fields<'r> {
    row: &'r Row<'r>,
    /// For the message where another column cannot be read.
    id: Uuid,
    next: usize,
}

impl<'r> Fields<'r> {
    fn of(row: &'r Row<'r>) -> Result<Self, Error> {
        let mut fields = Self::keyed(row);
        fields.id = Uuid::from_bytes(fields.id_bytes()?);
        Ok(fields)
    }

    fn value(&mut self) -> Result<ValueRef<'r>, Error> {
        let value = self.row.get_ref(self.next).map_err(fault::store_error)?;
        self.next += 1;
        Ok(value)
    }

    fn corrupt(&self, why: &str) -> Error {
        let column = self.row.as_ref().column_name(self.next.saturating_sub(1)).unwrap_or("?");
        Error::Corrupt(format!("document {}, {column}: {why}", self.id))
    }

    /// A row whose first column is a text.
    fn keyed(row: &'r Row<'r>) -> Self {
        Self { row, id: Uuid::nil(), next: 0 }
    }

    fn id_bytes(&mut self) -> Result<[u8; 16], Error> {
        let value = self.value()?;
        value.as_blob().ok().and_then(|id| id.try_into().ok()).ok_or_else(|| self.corrupt("no id"))
    }

    fn text_if_any(&mut self) -> Result<Option<&'r str>, Error> {
        let value = self.value()?;
        value.as_str_or_null().map_err(|_| self.corrupt("no text"))
    }

    fn text(&mut self) -> Result<&'r str, Error> {
        self.text_if_any()?.ok_or_else(|| self.corrupt("missing"))
    }

    fn shared_text_if_any(&mut self) -> Result<Option<Arc<str>>, Error> {
        Ok(self.text_if_any()?.map(Arc::from))
    }

    /// A name, a status or a hash.
    fn word_if_any<T: FromStr>(&mut self) -> Result<Option<T>, Error> {
        let text = self.text_if_any()?;
        text.map(str::parse).transpose().map_err(|_| self.corrupt("not a value that this version knows"))
    }

    fn word<T: FromStr>(&mut self) -> Result<T, Error> {
        self.word_if_any()?.ok_or_else(|| self.corrupt("missing"))
    }

    fn number_if_any<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, Error> {
        let value = self.value()?;
        let number = value.as_i64_or_null().map_err(|_| self.corrupt("no number"))?;
        number.map(T::try_from).transpose().map_err(|_| self.corrupt("out of range"))
    }

    fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Error> {
        self.number_if_any()?.ok_or_else(|| self.corrupt("missing"))
    }

    fn date(&mut self) -> Result<Timestamp, Error> {
        Ok(Timestamp(self.number()?))
    }

    fn date_if_any(&mut self) -> Result<Option<Timestamp>, Error> {
        Ok(self.number_if_any()?.map(Timestamp))
    }

    fn json(&mut self) -> Result<Json, Error> {
        let text = self.text()?;
        Json::parse(text).map_err(|_| self.corrupt("no JSON"))
    }

    fn json_if_any(&mut self) -> Result<Option<Json>, Error> {
        let text = self.text_if_any()?;
        text.map(Json::parse).transpose().map_err(|_| self.corrupt("no JSON"))
    }

    /// A failure, a wait or a call, which stand as JSON.
    fn record_if_any<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        let text = self.text_if_any()?;
        text.map(serde_json::from_str).transpose().map_err(|_| self.corrupt("not what it should be"))
    }

    fn pid(&self) -> PlaybookId {
        PlaybookId::new(self.id)
    }

    fn peid(&self) -> ExecutionId {
        ExecutionId::new(self.id)
    }
}

/// A row of `query::playbook_columns`.
pub(super) fn playbook(row: &Row<'_>) -> Result<PlaybookDocument, Error> {
    let mut fields = Fields::of(row)?;
    Ok(PlaybookDocument {
        pid: fields.pid(),
        tenant_code: fields.word()?,
        name: fields.word()?,
        version: fields.number()?,
        status: fields.word()?,
        category_id: fields.text_if_any()?.map(Into::into),
        definition: fields.json()?,
        createddate: fields.date()?,
        updated_date: fields.date()?,
    })
}

/// A row of [`super::playbook::FIND`].
pub(super) fn definition(row: &Row<'_>) -> Result<(PlaybookId, Json), Error> {
    let mut fields = Fields::of(row)?;
    Ok((fields.pid(), fields.json()?))
}

/// A row of [`super::query::EXECUTION_BY_KEY`].
pub(super) fn key_holder(row: &Row<'_>) -> Result<KeyHolder, Error> {
    let mut fields = Fields::of(row)?;
    Ok(KeyHolder { peid: fields.peid(), input_hash: fields.word_if_any()? })
}

/// A row of `query::execution_columns`.
pub(super) fn execution(row: &Row<'_>) -> Result<ExecutionDocument, Error> {
    let mut fields = Fields::of(row)?;
    let head = ExecutionHead {
        tenant_code: fields.word()?,
        pid: PlaybookId::from_bytes(fields.id_bytes()?),
        playbook_name: fields.word()?,
        playbook_version: fields.number()?,
        uid: fields.shared_text_if_any()?,
        alert_id: fields.shared_text_if_any()?,
        priority: fields.number()?,
        createddate: fields.date()?,
        input: fields.json()?,
        variables: fields.json()?,
        idempotency_key: fields.shared_text_if_any()?,
        input_hash: fields.word_if_any()?,
    };
    let state = ExecutionState {
        execution_status: fields.word()?,
        started_date: fields.date_if_any()?,
        updated_date: fields.date()?,
        finished_date: fields.date_if_any()?,
        playbook_runtime: fields.number_if_any()?,
        output: fields.json_if_any()?,
        error: fields.record_if_any()?,
    };
    Ok(ExecutionDocument {
        peid: fields.peid(),
        head: Arc::new(head),
        state,
        epoch: fields.number()?,
        seq: fields.number()?,
    })
}

/// A row of `query::task_columns`.
pub(super) fn task(row: &Row<'_>) -> Result<TaskDocument, Error> {
    let mut fields = Fields::of(row)?;
    let head = TaskHead {
        peid: ExecutionId::from_bytes(fields.id_bytes()?),
        task_seq: fields.number()?,
        step_id: fields.word()?,
        scope: fields.word()?,
        tenant_code: fields.word()?,
        alert_id: fields.shared_text_if_any()?,
        integration: fields.word()?,
        action: fields.word()?,
    };
    let state = TaskState {
        status: fields.word()?,
        attempt: fields.number()?,
        response: fields.json_if_any()?,
        error: fields.record_if_any()?,
        started_date: fields.date_if_any()?,
        updated_date: fields.date()?,
        runtime: fields.number_if_any()?,
        wait: fields.record_if_any()?,
        call: fields.record_if_any()?,
    };
    Ok(TaskDocument {
        task_request_id: TaskId::new(fields.id),
        head: Arc::new(head),
        state,
        epoch: fields.number()?,
        seq: fields.number()?,
    })
}

/// A row of [`super::query::SLOWEST`].
pub(super) fn runtime(row: &Row<'_>) -> Result<PlaybookRuntime, Error> {
    let mut fields = Fields::of(row)?;
    let executions = fields.number()?;
    let average = fields.value()?;
    Ok(PlaybookRuntime {
        pid: fields.pid(),
        executions,
        average_ms: average.as_f64().map_err(|_| fields.corrupt("no number"))?,
        longest_ms: fields.number()?,
    })
}

/// A row of [`super::query::DEAD_LETTERS`].
pub(super) fn dead_letter(row: &Row<'_>) -> Result<DeadLetter, Error> {
    let mut fields = Fields::keyed(row);
    let key = fields.text()?.to_owned();
    let tenant = fields.text_if_any()?;
    let tenant_code = tenant.map(str::parse).transpose().map_err(|_| fields.corrupt("no name"))?;
    let peid = ExecutionId::from_bytes(fields.id_bytes()?);
    // A letter has no id of its own: what else cannot be read is named by its execution.
    fields.id = peid.uuid();
    Ok(DeadLetter {
        key,
        tenant_code,
        peid,
        reason: fields.text()?.to_owned(),
        updated_date: fields.date()?,
        update: fields.json_if_any()?,
    })
}
