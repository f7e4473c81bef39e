//! Tokens of OAuth 2 (RFC 6749): fetched once for all waiting calls, kept only in memory, renewed before they expire
//! and after a tool has refused one. Judges no destination; the caller provides the fetch.
//!
//! A fetch is a task of its own. The waiting calls may be dropped; the server's answer is kept nevertheless, since a
//! refresh token that works once is replaced only in that answer.

mod kept;
mod key;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout};
use tracing::Instrument;
use updraft_protocol::limits::{
    HTTP_REFRESH_TOKENS, HTTP_REFRESH_TOKENS_OF_TENANT, HTTP_TOKEN_FETCH, HTTP_TOKEN_LIFE, HTTP_TOKEN_RENEW,
    HTTP_TOKENS, HTTP_TOKENS_OF_TENANT,
};
use updraft_protocol::{Failure, FailureKind, Secret};

use self::kept::{Kept, Worth, Worthy};
pub(crate) use self::key::Key;
use super::hosts::{Hosts, Place};

/// The tokens of all tenants.
pub(crate) struct Tokens(Arc<Inner>);

struct Inner {
    access: Mutex<Kept<Access>>,
    /// Separate from access tokens, which are easily fetched again: if one of these is lost, a person must log in
    /// again.
    refresh: Mutex<Kept<Refresh>>,
    /// A permit for each fetch. With as many as there are tokens, a token that is not being fetched can always make
    /// room.
    places: Hosts,
}

/// An access token, while it exists and while it is fetched.
#[derive(Default)]
struct Access {
    token: Option<Token>,
    /// Receives the result of the fetch. Closed if the runtime of the fetch has ended.
    fetching: Option<Receiver<Option<Outcome>>>,
}

/// The server's replacement of the last refresh token (RFC 6749, 6). Locked during an exchange, since a token may work
/// only once. Independent of runtimes, since any shard may exchange it.
#[derive(Clone, Default)]
struct Refresh(Arc<tokio::sync::Mutex<Option<Secret>>>);

/// The result of a fetch for all waiting calls.
type Outcome = Result<Secret, Failure>;

/// A token, and when it is to be renewed.
struct Token {
    secret: Secret,
    renew_at: Instant,
}

/// The answer of a token server.
pub(crate) struct Fetched {
    /// Or why there is none: the refresh token beside it is the current one nevertheless.
    pub(crate) access_token: Result<Secret, Failure>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) refresh_token: Option<Secret>,
}

/// The next step for a call that needs a token.
enum Turn {
    /// None: there is a token.
    Take(Secret),
    /// Wait: it is being fetched.
    Await(Receiver<Option<Outcome>>),
    /// Fetch it, which needs a permit.
    Enter,
    /// Fetch it, and report the result to the others.
    Fetch(Sender<Option<Outcome>>, Receiver<Option<Outcome>>),
    /// Fail: there is no room for it.
    Refused,
}

impl Default for Tokens {
    fn default() -> Self {
        Self(Arc::new(Inner {
            access: Mutex::new(Kept::new(HTTP_TOKENS, HTTP_TOKENS_OF_TENANT)),
            refresh: Mutex::new(Kept::new(HTTP_REFRESH_TOKENS, HTTP_REFRESH_TOKENS_OF_TENANT)),
            places: Hosts::new(HTTP_TOKENS, HTTP_TOKENS_OF_TENANT),
        }))
    }
}

impl Tokens {
    /// The current token, or the result of a fetch: concurrent calls wait for the same fetch, and share its result,
    /// including a failure. The fetch continues if they are dropped. `prepare` makes the fetch, which gets the current
    /// refresh token if it is not the configured one; `refresh` is the key of the refresh token, if there is one.
    pub(crate) async fn token<G, F>(
        &self,
        key: &Key,
        refresh: Option<&Key>,
        prepare: impl FnOnce() -> Result<G, Failure>,
    ) -> Outcome
    where
        G: FnOnce(Option<Secret>) -> F + Send + 'static,
        F: Future<Output = Result<Fetched, Failure>> + Send + 'static,
    {
        let mut place = None;
        let (tell, told) = loop {
            match self.0.turn(key, place.is_some()) {
                Turn::Take(token) => return Ok(token),
                Turn::Await(told) => {
                    place = None;
                    if let Some(outcome) = outcome(told).await {
                        return outcome;
                    }
                }
                Turn::Enter => {
                    place = Some(self.0.places.enter(&key.tenant, "").await.map_err(|_| crowded())?);
                }
                Turn::Fetch(tell, told) => break (tell, told),
                Turn::Refused => return Err(crowded()),
            }
        };
        // If there is no fetch, the waiting calls get no result, and the next one fetches.
        self.begin(key, refresh, prepare()?, (tell, place))?;
        outcome(told).await.unwrap_or_else(|| Err(no_token("the fetch broke off")))
    }

