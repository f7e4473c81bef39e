//! The plans of the queries that are in use: each reads its index in order, none scans, none sorts rows that are in
//! order, and the cost of a page does not depend on where it begins.

use std::collections::BTreeSet;
use std::sync::Arc;

use mongodb::bson::RawDocumentBuf;
use updraft_protocol::TaskId;

use super::*;
use crate::mongo::testing::TestDatabase;
use crate::mongo::{MongoStore, TASKS, testing};
use crate::store::{InboxCursor, OverdueTasksCursor};

const DAY: u64 = 1_760_000_000_000;
/// Executions of one tenant, and tasks of one alert.
const MANY: u64 = 2_000;
/// Executions of one millisecond.
const CROWD: u64 = 500;
const PAGE: usize = 20;

/// A store with enough documents that the choice of a plan matters.
struct Full {
    store: Arc<MongoStore>,
    /// Dropped with the test: the database is removed too.
    _database: TestDatabase,
}

fn uuid(number: u64) -> uuid::Uuid {
    uuid::Uuid::from_u64_pair(DAY << 16 | 0x7000, 0x8000_0000_0000_0000 | number)
}

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

/// The executions up to [`CROWD`] have one date, the later ones a date each.
const fn date(number: u64) -> u64 {
    DAY + number.saturating_sub(CROWD)
}

fn execution_document(number: u64) -> Document {
    let status = ExecutionStatus::ALL[number as usize % ExecutionStatus::ALL.len()];
    doc! {
        "_id": document::id(uuid(number)),
        "tenant_code": if number.is_multiple_of(3) { "umbrella" } else { "acme" },
        "pid": document::id(uuid(number % 7)),
        "playbook_name": format!("playbook-{}", number % 7),
        "uid": format!("analyst-{}", number % 4),
        "execution_status": status.as_str(),
        "createddate": date(number) as i64,
        "playbook_runtime": (number % 900) as i64,
        "idempotency_key": format!("key-{number}"),
        "input": { "a": 1 },
    }
}

fn task_document(number: u64) -> Document {
    doc! {
        "_id": document::id(uuid(number)),
        "peid": document::id(uuid(number / 10)),
        "task_seq": (number % 10 + 1) as i64,
        "tenant_code": "acme",
        "alert_id": format!("alert-{}", number % 3),
        "status": TaskStatus::ALL[number as usize % TaskStatus::ALL.len()].as_str(),
        "attempt": (number % 50) as i64,
        "wait": {
            "kind": "approval",
            "since": (DAY + number) as i64,
            "until": (DAY + number) as i64,
            "gate": { "assignees": ["ana"], "groups": [], "answers": [] },
        },
    }
}

fn playbook_document(number: u64) -> Document {
    doc! {
        "_id": document::id(uuid(number)),
        "tenant_code": if number.is_multiple_of(2) { "umbrella" } else { "acme" },
        "name": format!("playbook-{:04}", number / 20),
        "version": number as i64,
        "status": "active",
        "category_id": format!("category-{}", number % 3),
    }
}

async fn full() -> Full {
    let database = testing::database().await;
    let store = database.store().await;
    let fill = async |collection, make: fn(u64) -> Document| {
        let documents = (1..=MANY).map(|number| RawDocumentBuf::try_from(&make(number)).unwrap());
        store.collection(collection).insert_many(documents).await.unwrap();
    };
    fill(EXECUTIONS, execution_document).await;
    fill(TASKS, task_document).await;
    fill(PLAYBOOKS, playbook_document).await;
    Full { store, _database: database }
}

/// The execution statistics of a server.
#[derive(Debug, Default)]
struct Plan {
    stages: BTreeSet<String>,
    indexes: BTreeSet<String>,
    keys: i64,
    documents: i64,
}

