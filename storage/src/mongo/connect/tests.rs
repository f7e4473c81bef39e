//! Connecting to servers that exist, that do not, and that are not suitable.

use std::net::TcpListener;
use std::time::Duration;

use mongodb::bson::doc;
use updraft_protocol::{IdempotencyKey, Name, PlaybookStatus, TenantCode};

use super::*;
use crate::conformance::epochs;
use crate::journal::testing::update;
use crate::mongo::testing::{Login, Server as TestServer, ServerOptions, TlsFiles, database};
use crate::mongo::tests::fake::Fake;
use crate::store::{DeadLetterStore, ExecutionStore, PlaybookStore, Store, Trouble};

/// Enough for a server that does not answer.
const SOON: Duration = Duration::from_millis(400);
/// Enough for a cause to be found, on a busy machine.
const IN_TIME: Duration = Duration::from_secs(10);
/// A port without a listener: the system never assigns it, so no other test has it.
const NOBODY: u16 = 1;
/// Secrets that no error may show, plain and encoded.
const SECRETS: [&str; 3] = ["s3cr@t:1", "s3cr%40t%3A1", "bob"];

/// A connection that must fail; returns the error, which shows no secret.
async fn failed(uri: &str) -> Error {
    failed_within(IN_TIME, uri).await
}

async fn failed_within(time: Duration, uri: &str) -> Error {
    let builder = MongoStore::builder(uri).selection_timeout(time);
    assert!(!SECRETS.iter().any(|secret| format!("{builder:?}").contains(secret)), "{builder:?}");
    let error = builder.connect().await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!SECRETS.iter().any(|secret| shown.contains(secret)), "{shown}");
    error
}

