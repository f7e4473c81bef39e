//! Tokens of OAuth 2 (RFC 6749): fetched once for all that wait for one, kept in memory alone, renewed before they end and
//! after a tool has refused one. Judges no destination; whoever asks gives the way there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use updraft_protocol::limits::{HTTP_TOKEN_LIFE, HTTP_TOKEN_RENEW, HTTP_TOKENS, HTTP_TOKENS_OF_TENANT};
use updraft_protocol::{Failure, Secret, TenantCode};

use super::auth::{ClientAuth, Grant, OAuth2};

/// The tokens of all tenants.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<Key, Arc<Entry>>>);

/// Whose token it is and where it comes from. Secrets stand in it by their names: one that is renewed has the same token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    tenant: TenantCode,
    token_url: String,
    grant: &'static str,
    client_id: String,
    scope: Option<String>,
    parameters: Vec<(String, String)>,
    client_auth: ClientAuth,
    /// Place and name of each secret of `auth`.
    secrets: Vec<(String, String)>,
}

impl Key {
    /// The key of what a step asks for; `secrets` are the places and names of the secrets in its `auth`. A text that came
    /// from a secret is none of the key's.
    pub(crate) fn new(tenant: &TenantCode, asked: &OAuth2, secrets: Vec<(String, String)>) -> Self {
        let is_secret = |place: &str| secrets.iter().any(|(secret, _)| secret == place);
        let open = |place: &str, text: &str| if is_secret(place) { String::new() } else { text.to_owned() };
        let parameters = asked
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), open(&format!("/auth/oauth2/parameters/{name}"), value)));
        Self {
            tenant: tenant.clone(),
            token_url: asked.token_url.to_string(),
            grant: asked.grant_type(),
            client_id: open("/auth/oauth2/client_id", &asked.client_id),
            scope: asked.scope.clone(),
            parameters: parameters.collect(),
            client_auth: asked.client_auth,
            secrets,
        }
    }
}

/// One token, while it is there and while it is fetched.
#[derive(Default)]
pub(crate) struct Entry {
    /// How often one was asked for: who waited while another asked takes what came of that.
    asked: AtomicU64,
    /// Held while one is fetched. Of no runtime: whoever fetches may be of any shard.
    state: tokio::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// What the server gave in place of the refresh token that it was given last (RFC 6749, 6), with the one that was
    /// configured then: another one there is newer.
    rotated: Option<(Secret, Secret)>,
    failed: Option<Failure>,
}

/// A token, and when it is to be renewed.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    renew_at: Instant,
}

/// What a server of tokens gave.
pub(crate) struct Fetched {
    pub(crate) access_token: Secret,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) refresh_token: Option<Secret>,
}

impl Tokens {
    /// The place of one token. Where its tenant has too many, those of the tenant go that nobody is using; where all tenants
    /// have, the token is not kept.
    pub(crate) fn entry(&self, key: Key) -> Arc<Entry> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(&key) {
            return entry.clone();
        }
        if entries.keys().filter(|other| other.tenant == key.tenant).count() >= HTTP_TOKENS_OF_TENANT {
            entries.retain(|other, entry| other.tenant != key.tenant || Arc::strong_count(entry) > 1);
        }
        let entry = Arc::<Entry>::default();
        if entries.len() < HTTP_TOKENS {
            entries.insert(key, entry.clone());
        }
        entry
    }
}

impl Entry {
    /// The token that is there, or what `fetch` gives. While one fetches all others wait, and take what it got: also its
    /// failure. Where whoever fetches is dropped, the next one does.
    pub(crate) async fn token<F>(
        &self,
        grant: &Grant,
        fetch: impl FnOnce(Option<Secret>) -> F,
    ) -> Result<Secret, Failure>
    where
        F: Future<Output = Result<Fetched, Failure>>,
    {
        let asked = self.asked.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.secret.clone());
        }
        if self.asked.load(Ordering::Acquire) != asked
            && let Some(failure) = &state.failed
        {
            return Err(failure.clone());
        }
        let fetched = fetch(state.refresh_token(grant)).await;
        self.asked.fetch_add(1, Ordering::AcqRel);
        match fetched {
            Ok(fetched) => Ok(state.keep(fetched, grant)),
            Err(failure) => {
                state.failed = Some(failure.clone());
                Err(failure)
            }
        }
    }

    /// A tool has refused this token: it is not used again.
    pub(crate) async fn refused(&self, token: &Secret) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|kept| kept.secret == *token) {
            state.token = None;
        }
    }
}

impl State {
    /// The refresh token that is good now, where it is another than the one that is configured.
    fn refresh_token(&self, grant: &Grant) -> Option<Secret> {
        let Grant::RefreshToken(configured) = grant else { return None };
        let (of, rotated) = self.rotated.as_ref()?;
        (of.expose() == configured).then(|| rotated.clone())
    }

