//! The queries: each names its tenant, pages by key and is answered from an index.
//!
//! A page after a cursor is two finds, one for the rest of the rows with the cursor's own date and one for the rows
//! after it. One filter with `$or` would have no bounds in the index, and would read all rows before it.
//!
//! A server that is told which index to read may read all of it. So a hint is given only if two indexes would do for
//! the filter and one of them gives the order: the server may choose the other while there is little to sort, and then
//! keep to it.

#[cfg(test)]
mod tests;

use mongodb::bson::{Bson, Document, doc};
use updraft_kernel::containment::{DueCursor, HoldCursor};
use updraft_protocol::{
    ContainmentId, ExecutionId, ExecutionStatus, IdempotencyKey, Name, PlaybookId, PlaybookStatus,
    TaskStatus, TenantCode, Timestamp, WaitKind,
};

use super::index::{self, Index};
use super::{CONTAINMENTS, EXECUTIONS, PLAYBOOKS, TASKS, document};
use crate::store::{
    ContainmentQuery, ContainmentsOf, Cursor, Detail, ExecutionQuery, ExecutionsOf, Inbox, InboxCursor,
    InboxQuery, OverdueTasks, OverdueTasksQuery, SlowestQuery, TaskQuery,
};

/// One find.
#[derive(Debug, Clone)]
pub(super) struct Find {
    pub(super) collection: &'static str,
    pub(super) filter: Document,
    /// The index to read, if a hint is given.
    pub(super) index: Option<Index>,
    /// In the order of the index, so that nothing is sorted.
    pub(super) sort: Document,
    pub(super) projection: Option<Document>,
    /// The most rows; `None` for all.
    pub(super) limit: Option<usize>,
}

impl Find {
    fn one(collection: &'static str, filter: Document) -> Self {
        Self::many(collection, filter, Document::new(), 1)
    }

    pub(super) fn many(collection: &'static str, filter: Document, sort: Document, limit: usize) -> Self {
        Self { collection, filter, index: None, sort, projection: None, limit: Some(limit) }
    }
}

pub(super) fn playbook(tenant: &TenantCode, pid: PlaybookId) -> Find {
    Find::one(PLAYBOOKS, doc! { "_id": document::id(pid.uuid()), "tenant_code": tenant.as_str() })
}

pub(super) fn playbook_named(tenant: &TenantCode, name: &Name, version: Option<u32>) -> Find {
    let mut filter = doc! { "tenant_code": tenant.as_str(), "name": name.as_str() };
    if let Some(version) = version {
        filter.insert("version", i64::from(version));
    }
    Find::many(PLAYBOOKS, filter, doc! { "version": -1 }, 1)
}

/// The ids of all playbooks of a tenant.
pub(super) fn playbook_ids(tenant: &TenantCode) -> Find {
    let filter = doc! { "tenant_code": tenant.as_str() };
    let sort = doc! { "name": 1, "version": 1 };
    Find { projection: Some(doc! { "_id": 1 }), limit: None, ..Find::many(PLAYBOOKS, filter, sort, 0) }
}

/// One page of a catalogue: finds to be made in turn. Without a category it uses the index of names.
pub(super) fn catalogue(
    tenant: &TenantCode,
    status: PlaybookStatus,
    category_id: Option<&str>,
    after: Option<&(Name, u32)>,
    limit: usize,
) -> Vec<Find> {
    let mut of = doc! { "tenant_code": tenant.as_str(), "status": status.as_str() };
    if let Some(category) = category_id {
        of.insert("category_id", category);
    }
    let find = |bounds: Document| {
        let filter = of.clone().into_iter().chain(bounds).collect();
        Find::many(PLAYBOOKS, filter, doc! { "name": 1, "version": 1 }, limit)
    };
    match after {
        None => vec![find(Document::new())],
        Some((name, version)) => vec![
            find(doc! { "name": name.as_str(), "version": { "$gt": i64::from(*version) } }),
            find(doc! { "name": { "$gt": name.as_str() } }),
        ],
    }
}

pub(super) fn execution(tenant: &TenantCode, peid: ExecutionId) -> Find {
    Find::one(EXECUTIONS, doc! { "_id": document::id(peid.uuid()), "tenant_code": tenant.as_str() })
}

