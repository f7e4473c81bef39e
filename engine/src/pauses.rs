//! Pauses of all executions of a tenant or of a playbook: what runs is paused, what is queued does not begin, what is submitted is
//! queued, until an operator resumes it. Stored before anything is paused, so that a restart holds it too. Each change is audited.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use updraft_actors::EngineContext;
use updraft_protocol::limits::{FLUSH_STANDSTILL, PAGE_ROWS, PAUSED_AT_ONCE};
use updraft_protocol::{
    Applied, Asked, ExecutionDocument, ExecutionId, ExecutionStatus, Json, PauseScope, SettingKind,
};
use updraft_storage::page;
use updraft_storage::store::{Cursor, Detail, ExecutionQuery, ExecutionsOf};

use crate::engine::Engine;
use crate::error::{ControlError, ReadError, StartError};
use crate::handle::Handle;
use crate::settings::{SettingError, SettingName, Settings, unreadable};
use crate::standstill::StoreWait;

impl Engine {
    /// Pauses all executions of a tenant, or of a playbook of it in every version: queued ones do not begin, new submissions are
    /// queued, and what runs is paused as by [`Handle::pause`]. Holds until [`Engine::resume_all`], also after a restart. Returns
    /// how many were paused that ran.
    ///
    /// # Errors
    /// It is not said who asks for it, or the store did not answer: then a part may be paused, and the same call goes on.
    pub async fn pause_all(&self, scope: PauseScope, asked: Asked) -> Result<usize, SettingError> {
        self.pausing().pause(scope, asked).await
    }

    /// Lets all executions of a scope go on that was paused as a whole; those that a person has paused alone stay so. Returns how many
    /// were resumed that had run.
    ///
    /// # Errors
    /// It is not paused, it is not said who asks for it, or the store did not answer: then a part may go on, and the same call goes on.
    pub async fn resume_all(&self, scope: PauseScope, asked: Asked) -> Result<usize, SettingError> {
        self.pausing().resume(scope, asked).await
    }

    /// What is paused as a whole, and who asked for it.
    pub fn paused_scopes(&self) -> Vec<(PauseScope, Asked)> {
        self.context.pauses.list()
    }

    /// Pauses what runs of the scopes that are paused: a crash may have come before.
    pub(crate) async fn hold_all(&self) -> Result<(), StartError> {
        let _alone = self.context.pauses.changing().await;
        for (scope, asked) in self.context.pauses.list() {
            match self.pausing().hold(&scope, &asked).await {
                Ok(_) => {}
                Err(error @ SettingError::Store(_)) => return Err(error.into()),
                Err(error) => tracing::warn!(%error, "what runs of a paused scope was not paused"),
            }
        }
        Ok(())
    }

    fn pausing(&self) -> Pausing<'_> {
        Pausing { context: &self.context, trouble: &self.writing.trouble }
    }
}

/// Pauses and resumes whole scopes of an engine.
pub(crate) struct Pausing<'a> {
    pub(crate) context: &'a Arc<EngineContext>,
    /// Why the store does not take updates, while it does not.
    pub(crate) trouble: &'a watch::Receiver<Option<Arc<str>>>,
}

