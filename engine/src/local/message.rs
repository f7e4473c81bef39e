//! The messages of the local socket, as JSON lines. Owns their form and its version; sends nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use updraft_actors::CancelVerdict;
use updraft_protocol::{
    Applied, Asked, AuditId, AuditRecord, ContainmentApplied, ContainmentAsk, ContainmentDocument,
    ContainmentId, DeadLetter, ExecutionId, ExecutionStatus, Guardrail, Json, Name, PauseScope, PlaybookId,
    Priority, Quota, Signal, StepId, TaskId, TenantCode, Timestamp,
};
use updraft_storage::store::{Cursor, Detail, ExecutionQuery, ExecutionsOf, Inbox, InboxCursor};

use super::documents::{Execution, Task};
use super::events::EventsAsk;
use super::flow::{BreakerLine, CircuitOf, Forced};
use super::publications::PublicationAsk;
use super::triggers::TriggerAsk;
use crate::bulk::ExecutionFilter;
use crate::events::EventPage;
use crate::guardrails::GuardrailEntry;
use crate::health::EngineHealth;
use crate::inbox::InboxEntry;
use crate::overdue::{Overdue, OverdueCursor, OverduePage};
use crate::publications::PublicationEntry;
use crate::rerun::AskedRerun;
use crate::snapshot::EngineSnapshot;
use crate::triggers::{TriggerEntry, TriggerPut};

/// The version of the protocol. An engine answers a request of another version with an error about it.
pub const VERSION: u32 = 1;

/// The part of a request that is read first.
#[derive(Debug, Deserialize)]
pub(super) struct Versioned {
    pub(super) version: u32,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) version: u32,
    pub(super) ask: Ask,
}

/// The kinds of request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Ask {
    /// One page of a tenant's executions, newest first.
    List {
        tenant: TenantCode,
        of: Of,
        after: Option<Place>,
        limit: usize,
        /// Whether fields that may be large are included.
        whole: bool,
    },
    /// An execution and its tasks.
    Show { tenant: TenantCode, peid: ExecutionId },
    /// Cancel an execution.
    Cancel { tenant: TenantCode, peid: ExecutionId, asked: Asked },
    /// Answer an approval for a person.
    Answer {
        tenant: TenantCode,
        peid: ExecutionId,
        task: TaskId,
        uid: Arc<str>,
        groups: Vec<Arc<str>>,
        choice: StepId,
        comment: Option<Arc<str>>,
        data: Option<Json>,
    },
    /// Give an execution a signal.
    Signal { tenant: TenantCode, peid: ExecutionId, signal: Signal, asked: Asked },
    /// One page of the approvals that wait.
    Inbox { tenant: TenantCode, of: InboxOf, after: Option<InboxPlace>, limit: usize },
    /// One page of what is overdue, of all tenants.
    Overdue { of: Overdue, after: Option<OverdueCursor>, limit: usize },
    /// One page of a tenant's containments: the open ones, or those of a target.
    Containments {
        tenant: TenantCode,
        target: Option<Arc<str>>,
        /// `until` and the id of the last row of the page before.
        after: Option<(Timestamp, ContainmentId)>,
        limit: usize,
    },
    /// A person asks something of a containment.
    Contain { tenant: TenantCode, id: ContainmentId, uid: Arc<str>, ask: ContainmentAsk, reason: Arc<str> },
    /// Pause an execution.
    Pause { tenant: TenantCode, peid: ExecutionId, asked: Asked },
    /// Let a paused execution go on.
    Resume { tenant: TenantCode, peid: ExecutionId, asked: Asked },
    /// Give a queued execution another priority.
    Reprioritise { tenant: TenantCode, peid: ExecutionId, priority: Priority, asked: Asked },
    /// Skip the wait of a task.
    Skip { tenant: TenantCode, peid: ExecutionId, task: TaskId, asked: Asked, may_operate: bool },
    /// Change when the wait of a task ends.
    ExtendWait { tenant: TenantCode, peid: ExecutionId, task: TaskId, until: Timestamp, asked: Asked },
    /// Run an execution again.
    Rerun { tenant: TenantCode, peid: ExecutionId, rerun: Box<AskedRerun> },
    /// Which executions are to be run again: each is asked for alone then.
    CountReruns { filter: Box<ExecutionFilter>, rerun: Box<AskedRerun> },
    /// Which executions are to be cancelled: each is asked for alone then.
    CountCancels { filter: Box<ExecutionFilter>, asked: Asked },
    /// A playbook version as it was put.
    Definition { tenant: TenantCode, pid: PlaybookId },
    /// The guardrails.
    Guardrails {},
    /// Set guardrails, all or none.
    SetGuardrails { guardrails: Vec<Guardrail>, asked: Asked },
    /// Clear a guardrail.
    ClearGuardrail { name: Name, asked: Asked },
    /// The quotas of tenants that have others than the default.
    Quotas {},
    /// Set the quotas of a tenant, or clear what was set.
    SetQuota { tenant: TenantCode, quota: Option<Quota>, asked: Asked },
    /// What is paused as a whole.
    PausedScopes {},
    /// Pause all executions of a scope, or let them go on.
    PauseAll { scope: PauseScope, is_paused: bool, asked: Asked },
    /// What people have decided of circuits.
    ForcedBreakers {},
    /// Decide of circuits, or leave them to their calls again.
    ForceBreaker { circuit: CircuitOf, forced: Option<Forced>, asked: Asked },
    /// Forget kept answers of a tool.
    ForgetAnswers { tenant: TenantCode, tool: Name, action: Option<Name>, value: Option<String> },
    /// One page of a tenant's events.
    Events(EventsAsk),
    /// What is asked about triggers.
    Trigger(TriggerAsk),
    /// What is asked about publications.
    Publication(PublicationAsk),
    /// One page of the audit, of one tenant or of all.
    Audit { tenant: Option<TenantCode>, after: Option<AuditId>, limit: usize },
    /// The health of the engine.
    Health {},
    /// How everything in the engine stands.
    Snapshot {},
    /// One page of dead letters, of one tenant or of all.
    DeadLetters { tenant: Option<TenantCode>, after: Option<String>, limit: usize },
}