/// The fields are in the order of their index, which is unique.
pub(super) fn execution_by_key(key: &IdempotencyKey) -> Find {
    let filter = doc! {
        "idempotency_key": key.text.as_ref(),
        "tenant_code": key.tenant_code.as_str(),
        "playbook_name": key.playbook_name.as_str(),
    };
    let projection = Some(doc! { "_id": 1, "input_hash": 1 });
    Find { projection, ..Find::one(EXECUTIONS, filter) }
}

/// A list of executions that is in order in one index, newest first.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// The beginning of its index.
    of: Document,
    /// A condition that is not in its index.
    besides: Option<Document>,
    projection: Option<Document>,
}

/// The lists that are merged into one: for all statuses, one for each.
pub(super) fn lists(asked: &ExecutionQuery) -> Vec<List> {
    let tenant = asked.tenant.as_str();
    let projection = match asked.detail {
        Detail::Whole => None,
        Detail::Summary => Some(summary()),
    };
    let of_status = |status: &ExecutionStatus| List {
        of: doc! { "tenant_code": tenant, "execution_status": status.as_str() },
        besides: None,
        projection: projection.clone(),
    };
    match &asked.of {
        ExecutionsOf::Status(status) => vec![of_status(status)],
        ExecutionsOf::Any => ExecutionStatus::ALL.iter().map(of_status).collect(),
        ExecutionsOf::User(uid) => {
            let besides = Some(doc! { "tenant_code": tenant });
            vec![List { of: doc! { "uid": uid }, besides, projection }]
        }
    }
}

impl List {
    /// The rows after a cursor within its millisecond.
    pub(super) fn at(&self, cursor: Cursor, limit: usize) -> Find {
        let (date, id) = (stored(cursor.createddate), document::id(cursor.peid.uuid()));
        self.find(doc! { "createddate": date, "_id": { "$lt": id } }, limit)
    }

    /// The rows before a date, or all.
    pub(super) fn before(&self, date: Option<Timestamp>, limit: usize) -> Find {
        let index = self.besides.is_some().then_some(index::EXECUTIONS_BY_USER);
        Find { index, ..self.find(before(date), limit) }
    }

    fn find(&self, bounds: Document, limit: usize) -> Find {
        let mut filter: Document = self.of.clone().into_iter().chain(bounds).collect();
        if let Some(besides) = &self.besides {
            // Separate, so that a server that uses an index only for covered queries finds it covered.
            filter = doc! { "$and": [filter, { "$or": [besides.clone()] }] };
        }
        let sort = doc! { "createddate": -1, "_id": -1 };
        Find { projection: self.projection.clone(), ..Find::many(EXECUTIONS, filter, sort, limit) }
    }
}

fn summary() -> Document {
    doc! { "input": 0, "variables": 0, "output": 0, "signals": 0 }
}

/// Unfinished executions of all tenants before a date, newest first; unordered within a millisecond.
pub(super) fn unfinished_before(date: Option<Timestamp>, limit: usize) -> Find {
    let filter = unfinished().into_iter().chain(before(date)).collect();
    let newest_first = doc! { "createddate": -1 };
    Find { projection: Some(summary()), ..Find::many(EXECUTIONS, filter, newest_first, limit) }
}

/// Unfinished executions of one millisecond, after an id. These few are sorted: their index has no ids.
pub(super) fn unfinished_at(date: Timestamp, after: Option<ExecutionId>, limit: usize) -> Find {
    let mut filter = unfinished();
    filter.insert("createddate", stored(date));
    if let Some(peid) = after {
        filter.insert("_id", doc! { "$lt": document::id(peid.uuid()) });
    }
    Find { projection: Some(summary()), ..Find::many(EXECUTIONS, filter, doc! { "_id": -1 }, limit) }
}

fn before(date: Option<Timestamp>) -> Document {
    date.map_or_else(Document::new, |date| doc! { "createddate": { "$lt": stored(date) } })
}

fn unfinished() -> Document {
    let unfinished = ExecutionStatus::ALL.iter().filter(|status| !status.ended());
    let unfinished: Vec<&str> = unfinished.map(|status| status.as_str()).collect();
    doc! { "execution_status": { "$in": unfinished } }
}

