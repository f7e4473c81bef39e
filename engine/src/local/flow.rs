//! Flow control over the local socket: quotas, pauses of all that is of a tenant or playbook, and circuits of which people decide.

use serde::{Deserialize, Serialize};
use updraft_actors::gates::CircuitName;
use updraft_kernel::circuit::ForcedCircuit;
use updraft_protocol::{Asked, Name, PauseScope, Quota, TenantCode, Timestamp};

use super::client::{Client, Error};
use super::message::{Answer, Ask};
use crate::breakers::ForcedBreaker;

/// The circuits that a person decides of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CircuitOf {
    integration: Name,
    tenant: Option<TenantCode>,
    host: Option<String>,
}

/// Whether calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Forced {
    Open,
    Closed,
}

/// What a person has decided.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BreakerLine {
    circuit: CircuitOf,
    forced: Forced,
    uid: Option<String>,
    reason: Option<String>,
    since: Timestamp,
}

impl Client {
    /// The tenants that have other quotas than the default; as [`Engine::quotas`](crate::Engine::quotas).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn quotas(&self) -> Result<Vec<(TenantCode, Quota)>, Error> {
        self.lines(Ask::Quotas {}, |answer| match answer {
            Answer::Quota(tenant, quota) => Ok((tenant, quota)),
            other => Err(other),
        })
        .await
    }

    /// Sets the quotas of a tenant, or clears what was set; as [`Engine::set_quota`](crate::Engine::set_quota) and
    /// [`Engine::clear_quota`](crate::Engine::clear_quota).
    ///
    /// # Errors
    /// It makes no sense, no engine runs there, or it does not answer: then it may hold.
    pub async fn set_quota(
        &self,
        tenant: TenantCode,
        quota: Option<Quota>,
        asked: Asked,
    ) -> Result<(), Error> {
        self.lines(Ask::SetQuota { tenant, quota, asked }, Err::<(), Answer>).await.map(drop)
    }

    /// Forgets kept answers of a tool; as [`CachedAnswers::forget`](crate::CachedAnswers::forget).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer: then they may be forgotten.
    pub async fn forget_answers(
        &self,
        tenant: TenantCode,
        tool: Name,
        (action, value): (Option<Name>, Option<String>),
    ) -> Result<(), Error> {
        self.lines(Ask::ForgetAnswers { tenant, tool, action, value }, Err::<(), Answer>).await.map(drop)
    }

    /// What is paused as a whole; as [`Engine::paused_scopes`](crate::Engine::paused_scopes).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn paused_scopes(&self) -> Result<Vec<(PauseScope, Asked)>, Error> {
        self.lines(Ask::PausedScopes {}, |answer| match answer {
            Answer::PausedScope(scope, asked) => Ok((scope, asked)),
            other => Err(other),
        })
        .await
    }

    /// Pauses all executions of a scope, or lets them go on; as [`Engine::pause_all`](crate::Engine::pause_all) and
    /// [`Engine::resume_all`](crate::Engine::resume_all).
    ///
    /// # Errors
    /// It is not paused, no engine runs there, or it does not answer: then a part may be done.
    pub async fn pause_all(&self, scope: PauseScope, is_paused: bool, asked: Asked) -> Result<usize, Error> {
        match self.ask(Ask::PauseAll { scope, is_paused, asked }).await?.next().await? {
            Answer::Held(held) => Ok(held),
            other => Err(self.beside(&other)),
        }
    }

    /// What people have decided of circuits; as [`Engine::forced_breakers`](crate::Engine::forced_breakers).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn forced_breakers(&self) -> Result<Vec<ForcedBreaker>, Error> {
        self.lines(Ask::ForcedBreakers {}, |answer| match answer {
            Answer::Breaker(line) => Ok((*line).into()),
            other => Err(other),
        })
        .await
    }

    /// Decides of circuits, or leaves them to their calls again; as [`Engine::force_breaker`](crate::Engine::force_breaker) and
    /// [`Engine::release_breaker`](crate::Engine::release_breaker).
    ///
    /// # Errors
    /// There is no such integration, nothing was decided, no engine runs there, or it does not answer: then it may hold.
    pub async fn force_breaker(
        &self,
        circuit: CircuitName,
        forced: Option<ForcedCircuit>,
        asked: Asked,
    ) -> Result<(), Error> {
        let (circuit, forced) = (circuit.into(), forced.map(Forced::from));
        self.lines(Ask::ForceBreaker { circuit, forced, asked }, Err::<(), Answer>).await.map(drop)
    }

    /// All lines of an answer.
    pub(super) async fn lines<T>(
        &self,
        ask: Ask,
        line: impl Fn(Answer) -> Result<T, Answer>,
    ) -> Result<Vec<T>, Error> {
        let mut talk = self.ask(ask).await?;
        let mut lines = Vec::new();
        loop {
            match talk.next().await? {
                Answer::End { .. } => return Ok(lines),
                answer => lines.push(line(answer).map_err(|other| self.beside(&other))?),
            }
        }
    }
}