    fn keep(&mut self, fetched: Fetched, grant: &Grant) -> Secret {
        let life = fetched.expires_in.unwrap_or(HTTP_TOKEN_LIFE);
        // A clock that differs, and a request that takes its time, must not meet its end.
        let before = HTTP_TOKEN_RENEW.min(life / 4);
        let token = Token { secret: fetched.access_token, renew_at: Instant::now() + (life - before) };
        let secret = token.secret.clone();
        self.token = Some(token);
        self.failed = None;
        if let (Grant::RefreshToken(configured), Some(rotated)) = (grant, fetched.refresh_token)
            && let Ok(configured) = Secret::short(configured.as_str())
        {
            self.rotated = Some((configured, rotated));
        }
        secret
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;
    use updraft_protocol::FailureKind;

    use super::*;

    fn fetched(token: &str, seconds: u64) -> Fetched {
        Fetched {
            access_token: Secret::short(token).unwrap(),
            expires_in: Some(Duration::from_secs(seconds)),
            refresh_token: None,
        }
    }

    #[test]
    fn a_tenant_with_many_tokens_puts_out_its_own_alone() {
        let tokens = Tokens::default();
        let key = |tenant: &str, client_id: String| Key {
            tenant: tenant.parse().unwrap(),
            token_url: "https://login.example/token".to_owned(),
            grant: "client_credentials",
            client_id,
            scope: None,
            parameters: Vec::new(),
            client_auth: ClientAuth::Basic,
            secrets: Vec::new(),
        };
        let other = Arc::downgrade(&tokens.entry(key("other", "soar".to_owned())));
        for number in 0..3 * HTTP_TOKENS_OF_TENANT {
            tokens.entry(key("acme", number.to_string()));
            assert!(tokens.0.lock().unwrap().len() <= HTTP_TOKENS_OF_TENANT + 1);
        }
        assert!(
            other
                .upgrade()
                .is_some_and(|kept| Arc::ptr_eq(&kept, &tokens.entry(key("other", "soar".to_owned()))))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_fetches_for_all_that_wait_and_again_before_the_token_ends() {
        let (entry, fetches) = (Entry::default(), AtomicUsize::new(0));
        let token = || {
            entry.token(&Grant::ClientCredentials, |_| async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let number = fetches.fetch_add(1, Ordering::Relaxed);
                Ok(fetched(&format!("token-{number}"), 100))
            })
        };
        let all = join_all((0..50).map(|_| token())).await;
        assert!(all.iter().all(|got| got.as_ref().unwrap().expose() == "token-0"));
        tokio::time::sleep(Duration::from_secs(74)).await;
        assert_eq!(token().await.unwrap().expose(), "token-0");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(token().await.unwrap().expose(), "token-1", "a quarter of its life before its end");
        let second = token().await.unwrap();
        entry.refused(&Secret::short("token-0").unwrap()).await;
        assert_eq!(token().await.unwrap(), second, "another one was refused");
        entry.refused(&second).await;
        assert_eq!(token().await.unwrap().expose(), "token-2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_that_of_all_that_waited_and_of_nobody_later() {
        let (entry, fetches) = (Entry::default(), AtomicUsize::new(0));
        let token = || {
            entry.token(&Grant::ClientCredentials, |_| async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                match fetches.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(Failure::new(FailureKind::Unreachable, "away")),
                    _ => Ok(fetched("token", 100)),
                }
            })
        };
        let all = join_all((0..50).map(|_| token())).await;
        assert!(all.iter().all(|got| got.as_ref().unwrap_err().message == "away"));
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        assert_eq!(token().await.unwrap().expose(), "token");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_dropped_while_it_fetches_leaves_that_to_the_next() {
        let entry = Entry::default();
        let never = entry.token(&Grant::ClientCredentials, |_| std::future::pending());
        assert!(tokio::time::timeout(Duration::from_secs(1), never).await.is_err());
        let token = entry.token(&Grant::ClientCredentials, |_| async { Ok(fetched("token", 9)) });
        assert_eq!(token.await.unwrap().expose(), "token");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_token_that_the_server_replaced_is_used_until_another_is_configured() {
        let entry = Entry::default();
        let rotate = |configured: &'static str, expected: Option<&'static str>, next: &'static str| {
            let entry = &entry;
            async move {
                let grant = Grant::RefreshToken(configured.to_owned());
                let token = entry.token(&grant, |rotated| async move {
                    assert_eq!(rotated.as_ref().map(Secret::expose), expected);
                    let refresh_token = Some(Secret::short(next).unwrap());
                    Ok(Fetched { refresh_token, ..fetched("access", 1) })
                });
                token.await.unwrap();
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        };
        rotate("first", None, "second").await;
        rotate("first", Some("second"), "third").await;
        rotate("another", None, "fourth").await;
    }
}
