//! The queries: each names its tenant, pages by key and is answered from an index.
//!
//! A page after a cursor is two finds, one for the rest of the rows with the cursor's own first field and one for the
//! rows after it. One filter with `$or` would have no bounds in the index, and would read all rows before it.

#[cfg(test)]
mod tests;

use mongodb::bson::{Bson, Document, doc};
use updraft_kernel::containment::{DueCursor, HoldCursor};
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{
    ContainmentId, ExecutionId, ExecutionStatus, IdempotencyKey, Name, PlaybookId, PlaybookStatus,
    TaskStatus, TenantCode, Timestamp, WaitKind,
};
use uuid::Uuid;

use super::{CONTAINMENTS, EXECUTIONS, PLAYBOOKS, TASKS, document};
use crate::store::{
    ContainmentQuery, ContainmentsOf, Cursor, Detail, ExecutionQuery, ExecutionsOf, Inbox, InboxQuery,
    OverdueTasks, OverdueTasksQuery, SlowestQuery, TaskQuery,
};

/// One find.
#[derive(Debug, Clone)]
pub(super) struct Find {
    pub(super) collection: &'static str,
    pub(super) filter: Document,
    /// In the order of an index, so that nothing is sorted.
    pub(super) sort: Document,
    pub(super) projection: Option<Document>,
    /// The most rows.
    pub(super) limit: usize,
}

impl Find {
    fn one(collection: &'static str, filter: Document) -> Self {
        Self::many(collection, filter, Document::new(), 1)
    }

    /// Of a page; its limit is capped.
    pub(super) fn many(collection: &'static str, filter: Document, sort: Document, limit: usize) -> Self {
        Self { collection, filter, sort, projection: None, limit: limit.min(PAGE_ROWS) }
    }
}

/// A list in the order of two fields of its index, the second of which tells rows of one first field apart.
pub(super) struct List {
    pub(super) collection: &'static str,
    pub(super) of: Document,
    pub(super) order: [&'static str; 2],
    /// Whether it begins with the largest.
    pub(super) descending: bool,
    /// Bounds of its first field.
    pub(super) within: Document,
    pub(super) projection: Option<Document>,
}

impl List {
    fn new(collection: &'static str, of: Document, order: [&'static str; 2]) -> Self {
        Self { collection, of, order, descending: false, within: Document::new(), projection: None }
    }

    /// Executions, newest first.
    fn newest(of: Document, detail: Detail) -> Self {
        let projection = if detail == Detail::Summary { execution_summary() } else { None };
        Self { descending: true, projection, ..Self::new(EXECUTIONS, of, ["createddate", "_id"]) }
    }

    /// One page after a place: finds whose rows follow each other.
    pub(super) fn page(self, after: Option<(Bson, Bson)>, limit: usize) -> Vec<Find> {
        let (beyond, direction) = if self.descending { ("$lt", -1) } else { ("$gt", 1) };
        let [first, second] = self.order;
        let find = |bounds: Document| {
            let filter = self.of.clone().into_iter().chain(bounds).collect();
            let sort = doc! { first: direction, second: direction };
            Find { projection: self.projection.clone(), ..Find::many(self.collection, filter, sort, limit) }
        };
        let mut within = self.within.clone();
        let Some((at, row)) = after else {
            let bounds = if within.is_empty() {
                within
            } else {
                doc! { first: within }
            };
            return vec![find(bounds)];
        };
        within.insert(beyond, at.clone());
        vec![find(doc! { first: at, second: { beyond: row } }), find(doc! { first: within })]
    }
}

