//! Documents are read as they were written, under the names and types that backends query; a broken one is named.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use serde_json::json;
use updraft_protocol::limits::MONGO_DOCUMENT_BYTES;
use updraft_protocol::{
    CacheMode, ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate, Failure,
    FailureKind, Json, Name, PlaybookId, PlaybookStatus, Priority, StepId, TaskHead, TaskId, TaskState,
    TaskStatus, TaskUpdate, TenantCode, Timestamp,
};

use super::*;
use crate::mongo::{EXECUTIONS, PLAYBOOKS, TASKS};

const DAY: u64 = 1_760_000_000_000;

const fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 + number)
}

fn execution_update() -> ExecutionUpdate {
    let head = ExecutionHead {
        tenant_code: TenantCode::new("acme").unwrap(),
        pid: PlaybookId::new(uuid(1)),
        playbook_name: Name::new("phishing").unwrap(),
        playbook_version: u32::MAX,
        uid: Some("analyst-1".into()),
        alert_id: Some("alert-1".into()),
        priority: Priority::Critical,
        createddate: Timestamp(DAY),
        input: Json::from(json!({"$set": {"a.b": 1}})),
        variables: Json::null(),
        idempotency_key: Some("nul\u{0}l".into()),
        input_hash: Some("0123456789abcdef".repeat(4).parse().unwrap()),
        parent: None,
        rerun_of: None,
        cache: CacheMode::Use,
    };
    let state = ExecutionState {
        execution_status: ExecutionStatus::Failed,
        started_date: Some(Timestamp(DAY + 1)),
        updated_date: Timestamp(DAY + 2),
        finished_date: Some(Timestamp(DAY + 3)),
        playbook_runtime: Some(2),
        output: Some(Json::null()),
        error: Some(Failure::new(FailureKind::Status, "503").with_retry_after(Duration::MAX).into()),
        signals: None,
        ending: None,
        pause: None,
        controls: None,
        queue_position: None,
        reprioritised: None,
    };
    let revision = Revision { epoch: 1, seq: 2 };
    ExecutionUpdate {
        peid: ExecutionId::new(uuid(2)),
        revision,
        head: Some(Arc::new(head)),
        state,
        positions: Default::default(),
    }
}

fn task_update() -> TaskUpdate {
    let head = TaskHead {
        peid: ExecutionId::new(uuid(2)),
        task_seq: 1,
        step_id: StepId::new("look_up").unwrap(),
        scope: updraft_protocol::ScopePath::MAIN,
        tenant_code: TenantCode::new("acme").unwrap(),
        alert_id: None,
        integration: Name::new("virustotal").unwrap(),
        action: Name::new("lookup_hash").unwrap(),
        taken_from: None,
    };
    let state = TaskState {
        response: Some(Json::from(json!(["partial", u64::MAX]))),
        error: Some(Failure::new(FailureKind::RateLimited, "slow down").with_retryable(false).into()),
        runtime: Some(i64::MAX as u64),
        ..TaskState::change(TaskStatus::Retrying, 4, Timestamp(DAY + 5))
    };
    let revision = Revision { epoch: 3, seq: i64::MAX as u64 };
    TaskUpdate {
        task_id: TaskId::new(uuid(3)),
        peid: ExecutionId::new(uuid(2)),
        revision,
        head: Some(Arc::new(head)),
        state,
        positions: Default::default(),
    }
}

fn playbook_document() -> PlaybookDocument {
    PlaybookDocument {
        pid: PlaybookId::new(uuid(1)),
        tenant_code: TenantCode::new("acme").unwrap(),
        name: Name::new("phishing").unwrap(),
        version: 3,
        status: PlaybookStatus::Retired,
        category_id: Some("email".into()),
        definition: Json::from(json!({"steps": [{"id": "a"}]})),
        createddate: Timestamp(DAY),
        updated_date: Timestamp(DAY),
    }
}

fn execution(document: &RawDocument, detail: Detail) -> Result<ExecutionDocument, Error> {
    Ok(Stored::read(EXECUTIONS, document, detail)?.expect("it is ours"))
}

fn task(document: &RawDocument, detail: Detail) -> Result<TaskDocument, Error> {
    Ok(Stored::read(TASKS, document, detail)?.expect("it is ours"))
}

fn playbook(document: &RawDocument) -> Result<PlaybookDocument, Error> {
    Ok(Stored::read(PLAYBOOKS, document, Detail::Whole)?.expect("it is ours"))
}

