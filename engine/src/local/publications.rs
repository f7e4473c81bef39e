//! Publications over the local socket: what is asked of the engine that runs on a data directory, and its answers.

use serde::{Deserialize, Serialize};
use updraft_protocol::{Asked, Name, Publication, TenantCode};

use super::client::{Client, Error};
use super::message::{Answer, Ask};
use crate::publications::{PublicationEntry, PublishFrom};

/// What is asked about publications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum PublicationAsk {
    /// Check one and store it.
    Put { tenant: TenantCode, publication: Box<Publication>, from: PublishFrom, asked: Asked },
    /// Those of a tenant.
    List { tenant: TenantCode },
    /// Pause one, or let it go on.
    Pause { tenant: TenantCode, name: Name, is_paused: bool, asked: Asked },
    /// Remove one.
    Remove { tenant: TenantCode, name: Name, asked: Asked },
}

impl Client {
    /// Puts a publication; as [`Publications::put`](crate::Publications::put).
    ///
    /// # Errors
    /// It makes no sense, no engine runs there, or it does not answer: then it may hold.
    pub async fn put_publication(
        &self,
        tenant: &TenantCode,
        publication: Publication,
        from: PublishFrom,
        asked: Asked,
    ) -> Result<bool, Error> {
        let (tenant, publication) = (tenant.clone(), Box::new(publication));
        let ask = PublicationAsk::Put { tenant, publication, from, asked };
        match self.ask(Ask::Publication(ask)).await?.next().await? {
            Answer::PublicationPut(is_new) => Ok(is_new),
            other => Err(self.beside(&other)),
        }
    }

    /// The publications of a tenant; as [`Publications::list`](crate::Publications::list).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn publications(&self, tenant: &TenantCode) -> Result<Vec<PublicationEntry>, Error> {
        self.published(PublicationAsk::List { tenant: tenant.clone() }).await
    }

    /// Pauses a publication, or lets it go on; as [`Publications::pause`](crate::Publications::pause) and
    /// [`Publications::resume`](crate::Publications::resume).
    ///
    /// # Errors
    /// There is none, it is so already, no engine runs there, or it does not answer: then it may be so.
    pub async fn pause_publication(
        &self,
        tenant: &TenantCode,
        name: &Name,
        is_paused: bool,
        asked: Asked,
    ) -> Result<(), Error> {
        let (tenant, name) = (tenant.clone(), name.clone());
        self.published(PublicationAsk::Pause { tenant, name, is_paused, asked }).await.map(drop)
    }

    /// Removes a publication; as [`Publications::remove`](crate::Publications::remove).
    ///
    /// # Errors
    /// There is none, no engine runs there, or it does not answer: then it may be removed.
    pub async fn remove_publication(
        &self,
        tenant: &TenantCode,
        name: &Name,
        asked: Asked,
    ) -> Result<(), Error> {
        let (tenant, name) = (tenant.clone(), name.clone());
        self.published(PublicationAsk::Remove { tenant, name, asked }).await.map(drop)
    }

    async fn published(&self, ask: PublicationAsk) -> Result<Vec<PublicationEntry>, Error> {
        self.lines(Ask::Publication(ask), |answer| match answer {
            Answer::Publication(entry) => Ok(*entry),
            other => Err(other),
        })
        .await
    }
}

/// What an ask about publications comes to, or the last line in its place; `None` for another ask.
#[cfg(unix)]
pub(super) async fn published(
    context: &super::LocalContext,
    ask: &Ask,
) -> Option<Result<Vec<Answer>, Answer>> {
    use crate::publications::{PublicationError, Publications};
    let Ask::Publication(ask) = ask else { return None };
    let events = crate::events::Events::of(&context.engine, &context.writing);
    let changes = context.submitter.publications.clone();
    let publications = Publications::of(context.engine.clone(), events, changes);
    let failed =
        |error: PublicationError| Answer::Error { message: error.to_string(), retryable: error.retryable() };
    let done = match ask.clone() {
        PublicationAsk::Put { tenant, publication, from, asked } => {
            let put = publications.put(&tenant, *publication, from, asked).await;
            put.map(|is_new| vec![Answer::PublicationPut(is_new)])
        }
        PublicationAsk::List { tenant } => {
            let line = |entry: PublicationEntry| Answer::Publication(Box::new(entry));
            publications.list(&tenant).await.map(|page| page.into_iter().map(line).collect())
        }
        PublicationAsk::Pause { tenant, name, is_paused: true, asked } => {
            publications.pause(&tenant, &name, asked).await.map(|()| Vec::new())
        }
        PublicationAsk::Pause { tenant, name, is_paused: false, asked } => {
            publications.resume(&tenant, &name, asked).await.map(|()| Vec::new())
        }
        PublicationAsk::Remove { tenant, name, asked } => {
            publications.remove(&tenant, &name, asked).await.map(|()| Vec::new())
        }
    };
    Some(done.map_err(failed))
}