pub(super) fn tasks(tenant: &TenantCode, peid: ExecutionId, after: u32, limit: usize) -> Find {
    let filter = doc! {
        "peid": document::id(peid.uuid()),
        "task_seq": { "$gt": i64::from(after) },
        "tenant_code": tenant.as_str(),
    };
    Find::many(TASKS, filter, doc! { "task_seq": 1 }, limit)
}

/// For all statuses the server merges its reads of the index, one for each.
pub(super) fn tasks_of_alert(asked: &TaskQuery, limit: usize) -> Find {
    let TaskQuery { tenant, alert_id, status, after, detail, .. } = asked;
    let status = match status {
        Some(status) => Bson::from(status.as_str()),
        None => {
            doc! { "$in": TaskStatus::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>() }.into()
        }
    };
    let mut filter = doc! { "tenant_code": tenant.as_str(), "alert_id": alert_id, "status": status };
    if let Some(after) = after {
        filter.insert("_id", doc! { "$gt": document::id(after.uuid()) });
    }
    let projection = match detail {
        Detail::Whole => None,
        Detail::Summary => Some(doc! { "response": 0 }),
    };
    Find { projection, ..Find::many(TASKS, filter, doc! { "_id": 1 }, limit) }
}

/// One page of an inbox: finds to be made in turn. The index has what waits in order; what the inbox has of it is looked for
/// in the documents.
pub(super) fn inbox(asked: &InboxQuery, limit: usize) -> Vec<Find> {
    let of = doc! {
        "status": TaskStatus::Waiting.as_str(),
        "tenant_code": asked.tenant.as_str(),
        "wait.kind": WaitKind::Approval.as_str(),
    };
    let besides = match &asked.of {
        Inbox::All => Document::new(),
        Inbox::Group(group) => doc! { "wait.gate.groups": group.as_ref() },
        Inbox::Person { uid, groups } => {
            let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
            doc! {
                "$or": [
                    { "wait.gate.assignees": uid.as_ref() },
                    { "wait.gate.groups": { "$in": groups } },
                    { "wait.gate.assignees": { "$size": 0 }, "wait.gate.groups": { "$size": 0 } },
                ],
                "wait.gate.answers.uid": { "$ne": uid.as_ref() },
            }
        }
    };
    let find = |bounds: Document| {
        let filter = of.clone().into_iter().chain(bounds).chain(besides.clone()).collect();
        let sort = doc! { "wait.until": 1, "_id": 1 };
        Find { projection: Some(doc! { "response": 0 }), ..Find::many(TASKS, filter, sort, limit) }
    };
    match &asked.after {
        None => vec![find(Document::new())],
        Some(InboxCursor { until, task }) => vec![
            find(doc! { "wait.until": stored(*until), "_id": { "$gt": document::id(task.uuid()) } }),
            find(doc! { "wait.until": { "$gt": stored(*until) } }),
        ],
    }
}

/// One page of overdue tasks: finds to be made in turn.
pub(super) fn overdue_tasks(asked: &OverdueTasksQuery, limit: usize) -> Vec<Find> {
    let Some(status) = asked.of.status() else { return Vec::new() };
    let (field, direction, kind, bound) = match asked.of {
        OverdueTasks::Waiting { kind, before } => {
            ("wait.since", 1, Some(kind), doc! { "$lt": stored(before) })
        }
        OverdueTasks::Retrying { attempts } => ("attempt", -1, None, doc! { "$gte": i64::from(attempts) }),
    };
    let find = |bounds: Document| {
        let mut filter = doc! { "status": status.as_str() };
        if let Some(kind) = kind {
            filter.insert("wait.kind", kind.as_str());
        }
        filter.extend(bounds);
        let sort = doc! { field: direction, "_id": direction };
        Find { projection: Some(doc! { "response": 0 }), ..Find::many(TASKS, filter, sort, limit) }
    };
    let Some(after) = asked.after else { return vec![find(doc! { field: bound })] };
    let (at, beyond) = (stored(Timestamp(after.at)), if direction == 1 { "$gt" } else { "$lt" });
    let mut rest = bound;
    rest.insert(beyond, at);
    vec![
        find(doc! { field: at, "_id": { beyond: document::id(after.task.uuid()) } }),
        find(doc! { field: rest }),
    ]
}

