//! Sub-playbooks: starts the children of executions, stops them, and reports to parents how they ended. Decides nothing
//! of an execution.
//!
//! A child takes a place of its own among the executions in flight, in line with the submissions of its tenant. No parent
//! holds a place that its child waits for: a parent that does nothing but wait leaves memory, and gives its place back.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use updraft_kernel::machine::{ChildReport, Effects, Machine, StartChild, children_of, head_of_child};
use updraft_kernel::shard::Since;
use updraft_kernel::shared::permits::{Acquire, Permit};
use updraft_protocol::{
    ExecutionDocument, ExecutionHead, ExecutionId, Failure, FailureKind, PlaybookChoice, Priority,
    TaskDocument, TaskId, TenantCode,
};
use updraft_storage::log::{self, Append, Need};

use crate::abandoned;
use crate::context::EngineContext;
use crate::control::Control;
use crate::entry::{Lost, RegistryEntry};
use crate::plans::{self, Ready};
use crate::shard::address::{Launch, ShardMessage};
use crate::shard::scope::ShardScope;

/// The pause before the store is asked again, and before what panicked is done again.
const PAUSE: Duration = Duration::from_millis(250);

/// The children of the executions of one shard.
pub(crate) struct Children {
    context: Arc<EngineContext>,
    scope: ShardScope,
}

impl Children {
    pub(crate) fn new(context: Arc<EngineContext>, scope: ShardScope) -> Rc<Self> {
        Rc::new(Self { context, scope })
    }

    /// Starts a child of the execution with this head, unless it is there. It is registered at once, so that whatever
    /// else is asked of it finds it.
    pub(crate) fn start(&self, head: Arc<ExecutionHead>, start: StartChild) {
        let (context, parent) = (self.context.clone(), start.parent);
        let peid = ExecutionId::of_child(parent.task);
        let entry = Arc::new(RegistryEntry::new(peid, head.tenant_code.clone(), None));
        match context.registry.add(entry.clone()) {
            Ok(()) => {
                let mut reserved = ReservedChild { context: context.clone(), entry: Some(entry.clone()) };
                self.spawn(async move {
                    let begun = AssertUnwindSafe(begin(&context, &head, &start, entry, &mut reserved));
                    let report = begun.catch_unwind().await.unwrap_or_else(|_| {
                        let failure =
                            Failure::new(FailureKind::Child, "the start of the sub-playbook panicked");
                        // One that the journal has reports its end itself.
                        reserved.entry.is_some().then_some(ChildReport::Refused(failure))
                    });
                    if let Some(report) = report {
                        tell(&context, (parent.peid, parent.task), report).await;
                    }
                    // Only now, so that a parent that looks again finds a child or the report.
                    drop(reserved);
                });
            }
            Err(there) => {
                if let Some(report) = report_of(&there, parent.waits) {
                    self.spawn(async move { tell(&context, (parent.peid, parent.task), report).await });
                }
            }
        }
    }

    /// Cancels the child of a task.
    pub(crate) fn stop(&self, (tenant, peid): (&TenantCode, ExecutionId), task: TaskId) {
        let (context, tenant) = (self.context.clone(), tenant.clone());
        self.spawn_again(async move || stop(&context, &tenant, peid, task).await);
    }

    /// An execution has ended: reports it to its parent.
    pub(crate) fn ended(&self, document: &ExecutionDocument) {
        if let Some(parent) = document.head.parent.filter(|parent| parent.waits) {
            let (context, report) = (self.context.clone(), ChildReport::of(document));
            self.spawn(async move { tell(&context, (parent.peid, parent.task), report).await });
        }
    }

    /// Stops the children that an execution has left, which ended without its machine.
    pub(crate) fn stop_left(&self, document: &ExecutionDocument, tasks: &[TaskDocument]) {
        for task in children_of(tasks) {
            self.stop((&document.head.tenant_code, document.peid), task);
        }
    }

    /// The same for an execution whose tasks are not read yet.
    pub(crate) fn stop_stored(&self, document: &ExecutionDocument) {
        let (context, tenant, peid) =
            (self.context.clone(), document.head.tenant_code.clone(), document.peid);
        self.spawn_again(async move || {
            let tasks = retried(&context, async || context.store.all_tasks(&tenant, peid).await).await;
            for task in tasks.iter().flat_map(|tasks| children_of(tasks)) {
                stop(&context, &tenant, peid, task).await;
            }
        });
    }

