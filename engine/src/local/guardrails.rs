//! Guardrails over the local socket: what an operator asks of the engine that runs on a data directory, and its answers.

use updraft_protocol::{Asked, AuditRecord, Guardrail, Name};
use updraft_storage::store::AuditQuery;

use super::client::{Client, Error};
use super::message::{Answer, Ask};
use crate::guardrails::GuardrailEntry;

impl Client {
    /// The guardrails; as [`Guardrails::list`](crate::Guardrails::list).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn guardrails(&self) -> Result<Vec<GuardrailEntry>, Error> {
        let mut talk = self.ask(Ask::Guardrails {}).await?;
        let mut entries = Vec::new();
        loop {
            match talk.next().await? {
                Answer::Guardrail(entry) => entries.push(*entry),
                Answer::End { .. } => return Ok(entries),
                other => return Err(self.beside(&other)),
            }
        }
    }

    /// Sets guardrails, all or none; as [`Guardrails::set_all`](crate::Guardrails::set_all).
    ///
    /// # Errors
    /// One makes no sense, no engine runs there, or it does not answer: then they may hold.
    pub async fn set_guardrails(&self, guardrails: Vec<Guardrail>, asked: Asked) -> Result<(), Error> {
        self.change_guardrails(Ask::SetGuardrails { guardrails, asked }).await
    }

    /// Clears a guardrail; as [`Guardrails::clear`](crate::Guardrails::clear).
    ///
    /// # Errors
    /// There is none, no engine runs there, or it does not answer: then it may not hold any more.
    pub async fn clear_guardrail(&self, name: Name, asked: Asked) -> Result<(), Error> {
        self.change_guardrails(Ask::ClearGuardrail { name, asked }).await
    }

    /// A page of the audit; as [`Guardrails::audit`](crate::Guardrails::audit).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, Error> {
        let AuditQuery { tenant, after, limit } = query;
        let mut talk = self.ask(Ask::Audit { tenant, after, limit }).await?;
        let mut records = Vec::new();
        loop {
            match talk.next().await? {
                Answer::Audited(record) => records.push(*record),
                Answer::End { .. } => return Ok(records),
                other => return Err(self.beside(&other)),
            }
        }
    }

    async fn change_guardrails(&self, ask: Ask) -> Result<(), Error> {
        match self.ask(ask).await?.next().await? {
            Answer::End { .. } => Ok(()),
            other => Err(self.beside(&other)),
        }
    }
}

/// What an ask about guardrails comes to, or the last line in its place; `None` for another ask.
#[cfg(unix)]
pub(super) async fn guarded(context: &super::LocalContext, ask: &Ask) -> Option<Result<Vec<Answer>, Answer>> {
    use crate::guardrails::{GuardrailError, Guardrails};
    let guardrails = Guardrails::of(context.engine.clone());
    let failed =
        |error: GuardrailError| Answer::Error { message: error.to_string(), retryable: error.retryable() };
    Some(match ask.clone() {
        Ask::Guardrails {} => match guardrails.list().await {
            Ok(entries) => Ok(entries.into_iter().map(|entry| Answer::Guardrail(Box::new(entry))).collect()),
            Err(error) => Err(failed(error.into())),
        },
        Ask::SetGuardrails { guardrails: all, asked } => {
            guardrails.set_all(all, asked).await.map(|()| Vec::new()).map_err(failed)
        }
        Ask::ClearGuardrail { name, asked } => {
            guardrails.clear(&name, asked).await.map(|()| Vec::new()).map_err(failed)
        }
        Ask::Audit { tenant, after, limit } => {
            let limit = limit.min(updraft_protocol::limits::PAGE_ROWS);
            match guardrails.audit(AuditQuery { tenant, after, limit }).await {
                Ok(page) => Ok(page.into_iter().map(|record| Answer::Audited(Box::new(record))).collect()),
                Err(error) => Err(failed(error.into())),
            }
        }
        _ => return None,
    })
}
