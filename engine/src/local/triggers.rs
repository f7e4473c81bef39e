//! Triggers over the local socket: what is asked of the engine that runs on a data directory, and its answers.

use serde::{Deserialize, Serialize};
use updraft_protocol::{Asked, Name, TenantCode, Trigger};

use super::client::{Client, Error};
use super::message::{Answer, Ask};
use crate::triggers::{TriggerEntry, TriggerPut};

/// What is asked about triggers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum TriggerAsk {
    /// Check one and store it.
    Put { tenant: TenantCode, trigger: Box<Trigger>, asked: Asked },
    /// One by its name.
    Get { tenant: TenantCode, name: Name },
    /// One page of a tenant's.
    List { tenant: TenantCode, after: Option<Name>, limit: usize },
    /// Pause one, or let it fire again.
    Pause { tenant: TenantCode, name: Name, is_paused: bool, asked: Asked },
    /// Remove one.
    Remove { tenant: TenantCode, name: Name, asked: Asked },
}

impl Client {
    /// Puts a trigger; as [`Triggers::put`](crate::Triggers::put).
    ///
    /// # Errors
    /// It makes no sense, no engine runs there, or it does not answer: then it may hold.
    pub async fn put_trigger(
        &self,
        tenant: &TenantCode,
        trigger: Trigger,
        asked: Asked,
    ) -> Result<TriggerPut, Error> {
        let ask = TriggerAsk::Put { tenant: tenant.clone(), trigger: Box::new(trigger), asked };
        match self.ask(Ask::Trigger(ask)).await?.next().await? {
            Answer::TriggerPut(put) => Ok(put),
            other => Err(self.beside(&other)),
        }
    }

    /// A trigger by its name; as [`Triggers::get`](crate::Triggers::get).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn trigger(&self, tenant: &TenantCode, name: &Name) -> Result<Option<TriggerEntry>, Error> {
        let found = self.entries(TriggerAsk::Get { tenant: tenant.clone(), name: name.clone() }).await?;
        Ok(found.into_iter().next())
    }

    /// One page of a tenant's triggers; as [`Triggers::list`](crate::Triggers::list).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn triggers(
        &self,
        tenant: &TenantCode,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<TriggerEntry>, Error> {
        self.entries(TriggerAsk::List { tenant: tenant.clone(), after: after.cloned(), limit }).await
    }

    /// Pauses a trigger, or lets it fire again; as [`Triggers::pause`](crate::Triggers::pause) and
    /// [`Triggers::resume`](crate::Triggers::resume).
    ///
    /// # Errors
    /// There is none, it is so already, no engine runs there, or it does not answer: then it may be so.
    pub async fn pause_trigger(
        &self,
        tenant: &TenantCode,
        name: &Name,
        is_paused: bool,
        asked: Asked,
    ) -> Result<(), Error> {
        let (tenant, name) = (tenant.clone(), name.clone());
        self.entries(TriggerAsk::Pause { tenant, name, is_paused, asked }).await.map(drop)
    }

    /// Removes a trigger; as [`Triggers::remove`](crate::Triggers::remove).
    ///
    /// # Errors
    /// There is none, no engine runs there, or it does not answer: then it may be removed.
    pub async fn remove_trigger(&self, tenant: &TenantCode, name: &Name, asked: Asked) -> Result<(), Error> {
        let (tenant, name) = (tenant.clone(), name.clone());
        self.entries(TriggerAsk::Remove { tenant, name, asked }).await.map(drop)
    }

    async fn entries(&self, ask: TriggerAsk) -> Result<Vec<TriggerEntry>, Error> {
        self.lines(Ask::Trigger(ask), |answer| match answer {
            Answer::Trigger(entry) => Ok(*entry),
            other => Err(other),
        })
        .await
    }
}

/// What an ask about triggers comes to, or the last line in its place; `None` for another ask.
#[cfg(unix)]
pub(super) async fn triggered(
    context: &super::LocalContext,
    ask: &Ask,
) -> Option<Result<Vec<Answer>, Answer>> {
    use crate::triggers::{TriggerError, Triggers};
    let Ask::Trigger(ask) = ask else { return None };
    let triggers = Triggers::of(context.engine.clone(), context.submitter.triggers.clone());
    let failed =
        |error: TriggerError| Answer::Error { message: error.to_string(), retryable: error.retryable() };
    let line = |entry: TriggerEntry| Answer::Trigger(Box::new(entry));
    let done = match ask.clone() {
        TriggerAsk::Put { tenant, trigger, asked } => {
            triggers.put(&tenant, *trigger, asked).await.map(|put| vec![Answer::TriggerPut(put)])
        }
        TriggerAsk::Get { tenant, name } => {
            triggers.get(&tenant, &name).await.map(|found| found.into_iter().map(line).collect())
        }
        TriggerAsk::List { tenant, after, limit } => {
            let page = triggers.list(&tenant, after.as_ref(), limit).await;
            page.map(|page| page.into_iter().map(line).collect())
        }
        TriggerAsk::Pause { tenant, name, is_paused: true, asked } => {
            triggers.pause(&tenant, &name, asked).await.map(|()| Vec::new())
        }
        TriggerAsk::Pause { tenant, name, is_paused: false, asked } => {
            triggers.resume(&tenant, &name, asked).await.map(|()| Vec::new())
        }
        TriggerAsk::Remove { tenant, name, asked } => {
            triggers.remove(&tenant, &name, asked).await.map(|()| Vec::new())
        }
    };
    Some(done.map_err(failed))
}
