//! Redis as it is reached: present, absent, slow, full, killed, moved, with TLS and with logins. Each test has its own server.

use std::sync::atomic::AtomicUsize;

use redis::pipe;
use updraft_protocol::Secret;

use super::*;
use crate::listen::Heard;
use crate::testing::{RedisServer, RedisServerOptions, RedisTlsFiles, Sentinel};

fn set(key: &str, value: &str) -> Pipeline {
    let mut commands = pipe();
    commands.cmd("SET").arg(key).arg(value).ignore();
    commands
}

fn get(key: &str) -> Pipeline {
    let mut commands = pipe();
    commands.cmd("GET").arg(key);
    commands
}

async fn got(redis: &Redis, key: &str) -> Result<Option<String>, Error> {
    redis.look_up::<(Option<String>,)>(get(key)).await.map(|(value,)| value)
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..2_400 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn what_was_written_is_read_and_the_connections_that_are_kept_are_there_at_once() {
    let server = RedisServer::start();
    let redis = Redis::connect(RedisSettings::for_test(&server.address())).await.unwrap();
    assert!(redis.figures().connections >= 2);
    redis.run::<()>(set("a", "1")).await.unwrap();
    redis.leave(set("b", "2")).await.unwrap();
    assert_eq!(got(&redis, "a").await.unwrap().as_deref(), Some("1"));
    assert_eq!(got(&redis, "b").await.unwrap().as_deref(), Some("2"));
    let health = redis.health().await;
    assert_eq!(health.trouble, None);
    assert!(health.figures.answered >= 5 && health.figures.failed == 0);
}

#[tokio::test]
async fn a_server_that_is_absent_is_told_and_found_when_it_comes() {
    let mut server = RedisServer::start();
    server.kill();
    let settings = RedisSettings::for_test(&server.address()).wait(Duration::from_millis(300));
    let redis = Redis::connect(settings).await.unwrap();
    assert!(matches!(got(&redis, "a").await, Err(Error::Unreachable(_))));
    let trouble = redis.health().await.trouble.unwrap();
    assert!(trouble.cause.to_string().contains("refused"), "{trouble:?}");
    until("it is left alone", async || got(&redis, "a").await == Err(Error::LeftAlone)).await;
    server.restart();
    until("it is found", async || got(&redis, "a").await == Ok(None)).await;
    assert_eq!(redis.health().await.trouble, None);
}

#[tokio::test]
async fn no_look_up_waits_longer_than_its_patience_for_a_server_that_does_not_answer() {
    let server = RedisServer::start();
    let settings = RedisSettings::for_test(&server.address()).patience(Duration::from_millis(200));
    let redis = Redis::connect(settings.command_timeout(Duration::from_secs(2))).await.unwrap();
    until("it answers", async || got(&redis, "a").await.is_ok()).await;
    server.stop();
    let began = Instant::now();
    assert_eq!((got(&redis, "a").await, redis.trouble()), (Err(Error::Slow), None), "one says little");
    let mut slow = 1;
    until("it is left alone", async || match got(&redis, "a").await {
        Err(Error::Slow) => {
            slow += 1;
            false
        }
        answer => answer == Err(Error::LeftAlone),
    })
    .await;
    assert!(slow == 3 && began.elapsed() < Duration::from_secs(10), "three in a row, and then none: {slow}");
    assert_eq!(redis.trouble().unwrap().cause, Error::Slow);
    server.go_on();
    until("it is found", async || got(&redis, "a").await.is_ok()).await;
    assert_eq!(redis.health().await.trouble, None);
}

#[tokio::test]
async fn a_server_without_room_is_read_and_the_reason_is_told() {
    let server = RedisServer::start();
    let redis = Redis::connect(RedisSettings::for_test(&server.address())).await.unwrap();
    redis.run::<()>(set("a", "1")).await.unwrap();
    for (name, value) in [("maxmemory-policy", "noeviction"), ("maxmemory", "1")] {
        assert!(server.tell(&["CONFIG", "SET", name, value]).contains("OK"));
    }
    assert!(matches!(redis.leave(set("b", "2")).await, Err(Error::Full(_))));
    assert_eq!(got(&redis, "a").await.unwrap().as_deref(), Some("1"), "what is there is read");
    assert!(matches!(redis.health().await.trouble.unwrap().cause, Error::Full(_)));
    server.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    redis.leave(set("b", "2")).await.unwrap();
    assert_eq!(redis.health().await.trouble, None);
}

#[tokio::test]
async fn a_command_on_which_somebody_depends_outlives_a_restart() {
    let mut server = RedisServer::start();
    let redis = Redis::connect(RedisSettings::for_test(&server.address())).await.unwrap();
    server.kill();
    let (run, ()) = tokio::join!(redis.run::<()>(set("a", "1")), async {
        tokio::task::spawn_blocking(move || {
            std::thread::sleep(Duration::from_millis(100));
            server.restart();
            server
        })
        .await
        .map(std::mem::forget)
        .unwrap();
    });
    run.unwrap();
}

#[tokio::test]
async fn a_failover_is_followed() {
    let mut all = Sentinel::start();
    let redis = Redis::connect(RedisSettings::for_test(&all.address())).await.unwrap();
    redis.run::<()>(set("a", "1")).await.unwrap();
    all.master.kill();
    let waiting = tokio::task::spawn_blocking(move || {
        all.wait_for_failover();
        all
    });
    let _all = waiting.await.unwrap();
    until("the new master is written to", async || redis.leave(set("a", "2")).await.is_ok()).await;
    assert_eq!(got(&redis, "a").await.unwrap().as_deref(), Some("2"));
    assert_eq!(redis.health().await.trouble, None);
}

#[tokio::test]
async fn a_replica_is_no_server_to_write_to() {
    let all = tokio::task::spawn_blocking(Sentinel::start).await.unwrap();
    let settings = RedisSettings::for_test(&all.replica.address()).wait(Duration::from_millis(300));
    let redis = Redis::connect(settings).await.unwrap();
    assert!(matches!(redis.health().await.trouble.unwrap().cause, Error::NotMaster(_)));
}

#[tokio::test]
async fn a_user_of_the_acl_may_do_with_little_and_a_wrong_password_is_told_without_it() {
    let line = "user ana on >s3cret-word ~updraft:* &updraft:* -@all +get +set +ping +mget".to_owned();
    let server =
        RedisServer::with(RedisServerOptions { lines: vec![line, "user default off".to_owned()], tls: None });
    let settings = RedisSettings::for_test(&server.address()).wait(Duration::from_millis(300));
    let as_user =
        |password: &str| settings.clone().login(Some("ana".to_owned()), Secret::short(password).unwrap());
    let redis = Redis::connect(as_user("s3cret-word")).await.unwrap();
    redis.run::<()>(set("updraft:a", "1")).await.unwrap();
    assert_eq!(got(&redis, "updraft:a").await.unwrap().as_deref(), Some("1"));
    assert!(matches!(got(&redis, "other:a").await, Err(Error::Refused(_))));
    let wrong = Redis::connect(as_user("wr0ng-word")).await.unwrap();
    let trouble = wrong.health().await.trouble.unwrap();
    assert!(
        matches!(trouble.cause, Error::Refused(_)) && !format!("{trouble:?}").contains("wr0ng"),
        "{trouble:?}"
    );
}

#[tokio::test]
async fn tls_is_spoken_by_an_authority_of_ones_own_and_no_other_is_trusted() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .signed_by(&server_key, &issuer)
        .unwrap();
    let write = |name: &str, pem: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let tls = RedisTlsFiles {
        certificate: write("server.pem", certificate.pem()),
        key: write("server.key", server_key.serialize_pem()),
        authority: write("authority.pem", authority.pem()),
    };
    let server = RedisServer::with(RedisServerOptions { lines: Vec::new(), tls: Some(tls) });
    let settings = RedisSettings::for_test(&server.address()).wait(Duration::from_millis(500));
    let redis = Redis::connect(settings.clone().authority(authority.pem())).await.unwrap();
    redis.run::<()>(set("a", "1")).await.unwrap();
    assert_eq!(got(&redis, "a").await.unwrap().as_deref(), Some("1"));
    let stranger = Redis::connect(settings).await.unwrap();
    assert!(matches!(stranger.health().await.trouble.unwrap().cause, Error::Unreachable(_)));
}

#[tokio::test]
async fn a_listener_hears_what_is_published_and_begins_again_after_a_restart() {
    let mut server = RedisServer::start();
    let redis = Redis::connect(RedisSettings::for_test(&server.address())).await.unwrap();
    let counts = Arc::new([const { AtomicUsize::new(0) }; 3]);
    let heard = counts.clone();
    let listening = redis.listen("updraft:told".to_owned(), move |heard_now| {
        let place = match heard_now {
            Heard::Begins => 0,
            Heard::Message(message) => {
                assert_eq!(message, b"hello");
                1
            }
            Heard::Ends => 2,
        };
        heard[place].fetch_add(1, Ordering::SeqCst);
    });
    let listening = listening.unwrap();
    let count = |place: usize| counts[place].load(Ordering::SeqCst);
    until("it listens", async || count(0) == 1).await;
    server.tell(&["PUBLISH", "updraft:told", "hello"]);
    until("it hears", async || count(1) == 1).await;
    server.restart();
    until("it listens again", async || count(0) == 2).await;
    assert!(count(2) >= 1, "that something may have been missed is told");
    server.tell(&["PUBLISH", "updraft:told", "hello"]);
    until("it hears again", async || count(1) == 2).await;
    drop(listening);
}
