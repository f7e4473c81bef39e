//! Kept answers for the calls of one execution: looked up before a call gets anything else that it needs. Owns the look-ups under
//! way, and the right to make a call for which others wait: dropped, one of them has it. Decides nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use updraft_kernel::execution::ExecutionEvent;
use updraft_kernel::machine::{CachedCall, LookedUp, TaskSeq};
use updraft_kernel::plan::CachedKey;
use updraft_protocol::limits::ATTEMPT_UNSENT;
use updraft_protocol::playbook::CacheReach;
use updraft_protocol::{CacheFound, CacheUse, Failure, Json, SecretReference, TaskId};

use super::Execution;
use super::message::{Incoming, WaitReport};
use crate::answers::{Ages, FoundAnswer, KeptAnswer, NotAnswered, Question};
use crate::secrets::Needed;
use crate::task::panicked;

/// The look-ups of one execution.
#[derive(Default)]
pub(super) struct LookUps {
    open: Vec<OpenLookUp>,
    /// The number of the newest: what an earlier one of the same task tells is not heard.
    newest: u32,
}

struct OpenLookUp {
    task: TaskId,
    number: u32,
    /// The attempt that it leads to, once that has begun.
    attempt: Option<TaskSeq>,
    /// Tells those who wait how the call ended.
    lead: Option<Lead>,
    asking: Asking,
}

/// What is asked, and all that its key is made of.
struct Asked {
    question: Question,
    /// Whether it is shared with other tenants.
    is_shared: bool,
    secrets: Arc<[SecretReference]>,
}

/// The right to make the call for which others wait.
pub(crate) struct Lead {
    /// `None` where it is not kept.
    told: oneshot::Sender<Option<Arc<KeptAnswer>>>,
    ages: Ages,
    /// Whether those who wait may be of other tenants.
    is_shared: bool,
}

/// What a look-up has come to.
pub(crate) enum Looked {
    /// There is an answer.
    Found(Arc<KeptAnswer>, CacheUse),
    /// There is none: this call is made, for all who ask the same.
    Leads(Lead),
    /// There is none, and others are not waited for any longer.
    Alone,
}

