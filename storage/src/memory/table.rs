//! The table: executions and tasks in memory, with their indexes. Guards each update by its revision.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use updraft_kernel::containment::HoldCursor;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{
    ExecutionDocument, ExecutionHead, ExecutionId, ExecutionUpdate, IdempotencyKey, Json, KeyHolder,
    PlaybookId, TaskDocument, TaskId, TaskStatus, TaskUpdate, TenantCode, Timestamp, Update,
};

use super::queue::{QueuedIndex, queued};
use crate::page;
use crate::store::{
    Cursor, Detail, ExecutionQuery, ExecutionsOf, InboxCursor, InboxQuery, PlaybookRuntime, SlowestQuery,
    TaskQuery, WriteOutcome, key_taken, place,
};

/// The order of lists: by the date of creation, then by id.
type Place = (Timestamp, ExecutionId);

/// An alert of a tenant.
type Named = (TenantCode, Arc<str>);

/// A task in an inbox.
type InInbox = (InboxCursor, ExecutionId);

/// The largest number that every store keeps.
const NUMBER: u64 = i64::MAX as u64;

/// Keeps updates as they are: a document is its first update, with the later ones merged into it, and is converted when
/// it is read.
#[derive(Default)]
pub(super) struct Table {
    executions: HashMap<ExecutionId, Arc<ExecutionUpdate>>,
    /// By execution, whose id begins with its time: new rows are at the end.
    tasks: BTreeMap<(ExecutionId, TaskId), Arc<TaskUpdate>>,
    by_tenant: HashMap<TenantCode, BTreeSet<Place>>,
    unfinished: BTreeSet<Place>,
    by_key: HashMap<IdempotencyKey, ExecutionId>,
    by_alert: HashMap<Named, BTreeSet<(TaskId, ExecutionId)>>,
    /// Approvals that wait, by tenant.
    inboxes: HashMap<TenantCode, BTreeSet<InInbox>>,
    /// Tasks whose hold is not registered.
    unregistered: BTreeSet<(Timestamp, TaskId, ExecutionId)>,
    pub(super) queued: QueuedIndex,
}

impl Table {
    pub(super) fn documents(&self) -> usize {
        self.executions.len() + self.tasks.len()
    }

    /// Whether it has the document of the update.
    pub(super) fn has(&self, update: &Update) -> bool {
        match update {
            Update::Execution(update) => self.executions.contains_key(&update.peid),
            Update::Task(update) => self.tasks.contains_key(&(update.peid, update.task_id)),
        }
    }

    pub(super) fn apply(&mut self, update: Update) -> WriteOutcome {
        if let Some(number) = numbers(&update).into_iter().flatten().find(|number| *number > NUMBER) {
            return WriteOutcome::Poison(format!("{number} is larger than the store can keep"));
        }
        match update {
            Update::Execution(update) => self.execution_update(update),
            Update::Task(update) => self.task_update(update),
        }
    }

    fn execution_update(&mut self, update: Arc<ExecutionUpdate>) -> WriteOutcome {
        let peid = update.peid;
        if let Some(known) = self.executions.get_mut(&peid) {
            if update.revision <= known.revision {
                return WriteOutcome::Stale;
            }
            let known = Arc::make_mut(known);
            let before = queued(known);
            known.revision = update.revision;
            known.state.merge(update.state.clone());
            known.positions.merge(update.positions);
            if let Some(head) = &known.head {
                self.queued.moved(&head.tenant_code, before, queued(known));
            }
            let Some(place) = known.head.as_ref().map(|head| (head.createddate, peid)) else {
                return missing();
            };
            if known.state.execution_status.runs() {
                self.unfinished.insert(place);
            } else {
                self.unfinished.remove(&place);
            }
            return WriteOutcome::Written;
        }
        let Some(head) = &update.head else { return missing() };
        if let Some(key) = IdempotencyKey::of(head) {
            match self.by_key.entry(key) {
                Entry::Occupied(holder) => return WriteOutcome::Poison(key_taken(*holder.get())),
                Entry::Vacant(free) => free.insert(peid),
            };
        }
        let place = (head.createddate, peid);
        if update.state.execution_status.runs() {
            self.unfinished.insert(place);
        }
        self.queued.moved(&head.tenant_code, None, queued(&update));
        match self.by_tenant.get_mut(&head.tenant_code) {
            Some(places) => {
                places.insert(place);
            }
            None => {
                self.by_tenant.insert(head.tenant_code.clone(), BTreeSet::from([place]));
            }
        }
        self.executions.insert(peid, update);
        WriteOutcome::Written
    }