impl Plan {
    /// Reads only the winning plan, at any depth.
    fn gather(&mut self, said: &Document, wins: bool) {
        for (name, value) in said {
            match (name.as_str(), value) {
                ("stage", Bson::String(stage)) if wins => drop(self.stages.insert(stage.clone())),
                ("indexName", Bson::String(index)) if wins => drop(self.indexes.insert(index.clone())),
                ("totalKeysExamined", value) => self.keys += number(value),
                ("totalDocsExamined", value) => self.documents += number(value),
                ("rejectedPlans" | "allPlansExecution" | "slotBasedPlan" | "command", _) => {}
                (_, Bson::Document(inner)) => self.gather(inner, wins || name == "winningPlan"),
                (_, Bson::Array(inner)) => {
                    inner.iter().filter_map(Bson::as_document).for_each(|inner| self.gather(inner, wins));
                }
                _ => {}
            }
        }
    }

    /// It reads one index in order and as many keys as it needs, and sorts nothing.
    fn reads_in_order(&self, index: &str, keys: usize) {
        assert_eq!(self.indexes.iter().collect::<Vec<_>>(), [index], "{self:#?}");
        for stage in ["COLLSCAN", "SORT"] {
            assert!(!self.stages.contains(stage), "{self:#?}");
        }
        assert!(self.stages.contains("IXSCAN"), "{self:#?}");
        assert!(usize::try_from(self.keys).unwrap() <= keys, "{self:#?}");
    }
}

fn number(value: &Bson) -> i64 {
    value.as_i64().or(value.as_i32().map(i64::from)).unwrap()
}

impl Full {
    async fn explain(&self, command: Document) -> Plan {
        let asked = doc! { "explain": command, "verbosity": "executionStats" };
        let said = self.store.database.run_command(asked).await.unwrap();
        let mut plan = Plan::default();
        plan.gather(&said, false);
        assert!(!plan.stages.is_empty(), "{said}");
        plan
    }

    async fn find(&self, find: Find) -> Plan {
        let mut command = doc! { "find": find.collection, "filter": find.filter, "sort": find.sort };
        if let Some(projection) = find.projection {
            command.insert("projection", projection);
        }
        command.insert("limit", find.limit as i64);
        self.explain(command).await
    }

    async fn slowest(&self, tenant: Option<TenantCode>) -> Plan {
        let asked = SlowestQuery {
            tenant,
            status: ExecutionStatus::Completed,
            since: Timestamp(date(MANY - 100)),
            top: 10,
        };
        let pipeline = slowest(&asked, 10);
        self.explain(doc! { "aggregate": EXECUTIONS, "pipeline": pipeline, "cursor": {} }).await
    }
}

fn cursor(number: u64) -> Cursor {
    Cursor { createddate: Timestamp(date(number)), peid: ExecutionId::new(uuid(number)) }
}

fn list(of: ExecutionsOf, after: Option<u64>) -> Vec<Find> {
    let after = after.map(cursor);
    let asked = ExecutionQuery { tenant: tenant("acme"), of, after, limit: PAGE, detail: Detail::Whole };
    executions(&asked).into_iter().flatten().collect()
}

/// No cursor, the newest, the middle, the end of the rows of one millisecond.
const PLACES: [Option<u64>; 4] = [None, Some(MANY), Some(MANY / 2), Some(1)];

/// The most keys that a find may read: a page and little else. For a cursor among rows of one millisecond, these rows
/// at most: not every server finds an id in its index except by equality.
fn bound(find: &Find, more: usize) -> usize {
    let crowded = find.filter.get("createddate") == Some(&Bson::from(DAY as i64));
    if crowded { CROWD as usize } else { PAGE + more }
}

#[tokio::test]
async fn a_tenants_list_by_status_reads_a_page_of_its_index_wherever_it_begins() {
    let full = full().await;
    for place in PLACES {
        for find in list(ExecutionsOf::Status(ExecutionStatus::Completed), place) {
            let bound = bound(&find, 1);
            full.find(find).await.reads_in_order("executions_by_status", bound);
        }
    }
}