    /// The same, done again where it panics: whoever waits for it would wait for ever.
    fn spawn_again(&self, work: impl AsyncFn() + 'static) {
        self.spawn(async move {
            while AssertUnwindSafe(work()).catch_unwind().await.is_err() {
                tracing::error!("what is done for a sub-playbook panicked, and is done again");
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Runs for as long as the shard exists.
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let member = self.scope.member();
        actix::spawn(async move {
            tokio::select! {
                biased;
                () = member.cancelled() => {}
                () = work => {}
            }
        });
    }
}

/// A registered child that the journal does not have yet; dropped, it is forgotten.
struct ReservedChild {
    context: Arc<EngineContext>,
    entry: Option<Arc<RegistryEntry>>,
}

impl ReservedChild {
    /// The journal has it, or will say that it has not.
    fn keep(&mut self) {
        self.entry = None;
    }
}

impl Drop for ReservedChild {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.context.lose(&entry, Lost::NotHere);
        }
    }
}

/// What a registered child reports now. Of one that runs or is being started, the end reports itself. That it has
/// started is news only to a task that does not wait for more: any other would be read back for it, and look again.
fn report_of(entry: &RegistryEntry, waits: bool) -> Option<ChildReport> {
    match entry.outcome() {
        Some(Ok(document)) => Some(ChildReport::of(document)),
        None if entry.is_accepted() && !waits => Some(ChildReport::Started),
        Some(Err(_)) | None => None,
    }
}

/// Reports to the task of a parent. An ended parent needs no report, and one that is not here looks again when it is.
async fn tell(context: &EngineContext, (peid, task): (ExecutionId, TaskId), report: ChildReport) {
    if let Some(entry) = context.registry.get(peid) {
        context.router.ask(&entry, Control::Child(task, report)).await;
    }
}

/// Asks the store, again and again while it is unavailable; `None` if it never will answer.
async fn retried<T>(
    context: &EngineContext,
    ask: impl AsyncFn() -> Result<T, updraft_storage::Error>,
) -> Option<T> {
    loop {
        match ask().await {
            Ok(answer) => return Some(answer),
            Err(error) if error.retryable() && !context.failed.is_settled() => {
                tracing::warn!(%error, "a sub-playbook waits for the store");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                tracing::error!(%error, "the store cannot be asked about a sub-playbook");
                return None;
            }
        }
    }
}

/// Cancels a child. One that runs here reports its end by itself.
async fn stop(context: &EngineContext, tenant: &TenantCode, peid: ExecutionId, task: TaskId) {
    let child = ExecutionId::of_child(task);
    let entry = context.registry.get(child);
    let turn = if entry.is_none() { Some(context.unresumed.lock().await) } else { None };
    if let Some(entry) = entry.or_else(|| context.registry.get(child)) {
        drop(turn);
        return match entry.outcome() {
            Some(Ok(document)) => tell(context, (peid, task), ChildReport::of(document)).await,
            _ => context.router.ask(&entry, Control::Cancel(None, oneshot::channel().0)).await,
        };
    }
    if let Err(error) = abandoned::cancel(context, tenant, child, None).await {
        tracing::error!(%child, %error, "a sub-playbook cannot be cancelled");
        return;
    }
    drop(turn);
    let read = async || context.store.execution(tenant, child).await;
    let report = match retried(context, read).await {
        Some(Some(document)) if document.state.execution_status.ended() => ChildReport::of(&document),
        // Its end is on its way to the store.
        Some(_) => ChildReport::never_began(),
        None => return,
    };
    tell(context, (peid, task), report).await;
}

/// Starts a child that is registered; gives what is to be reported of it.
async fn begin(
    context: &Arc<EngineContext>,
    head: &ExecutionHead,
    start: &StartChild,
    entry: Arc<RegistryEntry>,
    reserved: &mut ReservedChild,
) -> Option<ChildReport> {
    let (tenant, peid) = (&head.tenant_code, entry.peid);
    match retried(context, async || context.store.execution(tenant, peid).await).await? {
        Some(document) if document.state.execution_status.ended() => return Some(ChildReport::of(&document)),
        Some(_) => {
            take_up(context, &entry).await;
            reserved.keep();
            return report_of(&entry, start.parent.waits);
        }
        None => {}
    }
    let ready = match ready(context, tenant, &start.playbook).await? {
        Ok(ready) => ready,
        Err(failure) => return Some(ChildReport::Refused(failure)),
    };
    // One that acts on a target that is locked for it runs in the place of whoever waits for it.
    let permit = if context.target_locks.is_lent(peid) {
        None
    } else {
        match place(context, &entry, head.priority).await {
            Some(permit) => Some(permit),
            None => return Some(ChildReport::never_began()),
        }
    };
    let own = (ready.pid, &*ready.plan, ready.variables_json.clone());
    let head = match head_of_child(head, start, own, context.clock.now()) {
        Ok(head) => Arc::new(head),
        Err(failure) => return Some(ChildReport::Refused(failure)),
    };
    entry.hold(permit);
    let terms = context.terms(&head.tenant_code);
    let (machine, Effects { writes, acts, .. }) =
        Machine::start(ready.plan.clone(), peid, head.clone(), terms, head.createddate);
    let launch = Launch { entry: entry.clone(), machine: Box::new(machine), acts, lsn: 0 };
    let append = Append::new(writes, Need::Durable, launched(context, launch));
    context.log.append_waiting(append).await.ok()?;
    reserved.keep();
    entry.accepted().await.ok()?;
    context.admission.show();
    report_of(&entry, start.parent.waits)
}

/// Hands an accepted child to its shard, on the journal's thread.
fn launched(context: &Arc<EngineContext>, launch: Launch) -> log::Done {
    let context = context.clone();
    Box::new(move |appended| match appended {
        Ok(lsn) => context.router.launch(Launch { lsn, ..launch }),
        Err(log::Error::Closed) => context.lose(&launch.entry, Lost::ShutDown),
        Err(error) => {
            context.lose(&launch.entry, Lost::Engine(error.to_string().into()));
            context.fail(error.to_string());
        }
    })
}

/// A child that is unfinished in the store, and that this engine did not resume: it is read back.
async fn take_up(context: &EngineContext, entry: &Arc<RegistryEntry>) {
    if let Acquire::Granted(permit) = context.admission.try_acquire(&entry.tenant) {
        entry.hold(Some(permit));
    }
    // A cancel of an unresumed execution ends before.
    let _turn = context.unresumed.lock().await;
    let shard = context.router.to(context.router.shard_of(&entry.tenant));
    if let Some(address) = shard.announce(|| entry.accept(Ok(()))) {
        let _ = address.mailbox.send(ShardMessage::Load(vec![entry.clone()], Since::Now)).await;
    }
}

/// The playbook of a child, or why it cannot run; `None` if the store will never answer.
async fn ready(
    context: &EngineContext,
    tenant: &TenantCode,
    choice: &PlaybookChoice,
) -> Option<Result<Arc<Ready>, Failure>> {
    let refused = |message: String| Some(Err(Failure::new(FailureKind::Child, message)));
    let store = context.store.as_ref();
    let pid = match choice {
        PlaybookChoice::Id(pid) => *pid,
        PlaybookChoice::Named(name, version) => {
            let asked = async || context.plans.id(store, tenant, name, *version).await;
            match (retried(context, asked).await?, version) {
                (Some(pid), _) => pid,
                (None, Some(version)) => {
                    return refused(format!("there is no version {version} of a playbook \"{name}\""));
                }
                (None, None) => return refused(format!("there is no playbook \"{name}\"")),
            }
        }
    };
    let read = async || match context.plans.get(store, tenant, pid).await {
        Err(plans::Error::Store(error)) => Err(error),
        answered => Ok(answered),
    };
    let ready = match retried(context, read).await? {
        Ok(ready) => ready,
        Err(error) => return refused(error.to_string()),
    };
    if let Some(mistake) = ready.mistakes.first() {
        return refused(format!("playbook \"{}\" cannot run here: {mistake}", ready.plan.name));
    }
    if let Some(variable) = ready.plan.lacks_endpoint(|name| ready.variables.get(name)) {
        let message = "has no place to connect to, and a sub-playbook is given none";
        return refused(format!("playbook \"{}\": variables.{variable} {message}", ready.plan.name));
    }
    Some(Ok(ready))
}

/// A place among the executions in flight; `None` if the child is to be stopped before.
async fn place(context: &EngineContext, entry: &RegistryEntry, priority: Priority) -> Option<Permit> {
    if entry.is_to_stop() {
        return None;
    }
    if let Acquire::Granted(permit) = context.admission.try_acquire(&entry.tenant) {
        return Some(permit);
    }
    tokio::select! {
        biased;
        () = entry.to_stop() => None,
        permit = context.admission.acquire(&entry.tenant, priority, context.clock.now()) => Some(permit),
    }
}
