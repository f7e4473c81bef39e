//! Deduplication: a submission for an alert for which the same playbook was executed within a window is given that execution. Looks in
//! the store, and among those that the store does not have yet; submits nothing.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::MutexGuard as Turn;
use updraft_actors::EngineContext;
use updraft_protocol::limits::RECENT_ALERTS;
use updraft_protocol::{ExecutionId, Name, TenantCode, Timestamp};
use updraft_storage::store::AlertQuery;

use crate::error::{ReadError, Refusal};
use crate::handle::Handle;
use crate::submission::Submission;

/// Submissions at once that look for the same alert wait for each other; these many others do not.
const TURNS: usize = 64;

/// What is looked for: an alert of a tenant, and the name of the playbook.
type AlertKey = (TenantCode, Name, String);

/// The alerts of which executions are looked for.
#[derive(Default)]
pub(crate) struct Alerts {
    /// By the hash of what is looked for.
    turns: Turns,
    /// Executions that the store may not have yet.
    recent: Arc<Recent>,
}

/// Executions that the store may not have yet: beyond [`RECENT_ALERTS`] those are forgotten that it has. While it takes nothing,
/// their number is bounded by what the journal takes.
#[derive(Default)]
struct Recent {
    executions: Mutex<HashMap<AlertKey, (ExecutionId, Timestamp)>>,
    /// Whether it is being waited for what the store has.
    is_swept: AtomicBool,
}

struct Turns([tokio::sync::Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| tokio::sync::Mutex::default()))
    }
}

/// The turn of a submission: no other for the same alert is accepted before it is dropped.
pub(crate) struct AlertTurn<'a> {
    alerts: &'a Alerts,
    key: AlertKey,
    _turn: Turn<'a, ()>,
}

impl Alerts {
    /// The turn of a submission for an alert; `None` if it does not ask for the same alert, or has none.
    pub(crate) async fn turn(&self, submission: &Submission, playbook: &Name) -> Option<AlertTurn<'_>> {
        submission.deduplicate?;
        let alert = submission.alert_id.clone()?;
        let key = (submission.tenant.clone(), playbook.clone(), alert);
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or_default();
        let turn = self.turns.0[at].lock().await;
        Some(AlertTurn { alerts: self, key, _turn: turn })
    }
}

impl Recent {
    fn executions(&self) -> MutexGuard<'_, HashMap<AlertKey, (ExecutionId, Timestamp)>> {
        self.executions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets those that the store has, once it has all that are here now.
    async fn sweep(&self, context: &EngineContext) {
        let all: Vec<(AlertKey, ExecutionId)> =
            self.executions().iter().map(|(key, (peid, _))| (key.clone(), *peid)).collect();
        if context.flush().await.is_ok() {
            let mut executions = self.executions();
            for (key, peid) in all {
                if executions.get(&key).is_some_and(|(of, _)| *of == peid) {
                    executions.remove(&key);
                }
            }
        }
        self.is_swept.store(false, Ordering::Release);
    }
}

impl AlertTurn<'_> {
    /// The newest execution within the window of the submission.
    ///
    /// # Errors
    /// The store did not answer, or the engine has failed.
    pub(crate) async fn first(
        &self,
        context: &Arc<EngineContext>,
        submission: &Submission,
    ) -> Result<Option<Handle>, Refusal> {
        let window = submission.deduplicate.unwrap_or_default();
        let millis = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        let since = Timestamp(context.clock.now().0.saturating_sub(millis));
        let recent = self
            .alerts
            .recent
            .executions()
            .get(&self.key)
            .filter(|(_, at)| *at >= since)
            .map(|(peid, _)| *peid);
        let found = match recent {
            Some(peid) => Some(peid),
            None => {
                let (tenant, playbook, alert_id) = self.key.clone();
                context.store.newest_of_alert(AlertQuery { tenant, alert_id, playbook, since }).await?
            }
        };
        let Some(peid) = found else { return Ok(None) };
        let handle = Handle::find(context, &self.key.0, peid).await.map_err(ReadError::into_refusal)?;
        Ok(handle.map(Handle::of_the_same_alert))
    }

    /// An execution was accepted. Waits for nothing: the store may be away.
    pub(crate) fn accepted(self, context: &Arc<EngineContext>, peid: ExecutionId) {
        let (at, recent) = (context.clock.now(), &self.alerts.recent);
        let many = {
            let mut executions = recent.executions();
            executions.insert(self.key.clone(), (peid, at));
            executions.len() >= RECENT_ALERTS
        };
        if many && !recent.is_swept.swap(true, Ordering::AcqRel) {
            let (recent, context) = (recent.clone(), context.clone());
            let timer = context.timer.handle();
            timer.spawn(async move { recent.sweep(&context).await });
        }
    }
}
