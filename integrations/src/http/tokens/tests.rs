//! Which call fetches, which calls wait, and what is kept.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::*;

fn key(name: &str) -> Key {
    Key::test("acme", name)
}

fn fetched(token: &str, seconds: u64) -> Fetched {
    Fetched {
        access_token: Ok(Secret::short(token).unwrap()),
        expires_in: Some(Duration::from_secs(seconds)),
        refresh_token: None,
    }
}

/// Requests an access token of this name by client credentials.
async fn token<F>(tokens: &Tokens, name: &str, fetch: F) -> Result<String, Failure>
where
    F: Future<Output = Result<Fetched, Failure>> + Send + 'static,
{
    let token = tokens.token(&key(name), None, || Ok(|_| fetch)).await;
    token.map(|token| token.expose().to_owned())
}

#[tokio::test(start_paused = true)]
async fn one_fetches_for_all_that_wait_and_again_before_the_token_ends() {
    let (tokens, fetches) = (Tokens::default(), Arc::new(AtomicUsize::new(0)));
    let token = || {
        let fetches = fetches.clone();
        token(&tokens, "a", async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let number = fetches.fetch_add(1, Ordering::Relaxed);
            Ok(fetched(&format!("token-{number}"), 100))
        })
    };
    let all = join_all((0..50).map(|_| token())).await;
    assert!(all.iter().all(|got| got.as_ref().unwrap() == "token-0"));
    tokio::time::sleep(Duration::from_secs(74)).await;
    assert_eq!(token().await.unwrap(), "token-0");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(token().await.unwrap(), "token-1", "a quarter of its life before its end");
    tokens.refused(&key("a"), &Secret::short("token-0").unwrap());
    assert_eq!(token().await.unwrap(), "token-1", "another one was refused");
    tokens.refused(&key("a"), &Secret::short("token-1").unwrap());
    assert_eq!(token().await.unwrap(), "token-2");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_that_of_all_that_waited_and_of_nobody_later() {
    let (tokens, fetches) = (Tokens::default(), Arc::new(AtomicUsize::new(0)));
    let token = || {
        let fetches = fetches.clone();
        token(&tokens, "a", async move {
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
    assert_eq!(token().await.unwrap(), "token");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_when_nobody_waits_for_it() {
    let tokens = Tokens::default();
    let slow = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok(fetched("token", 100))
    };
    assert!(tokio::time::timeout(Duration::from_secs(1), token(&tokens, "a", slow)).await.is_err());
    assert_eq!(token(&tokens, "a", async { panic!("again") }).await.unwrap(), "token");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_keeps_others_waiting_for_a_fetch_that_has_a_bound_of_its_own() {
    let (tokens, begun) = (Tokens::default(), Instant::now());
    let failure = token(&tokens, "a", pending()).await.unwrap_err();
    assert_eq!(begun.elapsed(), HTTP_TOKEN_FETCH);
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Unreachable, false));
    assert_eq!(failure.message, "no token: the token server did not answer within 30s");
    assert_eq!(token(&tokens, "a", async { Ok(fetched("token", 100)) }).await.unwrap(), "token");
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_for_one_refresh_token_wait_no_longer_than_a_fetch_takes() {
    let tokens = Tokens::default();
    let refresh = key("refresh");
    let silent = async |name: &str| {
        let fetch = || Ok(|_| pending());
        tokens.token(&key(name), Some(&refresh), fetch).await.unwrap_err().message
    };
    let (first, second, third) = tokio::join!(silent("a"), silent("b"), silent("c"));
    assert!(first.contains("did not answer within 30s"), "{first}");
    let late = [&second, &third].into_iter().filter(|late| late.contains("was in use for 30s")).count();
    assert!(late >= 1, "{second}, {third}");
    let token = tokens.token(&key("d"), Some(&refresh), || Ok(|_| async { Ok(fetched("token", 100)) })).await;
    assert_eq!(token.unwrap().expose(), "token");
}

#[test]
fn where_the_runtime_that_fetched_has_ended_the_next_one_fetches() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (tokens, ended, next) = (Tokens::default(), runtime(), runtime());
    ended.block_on(async { assert!(token(&tokens, "a", pending()).now_or_never().is_none()) });
    let mut waits = Box::pin(token(&tokens, "a", async { Ok(fetched("token", 100)) }));
    next.block_on(async { assert!((&mut waits).now_or_never().is_none()) });
    drop(ended);
    assert_eq!(next.block_on(waits).unwrap(), "token");
}

#[tokio::test]
async fn a_fetch_that_cannot_begin_or_breaks_off_is_one_failure() {
    let tokens = Tokens::default();
    let refuse = || Err::<fn(Option<Secret>) -> std::future::Pending<_>, _>(crowded());
    assert_eq!(tokens.token(&key("a"), None, refuse).await, Err(crowded()));
    let failure = token(&tokens, "a", async { panic!("planted") }).await.unwrap_err();
    assert_eq!(failure.message, "no token: the fetch broke off");
    assert_eq!(token(&tokens, "a", async { Ok(fetched("token", 100)) }).await.unwrap(), "token");
}

#[tokio::test(start_paused = true)]
async fn who_needs_more_tokens_at_once_than_are_kept_waits() {
    let (tokens, fetches) = (Tokens::default(), Arc::new(AtomicUsize::new(0)));
    let many = (0..3 * HTTP_TOKENS_OF_TENANT).map(|number| {
        let (tokens, fetches) = (&tokens, fetches.clone());
        async move {
            token(tokens, &number.to_string(), async move {
                assert!(fetches.fetch_add(1, Ordering::Relaxed) < HTTP_TOKENS_OF_TENANT);
                tokio::time::sleep(Duration::from_secs(1)).await;
                fetches.fetch_sub(1, Ordering::Relaxed);
                Ok(fetched("token", 100))
            })
            .await
        }
    });
    assert!(join_all(many).await.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_that_the_server_replaced_is_used_for_all_that_comes_of_the_configured_one() {
    let tokens = Tokens::default();
    let rotate = async |scope: &str, configured: &str, expected: Option<&'static str>, next: &'static str| {
        let fetch = move |rotated: Option<Secret>| async move {
            assert_eq!(rotated.as_ref().map(Secret::expose), expected);
            let refresh_token = Some(next).filter(|next| !next.is_empty());
            let refresh_token = refresh_token.map(|next| Secret::short(next).unwrap());
            Ok(Fetched { refresh_token, ..fetched("access", 1) })
        };
        let token = tokens.token(&key(scope), Some(&key(configured)), || Ok(fetch)).await;
        assert_eq!(token.unwrap().expose(), "access");
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    rotate("a", "first", None, "second").await;
    rotate("a", "first", Some("second"), "third").await;
    rotate("b", "first", Some("third"), "").await;
    rotate("b", "another", None, "fourth").await;
    rotate("a", "first", Some("third"), "fifth").await;
    // A refresh token without an access token is kept nevertheless.
    let useless = |_| async {
        let refresh_token = Some(Secret::short("sixth").unwrap());
        Ok(Fetched { access_token: Err(crowded()), refresh_token, ..fetched("access", 1) })
    };
    assert_eq!(tokens.token(&key("a"), Some(&key("first")), || Ok(useless)).await, Err(crowded()));
    // Unchanged refresh tokens of others do not displace one that was replaced.
    for number in 0..2 * HTTP_REFRESH_TOKENS_OF_TENANT {
        rotate("c", &format!("other-{number}"), None, "").await;
    }
    rotate("c", "first", Some("sixth"), "seventh").await;
}

#[test]
fn a_refresh_token_that_somebody_is_about_to_use_makes_no_room() {
    let refresh = Refresh::default();
    assert_eq!(refresh.worth(), Worth::Nothing);
    let user = refresh.clone();
    assert_eq!(refresh.worth(), Worth::Busy);
    *user.0.try_lock().unwrap() = Some(Secret::short("rotated").unwrap());
    drop(user);
    assert_eq!(refresh.worth(), Worth::Something);
}