/// What an ask about flow control comes to, or the last line in its place; `None` for another ask.
#[cfg(unix)]
pub(super) async fn told(context: &super::LocalContext, ask: &Ask) -> Option<Result<Vec<Answer>, Answer>> {
    use crate::pauses::Pausing;
    use crate::settings::SettingError;
    use crate::{breakers, quotas};
    let engine = &context.engine;
    let failed =
        |error: SettingError| Answer::Error { message: error.to_string(), retryable: error.retryable() };
    let done = match ask.clone() {
        Ask::Quotas {} => {
            let all = quotas::list(engine).into_iter();
            Ok(all.map(|(tenant, quota)| Answer::Quota(tenant, quota)).collect())
        }
        Ask::SetQuota { tenant, quota: Some(quota), asked } => {
            quotas::set(engine, &tenant, quota, &asked).await.map(|()| Vec::new())
        }
        Ask::SetQuota { tenant, quota: None, asked } => {
            quotas::clear(engine, &tenant, &asked).await.map(|()| Vec::new())
        }
        Ask::PausedScopes {} => {
            let all = engine.pauses.list().into_iter();
            Ok(all.map(|(scope, asked)| Answer::PausedScope(scope, asked)).collect())
        }
        Ask::PauseAll { scope, is_paused, asked } => {
            let pausing = Pausing { context: engine, trouble: &context.writing.trouble };
            let held = if is_paused {
                pausing.pause(scope, asked).await
            } else {
                pausing.resume(scope, asked).await
            };
            held.map(|held| vec![Answer::Held(held)])
        }
        Ask::ForcedBreakers {} => breakers::forced_breakers(engine)
            .await
            .map(|all| all.into_iter().map(|breaker| Answer::Breaker(Box::new(breaker.into()))).collect()),
        Ask::ForceBreaker { circuit, forced: Some(forced), asked } => {
            breakers::force(engine, &circuit.into(), forced.into(), &asked).await.map(|()| Vec::new())
        }
        Ask::ForceBreaker { circuit, forced: None, asked } => {
            breakers::release(engine, &circuit.into(), &asked).await.map(|()| Vec::new())
        }
        Ask::ForgetAnswers { tenant, tool, action, value } => {
            engine.answers.forget(&tenant, &tool, action.as_ref(), value.as_deref()).await;
            Ok(Vec::new())
        }
        _ => return None,
    };
    Some(done.map_err(failed))
}

impl From<CircuitName> for CircuitOf {
    fn from(CircuitName { integration, tenant, host }: CircuitName) -> Self {
        Self { integration, tenant, host }
    }
}

impl From<CircuitOf> for CircuitName {
    fn from(CircuitOf { integration, tenant, host }: CircuitOf) -> Self {
        Self { integration, tenant, host }
    }
}

impl From<ForcedCircuit> for Forced {
    fn from(forced: ForcedCircuit) -> Self {
        match forced {
            ForcedCircuit::Open => Self::Open,
            ForcedCircuit::Closed => Self::Closed,
        }
    }
}

impl From<Forced> for ForcedCircuit {
    fn from(forced: Forced) -> Self {
        match forced {
            Forced::Open => Self::Open,
            Forced::Closed => Self::Closed,
        }
    }
}

impl From<ForcedBreaker> for BreakerLine {
    fn from(ForcedBreaker { circuit, forced, uid, reason, since }: ForcedBreaker) -> Self {
        Self { circuit: circuit.into(), forced: forced.into(), uid, reason, since }
    }
}

impl From<BreakerLine> for ForcedBreaker {
    fn from(BreakerLine { circuit, forced, uid, reason, since }: BreakerLine) -> Self {
        Self { circuit: circuit.into(), forced: forced.into(), uid, reason, since }
    }
}