#[tokio::test]
async fn a_tenants_whole_list_is_one_ordered_reading_for_each_status() {
    let full = full().await;
    for place in PLACES {
        for find in list(ExecutionsOf::Any, place) {
            let bound = bound(&find, 1);
            full.find(find).await.reads_in_order("executions_by_status", bound);
        }
    }
}

/// The index does not contain the tenant: rows of another tenant with the same name are read too.
#[tokio::test]
async fn an_analysts_list_reads_its_index_in_order() {
    let full = full().await;
    for place in PLACES {
        for find in list(ExecutionsOf::User("analyst-1".into()), place) {
            let bound = bound(&find, PAGE);
            if find.filter.get_i64("createddate").is_err() {
                full.find(find).await.reads_in_order("executions_by_user", bound);
            } else {
                // Within one millisecond there is little to read and to sort, whichever index is used.
                let plan = full.find(find).await;
                assert!(!plan.stages.contains("COLLSCAN") && plan.keys <= CROWD as i64, "{plan:#?}");
            }
        }
    }
}

#[tokio::test]
async fn the_slowest_playbooks_come_from_the_index_alone() {
    let full = full().await;
    let plan = full.slowest(None).await;
    assert_eq!(plan.indexes.iter().collect::<Vec<_>>(), ["executions_by_runtime"], "{plan:#?}");
    assert!(!plan.stages.contains("FETCH"), "{plan:#?}");
    assert!(plan.stages.contains("PROJECTION_COVERED") || plan.stages.contains("GROUP"), "{plan:#?}");
    assert_eq!(plan.documents, 0, "{plan:#?}");
    // `executions_by_status` has all of it for one tenant. MongoDB prefers it; not every server does.
    let of_tenant = full.slowest(Some(tenant("acme"))).await;
    for plan in [plan, of_tenant] {
        assert!(!plan.stages.contains("COLLSCAN"), "{plan:#?}");
        assert!((1..50).contains(&plan.keys), "only what is as new as asked: {plan:#?}");
    }
}

#[tokio::test]
async fn tasks_read_their_indexes_in_order() {
    let full = full().await;
    let of_execution = tasks(&tenant("acme"), ExecutionId::new(uuid(50)), 4, PAGE);
    full.find(of_execution).await.reads_in_order("tasks_by_execution", 7);
    let all = TaskQuery { limit: PAGE, ..TaskQuery::of_alert(tenant("acme"), "alert-1") };
    for status in TaskStatus::ALL {
        for (after, detail) in [(None, Detail::Whole), (Some(TaskId::new(uuid(1))), Detail::Summary)] {
            let asked = TaskQuery { status: Some(*status), after, detail, ..all.clone() };
            full.find(tasks_of_alert(&asked)).await.reads_in_order("tasks_by_alert", PAGE + 1);
        }
    }
    let of_alert = tasks_of_alert(&all);
    full.find(of_alert).await.reads_in_order("tasks_by_alert", PAGE + TaskStatus::ALL.len());
}

#[tokio::test]
async fn an_inbox_reads_what_waits_alone_in_order() {
    let full = full().await;
    let person = Inbox::Person { uid: "ana".into(), groups: vec!["leads".into()] };
    let waiting = MANY as usize / TaskStatus::ALL.len() + 1;
    for of in [Inbox::All, Inbox::Group("leads".into()), person] {
        for after in [None, Some(InboxCursor { until: Timestamp(DAY + 5), task: TaskId::new(uuid(1)) })] {
            let keys = if of == Inbox::All { PAGE + 1 } else { waiting };
            let asked = InboxQuery { tenant: tenant("acme"), of: of.clone(), after, limit: PAGE };
            for find in inbox(&asked) {
                full.find(find).await.reads_in_order("tasks_by_wait", keys);
            }
        }
    }
}