/// A place in a list by date and id.
fn place(date: Timestamp, row: Uuid) -> (Bson, Bson) {
    (stored(date).into(), document::id(row).into())
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

/// Without a category it uses the index of names.
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
    let after = after.map(|(name, version)| (name.as_str().into(), i64::from(*version).into()));
    List::new(PLAYBOOKS, of, ["name", "version"]).page(after, limit)
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

/// Pages that are merged into one: for all statuses, one of each.
pub(super) fn executions(asked: &ExecutionQuery) -> Vec<Vec<Find>> {
    let tenant = asked.tenant.as_str();
    let after = asked.after.map(|after| place(after.createddate, after.peid.uuid()));
    let page = |of: Document| List::newest(of, asked.detail).page(after.clone(), asked.limit);
    let in_status =
        |status: &ExecutionStatus| page(doc! { "tenant_code": tenant, "execution_status": status.as_str() });
    match &asked.of {
        ExecutionsOf::Status(status) => vec![in_status(status)],
        ExecutionsOf::Any => ExecutionStatus::ALL.iter().map(in_status).collect(),
        ExecutionsOf::User(uid) => vec![page(doc! { "uid": uid, "tenant_code": tenant })],
    }
}

/// Of all tenants, those that have begun: pages that are merged into one, one of each status.
pub(super) fn unfinished(after: Option<Cursor>, limit: usize) -> Vec<Vec<Find>> {
    let after = after.map(|after| place(after.createddate, after.peid.uuid()));
    let unfinished = ExecutionStatus::ALL.iter().filter(|status| status.runs());
    let page = |status: &ExecutionStatus| {
        let of = doc! { "execution_status": status.as_str() };
        List::newest(of, Detail::Summary).page(after.clone(), limit)
    };
    unfinished.map(page).collect()
}

pub(super) fn tasks(tenant: &TenantCode, peid: ExecutionId, after: u32, limit: usize) -> Find {
    let filter = doc! {
        "peid": document::id(peid.uuid()),
        "task_seq": { "$gt": i64::from(after) },
        "tenant_code": tenant.as_str(),
    };
    Find::many(TASKS, filter, doc! { "task_seq": 1 }, limit)
}

/// What a summary of an execution leaves on the server.
pub(super) fn execution_summary() -> Option<Document> {
    Some(doc! { "input": 0, "variables": 0, "output": 0, "signals": 0 })
}

/// What a summary of a task leaves on the server.
pub(super) fn task_summary() -> Option<Document> {
    Some(doc! { "response": 0 })
}

/// For all statuses the server merges its reads of the index, one for each.
pub(super) fn tasks_of_alert(asked: &TaskQuery) -> Find {
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
    let projection = if *detail == Detail::Summary { task_summary() } else { None };
    Find { projection, ..Find::many(TASKS, filter, doc! { "_id": 1 }, asked.limit) }
}

/// The index has what waits in order; what the inbox has of it is looked for in the documents.
pub(super) fn inbox(asked: &InboxQuery) -> Vec<Find> {
    let mut of = doc! {
        "status": TaskStatus::Waiting.as_str(),
        "tenant_code": asked.tenant.as_str(),
        "wait.kind": WaitKind::Approval.as_str(),
    };
    of.extend(match &asked.of {
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
    });
    let after = asked.after.map(|after| place(after.until, after.task.uuid()));
    let list = List::new(TASKS, of, ["wait.until", "_id"]);
    List { projection: task_summary(), ..list }.page(after, asked.limit)
}

pub(super) fn overdue_tasks(asked: &OverdueTasksQuery) -> Vec<Find> {
    let Some(status) = asked.of.status() else { return Vec::new() };
    let mut of = doc! { "status": status.as_str() };
    let (field, within, descending) = match asked.of {
        OverdueTasks::Waiting { kind, before } => {
            of.insert("wait.kind", kind.as_str());
            ("wait.since", doc! { "$lt": stored(before) }, false)
        }
        OverdueTasks::Retrying { attempts } => ("attempt", doc! { "$gte": i64::from(attempts) }, true),
    };
    let after = asked.after.map(|after| place(Timestamp(after.at), after.task.uuid()));
    let list = List::new(TASKS, of, [field, "_id"]);
    List { within, descending, projection: task_summary(), ..list }.page(after, asked.limit)
}

/// Of the newest executions that completed, what their index has.
pub(super) fn runtimes(newest: usize) -> Find {
    let filter = doc! { "execution_status": ExecutionStatus::Completed.as_str() };
    let projection = Some(doc! { "_id": 1, "pid": 1, "playbook_runtime": 1 });
    Find { projection, limit: newest, ..Find::many(EXECUTIONS, filter, doc! { "createddate": -1 }, 0) }
}

pub(super) fn containment(tenant: &TenantCode, id: ContainmentId) -> Find {
    Find::one(CONTAINMENTS, doc! { "_id": document::id(id.uuid()), "tenant_code": tenant.as_str() })
}

pub(super) fn containments(asked: &ContainmentQuery) -> Vec<Find> {
    let tenant = asked.tenant.as_str();
    match &asked.of {
        ContainmentsOf::Open => {
            let after = asked.after.map(|after| place(after.until, after.id.uuid()));
            let list = List::new(CONTAINMENTS, doc! { "tenant_code": tenant }, ["open_until", "_id"]);
            List { within: doc! { "$gte": 0_i64 }, ..list }.page(after, asked.limit)
        }
        ContainmentsOf::Target(target) => {
            let mut filter = doc! { "tenant_code": tenant, "target": target.as_ref() };
            if let Some(after) = asked.after {
                filter.insert("_id", doc! { "$gt": document::id(after.id.uuid()) });
            }
            vec![Find::many(CONTAINMENTS, filter, doc! { "_id": 1 }, asked.limit)]
        }
    }
}

pub(super) fn due_containments(by: Timestamp, after: Option<DueCursor>, limit: usize) -> Vec<Find> {
    let list = List::new(CONTAINMENTS, Document::new(), ["due", "_id"]);
    let within = doc! { "$exists": true, "$lte": stored(by) };
    List { within, ..list }.page(after.map(|after| place(after.due, after.id.uuid())), limit)
}

pub(super) fn unregistered_holds(after: Option<HoldCursor>, limit: usize) -> Vec<Find> {
    let list = List::new(TASKS, Document::new(), ["registration_due", "_id"]);
    let within = doc! { "$exists": true };
    List { within, ..list }.page(after.map(|after| place(after.due, after.task.uuid())), limit)
}

/// Groups, then sorts, from the index alone.
pub(super) fn slowest(asked: &SlowestQuery, limit: usize) -> Vec<Document> {
    let tenant = asked.tenant.as_ref();
    let mut of = tenant.map_or_else(Document::new, |tenant| doc! { "tenant_code": tenant.as_str() });
    of.extend(doc! {
        "execution_status": asked.status.as_str(),
        "createddate": { "$gte": stored(asked.since) },
        "playbook_runtime": { "$gte": 0 },
    });
    vec![
        doc! { "$match": of },
        doc! { "$group": {
            "_id": "$pid",
            "executions": { "$sum": 1 },
            "average_ms": { "$avg": "$playbook_runtime" },
            "longest_ms": { "$max": "$playbook_runtime" },
        } },
        // Other programs may have executions there, of playbooks with other ids.
        doc! { "$match": { "_id": { "$type": "binData" } } },
        doc! { "$sort": { "average_ms": -1, "_id": 1 } },
        doc! { "$limit": i64::try_from(limit).unwrap_or(i64::MAX) },
    ]
}

/// A date beyond the store's range is after all that it has.
pub(super) fn stored(date: Timestamp) -> i64 {
    i64::try_from(date.0).unwrap_or(i64::MAX)
}