/// The task that asks, which ends with the look-up unless it has those to tell who wait.
struct Asking(Option<AbortHandle>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl LookUps {
    fn begin(&mut self, task: TaskId) -> u32 {
        self.leave(task);
        self.newest = self.newest.wrapping_add(1);
        self.newest
    }

    /// The call waits no more, or is not made.
    pub(super) fn leave(&mut self, task: TaskId) {
        self.open.retain(|open| open.task != task);
    }

    /// No call waits any more.
    pub(super) fn stop_waiting(&mut self) {
        self.open.retain(|open| open.attempt.is_some());
    }

    /// An attempt was dropped: another one who asks makes the call.
    pub(super) fn drop_attempt(&mut self, attempt: TaskSeq) {
        self.open.retain(|open| open.attempt != Some(attempt));
    }

    /// The call of a task is made.
    pub(super) fn made(&mut self, task: TaskId, attempt: TaskSeq) {
        self.open.iter_mut().filter(|open| open.task == task).for_each(|open| open.attempt = Some(attempt));
    }

    /// An attempt has ended: those who wait are told what is kept of it, or that nothing is.
    pub(super) fn ended(&mut self, attempt: TaskSeq, outcome: &Result<Json, Failure>) {
        let Some(at) = self.open.iter().position(|open| open.attempt == Some(attempt)) else { return };
        let mut open = self.open.swap_remove(at);
        if let Some(Lead { told, ages, is_shared }) = open.lead.take()
            && told.send(KeptAnswer::of(outcome, ages, is_shared)).is_ok()
        {
            // It has those to tell who wait.
            open.asking.0 = None;
        }
    }

    /// The look-up with this number, while its call waits for it.
    fn waiting(&mut self, number: u32) -> Option<&mut OpenLookUp> {
        self.open.iter_mut().find(|open| open.number == number)
    }
}

impl Execution {
    /// Obtains what a call needs before its intent is written. Where its answer may be kept that is an answer, if there is one.
    pub(super) fn acquire_or_look_up(&mut self, task: TaskId) {
        let Some(machine) = self.machine() else { return };
        match machine.cached_call(task).map(|call| (self.question(&call), Ages::of(call.cache))) {
            None | Some((Ok(None), _)) => self.acquire(task),
            Some((Err(failure), _)) => self.looked_up(task, LookedUp::Refused(failure)),
            Some((Ok(Some(question)), ages)) => self.look_up(task, question, ages),
        }
    }

    /// What a call asks, with what it is shared by; `None` if that cannot be known.
    fn question(&self, call: &CachedCall<'_>) -> Result<Option<Asked>, Failure> {
        let key = call.key.as_ref().map_err(Clone::clone)?;
        let Some(machine) = self.machine() else { return Ok(None) };
        let step = machine.plan().step(call.step);
        let Some(tool) = self.context.tools.get(&step.integration, call.action.version) else {
            return Ok(None);
        };
        let tenant = &self.entry.tenant;
        let ask = || {
            let on = match key {
                CachedKey::Arguments => None,
                CachedKey::Written(on) => Some(on.clone()),
                CachedKey::Tool => tool.answer_key(tenant, step.action.as_str(), call.arguments),
            };
            (on, tool.shared_by(tenant))
        };
        let (on, by) = catch_unwind(AssertUnwindSafe(ask)).map_err(panicked)?;
        let is_shared = call.cache.reach == CacheReach::Shared;
        if is_shared && by.is_none() {
            return Ok(None);
        }
        let secrets = call.action.secrets.clone();
        let question = Question::of(
            tenant,
            (&step.integration, &step.action, call.action.version),
            (call.arguments, &secrets, call.action.target),
            (on, by.as_ref()),
        );
        Ok(Some(Asked { question, is_shared, secrets }))
    }

    fn look_up(&mut self, task: TaskId, asked: Asked, ages: Ages) {
        let number = self.look_ups.begin(task);
        let (inbox, context) = (Rc::clone(&self.inbox), self.context.clone());
        let panics = WaitReport::of(&self.inbox);
        let asking = actix::spawn(async move {
            // Dropped by a panic it says so.
            let _panics = panics;
            let is_shared = asked.is_shared;
            let key = match is_shared {
                false => asked.question.own(),
                true => {
                    let needed = Needed { lease_check: None, own: asked.secrets.clone(), others: Vec::new() };
                    match context.secrets.of_attempt(&asked.question.tenant, &needed).await {
                        Ok(secrets) => asked.question.shared(&secrets),
                        // The call itself says what is missing.
                        Err(_) => return inbox.put(Incoming::LookedUp(task, number, Looked::Alone)),
                    }
                }
            };
            let has_called = Cell::new(false);
            let call = || {
                let (told, heard) = oneshot::channel();
                has_called.set(true);
                let lead = Lead { told, ages, is_shared };
                inbox.put(Incoming::LookedUp(task, number, Looked::Leads(lead)));
                async { heard.await.ok().flatten().ok_or(NotAnswered) }
            };
            let mut asking = Box::pin(context.answers.get(&key, ages, call, || has_called.get()));
            let answer = match timeout(ATTEMPT_UNSENT, asking.as_mut()).await {
                Ok(answer) => answer,
                Err(_) if has_called.get() => asking.await,
                Err(_) => return inbox.put(Incoming::LookedUp(task, number, Looked::Alone)),
            };
            match answer {
                Ok(FoundAnswer::Kept { kept, age, is_stale }) => {
                    let found = match (is_stale, is_shared) {
                        (true, _) => CacheFound::Stale,
                        (false, true) => CacheFound::Shared,
                        (false, false) => CacheFound::Hit,
                    };
                    let used = CacheUse { found, age: u64::try_from(age.as_millis()).unwrap_or(u64::MAX) };
                    inbox.put(Incoming::LookedUp(task, number, Looked::Found(kept, used)));
                }
                Err(NotAnswered) if !has_called.get() => {
                    inbox.put(Incoming::LookedUp(task, number, Looked::Alone));
                }
                // The end of its own call is told by its attempt.
                Ok(FoundAnswer::Called) | Err(NotAnswered) => {}
            }
        });
        let asking = Asking(Some(asking.abort_handle()));
        self.look_ups.open.push(OpenLookUp { task, number, attempt: None, lead: None, asking });
    }

    /// A look-up tells what it has come to.
    pub(super) fn heard(&mut self, task: TaskId, number: u32, looked: Looked) {
        let Some(open) = self.look_ups.waiting(number) else { return };
        match looked {
            Looked::Found(kept, used) => {
                self.look_ups.leave(task);
                // What has become a secret since stays one.
                let outcome = self.context.secrets.masked(&self.entry.tenant, kept.outcome());
                self.count_use(task, used.found);
                self.looked_up(task, LookedUp::Found(outcome, used));
            }
            Looked::Leads(lead) => {
                open.lead = Some(lead);
                self.make_call(task);
            }
            Looked::Alone => {
                self.look_ups.leave(task);
                self.make_call(task);
            }
        }
    }

    fn make_call(&mut self, task: TaskId) {
        self.count_use(task, CacheFound::Miss);
        self.looked_up(task, LookedUp::Miss);
        self.acquire(task);
    }

    fn looked_up(&mut self, task: TaskId, found: LookedUp) {
        let now = self.context.clock.now();
        if let Some(execution) = &mut self.execution {
            execution.on(ExecutionEvent::LookedUp { task, found }, now);
        }
    }

    fn count_use(&self, task: TaskId, found: CacheFound) {
        let Some(machine) = self.machine() else { return };
        let Some((step, _)) = machine.waiting_call(task) else { return };
        let tool = machine.plan().step(step).integration.to_string();
        metrics::counter!("updraft_cached_answers_total", "integration" => tool, "use" => found.as_str())
            .increment(1);
    }
}