#[tokio::test]
async fn what_is_overdue_reads_what_waits_alone_in_order() {
    let full = full().await;
    let before = Timestamp(DAY + MANY);
    for (of, at, index) in [
        (OverdueTasks::Waiting { kind: WaitKind::Approval, before }, DAY + 5, "tasks_by_wait_since"),
        (OverdueTasks::Retrying { attempts: 2 }, 40, "tasks_by_attempt"),
    ] {
        let cursor = OverdueTasksCursor { at, task: TaskId::new(uuid(1)) };
        for after in [None, Some(cursor)] {
            let asked = OverdueTasksQuery { of, after, limit: PAGE };
            for find in overdue_tasks(&asked) {
                full.find(find).await.reads_in_order(index, PAGE + 1);
            }
        }
    }
    let newest = full.find(runtimes(PAGE)).await;
    newest.reads_in_order("executions_by_runtime", PAGE + 1);
    assert_eq!(newest.documents, 0, "{newest:?}");
}

#[tokio::test]
async fn the_catalogue_reads_its_indexes_in_order() {
    let full = full().await;
    let after = (Name::new("playbook-0050").unwrap(), 1_003);
    for (category, index) in [(None, "playbooks_by_name"), (Some("category-1"), "playbooks_by_category")] {
        for after in [None, Some(&after)] {
            for find in catalogue(&tenant("acme"), PlaybookStatus::Active, category, after, PAGE) {
                full.find(find).await.reads_in_order(index, PAGE + 1);
            }
        }
    }
}

#[tokio::test]
async fn names_keys_and_ids_are_looked_up_and_not_searched_for() {
    let full = full().await;
    let (acme, name) = (tenant("acme"), Name::new("playbook-0050").unwrap());
    for version in [None, Some(1_002)] {
        full.find(playbook_named(&acme, &name, version)).await.reads_in_order("playbooks_by_name", 2);
    }
    let key = IdempotencyKey {
        tenant_code: acme.clone(),
        playbook_name: Name::new("playbook-6").unwrap(),
        text: "key-1000".into(),
    };
    full.find(execution_by_key(&key)).await.reads_in_order("executions_by_key", 2);
    for find in [playbook(&acme, PlaybookId::new(uuid(4))), execution(&acme, ExecutionId::new(uuid(4)))] {
        let plan = full.find(find).await;
        assert!(!plan.stages.contains("COLLSCAN") && plan.documents <= 1, "{plan:#?}");
    }
}

#[tokio::test]
async fn a_page_of_unfinished_executions_is_read_by_date_from_the_index() {
    let full = full().await;
    for place in PLACES {
        for find in unfinished(place.map(cursor), PAGE).into_iter().flatten() {
            let bound = bound(&find, 1);
            full.find(find).await.reads_in_order("executions_by_runtime", bound);
        }
    }
    let named = format!("{:?}", unfinished(None, PAGE));
    assert!(
        ExecutionStatus::ALL.iter().all(|status| named.contains(status.as_str()) == status.runs()),
        "{named}"
    );
}

#[tokio::test]
async fn a_summary_leaves_what_is_large_on_the_server() {
    let asked = ExecutionQuery {
        tenant: tenant("acme"),
        of: ExecutionsOf::Any,
        after: None,
        limit: PAGE,
        detail: Detail::Summary,
    };
    let full = full().await;
    let projection = executions(&asked)[0][0].projection.clone().unwrap();
    let mut answers = full.store.collection(EXECUTIONS).find(doc! {}).projection(projection).await.unwrap();
    assert!(answers.advance().await.unwrap());
    assert!(answers.current().get("input").unwrap().is_none());
    assert!(answers.current().get("execution_status").unwrap().is_some());
    let asked = TaskQuery { detail: Detail::Summary, ..TaskQuery::of_alert(tenant("acme"), "alert-1") };
    assert_eq!(tasks_of_alert(&asked).projection, Some(doc! { "response": 0 }));
}
