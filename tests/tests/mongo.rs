//! Updraft on a MongoDB server: the contract of stores, what stands in the database for
//! whoever queries it, and engines that come and go. Faults are in the file beside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use mongodb::bson::spec::ElementType;
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Client, Database};
use serde_json::{Value, json};
use updraft::{
    Detail, Engine, ExecutionQuery, ExecutionStatus, ExecutionsOf, Handle, PlaybookStatus, Priority,
    SlowestQuery, Submission, TaskQuery, TaskStatus, Timestamp,
};
use updraft_storage::conformance::CASES;
use updraft_storage::mongo::testing::{TestDatabase, database};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, playbook, soon, tenant};

/// Cases at once: each makes a database with all its indexes.
const CASES_AT_ONCE: usize = 4;

async fn keeps_the_contract() {
    let cases = stream::iter(CASES).map(async |case| {
        let database = database().await;
        let store = database.store().await;
        case.run(&*store).await.unwrap_or_else(|error| panic!("{}: {error}", case.name));
    });
    assert_eq!(cases.buffer_unordered(CASES_AT_ONCE).count().await, CASES.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_keeps_its_contract() {
    keeps_the_contract().await;
}

/// A harness with a database in place of the embedded store.
struct Scene {
    harness: Harness,
    database: TestDatabase,
}

impl Scene {
    async fn new() -> Self {
        Self { harness: Harness::default(), database: database().await }
    }

    /// An engine with connections of its own.
    async fn start(&self) -> Engine {
        self.harness.builder().store(self.database.store().await).start().await.unwrap()
    }

    /// The database, as any backend sees it.
    async fn bare(&self) -> Database {
        Client::with_uri_str(self.database.uri()).await.unwrap().default_database().unwrap()
    }
}

async fn all(database: &Database, collection: &str) -> Vec<Document> {
    let found = database.collection::<Document>(collection).find(doc! {}).sort(doc! { "task_seq": 1 }).await;
    found.unwrap().map(Result::unwrap).collect().await
}

/// The types of a document's fields, by name.
fn types(document: &Document) -> BTreeMap<&str, ElementType> {
    document.iter().map(|(name, value)| (name.as_str(), value.element_type())).collect()
}

fn is_uuid(value: &Bson, bytes: &[u8]) -> bool {
    matches!(value, Bson::Binary(id) if id.subtype == mongodb::bson::spec::BinarySubtype::Uuid && id.bytes == bytes)
}

const BYTES: ElementType = ElementType::Binary;
const TEXT: ElementType = ElementType::String;
const NUMBER: ElementType = ElementType::Int64;
const OBJECT: ElementType = ElementType::EmbeddedDocument;

const PLAYBOOK_FIELDS: [(&str, ElementType); 8] = [
    ("_id", BYTES),
    ("tenant_code", TEXT),
    ("name", TEXT),
    ("version", NUMBER),
    ("status", TEXT),
    ("definition", OBJECT),
    ("createddate", NUMBER),
    ("updated_date", NUMBER),
];

const EXECUTION_FIELDS: [(&str, ElementType); 24] = [
    ("_id", BYTES),
    ("tenant_code", TEXT),
    ("pid", BYTES),
    ("playbook_name", TEXT),
    ("playbook_version", NUMBER),
    ("uid", TEXT),
    ("alert_id", TEXT),
    ("execution_status", TEXT),
    ("priority", NUMBER),
    ("createddate", NUMBER),
    ("started_date", NUMBER),
    ("updated_date", NUMBER),
    ("finished_date", NUMBER),
    ("playbook_runtime", NUMBER),
    ("input", OBJECT),
    ("variables", OBJECT),
    ("error", OBJECT),
    ("idempotency_key", TEXT),
    ("input_hash", TEXT),
    ("cache", TEXT),
    ("started_position", NUMBER),
    ("ended_position", NUMBER),
    ("epoch", NUMBER),
    ("seq", NUMBER),
];

const TASK_FIELDS: [(&str, ElementType); 18] = [
    ("_id", BYTES),
    ("peid", BYTES),
    ("task_seq", NUMBER),
    ("step_id", TEXT),
    ("scope", TEXT),
    ("tenant_code", TEXT),
    ("alert_id", TEXT),
    ("integration", TEXT),
    ("action", TEXT),
    ("status", TEXT),
    ("attempt", NUMBER),
    ("response", OBJECT),
    ("call", OBJECT),
    ("started_date", NUMBER),
    ("updated_date", NUMBER),
    ("runtime", NUMBER),
    ("epoch", NUMBER),
    ("seq", NUMBER),
];

fn looks_up_and_fails() -> updraft::Playbook {
    playbook(
        "variables: {limit: 3}
steps:
  - {id: look, action: tool.echo, arguments: {ip: '{{ input.ip }}'}}
  - {id: block, action: tool.fail, arguments: {kind: rejected}}
",
    )
}

#[tokio::test]
async fn documents_have_the_names_and_types_that_backends_query() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let playbook = looks_up_and_fails();
    let pid = scene.harness.put(&engine, &playbook).await;
    let submission = Submission::new(tenant("acme"), pid)
        .input(json!({ "ip": "192.0.2.1" }))
        .alert_id("a-1")
        .uid("ana")
        .priority(Priority::High)
        .idempotency_key("k-1");
    let handle = engine.submit(submission).await.unwrap();
    let finished = scene.harness.end(&engine, &handle, &playbook).await;
    assert_eq!(finished.status(), ExecutionStatus::Failed);

    let bare = scene.bare().await;
    let playbooks = all(&bare, "playbook_collection").await;
    let [stored] = playbooks.as_slice() else { panic!("{playbooks:?}") };
    assert_eq!(types(stored), PLAYBOOK_FIELDS.into());
    assert!(is_uuid(&stored["_id"], pid.as_bytes()));

    let executions = all(&bare, "playbook_execution_collection").await;
    let [stored] = executions.as_slice() else { panic!("{executions:?}") };
    assert_eq!(types(stored), EXECUTION_FIELDS.into());
    assert!(is_uuid(&stored["_id"], handle.peid().as_bytes()) && is_uuid(&stored["pid"], pid.as_bytes()));
    assert_eq!(stored.get_document("input").unwrap(), &doc! { "ip": "192.0.2.1" });
    assert_eq!(stored["execution_status"], Bson::from("failed"));
    assert_eq!(
        u64::try_from(stored.get_i64("createddate").unwrap()),
        Ok(finished.execution.head.createddate.0)
    );

    let tasks = all(&bare, "task_execution_collection").await;
    let [look, block] = tasks.as_slice() else { panic!("{tasks:?}") };
    let mut wanted = BTreeMap::from(TASK_FIELDS);
    assert_eq!(types(look), wanted);
    wanted.remove("response");
    wanted.insert("error", OBJECT);
    // Its tool panicked, and was called again after a wait.
    wanted.insert("wait", OBJECT);
    assert_eq!(types(block), wanted);
    assert!(is_uuid(&look["_id"], finished.task("look").task_request_id.as_bytes()));
    assert!(tasks.iter().all(|task| is_uuid(&task["peid"], handle.peid().as_bytes())));
    // What a tool gave can be queried by what is in it.
    let found = bare.collection::<Document>("task_execution_collection");
    assert_eq!(found.count_documents(doc! { "response.ip": "192.0.2.1" }).await.unwrap(), 1);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn data_that_looks_like_operators_is_stored_and_not_evaluated() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let playbook = playbook("steps: [{id: echo, action: tool.echo, arguments: {all: '{{ input }}'}}]");
    let input = json!({
        "$set": { "execution_status": "completed" },
        "$unset": ["seq"],
        "price": "$tenant_code",
        "$$ROOT": "$$NOW",
        "$expr": { "$function": { "body": "function() {}", "args": [], "lang": "js" } },
        "a.b": { "c.d": 1, "": "no name" },
        "nested": [{ "$literal": "$x" }, { "$oid": "0123456789abcdef01234567" }, { "$numberLong": "1" }],
    });
    let handle = scene.harness.submit(&engine, &playbook, input.clone()).await;
    let finished = scene.harness.end(&engine, &handle, &playbook).await;
    assert_eq!(finished.status(), ExecutionStatus::Completed);
    assert_eq!(finished.execution.head.input.value(), input);
    let given = finished.response_of("echo");
    assert_eq!(given["all"], input, "it comes back through the store as the tool gave it: {given}");

    let bare = scene.bare().await;
    let [stored] = all(&bare, "playbook_execution_collection").await.try_into().unwrap();
    let stored_input = stored.get_document("input").unwrap();
    assert_eq!(stored_input.get_document("$set").unwrap(), &doc! { "execution_status": "completed" });
    assert_eq!(stored_input.get_str("$$ROOT").unwrap(), "$$NOW");
    let [task] = all(&bare, "task_execution_collection").await.try_into().unwrap();
    let response = task.get_document("response").unwrap().get_document("all").unwrap();
    assert_eq!(response.get_str("price").unwrap(), "$tenant_code");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn the_six_queries_of_a_backend_are_answered() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let gated = playbook(
        "category_id: triage
steps:
  - {id: gate, action: tool.gate}
  - {id: after, action: tool.echo}
",
    );
    let pid = scene.harness.put(&engine, &gated).await;
    let mut handles = Vec::new();
    for number in 0..4 {
        let submission =
            Submission::new(tenant("acme"), pid).alert_id("a-1").uid(format!("u-{}", number % 2));
        handles.push(engine.submit(submission).await.unwrap());
    }
    scene.harness.tool.begun(4).await;
    scene.harness.tool.open(3);
    updraft_tests::until(async || engine.unfinished().len() == 1).await;
    engine.flush().await.unwrap();

    // 1 and 2: the executions of a tenant by status, and of an analyst; in pages.
    let list = async |of: ExecutionsOf, detail: Detail| {
        let query = ExecutionQuery { tenant: tenant("acme"), of, after: None, limit: 2, detail };
        engine.reader().executions_stream(query).map(Result::unwrap).collect::<Vec<_>>().await
    };
    let completed = list(ExecutionsOf::Status(ExecutionStatus::Completed), Detail::Whole).await;
    assert!(completed.is_sorted_by(|a, b| a.head.createddate >= b.head.createddate));
    assert_eq!(completed.len(), 3);
    assert_eq!(list(ExecutionsOf::Status(ExecutionStatus::Executing), Detail::Summary).await.len(), 1);
    assert_eq!(list(ExecutionsOf::User("u-0".into()), Detail::Summary).await.len(), 2);
    // 3: the slowest playbooks.
    let slowest = SlowestQuery {
        tenant: Some(tenant("acme")),
        status: ExecutionStatus::Completed,
        since: Timestamp(0),
        top: 10,
    };
    let slowest = engine.reader().slowest_playbooks(slowest).await.unwrap();
    assert_eq!((slowest.len(), slowest[0].pid, slowest[0].executions), (1, pid, 3));
    // 4: the tasks of an execution in order.
    let tasks = engine.reader().tasks(&tenant("acme"), completed[0].peid, 0, 10).await.unwrap();
    assert_eq!(tasks.iter().map(|task| task.head.task_seq).collect::<Vec<_>>(), [1, 2]);
    // 5: all that was done for an alert.
    let of_alert = async |status| {
        let query = TaskQuery { status, ..TaskQuery::of_alert(tenant("acme"), "a-1") };
        engine.reader().tasks_of_alert(query).await.unwrap().len()
    };
    assert_eq!((of_alert(None).await, of_alert(Some(TaskStatus::Executing)).await), (7, 1));
    // 6: the catalogue.
    let catalogue = engine.playbooks().list(&tenant("acme"), PlaybookStatus::Active, None, None, 10).await;
    assert_eq!(catalogue.unwrap().iter().map(|playbook| playbook.pid).collect::<Vec<_>>(), [pid]);

    let nobody = ExecutionQuery {
        tenant: tenant("globex"),
        of: ExecutionsOf::Any,
        after: None,
        limit: 9,
        detail: Detail::Whole,
    };
    assert!(engine.reader().executions(nobody).await.unwrap().0.is_empty(), "tenants are walls");
    scene.harness.tool.open(1);
    for handle in &handles {
        soon(handle.wait()).await.unwrap();
    }
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_is_unfinished_goes_on_in_the_next_engine() {
    let scene = Scene::new().await;
    let gated = playbook(
        "steps:
  - {id: first, action: tool.echo, arguments: {kept: [1, null, 'x']}}
  - {id: gate, action: tool.gate}
  - {id: last, action: tool.echo, arguments: {of_first: '{{ steps.first.output.kept }}'}}
",
    );
    let engine = scene.start().await;
    let pid = scene.harness.put(&engine, &gated).await;
    let submission = |number: usize| {
        Submission::new(tenant("acme"), pid)
            .input(json!({ "number": number }))
            .idempotency_key(number.to_string())
    };
    let mut peids = Vec::new();
    for number in 0..10 {
        peids.push(engine.submit(submission(number)).await.unwrap().peid());
    }
    scene.harness.tool.begun(20).await;
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, updraft::Shutdown::Stored);
    drop(engine);

    // Servers of both generations may take turns: the documents are the same.
    let engine = scene.start().await;
    assert_eq!(engine.recovered().resumed, 10);
    for (number, peid) in peids.iter().enumerate() {
        assert_eq!(engine.submit(submission(number)).await.unwrap().peid(), *peid, "its key finds it");
    }
    scene.harness.tool.open(10);
    for peid in peids {
        let handle: Handle = engine.handle(&tenant("acme"), peid).await.unwrap().unwrap();
        let finished = scene.harness.end(&engine, &handle, &gated).await;
        assert_eq!(finished.status(), ExecutionStatus::Completed);
        assert_eq!(finished.response_of("last"), json!({ "of_first": [1, null, "x"] }));
    }
    assert_eq!(scene.harness.tool.times("first"), 10, "what had ended is not run again");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn values_at_the_limits_come_back_as_they_were() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let echo = playbook("steps: [{id: large, action: tool.large, arguments: {bytes: 1000000}}]");
    let mut deep = json!(0);
    for _ in 0..60 {
        deep = json!([deep]);
    }
    let many: Value = (0..100_000).map(|number| json!(number % 10)).collect();
    let huge: Value =
        serde_json::from_str("[18446744073709551615, -9223372036854775808, 1e300, 0.1]").unwrap();
    let input = json!({ "deep": deep, "many": many, "huge": huge, "text": "\u{0} \u{1f600}" });
    let handle = scene.harness.submit(&engine, &echo, input.clone()).await;
    let finished = scene.harness.end(&engine, &handle, &echo).await;
    assert_eq!(finished.execution.head.input.value(), input);
    assert_eq!(finished.response_of("large").as_str().map(str::len), Some(1_000_000));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