/// Of the newest executions that completed, what their index has.
pub(super) fn runtimes(newest: usize) -> Find {
    let filter = doc! { "execution_status": ExecutionStatus::Completed.as_str() };
    let projection = Some(doc! { "_id": 0, "pid": 1, "playbook_runtime": 1 });
    Find { projection, ..Find::many(EXECUTIONS, filter, doc! { "createddate": -1 }, newest) }
}

pub(super) fn containment(tenant: &TenantCode, id: ContainmentId) -> Find {
    Find::one(CONTAINMENTS, doc! { "_id": document::id(id.uuid()), "tenant_code": tenant.as_str() })
}

/// After a cursor the rest of its millisecond, then what ends later.
pub(super) fn containments(asked: &ContainmentQuery, limit: usize) -> Vec<Find> {
    let tenant = asked.tenant.as_str();
    let after = asked.after.map(|after| (stored(after.until), document::id(after.id.uuid())));
    match &asked.of {
        ContainmentsOf::Open => {
            let sort = doc! { "open_until": 1, "_id": 1 };
            let find = |filter: Document| Find::many(CONTAINMENTS, filter, sort.clone(), limit);
            let Some((until, id)) = after else {
                return vec![find(doc! { "tenant_code": tenant, "open_until": { "$gte": 0_i64 } })];
            };
            vec![
                find(doc! { "tenant_code": tenant, "open_until": until, "_id": { "$gt": id } }),
                find(doc! { "tenant_code": tenant, "open_until": { "$gt": until } }),
            ]
        }
        ContainmentsOf::Target(target) => {
            let mut filter = doc! { "tenant_code": tenant, "target": target.as_ref() };
            if let Some((_, id)) = after {
                filter.insert("_id", doc! { "$gt": id });
            }
            vec![Find::many(CONTAINMENTS, filter, doc! { "_id": 1 }, limit)]
        }
    }
}

/// After a cursor the rest of its millisecond, then what is due later.
pub(super) fn due_containments(by: Timestamp, after: Option<DueCursor>, limit: usize) -> Vec<Find> {
    let find = |filter| Find::many(CONTAINMENTS, filter, doc! { "due": 1, "_id": 1 }, limit);
    let by = stored(by);
    let Some(after) = after else { return vec![find(doc! { "due": { "$exists": true, "$lte": by } })] };
    let (due, id) = (stored(after.due), document::id(after.id.uuid()));
    vec![find(doc! { "due": due, "_id": { "$gt": id } }), find(doc! { "due": { "$gt": due, "$lte": by } })]
}

/// After a cursor the rest of its millisecond, then what is due later.
pub(super) fn unregistered_holds(after: Option<HoldCursor>, limit: usize) -> Vec<Find> {
    let find = |filter| Find::many(TASKS, filter, doc! { "registration_due": 1, "_id": 1 }, limit);
    let Some(after) = after else { return vec![find(doc! { "registration_due": { "$exists": true } })] };
    let (due, id) = (stored(after.due), document::id(after.task.uuid()));
    vec![
        find(doc! { "registration_due": due, "_id": { "$gt": id } }),
        find(doc! { "registration_due": { "$gt": due } }),
    ]
}

/// Groups, then sorts, from the index alone. A playbook belongs to one tenant: `pids` are the tenant's, and its
/// executions need no filter by tenant.
pub(super) fn slowest(asked: &SlowestQuery, pids: Option<Vec<Bson>>, limit: usize) -> Vec<Document> {
    let mut of = doc! {
        "execution_status": asked.status.as_str(),
        "createddate": { "$gte": stored(asked.since) },
        "playbook_runtime": { "$gte": 0 },
    };
    if let Some(pids) = pids {
        of.insert("pid", doc! { "$in": pids });
    }
    vec![
        doc! { "$match": of },
        doc! { "$group": {
            "_id": "$pid",
            "executions": { "$sum": 1 },
            "average_ms": { "$avg": "$playbook_runtime" },
            "longest_ms": { "$max": "$playbook_runtime" },
        } },
        doc! { "$sort": { "average_ms": -1, "_id": 1 } },
        doc! { "$limit": i64::try_from(limit).unwrap_or(i64::MAX) },
    ]
}

/// A date beyond the store's range is after all that it has.
fn stored(date: Timestamp) -> i64 {
    i64::try_from(date.0).unwrap_or(i64::MAX)
}