    fn task_update(&mut self, update: Arc<TaskUpdate>) -> WriteOutcome {
        let place = (update.peid, update.task_id);
        if let Some(known) = self.tasks.get_mut(&place) {
            if update.revision <= known.revision {
                return WriteOutcome::Stale;
            }
            let known = Arc::make_mut(known);
            let place = |since: Timestamp| (since, update.task_id, update.peid);
            known.state.registration_due.map(|since| self.unregistered.remove(&place(since)));
            let before = in_inbox(known);
            known.revision = update.revision;
            known.state.merge(update.state.clone());
            known.positions.merge(update.positions);
            self.unregistered.extend(known.state.registration_due.map(place));
            let (after, tenant) = (in_inbox(known), known.head.as_ref().map(|head| head.tenant_code.clone()));
            self.move_in_inbox(tenant, before, after);
            return WriteOutcome::Written;
        }
        let Some(head) = &update.head else { return missing() };
        self.unregistered
            .extend(update.state.registration_due.map(|since| (since, update.task_id, update.peid)));
        if let Some(alert) = &head.alert_id {
            self.by_alert
                .entry((head.tenant_code.clone(), alert.clone()))
                .or_default()
                .insert((update.task_id, update.peid));
        }
        let tenant = Some(head.tenant_code.clone());
        self.move_in_inbox(tenant, None, in_inbox(&update));
        self.tasks.insert(place, update);
        WriteOutcome::Written
    }

    fn move_in_inbox(&mut self, tenant: Option<TenantCode>, before: Option<InInbox>, after: Option<InInbox>) {
        let Some(tenant) = tenant.filter(|_| before != after) else { return };
        let inbox = self.inboxes.entry(tenant).or_default();
        if let Some(before) = before {
            inbox.remove(&before);
        }
        inbox.extend(after);
    }

    pub(super) fn unregistered_holds(&self, after: Option<HoldCursor>, limit: usize) -> Vec<TaskDocument> {
        let is_after = |(due, task, _): &&(Timestamp, TaskId, ExecutionId)| {
            after.is_none_or(|after| (*due, *task) > (after.due, after.task))
        };
        let rest = self.unregistered.iter().skip_while(|place| !is_after(place));
        let tasks = rest.filter_map(|(_, id, peid)| task(self.tasks.get(&(*peid, *id))?));
        page::of(tasks, limit.min(PAGE_ROWS))
    }

    pub(super) fn mark_registered(&mut self, registered: &[TaskDocument]) {
        for document in registered {
            let (id, peid) = (document.task_request_id, document.head.peid);
            let Some(known) = self.tasks.get_mut(&(peid, id)) else { continue };
            let revision = (known.revision.epoch, known.revision.seq);
            if revision == (document.epoch, document.seq)
                && let Some(since) = Arc::make_mut(known).state.registration_due.take()
            {
                self.unregistered.remove(&(since, id, peid));
            }
        }
    }

    pub(super) fn head(&self, peid: ExecutionId) -> Option<&ExecutionHead> {
        self.executions.get(&peid)?.head.as_deref()
    }

    pub(super) fn tenant_of(&self, peid: ExecutionId) -> Option<TenantCode> {
        self.head(peid).map(|head| head.tenant_code.clone())
    }

    pub(super) fn execution(&self, tenant: &TenantCode, peid: ExecutionId) -> Option<ExecutionDocument> {
        let document = execution(self.executions.get(&peid)?)?;
        (document.head.tenant_code == *tenant).then_some(document)
    }

    pub(super) fn by_key(&self, key: &IdempotencyKey) -> Option<KeyHolder> {
        let peid = *self.by_key.get(key)?;
        let head = self.executions.get(&peid)?.head.as_ref()?;
        Some(KeyHolder { peid, input_hash: head.input_hash })
    }

