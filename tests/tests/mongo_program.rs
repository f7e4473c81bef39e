//! The program with a MongoDB server: what one command stores, others read there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, doc};
use mongodb::{Client, Database};
use serde_json::Value;
use tempfile::TempDir;
use updraft_storage::mongo::testing::{Login, Server, ServerOptions, database};
use updraft_tests::program;
use updraft_tests::proxy::{MongoProxy, Of, WireFault};
use uuid::Uuid;

struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The program with nothing of this process's configuration.
fn updraft(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.current_dir(dir).args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("UPDRAFT_") {
            command.env_remove(name);
        }
    }
    command
}

fn ended(dir: &Path, arguments: &[&str]) -> Ended {
    updraft(dir, arguments).output().unwrap().into()
}

/// A directory with a playbook of one step.
fn directory(step: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let playbook = format!("format: 1\nname: test\nversion: 1\nsteps:\n  - {{id: done, {step}}}\n");
    std::fs::write(dir.path().join("p.yaml"), playbook).unwrap();
    dir
}

const END: &str = "end: ok";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_run_on_a_server_is_listed_and_shown_from_anywhere() {
    let database = database().await;
    let store = ["--store", database.uri()];
    let dir = directory(END);
    let run = ended(dir.path(), &[&["run", "p.yaml", "--json", "--alert-id", "a-1"], &store[..]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        dir.path().join("updraft-data/journal").exists()
            && !dir.path().join("updraft-data/updraft.db").exists()
    );
    let peid = run.json()["execution"]["peid"].as_str().unwrap().to_owned();
    let elsewhere = tempfile::tempdir().unwrap();
    let listed = ended(elsewhere.path(), &[&["list", "--json"], &store[..]].concat());
    assert_eq!(listed.json()[0]["peid"], peid.as_str(), "{}", listed.err);
    let mut shown = updraft(elsewhere.path(), &["show", &peid, "--json"]);
    let shown: Ended = shown.env("UPDRAFT_STORE", database.uri()).output().unwrap().into();
    assert_eq!(shown.json(), run.json(), "show tells what run told");
    let failed = ended(elsewhere.path(), &[&["list", "--status", "failed", "--json"], &store[..]].concat());
    assert_eq!(failed.out, "[]\n");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "reading makes nothing");
    let again = ended(dir.path(), &[&["run", "p.yaml", "--key", "k"], &store[..]].concat());
    assert_eq!(again.code, 0, "{}", again.err);
    let demo = ended(elsewhere.path(), &[&["demo", "--json"], &store[..]].concat());
    assert_eq!(demo.code, 0, "{}", demo.err);
    let demos = ended(elsewhere.path(), &[&["list", "--tenant", "demo", "--json"], &store[..]].concat());
    assert_eq!(demos.json()[0]["peid"], demo.json()["execution"]["peid"]);
}