#[tokio::test]
async fn a_port_that_refuses_is_told_with_its_address_and_the_cause() {
    let error = failed(&format!("mongodb://bob:s3cr%40t%3A1@127.0.0.1:{NOBODY}/soar")).await;
    assert!(matches!(error, Error::Unavailable(_)) && error.retryable(), "{error}");
    let told = error.to_string();
    assert!(
        told.contains(&format!("mongodb://127.0.0.1:{NOBODY}/soar: not reached within 10000 ms")),
        "{told}"
    );
    assert!(told.to_lowercase().contains("connection refused"), "{told}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = failed_within(SOON, &format!("mongodb://bob:s3cr%40t%3A1@127.0.0.1:{port}/")).await;
    assert!(
        error
            .to_string()
            .contains(&format!("127.0.0.1:{port}/updraft: not reached within 400 ms: no answer")),
        "{error}"
    );
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_named() {
    let error = failed_within(SOON, "mongodb://bob:s3cr%40t%3A1@no-such-host.invalid/soar").await;
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn a_seed_list_that_cannot_be_looked_up_is_told_in_time() {
    let error = failed_within(SOON, "mongodb+srv://bob:s3cr%40t%3A1@no-such-host.invalid/soar").await;
    assert!(error.to_string().contains("mongodb+srv://no-such-host.invalid/soar"), "{error}");
}

#[tokio::test]
async fn who_gives_a_wrong_password_or_none_is_not_let_in() {
    let login = Login { user: "bob".to_owned(), password: "s3cr@t:1".to_owned() };
    let options = ServerOptions { auth: Some(login), ..ServerOptions::default() };
    let server = TestServer::start(options).await;
    let port = server.port();
    let right = format!("mongodb://bob:s3cr%40t%3A1@127.0.0.1:{port}/soar?authSource=admin");
    let store = MongoStore::connect(&right).await.unwrap();
    assert!(store.health().await.troubles.is_empty());
    let shown = format!("{store:?}");
    assert!(shown.contains("mongodb://127.0.0.1") && !shown.contains("s3cr"), "{shown}");
    let wrong = failed(&right.replace("s3cr", "s3cr%40t%3A1wrong")).await;
    let told = wrong.to_string();
    assert!(matches!(wrong, Error::Refused(_)) && told.contains("uthentication"), "{told}");
    // The user belongs to `admin`.
    let elsewhere = failed(&right.replace("?authSource=admin", "")).await;
    assert!(matches!(elsewhere, Error::Refused(_)), "{elsewhere}");
    let nobody = failed(&format!("mongodb://127.0.0.1:{port}/soar")).await;
    assert!(matches!(nobody, Error::Refused(_)) && nobody.to_string().contains("error 13"), "{nobody}");
    assert!(nobody.to_string().contains(&format!("mongodb://127.0.0.1:{port}/soar")), "{nobody}");
}

/// A server that only speaks TLS, for 127.0.0.1, and the directory of its certificate.
async fn tls() -> (TestServer, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = write("cert.pem", certified.cert.pem());
    let key = write("key.pem", certified.signing_key.serialize_pem());
    let files = TlsFiles { authority: certificate.clone(), certificate, key };
    let server = TestServer::start(ServerOptions { tls: Some(files), ..ServerOptions::default() }).await;
    (server, directory)
}

#[tokio::test]
async fn a_server_that_speaks_tls_is_reached_with_its_authority_and_not_without() {
    let (server, _directory) = tls().await;
    let store = MongoStore::connect(server.uri()).await.unwrap();
    assert!(store.health().await.troubles.is_empty());
    let port = server.port();
    let strange = failed(&format!("mongodb://127.0.0.1:{port}/soar?tls=true")).await.to_string();
    assert!(strange.to_lowercase().contains("certificate"), "{strange}");
    let plain = failed(&format!("mongodb://127.0.0.1:{port}/soar")).await.to_string();
    assert!(plain.contains("does one side alone speak TLS?"), "{plain}");
    let nowhere = failed(&format!("mongodb://127.0.0.1:{port}/?tls=true&tlsCAFile=/nowhere/ca.pem")).await;
    assert!(nowhere.to_string().contains("127.0.0.1"), "{nowhere}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_as_such_to_who_asks_for_it() {
    let fake = Fake::start(doc! {}).await;
    let error = failed(&format!("{}&tls=true", fake.uri())).await.to_string();
    assert!(error.contains(&format!("127.0.0.1:{}", fake.port)), "{error}");
    assert!(error.contains("does one side alone speak TLS?"), "{error}");
    let database = database().await;
    let error = failed(&format!("{}?tls=true", database.uri())).await.to_string();
    assert!(error.contains("does one side alone speak TLS?"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_with_its_version() {
    let fake = Fake::start(doc! {"maxWireVersion": 12}).await;
    let error = failed(&fake.uri()).await;
    assert!(matches!(error, Error::Refused(_)) && !error.retryable(), "{error}");
    assert!(error.to_string().contains("MongoDB 5.0"), "{error}");
    let fake = Fake::start(doc! {"maxWireVersion": 6}).await;
    let older = failed(&fake.uri()).await.to_string();
    assert!(older.contains("wire version"), "{older}");
}

#[tokio::test]
async fn nonsense_is_refused_before_anything_is_sent() {
    for (uri, said) in [
        ("mongodb://bob:s3cr%40t%3A1@127.0.0.1:1/x?maxPoolSize=9999999", "1 to 2000"),
        ("mongodb://bob:s3cr%40t%3A1@127.0.0.1:1/x?w=0", "w=0"),
        ("mongodb://bob:s3cr@t:1@127.0.0.1:1/x", "percent-encoded"),
        ("mongodb://127.0.0.1:1/admin", "databases of the server"),
    ] {
        let error = failed(uri).await;
        assert!(matches!(error, Error::Refused(_)) && error.to_string().contains(said), "{uri}: {error}");
    }
    let named = MongoStore::builder("mongodb://127.0.0.1:1/x").database("a/b").connect().await.unwrap_err();
    assert!(matches!(named, Error::Refused(_)), "{named}");
}

#[tokio::test]
async fn the_connections_that_are_kept_are_open_when_connect_answers() {
    let database = database().await;
    let store = MongoStore::builder(database.uri()).connections_kept(3).connect().await.unwrap();
    let pool = store.pool.statistics();
    assert!(pool.open >= 3 && pool.opened_total >= 3, "{pool:?}");
    assert_eq!((pool.in_use, pool.waiting, pool.idle), (0, 0, pool.open));
    let said = doc! {"document": 16 << 20};
    assert_eq!(store.server.document_bytes, usize::try_from(said.get_i32("document").unwrap()).unwrap());
}

#[test]
fn a_store_outlives_the_runtime_that_connected_it() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (store, _database) = first.block_on(async {
        let database = database().await;
        (database.store().await, database)
    });
    drop(first);
    runtime().block_on(async {
        store.ping().await.unwrap();
        assert!(epochs::claim(&*store, 0).await.unwrap().highest() > 0);
    });
}

#[tokio::test]
async fn what_is_only_read_makes_and_changes_nothing() {
    let database = database().await;
    let reader = MongoStore::builder(database.uri()).read_only(true).connect().await.unwrap();
    assert!(reader.database.list_collection_names().await.unwrap().is_empty());
    assert!(matches!(epochs::claim(&reader, 0).await, Err(Error::Refused(_))));
    assert!(matches!(reader.write(Vec::new()).await, Err(Error::Refused(_))));
    assert!(matches!(reader.keep_dead_letters(Vec::new()).await, Err(Error::Refused(_))));
    assert!(matches!(reader.drop_database().await, Err(Error::Refused(_))));
    assert!(reader.health().await.troubles.is_empty());
    assert!(reader.database.list_collection_names().await.unwrap().is_empty());
}

#[tokio::test]
async fn health_names_a_server_that_is_gone_and_one_that_is_back() {
    let mut server = TestServer::start(ServerOptions::default()).await;
    let store = MongoStore::builder(server.uri()).selection_timeout(SOON).connect().await.unwrap();
    assert_eq!(store.health().await.troubles, []);
    server.kill().await;
    let health = store.health().await;
    let [Trouble::Unreachable { cause }] = health.troubles.as_slice() else { panic!("{health:?}") };
    assert!(cause.contains(&format!("127.0.0.1:{}", server.port())), "{cause}");
    assert!(health.pool.is_some());
    server.restart().await;
    // The driver checks the server at once when a call waits for it.
    for _ in 0..50 {
        if store.ping().await.is_ok() {
            break;
        }
    }
    assert_eq!(store.health().await.troubles, []);
}

#[tokio::test]
async fn a_server_that_falls_silent_after_it_was_reached_is_given_up_at_every_command_of_a_start() {
    // Enough for an answer, on a busy machine.
    let time_limit = Duration::from_secs(2);
    for (command, read_only) in
        [("find", true), ("find", false), ("insert", false), ("listCollections", false)]
    {
        let fake = Fake::start(doc! {}).await;
        fake.hold(command);
        let builder = MongoStore::builder(fake.uri()).call_timeout(time_limit).read_only(read_only);
        let error = builder.connect().await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{command}: {error}");
        let told = error.to_string();
        assert!(told.contains(&format!("127.0.0.1:{}", fake.port)), "{command}: {told}");
        assert!(told.contains("no answer in 2s"), "{command}: {told}");
    }
}

#[tokio::test]
async fn a_call_timeout_that_makes_no_sense_is_refused() {
    for time in [Duration::ZERO, Duration::MAX] {
        let asked = MongoStore::builder("mongodb://127.0.0.1:1/x").call_timeout(time).connect().await;
        let error = asked.unwrap_err();
        assert!(matches!(error, Error::Refused(_)) && error.to_string().contains("300000"), "{error}");
    }
}

#[tokio::test]
async fn a_cause_that_shares_words_with_a_login_is_told_whole() {
    let uri = format!("mongodb://root:refused@127.0.0.1:{NOBODY}/x");
    let error = MongoStore::builder(uri).selection_timeout(IN_TIME).connect().await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
    assert!(!error.to_string().contains("root"), "{error}");
    // It takes the first bytes of TLS for the head of a message, and waits for the rest.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("mongodb://reader:r@127.0.0.1:{}/x?tls=true", listener.local_addr().unwrap().port());
    let error = MongoStore::builder(uri).selection_timeout(SOON).connect().await.unwrap_err();
    assert!(error.to_string().ends_with("no answer (does one side alone speak TLS?)"), "{error}");
}

#[tokio::test]
async fn a_call_that_fails_later_names_the_address_and_the_cause_too() {
    let tenant = TenantCode::new("acme").unwrap();
    let key = IdempotencyKey {
        tenant_code: tenant.clone(),
        playbook_name: Name::new("triage").unwrap(),
        text: "k3y".into(),
    };
    let fake = Fake::start(doc! {}).await;
    let store = MongoStore::builder(fake.uri()).read_only(true).connect().await.unwrap();
    fake.answer("find", doc! {"ok": 0.0, "code": 14, "errmsg": "key k3y", "codeName": "TypeMismatch"});
    let error = store.execution_by_key(&key).await.unwrap_err();
    let told = format!("the store refuses: {}: error 14 (TypeMismatch) of the server", store.uri);
    assert_eq!(error.to_string(), told);

    let mut server = TestServer::start(ServerOptions::default()).await;
    let store = MongoStore::builder(server.uri()).selection_timeout(SOON).connect().await.unwrap();
    server.kill().await;
    // The first call may still find a connection that seems open.
    let _ = store.execution_by_key(&key).await;
    for error in [
        store.execution_by_key(&key).await.unwrap_err(),
        store.playbooks(&tenant, PlaybookStatus::Active, None, None, 10).await.unwrap_err(),
        epochs::claim(&store, 0).await.unwrap_err(),
    ] {
        let told = error.to_string();
        let at = format!("{}: 127.0.0.1:{}: ", store.uri, server.port());
        assert!(told.contains(&at) && told.to_lowercase().contains("connection refused"), "{told}");
    }
}

#[tokio::test]
async fn a_right_that_is_missing_at_a_start_is_refused_wherever_it_is_missed() {
    for (command, read_only) in [
        ("find", true),
        ("find", false),
        ("insert", false),
        ("listCollections", false),
        ("createIndexes", false),
    ] {
        let fake = Fake::start(doc! {}).await;
        fake.answer(command, doc! {"ok": 0.0, "code": 13, "codeName": "Unauthorized", "errmsg": ""});
        let error = MongoStore::builder(fake.uri()).read_only(read_only).connect().await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)) && !error.retryable(), "{command}: {error}");
        assert!(error.to_string().contains("error 13 (Unauthorized)"), "{command}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_answers_and_takes_no_writes_says_why_and_may_take_them_later() {
    let fake = Fake::start(doc! {}).await;
    let builder = MongoStore::builder(fake.uri()).read_only(true);
    let store = builder.connect().await.unwrap();
    let store = MongoStore { read_only: false, ..store };
    let batch = || vec![update(1, 1)];
    for code in [13, 18, 64, 79, 100, 371] {
        fake.answer("update", doc! {"ok": 0.0, "code": code, "codeName": "", "errmsg": ""});
        let error = store.write(batch()).await.unwrap_err();
        assert!(error.retryable(), "the writer keeps what it has: {error}");
        assert!(error.to_string().contains(&format!("error {code} ")), "{error}");
    }
    fake.answer("update", doc! {"ok": 1.0, "n": 1});
    store.write(batch()).await.unwrap();
}