    pub(super) fn executions(&self, query: &ExecutionQuery) -> Vec<ExecutionDocument> {
        let Some(places) = self.by_tenant.get(&query.tenant) else { return Vec::new() };
        let wanted = self.newest_first(places, query.after).filter(|update| match &query.of {
            ExecutionsOf::Any => true,
            ExecutionsOf::Status(status) => update.state.execution_status == *status,
            ExecutionsOf::User(uid) => {
                update.head.as_ref().is_some_and(|head| head.uid.as_deref() == Some(uid))
            }
        });
        let documents = wanted.filter_map(|update| execution(update));
        page::of(documents.map(|document| detailed(document, query.detail)), query.limit.min(PAGE_ROWS))
    }

    pub(super) fn unfinished(&self, after: Option<Cursor>, limit: usize) -> Vec<ExecutionDocument> {
        let documents = self.newest_first(&self.unfinished, after).filter_map(|update| execution(update));
        page::of(documents.map(|document| detailed(document, Detail::Summary)), limit.min(PAGE_ROWS))
    }

    fn newest_first<'t>(
        &'t self,
        places: &'t BTreeSet<Place>,
        after: Option<Cursor>,
    ) -> impl Iterator<Item = &'t Arc<ExecutionUpdate>> {
        const NEWEST: Place = (Timestamp(u64::MAX), ExecutionId::from_bytes([0xff; 16]));
        let before = after.map_or(NEWEST, |cursor| (cursor.createddate, cursor.peid));
        places.range(..before).rev().filter_map(|(_, peid)| self.executions.get(peid))
    }

    pub(super) fn tasks(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        after: u32,
        limit: usize,
    ) -> Vec<TaskDocument> {
        let all = (peid, TaskId::from_bytes([0; 16]))..=(peid, TaskId::from_bytes([0xff; 16]));
        let own = self.tasks.range(all).filter_map(|(_, update)| {
            let head = update.head.as_ref()?;
            (head.tenant_code == *tenant && head.task_seq > after).then_some((head.task_seq, update))
        });
        let mut tasks: Vec<(u32, &Arc<TaskUpdate>)> = own.collect();
        tasks.sort_unstable_by_key(|(seq, _)| *seq);
        page::of(tasks.into_iter().filter_map(|(_, update)| task(update)), limit.min(PAGE_ROWS))
    }

    pub(super) fn tasks_of_alert(&self, query: &TaskQuery) -> Vec<TaskDocument> {
        let TaskQuery { tenant, alert_id, status, after, limit, detail } = query;
        let alert = (tenant.clone(), Arc::from(alert_id.as_str()));
        let Some(ids) = self.by_alert.get(&alert) else { return Vec::new() };
        let begin =
            after.map_or(Unbounded, |after| Excluded((after, ExecutionId::from_bytes([u8::MAX; 16]))));
        let rest = ids.range((begin, Unbounded));
        let tasks = rest.filter_map(|(task_id, peid)| self.tasks.get(&(*peid, *task_id)));
        let wanted = tasks.filter(|task| status.is_none_or(|status| task.state.status == status));
        let documents = wanted.filter_map(|update| task(update));
        page::of(documents.map(|document| task_detailed(document, *detail)), (*limit).min(PAGE_ROWS))
    }

    pub(super) fn inbox(&self, query: &InboxQuery) -> Vec<TaskDocument> {
        let Some(inbox) = self.inboxes.get(&query.tenant) else { return Vec::new() };
        let begin =
            query.after.map_or(Unbounded, |after| Excluded((after, ExecutionId::from_bytes([u8::MAX; 16]))));
        let rest = inbox.range((begin, Unbounded));
        let tasks = rest.filter_map(|(place, peid)| task(self.tasks.get(&(*peid, place.task))?));
        let wanted = tasks.filter(|task| query.of.has_task(task));
        page::of(wanted.map(|task| task_detailed(task, Detail::Summary)), query.limit.min(PAGE_ROWS))
    }

    pub(super) fn all_tasks(&self) -> impl Iterator<Item = &Arc<TaskUpdate>> {
        self.tasks.values()
    }

    pub(super) fn all_executions(&self) -> impl Iterator<Item = &Arc<ExecutionUpdate>> {
        self.executions.values()
    }

    /// Of these playbooks, or of all.
    pub(super) fn slowest(
        &self,
        query: &SlowestQuery,
        of: Option<&HashSet<PlaybookId>>,
    ) -> Vec<PlaybookRuntime> {
        let mut grouped: BTreeMap<PlaybookId, (u64, u64, u64)> = BTreeMap::new();
        for execution in self.executions.values() {
            let Some(head) = &execution.head else { continue };
            let asked = execution.state.execution_status == query.status
                && head.createddate >= query.since
                && of.is_none_or(|own| own.contains(&head.pid));
            if let (true, Some(runtime)) = (asked, execution.state.playbook_runtime) {
                let (count, sum, longest) = grouped.entry(head.pid).or_default();
                (*count, *sum, *longest) = (*count + 1, sum.saturating_add(runtime), runtime.max(*longest));
            }
        }
        let runtime = |(pid, (executions, sum, longest_ms))| PlaybookRuntime {
            pid,
            executions,
            average_ms: sum as f64 / executions as f64,
            longest_ms,
        };
        let mut slowest: Vec<PlaybookRuntime> = grouped.into_iter().map(runtime).collect();
        slowest.sort_by(|a, b| b.average_ms.total_cmp(&a.average_ms).then(a.pid.cmp(&b.pid)));
        slowest.truncate(query.top.min(PAGE_ROWS));
        slowest
    }
}