fn inserted_execution() -> RawDocumentBuf {
    of_update(&execution_update().into(), true).unwrap()
}

fn inserted_task() -> RawDocumentBuf {
    of_update(&task_update().into(), true).unwrap()
}

fn tree(document: &RawDocumentBuf) -> Document {
    Document::try_from(document).expect("BSON that another reader reads")
}

fn changed(document: &RawDocumentBuf, change: impl FnOnce(&mut Document)) -> RawDocumentBuf {
    let mut tree = tree(document);
    change(&mut tree);
    RawDocumentBuf::try_from(&tree).unwrap()
}

#[test]
fn an_execution_has_the_fields_and_types_that_backends_query() {
    let expected = doc! {
        "_id": id(uuid(2)),
        "tenant_code": "acme",
        "pid": id(uuid(1)),
        "playbook_name": "phishing",
        "playbook_version": i64::from(u32::MAX),
        "uid": "analyst-1",
        "alert_id": "alert-1",
        "priority": 3_i64,
        "createddate": DAY as i64,
        "input": { "$set": { "a.b": 1_i32 } },
        "variables": Bson::Null,
        "idempotency_key": "nul\u{0}l",
        "input_hash": "0123456789abcdef".repeat(4),
        "cache": "use",
        "epoch": 1_i64,
        "seq": 2_i64,
        "execution_status": "failed",
        "started_date": DAY as i64 + 1,
        "updated_date": DAY as i64 + 2,
        "finished_date": DAY as i64 + 3,
        "playbook_runtime": 2_i64,
        "output": Bson::Null,
    };
    let mut tree = tree(&inserted_execution());
    tree.remove("error");
    assert_eq!(tree, expected);
}

#[test]
fn a_task_has_the_fields_and_types_that_backends_query() {
    let mut tree = tree(&inserted_task());
    assert!(matches!(tree.remove("response"), Some(Bson::Binary(_))), "beyond what BSON counts to");
    let expected = doc! {
        "_id": id(uuid(3)),
        "peid": id(uuid(2)),
        "task_seq": 1_i64,
        "step_id": "look_up",
        "scope": "",
        "tenant_code": "acme",
        "integration": "virustotal",
        "action": "lookup_hash",
        "epoch": 3_i64,
        "seq": i64::MAX,
        "status": "retrying",
        "attempt": 4_i64,
        "error": {
            "kind": "rate_limited", "message": "slow down", "retryable": false, "retry_after_ms": Bson::Null,
            "may_have_acted": false, "answer": Bson::Null,
        },
        "updated_date": DAY as i64 + 5,
        "runtime": i64::MAX,
    };
    assert_eq!(tree, expected);
}

#[test]
fn documents_come_back_whole() {
    let update = execution_update();
    let read = execution(&inserted_execution(), Detail::Whole).unwrap();
    assert_eq!((read.peid, read.epoch, read.seq), (update.peid, 1, 2));
    assert_eq!((Some(read.head), read.state), (update.head, update.state));
    let update = task_update();
    let read = task(&inserted_task(), Detail::Whole).unwrap();
    assert_eq!((read.task_request_id, read.epoch, read.seq), (update.task_id, 3, i64::MAX as u64));
    assert_eq!((Some(read.head), read.state), (update.head, update.state));
    let book = playbook_document();
    assert_eq!(playbook(&whole(&book).unwrap()).unwrap(), book);
    let bare = PlaybookDocument { category_id: None, ..book };
    assert_eq!(playbook(&whole(&bare).unwrap()).unwrap(), bare);
}

#[test]
fn a_summary_has_nothing_large_whatever_was_read() {
    let read = execution(&inserted_execution(), Detail::Summary).unwrap();
    assert_eq!((&read.head.input, &read.head.variables), (&Json::null(), &Json::null()));
    assert_eq!(read.state.output, None);
    assert!(read.state.error.is_some());
    let projected = changed(&inserted_execution(), |tree| {
        for field in ["input", "variables", "output"] {
            tree.remove(field);
        }
    });
    assert_eq!(execution(&projected, Detail::Summary).unwrap(), read);
    assert!(execution(&projected, Detail::Whole).is_err());
    let whole = task(&inserted_task(), Detail::Whole).unwrap();
    let mut summary = task(&inserted_task(), Detail::Summary).unwrap();
    assert_eq!(summary.state.response, None);
    summary.state.response.clone_from(&whole.state.response);
    assert_eq!(summary, whole);
}