/// The requested executions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Of {
    Any,
    Status(ExecutionStatus),
    User(String),
}

/// The requested approvals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum InboxOf {
    All,
    Person { uid: Arc<str>, groups: Vec<Arc<str>> },
    Group(Arc<str>),
}

/// The end of a page of an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InboxPlace {
    until: Timestamp,
    task: TaskId,
}

/// The end of a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    createddate: Timestamp,
    peid: ExecutionId,
}

/// One line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Execution(Box<Execution>),
    Task(Box<Task>),
    Markings(Vec<String>),
    Letter(Box<DeadLetter>),
    Asked(Box<InboxEntry>),
    Containment(Box<ContainmentDocument>),
    Guardrail(Box<GuardrailEntry>),
    Audited(Box<AuditRecord>),
    Quota(TenantCode, Quota),
    PausedScope(PauseScope, Asked),
    Breaker(Box<BreakerLine>),
    Trigger(Box<TriggerEntry>),
    TriggerPut(TriggerPut),
    Publication(Box<PublicationEntry>),
    /// Whether the publication that was put is new.
    PublicationPut(bool),
    /// So many executions that ran were paused or resumed.
    Held(usize),
    Events(Box<EventPage>),
    Overdue(Box<OverduePage>),
    /// What was asked of a containment came to this.
    Contained(ContainmentApplied),
    Cancelled,
    /// The execution runs again as this one.
    Rerun(ExecutionId),
    /// What bulk work is to be done on, the oldest first.
    Counted(VecDeque<ExecutionId>),
    /// What an answer or a signal came to.
    Applied(Applied),
    /// It had ended before, with this status.
    AlreadyEnded(ExecutionStatus),
    Health(Box<EngineHealth>),
    Snapshot(Box<EngineSnapshot>),
    Definition(Json),
    /// The last line: the answer is complete.
    End {
        /// The start of the next page, for a list with one.
        next: Option<Place>,
    },
    /// The last line: there is no place for a further execution at the moment.
    NoPlace {
        message: String,
    },
    /// The last line: the request failed, perhaps partway.
    Error {
        message: String,
        retryable: bool,
    },
}

