//! Bulk work: what a person asks of all executions that a filter finds. They are counted first, and the work is done on those that
//! were counted, one after the other, each as if it was asked for alone. Owns the filter and the count; what is done is in
//! `bulk/rerun.rs` and `bulk/cancel.rs`, and by another process in `local/bulk.rs`.

mod cancel;
mod rerun;

pub(crate) use cancel::count_cancels;
pub(crate) use rerun::count_reruns;

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use updraft_actors::EngineContext;
use updraft_kernel::containment::is_round;
use updraft_protocol::limits::{BULK_EXECUTIONS, PAGE_ROWS};
use updraft_protocol::{
    ControlRefusal, ExecutionDocument, ExecutionId, ExecutionStatus, Name, TenantCode, Timestamp,
};
use updraft_storage::store::{Cursor, Detail, ExecutionQuery, ExecutionsOf};

use crate::engine::Engine;
use crate::error::ReadError;

/// Executions of a tenant: all of them, or those that fit what is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionFilter {
    pub(crate) tenant: TenantCode,
    status: Option<ExecutionStatus>,
    playbook: Option<Name>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl ExecutionFilter {
    /// All of a tenant on which the work can be done.
    pub fn new(tenant: TenantCode) -> Self {
        Self { tenant, status: None, playbook: None, since: None, until: None }
    }

    /// Those in this status.
    #[must_use]
    pub fn status(mut self, status: ExecutionStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Those of the playbook with this name, in any version.
    #[must_use]
    pub fn playbook(mut self, name: Name) -> Self {
        self.playbook = Some(name);
        self
    }

    /// Those that were submitted at this instant or later.
    #[must_use]
    pub fn since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    /// Those that were submitted before this instant.
    #[must_use]
    pub fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    fn fits(&self, document: &ExecutionDocument) -> bool {
        let head = &document.head;
        self.playbook.as_ref().is_none_or(|name| *name == head.playbook_name)
            && self.since.is_none_or(|since| head.createddate >= since)
            && self.until.is_none_or(|until| head.createddate < until)
    }

    /// The statuses to look for, of those on which the work can be done.
    fn statuses(&self, possible: &[ExecutionStatus]) -> Result<Vec<ExecutionStatus>, BulkError> {
        match self.status {
            None => Ok(possible.to_vec()),
            Some(status) if possible.contains(&status) => Ok(vec![status]),
            Some(status) => Err(BulkError::Status(status)),
        }
    }
}

/// The executions that were found, on which the work is done when the person has seen how many they are.
#[derive(Debug, Clone)]
pub struct Counted<W> {
    pub(crate) tenant: TenantCode,
    /// The oldest first.
    pub(crate) found: VecDeque<ExecutionId>,
    pub(crate) work: W,
}

impl<W> Counted<W> {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.found.len()
    }
}

/// Work on counted executions, by an engine or by the one that a [`Client`](crate::local::Client) reaches: it goes on as far as it
/// is asked for the next one. Dropped, it leaves the rest as it is.
pub struct Bulk<'e, W, E = Engine> {
    pub(crate) engine: &'e E,
    pub(crate) counted: Counted<W>,
}

impl<W, E> Bulk<'_, W, E> {
    /// How many are left.
    pub fn left(&self) -> usize {
        self.counted.count()
    }
}

/// Why nothing is counted.
#[derive(Debug, Error)]
pub enum BulkError {
    /// There are more than are remembered.
    #[error(
        "there are more than {BULK_EXECUTIONS} such executions: ask for fewer, of a playbook or of a time"
    )]
    TooMany,
    /// The work cannot be done on executions in this status.
    #[error("this cannot be asked of executions that are {0}")]
    Status(ExecutionStatus),
    /// Nothing of what has completed failed, and nothing else is asked for.
    #[error(
        "of executions that have completed nothing runs again, but with another input or a newer version"
    )]
    NothingFailed,
    /// The rerun has no id, by which the same request is known again.
    #[error("reruns in bulk need an id: the same request goes on where it was interrupted")]
    NoId,
    /// It is not said who asks for it, or the texts are too long.
    #[error(transparent)]
    Asker(ControlRefusal),
    /// The store did not answer, or the engine has failed or is shut down.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl BulkError {
    /// Whether the same call can succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Read(error) => error.retryable(),
            Self::TooMany | Self::Status(_) | Self::NothingFailed | Self::NoId | Self::Asker(_) => false,
        }
    }
}

/// Whether an execution is run for something else that looks after it: for the execution whose sub-playbook it is, or for a
/// containment that is undone.
fn is_part_of_another(document: &ExecutionDocument) -> bool {
    document.head.parent.is_some_and(|parent| parent.waits) || is_round(&document.head)
}

/// The stored executions in one of these statuses that fit the filter, the oldest first.
async fn counted<W>(
    context: &EngineContext,
    filter: ExecutionFilter,
    statuses: &[ExecutionStatus],
    work: W,
    is_left_out: impl Fn(&ExecutionDocument) -> bool,
) -> Result<Counted<W>, BulkError> {
    // One that has changed meanwhile is found in two statuses.
    let mut found: BTreeSet<(Timestamp, ExecutionId)> = BTreeSet::new();
    // A list is newest first: none of its rows before this one fits.
    let before =
        filter.until.map(|createddate| Cursor { createddate, peid: ExecutionId::from_bytes([0; 16]) });
    for status in statuses {
        let (tenant, of) = (filter.tenant.clone(), ExecutionsOf::Status(*status));
        let (limit, detail) = (PAGE_ROWS, Detail::Summary);
        let mut query = ExecutionQuery { tenant, of, after: before, limit, detail };
        loop {
            let page = context.store.executions(query.clone()).await.map_err(ReadError::from)?;
            let Some(last) = page.last() else { break };
            let createddate = last.head.createddate;
            query.after = Some(Cursor { createddate, peid: last.peid });
            let fits = page.iter().filter(|document| {
                filter.fits(document) && !is_part_of_another(document) && !is_left_out(document)
            });
            found.extend(fits.map(|document| (document.head.createddate, document.peid)));
            if found.len() > BULK_EXECUTIONS {
                return Err(BulkError::TooMany);
            }
            if filter.since.is_some_and(|since| createddate < since) {
                break;
            }
        }
    }
    let found = found.into_iter().map(|(_, peid)| peid).collect();
    Ok(Counted { tenant: filter.tenant, found, work })
}