#[test]
fn an_update_sets_its_revision_and_the_fields_that_it_names() {
    let mut update = execution_update();
    update.state.started_date = None;
    update.state.output = None;
    update.state.error = None;
    let expected = doc! {
        "epoch": 1_i64,
        "seq": 2_i64,
        "execution_status": "failed",
        "updated_date": DAY as i64 + 2,
        "finished_date": DAY as i64 + 3,
        "playbook_runtime": 2_i64,
    };
    assert_eq!(tree(&of_update(&update.clone().into(), false).unwrap()), expected);
    let mut update = task_update();
    (update.state.response, update.state.error, update.state.runtime) = (None, None, None);
    let expected = doc! {
        "epoch": 3_i64, "seq": i64::MAX, "status": "retrying", "attempt": 4_i64, "updated_date": DAY as i64 + 5,
    };
    assert_eq!(tree(&of_update(&update.clone().into(), false).unwrap()), expected);
}

#[test]
fn a_number_that_the_server_cannot_keep_is_the_reason() {
    let mut update = execution_update();
    update.revision.seq = i64::MAX as u64 + 1;
    let reason = "seq: 9223372036854775808 is larger than the store can keep";
    assert_eq!(of_update(&update.clone().into(), false).unwrap_err(), reason);
    assert_eq!(of_update(&update.into(), true).unwrap_err(), reason);
    let mut update = task_update();
    update.state.started_date = Some(Timestamp(u64::MAX));
    assert!(of_update(&update.clone().into(), false).unwrap_err().starts_with("started_date: "));
    let mut book = playbook_document();
    book.updated_date = Timestamp(u64::MAX);
    assert!(whole(&book).unwrap_err().starts_with("updated_date: "));
}

#[test]
fn a_document_that_servers_would_refuse_is_the_reason() {
    let mut update = task_update();
    update.state.response = Some(Json::from(json!("x".repeat(MONGO_DOCUMENT_BYTES))));
    assert!(of_update(&update.clone().into(), false).unwrap_err().contains("at most 16777216"));
}

#[test]
fn fields_of_others_are_passed_over_and_numbers_read_in_every_type() {
    let document = changed(&inserted_execution(), |tree| {
        tree.insert("assigned_team", doc! { "name": "blue" });
        tree.insert("seen", mongodb::bson::DateTime::from_millis(0));
        tree.insert("playbook_version", 3_i32);
        tree.insert("createddate", DAY as f64);
        tree.insert("uid", Bson::Null);
        tree.insert("error", Bson::Null);
    });
    let read = execution(&document, Detail::Whole).unwrap();
    assert_eq!((read.head.playbook_version, read.head.createddate), (3, Timestamp(DAY)));
    assert_eq!((&read.head.uid, &read.state.error), (&None, &None));
}

#[test]
fn what_cannot_be_read_names_document_and_field_and_not_its_content() {
    let cases: [(&str, Option<Bson>, &str); 12] = [
        ("tenant_code", Some("no tenant: secret".into()), "not a value that this version knows"),
        ("tenant_code", Some(7.into()), "no text"),
        ("tenant_code", None, "missing"),
        ("pid", Some("secret".into()), "no UUID"),
        ("execution_status", Some("secret".into()), "not a value that this version knows"),
        ("priority", Some(4.into()), "out of range"),
        ("priority", Some(Bson::Double(0.5)), "no number"),
        ("seq", Some(Bson::Int64(-1)), "out of range"),
        ("createddate", Some(Bson::Double(1e300)), "no number"),
        ("input", None, "missing"),
        ("output", Some(Bson::Double(f64::NAN)), "no JSON"),
        ("error", Some(Bson::Document(doc! { "kind": "secret" })), "not what it should be"),
    ];
    for (field, value, why) in cases {
        let document = changed(&inserted_execution(), |tree| match value {
            Some(value) => drop(tree.insert(field, value)),
            None => drop(tree.remove(field)),
        });
        let error = execution(&document, Detail::Whole).unwrap_err();
        assert!(
            matches!(&error, Error::Corrupt(text) if *text == format!("{EXECUTIONS}, document {}, {field}: {why}", uuid(2)))
        );
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn broken_bytes_are_refused_without_a_panic() {
    let whole = inserted_execution().into_bytes();
    for at in 4..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        if let Ok(document) = RawDocumentBuf::from_bytes(bytes) {
            let _: Result<Option<ExecutionDocument>, Error> =
                Stored::read(EXECUTIONS, &document, Detail::Whole);
        }
    }
}