/// What a backend asks the server itself, by the names of design and documentation; the ids of what it finds.
async fn found(database: &Database, collection: &str, filter: Document, sort: Document) -> Vec<Bson> {
    let collection = database.collection::<Document>(collection);
    let cursor = collection.find(filter).sort(sort).await.unwrap();
    let documents: Vec<Document> = cursor.try_collect().await.unwrap();
    documents.into_iter().map(|mut document| document.remove("_id").unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queries_of_a_backend_find_what_was_run() {
    let place = database().await;
    let dir = directory(END);
    let arguments = ["run", "p.yaml", "--json", "--alert-id", "a-1", "--uid", "ana", "--store", place.uri()];
    let ids = ["one", "two"].map(|key| {
        let run = ended(dir.path(), &[&arguments[..], &["--key", key]].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        let (execution, tasks) = (&run.json()["execution"], &run.json()["tasks"]);
        [&execution["peid"], &tasks[0]["task_request_id"], &execution["pid"]].map(|id| {
            let id = Uuid::parse_str(id.as_str().unwrap()).unwrap();
            Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() })
        })
    });
    let [[first, first_task, pid], [second, second_task, _]] = ids;
    let database = Client::with_uri_str(place.uri()).await.unwrap().database(place.name());
    let (executions, tasks) = ("playbook_execution_collection", "task_execution_collection");
    let (newest, both) = (doc! { "createddate": -1 }, vec![second.clone(), first.clone()]);
    let completed = doc! { "tenant_code": "default", "execution_status": "completed" };
    let mut keyed = completed.clone();
    keyed.insert("idempotency_key", "two");
    assert_eq!(found(&database, executions, keyed, doc! {}).await, std::slice::from_ref(&second));
    assert_eq!(found(&database, executions, completed, newest.clone()).await, both, "a tenant's, by status");
    assert_eq!(found(&database, executions, doc! { "uid": "ana" }, newest).await, both, "an analyst's");
    let sequence = doc! { "task_seq": 1 };
    let of_first = found(&database, tasks, doc! { "peid": first }, sequence).await;
    assert_eq!(of_first, std::slice::from_ref(&first_task), "an execution's, in order");
    let alert = doc! { "tenant_code": "default", "alert_id": "a-1", "status": "completed" };
    for fewer in ["", "status", "tenant_code"] {
        let mut alert = alert.clone();
        alert.remove(fewer);
        let done = found(&database, tasks, alert, doc! { "_id": 1 }).await;
        assert_eq!(done, [first_task.clone(), second_task.clone()], "an alert's, without {fewer:?}");
    }
    let named = doc! { "tenant_code": "default", "name": "test", "version": 1 };
    let active = doc! { "tenant_code": "default", "status": "active" };
    for catalogue in [named, active] {
        let playbooks = found(&database, "playbook_collection", catalogue, doc! { "name": 1 }).await;
        assert_eq!(playbooks, std::slice::from_ref(&pid));
    }
    let groups =
        doc! { "_id": "$pid", "average": { "$avg": "$playbook_runtime" }, "executions": { "$sum": 1 } };
    let pipeline = [
        doc! { "$match": { "execution_status": "completed", "createddate": { "$gte": 0 } } },
        doc! { "$group": groups },
        doc! { "$sort": { "average": -1 } },
    ];
    let slowest = database.collection::<Document>(executions).aggregate(pipeline).await.unwrap();
    let slowest: Vec<Document> = slowest.try_collect().await.unwrap();
    assert_eq!(slowest.len(), 1, "{slowest:?}");
    assert_eq!((slowest[0].get("_id"), slowest[0].get_i32("executions").unwrap()), (Some(&pid), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_does_so_beside_the_engine_that_writes_and_resume_goes_on() {
    let database = database().await;
    let dir = directory("delay: 2s");
    let store = ["--store", database.uri()];
    let arguments = [&["run", "p.yaml", "--json"], &store[..]].concat();
    let mut child =
        updraft(dir.path(), &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let peid = loop {
        let listed = ended(elsewhere.path(), &[&["list", "--json"], &store[..]].concat());
        assert_eq!(listed.code, 0, "{}", listed.err);
        if let Some(peid) = listed.json()[0]["peid"].as_str() {
            break peid.to_owned();
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended unseen");
    };
    child.kill().unwrap();
    child.wait().unwrap();
    let shown = ended(elsewhere.path(), &[&["show", &peid, "--json"], &store[..]].concat());
    assert_eq!(shown.json()["execution"]["execution_status"], "executing");
    let resumed = ended(dir.path(), &[&["recover", "--json"], &store[..]].concat());
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert_eq!(resumed.json()[0]["execution"]["peid"], peid.as_str());
    let shown = ended(elsewhere.path(), &[&["show", &peid, "--json"], &store[..]].concat());
    assert_eq!(shown.json(), resumed.json()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_end_cannot_be_stored_is_interrupted_and_found_at_the_next_start() {
    let mut server = Server::start(ServerOptions { survives: true, ..ServerOptions::default() }).await;
    let dir = directory("delay: 3s");
    let uri = format!("{}?serverSelectionTimeoutMS=2000", server.uri());
    let store = ["--store", uri.as_str()];
    let mut child = updraft(dir.path(), &[&["run", "p.yaml", "--json"], &store[..]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    said.find(|line| line.contains("done  executing")).expect("the step begins");
    server.kill().await;
    said.find(|line| line.contains("the store does not have the end yet"))
        .expect("it says what it waits for");
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    said.find(|line| line.contains("the end is in the journal")).expect("it says where the end is");
    assert!(said.any(|line| line.contains("go on with: updraft recover --data")), "how it goes on");
    assert_eq!(child.wait().unwrap().code(), Some(4));
    server.restart().await;
    let resumed = ended(dir.path(), &[&["recover"], &store[..]].concat());
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    let listed = ended(dir.path(), &[&["list", "--json"], &store[..]].concat()).json();
    assert_eq!(listed[0]["execution_status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_while_a_run_is_submitted_is_not_waited_for_beyond_a_signal() {
    let server = Server::start(ServerOptions::default()).await;
    let proxy = MongoProxy::start(server.port()).await;
    let uri = proxy.uri("soar");
    let dir = directory(END);
    let run = ["run", "p.yaml", "--store", uri.as_str()];
    let first = ended(dir.path(), &run);
    assert_eq!(first.code, 0, "{}", first.err);
    let changed =
        std::fs::read_to_string(dir.path().join("p.yaml")).unwrap().replace("version: 1", "version: 2");
    std::fs::write(dir.path().join("p.yaml"), changed).unwrap();
    // The start passes; the playbook is put, and nobody answers. That is the first insert: the lease is an update by now.
    proxy.keep_striking(Of::Command("insert"), WireFault::Hang);
    let child = updraft(dir.path(), &run).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    proxy.struck(1).await;
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 4, "{}", run.err);
    let go_on = format!("go on with: updraft recover --data updraft-data --store '{uri}'");
    assert!(
        run.err.contains("interrupted while it was submitted") && run.err.contains(&go_on),
        "{}",
        run.err
    );
    proxy.pass();
    let recovered = ended(dir.path(), &["recover", "--store", uri.as_str()]);
    assert_eq!((recovered.code, recovered.err.as_str()), (0, "nothing is unfinished\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_accepted_is_told_as_such_at_a_signal_whatever_else_is_asked_of_the_server() {
    let server = Server::start(ServerOptions::default()).await;
    let proxy = MongoProxy::start(server.port()).await;
    let uri = proxy.uri("soar");
    let dir = directory("delay: 20s");
    // What else lies there is read once a run is accepted: long enough for a signal to come meanwhile.
    proxy.keep_striking(Of::Reads, WireFault::Delay(Duration::from_millis(500)));
    let mut child = updraft(dir.path(), &["run", "p.yaml", "--json", "--store", &uri])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    said.find(|line| line.starts_with("test version 1, execution ")).expect("it says which execution it is");
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    said.find(|line| line.starts_with("interrupted: attempts that run may end")).expect("it is known to run");
    assert!(said.any(|line| line.contains("go on with: updraft recover --data")), "how it goes on");
    let run: Ended = child.wait_with_output().unwrap().into();
    assert_eq!((run.code, &run.json()["execution"]["execution_status"]), (4, &"executing".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_used_and_shown_nowhere() {
    let login = Login { user: "soar".to_owned(), password: "p@ss:w/rd?%#1".to_owned() };
    let server = Server::start(ServerOptions { auth: Some(login), ..ServerOptions::default() }).await;
    let address = format!("mongodb://soar:p%40ss%3Aw%2Frd%3F%25%231@127.0.0.1:{}", server.port());
    let dir = directory(END);
    let with = |address: &str, arguments: &[&str]| -> Ended {
        let mut command = updraft(dir.path(), arguments);
        command.env("UPDRAFT_STORE", address).env("UPDRAFT_LOG", "trace").output().unwrap().into()
    };
    let right = format!("{address}/soar?authSource=admin");
    let wrong =
        format!("{}/soar?authSource=admin&serverSelectionTimeoutMS=2000", address.replace("231@", "232@"));
    let nobody = format!("mongodb://127.0.0.1:{}/soar", server.port());
    for (address, code) in [(&right, 0), (&wrong, 2), (&nobody, 2)] {
        for arguments in [&["run", "p.yaml"][..], &["list"]] {
            let ended = with(address, arguments);
            // Who reads as nobody is refused by the server once he asks for something.
            assert_eq!(ended.code, code, "{arguments:?}: {}", ended.err);
            for secret in ["p@ss:w/rd", "p%40ss%3Aw", "w%2Frd"] {
                assert!(!ended.err.contains(secret) && !ended.out.contains(secret), "{}", ended.err);
            }
        }
    }
    let said = with(&wrong, &["list"]).err;
    assert!(said.contains("mongodb://127.0.0.1") && said.contains("uthentication"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_load_leaves_no_database_that_nobody_named() {
    let server = Server::start(ServerOptions::default()).await;
    let dir = tempfile::tempdir().unwrap();
    let load = ["stress", "--executions", "60", "--tenants", "2", "--concurrency", "8", "--json", "out.json"];
    let run = ended(dir.path(), &[&load[..], &["--store", &server.uri()]].concat());
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let figures: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("out.json")).unwrap()).unwrap();
    assert_eq!((&figures["completed"], &figures["errors"]), (&60.into(), &0.into()));
    for key in ["store.batches", "store.updates", "store.rows_written"] {
        assert!(figures[key].as_f64().is_some_and(|figure| figure > 0.0), "{key}: {figures}");
    }
    let client = mongodb::Client::with_uri_str(&server.uri()).await.unwrap();
    let left = client.list_database_names().await.unwrap();
    assert!(!left.iter().any(|name| name.contains("updraft")), "{left:?}");
    let named = format!("{}soar", server.uri());
    let run = ended(dir.path(), &[&load[..], &["--store", &named]].concat());
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(client.list_database_names().await.unwrap().contains(&"soar".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_run_gives_its_journal_to_the_server_and_to_no_other_store() {
    let database = database().await;
    let dir = directory("delay: 1d");
    let arguments = ["run", "p.yaml", "--store", database.uri()];
    let mut child =
        updraft(dir.path(), &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let noted = dir.path().join("updraft-data/store");
    while ended(dir.path(), &["list", "--json", "--store", database.uri()]).json()[0].is_null() {}
    child.kill().unwrap();
    child.wait().unwrap();
    let text = std::fs::read_to_string(&noted).unwrap();
    assert!(text.starts_with("mongodb://") && text.contains(database.name()), "{text}");
    let other = ended(dir.path(), &["list"]);
    assert_eq!(other.code, 2, "{}{}", other.out, other.err);
    assert!(
        other.err.contains("has updates that the store") && other.err.contains(database.name()),
        "{}",
        other.err
    );
    let shown = ended(dir.path(), &["list", "--json", "--store", database.uri()]);
    assert_eq!(shown.json()[0]["execution_status"], "executing");
}