impl Pausing<'_> {
    /// As [`Engine::pause_all`].
    pub(crate) async fn pause(&self, scope: PauseScope, asked: Asked) -> Result<usize, SettingError> {
        let value = serde_json::to_value(&asked).map_err(|error| SettingError::Invalid(error.to_string()))?;
        let name = scope.to_string();
        let _alone = self.context.pauses.changing().await;
        Settings::of(self.context).set(named(&scope, &name), Json::from(value), &asked).await?;
        self.context.pause(&scope, Some(asked.clone()));
        self.hold(&scope, &asked).await
    }

    /// As [`Engine::resume_all`].
    pub(crate) async fn resume(&self, scope: PauseScope, asked: Asked) -> Result<usize, SettingError> {
        let _alone = self.context.pauses.changing().await;
        let paused = self.context.pauses.of(&scope);
        let mut resumed = self.release(&scope, (paused.as_ref(), &asked)).await?;
        let name = scope.to_string();
        Settings::of(self.context).clear(named(&scope, &name), &asked).await?;
        self.context.pause(&scope, None);
        // Those that have begun meanwhile, and have paused with their scope.
        resumed += self.release(&scope, (paused.as_ref(), &asked)).await?;
        Ok(resumed)
    }

    /// Lets go on what `paused` has paused with its scope; returns how many.
    async fn release(
        &self,
        scope: &PauseScope,
        (paused, asked): (Option<&Asked>, &Asked),
    ) -> Result<usize, SettingError> {
        let Some(paused) = paused else { return Ok(0) };
        let is_held = |document: &ExecutionDocument| {
            let cause = document.state.pause.as_ref().and_then(|pause| pause.cause.asked());
            cause == Some(paused)
        };
        let mut resumed = 0;
        for peid in self.of_scope(scope, ExecutionStatus::Paused, is_held).await? {
            let resume = |handle: Handle| {
                let asked = asked.clone();
                async move { handle.resume(asked).await }
            };
            resumed += usize::from(self.ask_of(scope, peid, resume).await);
        }
        Ok(resumed)
    }

    async fn hold(&self, scope: &PauseScope, asked: &Asked) -> Result<usize, SettingError> {
        let running = self.of_scope(scope, ExecutionStatus::Executing, |_| true).await?;
        let paused = stream::iter(running).map(|peid| {
            self.ask_of(scope, peid, |handle| {
                let asked = asked.clone();
                async move { handle.pause(asked).await }
            })
        });
        Ok(paused.buffer_unordered(PAUSED_AT_ONCE).filter(|paused| std::future::ready(*paused)).count().await)
    }

    /// Asks something of an execution that runs here; returns whether it did.
    async fn ask_of<F: Future<Output = Result<Applied, ControlError>>>(
        &self,
        scope: &PauseScope,
        peid: ExecutionId,
        ask: impl FnOnce(Handle) -> F,
    ) -> bool {
        let handle = Handle::stored(self.context.clone(), scope.tenant.clone(), peid);
        if handle.entry.is_none() {
            return false;
        }
        // One that has ended meanwhile, or is queued, needs nothing.
        matches!(ask(handle).await, Ok(Applied::Paused | Applied::Resumed))
    }

    /// The stored executions of a scope in a status.
    async fn of_scope(
        &self,
        scope: &PauseScope,
        status: ExecutionStatus,
        fits: impl Fn(&ExecutionDocument) -> bool,
    ) -> Result<Vec<ExecutionId>, SettingError> {
        let wait = StoreWait { context: self.context, trouble: self.trouble, longest: FLUSH_STANDSTILL };
        wait.within(self.context.flush()).await.map_err(ReadError::from)?.map_err(ReadError::from)?;
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (tenant, of) = (scope.tenant.clone(), ExecutionsOf::Status(status));
            let query = ExecutionQuery { tenant, of, after, limit: PAGE_ROWS, detail: Detail::Summary };
            let page = self.context.store.executions(query).await.map_err(ReadError::from)?;
            let own = |document: &&ExecutionDocument| {
                scope.playbook.as_ref().is_none_or(|name| *name == document.head.playbook_name)
            };
            found.extend(page.iter().filter(own).filter(|one| fits(one)).map(|one| one.peid));
            match page.last() {
                Some(last) if page::is_full(&page, PAGE_ROWS) => {
                    after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
                }
                _ => return Ok(found),
            }
        }
    }
}

/// Has the pauses hold that were asked for before.
pub(crate) async fn load(context: &EngineContext) -> Result<(), SettingError> {
    for setting in Settings::of(context).all(SettingKind::Pause).await? {
        let scope = SettingKind::Pause.name_in(&setting.key).and_then(|name| name.parse().ok());
        match (scope, serde_json::from_str::<Asked>(setting.value.as_str())) {
            (Some(scope), Ok(asked)) => context.pause(&scope, Some(asked)),
            _ => return Err(unreadable(&setting)),
        }
    }
    Ok(())
}

fn named<'a>(scope: &'a PauseScope, name: &'a str) -> SettingName<'a> {
    SettingName { kind: SettingKind::Pause, name, tenant: Some(&scope.tenant) }
}