/// The place of a task in an inbox, if it waits for people.
fn in_inbox(update: &TaskUpdate) -> Option<InInbox> {
    let wait = update.state.wait.as_deref().filter(|_| update.state.status == TaskStatus::Waiting)?;
    Some((place(update.task_id, wait)?, update.peid))
}

fn missing() -> WriteOutcome {
    WriteOutcome::Poison("no such document".into())
}

/// The numbers that other stores keep as signed numbers.
fn numbers(update: &Update) -> [Option<u64>; 7] {
    let revision = update.revision();
    let [epoch, seq] = [Some(revision.epoch), Some(revision.seq)];
    match update {
        Update::Execution(update) => {
            let (head, state) = (&update.head, &update.state);
            let [started, finished] =
                [state.started_date, state.finished_date].map(|date| date.map(|at| at.0));
            let created = head.as_ref().map(|head| head.createddate.0);
            [epoch, seq, started, Some(state.updated_date.0), finished, state.playbook_runtime, created]
        }
        Update::Task(update) => {
            let state = &update.state;
            let started = state.started_date.map(|date| date.0);
            [epoch, seq, started, Some(state.updated_date.0), state.runtime, None, None]
        }
    }
}

/// The document of an update; `None` for an update without a head, which is not kept.
pub(super) fn execution(update: &ExecutionUpdate) -> Option<ExecutionDocument> {
    let (head, state, revision) = (update.head.clone()?, update.state.clone(), update.revision);
    Some(ExecutionDocument { peid: update.peid, head, state, epoch: revision.epoch, seq: revision.seq })
}

pub(super) fn task(update: &TaskUpdate) -> Option<TaskDocument> {
    let (head, state, revision) = (update.head.clone()?, update.state.clone(), update.revision);
    let task_request_id = update.task_id;
    Some(TaskDocument { task_request_id, head, state, epoch: revision.epoch, seq: revision.seq })
}

pub(super) fn task_detailed(mut document: TaskDocument, detail: Detail) -> TaskDocument {
    if let Detail::Summary = detail {
        document.state.response = None;
    }
    document
}

pub(super) fn detailed(mut document: ExecutionDocument, detail: Detail) -> ExecutionDocument {
    if let Detail::Summary = detail {
        let mut head = ExecutionHead::clone(&document.head);
        (head.input, head.variables) = (Json::null(), Json::null());
        document.head = Arc::new(head);
        (document.state.output, document.state.signals) = (None, None);
    }
    document
}