impl Ask {
    /// One page of a list.
    pub(super) fn list(query: ExecutionQuery) -> Self {
        let of = match query.of {
            ExecutionsOf::Any => Of::Any,
            ExecutionsOf::Status(status) => Of::Status(status),
            ExecutionsOf::User(uid) => Of::User(uid),
        };
        let (after, whole) = (query.after.map(Place::from), query.detail == Detail::Whole);
        Self::List { tenant: query.tenant, of, after, limit: query.limit, whole }
    }
}

impl From<Inbox> for InboxOf {
    fn from(of: Inbox) -> Self {
        match of {
            Inbox::All => Self::All,
            Inbox::Person { uid, groups } => Self::Person { uid, groups },
            Inbox::Group(group) => Self::Group(group),
        }
    }
}

impl From<InboxOf> for Inbox {
    fn from(of: InboxOf) -> Self {
        match of {
            InboxOf::All => Self::All,
            InboxOf::Person { uid, groups } => Self::Person { uid, groups },
            InboxOf::Group(group) => Self::Group(group),
        }
    }
}

impl From<InboxCursor> for InboxPlace {
    fn from(InboxCursor { until, task }: InboxCursor) -> Self {
        Self { until, task }
    }
}

impl From<InboxPlace> for InboxCursor {
    fn from(InboxPlace { until, task }: InboxPlace) -> Self {
        Self { until, task }
    }
}

impl From<Of> for ExecutionsOf {
    fn from(of: Of) -> Self {
        match of {
            Of::Any => Self::Any,
            Of::Status(status) => Self::Status(status),
            Of::User(uid) => Self::User(uid),
        }
    }
}

impl From<Cursor> for Place {
    fn from(Cursor { createddate, peid }: Cursor) -> Self {
        Self { createddate, peid }
    }
}

impl From<Place> for Cursor {
    fn from(Place { createddate, peid }: Place) -> Self {
        Self { createddate, peid }
    }
}

impl From<CancelVerdict> for Answer {
    fn from(verdict: CancelVerdict) -> Self {
        match verdict {
            CancelVerdict::Cancelled => Self::Cancelled,
            CancelVerdict::AlreadyEnded(status) => Self::AlreadyEnded(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_as_it_is_documented_and_nothing_else_is_one() {
        let read = serde_json::from_str::<Request>;
        let peid = ExecutionId::from_bytes([7; 16]);
        let request =
            Request { version: VERSION, ask: Ask::Show { tenant: TenantCode::new("acme").unwrap(), peid } };
        let line = serde_json::to_string(&request).unwrap();
        assert_eq!(line, format!(r#"{{"version":1,"ask":{{"show":{{"tenant":"acme","peid":"{peid}"}}}}}}"#));
        assert_eq!(read(&line).unwrap(), request);
        assert_eq!(read(r#"{"version":1,"ask":{"health":{}}}"#).unwrap().ask, Ask::Health {});
        for wrong in [
            "",
            "{}",
            r#"{"version":1}"#,
            r#"{"version":1,"ask":{"submit":{}}}"#,
            r#"{"version":1,"ask":{"health":{"of":1}}}"#,
            r#"{"version":1,"ask":{"health":{}},"as":"root"}"#,
            r#"{"version":1,"ask":{"show":{"tenant":"../acme","peid":"x"}}}"#,
            r#"{"version":1,"ask":{"dead_letters":{"tenant":null,"after":null,"limit":-1}}}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_query_is_asked_for_as_it_is() {
        let tenant = TenantCode::new("acme").unwrap();
        let after = Cursor { createddate: Timestamp(5), peid: ExecutionId::from_bytes([1; 16]) };
        let of = || ExecutionsOf::User("ana".to_owned());
        let query =
            ExecutionQuery { tenant, of: of(), after: Some(after), limit: 9, detail: Detail::Summary };
        let Ask::List { of: asked, after: place, limit: 9, whole: false, .. } = Ask::list(query) else {
            panic!("another request")
        };
        assert_eq!(place.map(Cursor::from), Some(after));
        assert!(matches!(asked.into(), ExecutionsOf::User(uid) if uid == "ana"));
    }
}