    /// Fetches, independently of the waiting calls.
    fn begin<G, F>(
        &self,
        key: &Key,
        refresh: Option<&Key>,
        fetch: G,
        (tell, place): (Sender<Option<Outcome>>, Option<Place>),
    ) -> Result<(), Failure>
    where
        G: FnOnce(Option<Secret>) -> F + Send + 'static,
        F: Future<Output = Result<Fetched, Failure>> + Send + 'static,
    {
        let refresh = refresh.map(|key| lock(&self.0.refresh).place(key).cloned().ok_or_else(crowded));
        let (refresh, inner, key) = (refresh.transpose()?, self.0.clone(), key.clone());
        let task = async move {
            let fetched = match refresh {
                Some(refresh) => refresh.exchange(fetch).await,
                None => bounded(fetch(None)).await,
            };
            inner.settle(&key, &tell, fetched);
            drop(place);
        };
        tokio::spawn(task.in_current_span());
        Ok(())
    }

    /// A tool has refused this token: it is not used again.
    pub(crate) fn refused(&self, key: &Key, token: &Secret) {
        let mut access = lock(&self.0.access);
        if let Some(access) = access.find(key)
            && access.token.as_ref().is_some_and(|kept| kept.secret == *token)
        {
            access.token = None;
        }
    }
}

impl Inner {
    fn turn(&self, key: &Key, has_place: bool) -> Turn {
        let mut kept = lock(&self.access);
        if let Some(access) = kept.find(key) {
            if let Some(token) = access.good() {
                return Turn::Take(token.secret.clone());
            }
            if let Some(told) = access.fetching() {
                return Turn::Await(told.clone());
            }
        }
        if !has_place {
            return Turn::Enter;
        }
        let Some(access) = kept.place(key) else { return Turn::Refused };
        let (tell, told) = channel(None);
        access.fetching = Some(told.clone());
        Turn::Fetch(tell, told)
    }

    /// Keeps the result of a fetch, and reports it to the waiting calls.
    fn settle(&self, key: &Key, tell: &Sender<Option<Outcome>>, fetched: Result<Fetched, Failure>) {
        let token = fetched.and_then(Token::of);
        let outcome = token.as_ref().map(|token| token.secret.clone()).map_err(Clone::clone);
        if let Some(access) = lock(&self.access).find(key) {
            *access = Access { token: token.ok(), fetching: None };
        }
        tell.send_replace(Some(outcome));
    }
}

impl Access {
    fn good(&self) -> Option<&Token> {
        self.token.as_ref().filter(|token| Instant::now() < token.renew_at)
    }

    fn fetching(&self) -> Option<&Receiver<Option<Outcome>>> {
        self.fetching.as_ref().filter(|told| told.has_changed().is_ok())
    }
}

impl Worthy for Access {
    fn worth(&self) -> Worth {
        match (self.fetching(), self.good()) {
            (Some(_), _) => Worth::Busy,
            (None, Some(_)) => Worth::Something,
            (None, None) => Worth::Nothing,
        }
    }
}

impl Refresh {
    /// Exchanges the refresh token, and keeps the new one. Exchanges are serialized: two at once would send the same
    /// one.
    async fn exchange<G, F>(self, fetch: G) -> Result<Fetched, Failure>
    where
        G: FnOnce(Option<Secret>) -> F,
        F: Future<Output = Result<Fetched, Failure>>,
    {
        let late = || no_token(format_args!("its refresh token was in use for {HTTP_TOKEN_FETCH:?}"));
        let mut rotated = timeout(HTTP_TOKEN_FETCH, self.0.lock()).await.map_err(|_| late())?;
        let fetched = bounded(fetch(rotated.clone())).await?;
        if let Some(next) = &fetched.refresh_token {
            *rotated = Some(next.clone());
        }
        Ok(fetched)
    }
}

impl Worthy for Refresh {
    fn worth(&self) -> Worth {
        match self.0.try_lock() {
            // Clones are made under the common lock: another one would exist by now.
            Ok(rotated) if Arc::strong_count(&self.0) == 1 => match *rotated {
                Some(_) => Worth::Something,
                None => Worth::Nothing,
            },
            _ => Worth::Busy,
        }
    }
}

impl Token {
    fn of(fetched: Fetched) -> Result<Self, Failure> {
        let life = fetched.expires_in.unwrap_or(HTTP_TOKEN_LIFE);
        // Clock differences and the duration of a request must not exceed the expiry.
        let before = HTTP_TOKEN_RENEW.min(life / 4);
        Ok(Self { secret: fetched.access_token?, renew_at: Instant::now() + (life - before) })
    }
}

async fn bounded(fetch: impl Future<Output = Result<Fetched, Failure>>) -> Result<Fetched, Failure> {
    let late = || no_token(format_args!("the token server did not answer within {HTTP_TOKEN_FETCH:?}"));
    timeout(HTTP_TOKEN_FETCH, fetch).await.map_err(|_| late())?
}

/// The result of a fetch; `None` if its task is gone.
async fn outcome(mut told: Receiver<Option<Outcome>>) -> Option<Outcome> {
    told.wait_for(Option::is_some).await.ok()?.clone()
}

fn crowded() -> Failure {
    no_token("too many tokens are being fetched")
}

/// The request was not sent to the tool.
fn no_token(message: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Unreachable, format!("no token: {message}")).with_may_have_acted(false)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
