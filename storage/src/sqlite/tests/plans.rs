//! The plans of the queries that are in use: each names its index, none scans, none sorts rows that are in order.

use updraft_protocol::{ExecutionStatus, TaskStatus};

use crate::journal::Durability;
use crate::sqlite::{DATABASE, containment, open, playbook, query, write};

const STATUS: &str =
    "INDEX executions_by_status (tenant_code=? AND execution_status=? AND (createddate,_id)<(?,?))";
const ALERT: &str = "INDEX tasks_by_alert (tenant_code=? AND alert_id=? AND status=? AND _id>?)";
const RUNTIME: &str = "COVERING INDEX executions_by_runtime (execution_status=? AND createddate>?)";

/// The plan that SQLite reports.
fn plan(sql: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let connection = open::writer(&folder.path().join(DATABASE), Durability::Os).unwrap();
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        plan.push(row.get(3).unwrap());
    }
    assert!(!plan.is_empty());
    plan
}

/// Asserts that the tables are read by searching an index, that each search is one of `searches`, and that nothing is
/// sorted.
fn searches_in_order(sql: &str, searches: &str) {
    let plan = plan(sql);
    for line in &plan {
        let merges = ["MERGE (UNION ALL)", "LEFT", "RIGHT"].contains(&line.as_str());
        assert!(merges || line.starts_with("SEARCH ") && line.ends_with(searches), "{plan:#?}");
    }
}

/// Of whole documents and of summaries.
fn lists() -> [&'static query::Lists; 2] {
    [&query::WHOLE, &query::SUMMARY]
}

#[test]
fn a_tenants_list_by_status_reads_its_index_in_order() {
    lists().into_iter().for_each(|lists| searches_in_order(&lists.of_status, STATUS));
}

#[test]
fn a_tenants_whole_list_merges_one_ordered_search_for_each_status() {
    for lists in lists() {
        searches_in_order(&lists.of_any, STATUS);
        let searches = plan(&lists.of_any).iter().filter(|line| line.starts_with("SEARCH")).count();
        assert_eq!(searches, ExecutionStatus::ALL.len());
    }
}

#[test]
fn an_analysts_list_reads_its_index_in_order() {
    let index = "INDEX executions_by_user (uid=? AND (createddate,_id)<(?,?))";
    lists().into_iter().for_each(|lists| searches_in_order(&lists.of_user, index));
}

#[test]
fn dead_letters_come_in_order_of_their_key() {
    searches_in_order(query::DEAD_LETTERS, "USING PRIMARY KEY (_id>?)");
    let tenant = "INDEX dead_letters_by_tenant (tenant_code=? AND _id>?)";
    searches_in_order(query::DEAD_LETTERS_OF_TENANT, tenant);
}

#[test]
fn the_slowest_playbooks_come_from_the_index_alone() {
    for sql in [query::SLOWEST, query::SLOWEST_OF_TENANT] {
        let plan = plan(sql);
        let of_executions: Vec<_> =
            plan.iter().filter(|line| line.contains("playbook_execution_collection")).collect();
        assert!(matches!(of_executions[..], [line] if line.ends_with(RUNTIME)), "{plan:#?}");
        assert!(!plan.iter().any(|line| line.starts_with("SCAN")), "{plan:#?}");
    }
}

#[test]
fn tasks_read_their_indexes_in_order() {
    searches_in_order(&query::TASKS, "INDEX tasks_by_execution (peid=? AND task_seq>?)");
    for lists in [&query::WHOLE_TASKS, &query::SUMMARY_OF_TASKS] {
        searches_in_order(&lists.of_status, ALERT);
        searches_in_order(&lists.of_any, ALERT);
    }
    let searches = plan(&query::WHOLE_TASKS.of_any).iter().filter(|line| line.starts_with("SEARCH")).count();
    assert_eq!(searches, TaskStatus::ALL.len());
}

#[test]
fn an_inbox_reads_what_waits_alone_in_order() {
    let index = "INDEX tasks_by_wait (tenant_code=? AND <expr>=? AND <expr>>?)";
    searches_in_order(&query::INBOX, index);
}

#[test]
fn what_is_overdue_reads_what_waits_alone_in_order() {
    let index = "INDEX tasks_by_wait_since (<expr>=? AND <expr>>? AND <expr><?)";
    searches_in_order(&query::WAITING_SINCE, index);
    searches_in_order(&query::RETRYING, "INDEX tasks_by_attempt (attempt>? AND (attempt,_id)<(?,?))");
    let plan = plan(query::RUNTIMES);
    assert!(
        matches!(&plan[..], [line] if line.contains("COVERING INDEX executions_by_runtime")),
        "{plan:#?}"
    );
}

#[test]
fn the_catalogue_reads_its_indexes_in_order() {
    searches_in_order(
        &query::CATALOGUE_CATEGORY,
        "INDEX playbooks_by_category (tenant_code=? AND status=? AND category_id=? AND (name,version)>(?,?))",
    );
    searches_in_order(&query::CATALOGUE, "INDEX playbooks_by_name (tenant_code=? AND (name,version)>(?,?))");
}

#[test]
fn a_name_is_looked_up_through_the_unique_index() {
    let version = "INDEX playbooks_by_name (tenant_code=? AND name=? AND version=?)";
    searches_in_order(&query::PLAYBOOK_NAMED, version);
    searches_in_order(playbook::FIND, version);
    searches_in_order(&query::PLAYBOOK_NEWEST, "INDEX playbooks_by_name (tenant_code=? AND name=?)");
}

#[test]
fn an_idempotency_key_of_a_playbook_is_looked_up_in_its_index() {
    let key = "INDEX executions_by_key (tenant_code=? AND playbook_name=? AND idempotency_key=?)";
    searches_in_order(query::EXECUTION_BY_KEY, key);
}

/// The index gives the date; the ids of one millisecond are sorted by themselves.
#[test]
fn unfinished_executions_come_by_date_from_the_index() {
    let plan = plan(&query::UNFINISHED);
    let index = "INDEX executions_by_runtime (execution_status=? AND createddate<?)";
    let searches = plan.iter().filter(|line| line.starts_with("SEARCH") && line.ends_with(index)).count();
    let sorts = |line: &String| line.starts_with("SCAN") || line == "USE TEMP B-TREE FOR ORDER BY";
    assert!(!plan.iter().any(sorts), "{plan:#?}");
    let unfinished: Vec<_> = ExecutionStatus::ALL.iter().filter(|status| status.runs()).collect();
    assert_eq!(searches, unfinished.len(), "{plan:#?}");
    assert!(unfinished.iter().all(|one| query::UNFINISHED.contains(&format!("'{one}'"))));
}

#[test]
fn containments_are_found_by_their_ends_their_target_and_when_they_are_due() {
    let open = "INDEX containments_open (tenant_code=? AND (open_until,_id)>(?,?))";
    searches_in_order(&query::OPEN_CONTAINMENTS, open);
    let target = "INDEX containments_by_target (tenant_code=? AND target=? AND _id>?)";
    searches_in_order(&query::CONTAINMENTS_OF_TARGET, target);
    searches_in_order(&query::DUE_CONTAINMENTS, "INDEX containments_due ((due,_id)>(?,?) AND due<?)");
    let unregistered = "INDEX tasks_unregistered ((registration_due,_id)>(?,?))";
    searches_in_order(&query::UNREGISTERED_HOLDS, unregistered);
    searches_in_order(&containment::UPDATE, "(_id=?)");
    searches_in_order(containment::MARK_REGISTERED, "USING PRIMARY KEY (_id=?)");
}

#[test]
fn documents_are_read_and_written_by_their_id() {
    for sql in [
        query::EXECUTION.as_str(),
        &write::EXECUTIONS.update,
        &write::EXECUTIONS.has,
        &write::TASKS.update,
        &write::TASKS.has,
    ] {
        searches_in_order(sql, "USING PRIMARY KEY (_id=?)");
    }
    searches_in_order(&query::PLAYBOOK, "(_id=?)");
}

#[test]
fn queued_executions_come_in_order_from_their_index_alone() {
    let index = "SEARCH playbook_execution_collection USING COVERING INDEX executions_queued";
    for sql in [query::QUEUED, query::QUEUED_TENANTS] {
        let plan = plan(sql);
        assert!(plan.iter().any(|line| line.starts_with(index)), "{plan:#?}");
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE FOR ORDER BY")), "{plan:#?}");
    }
}

#[test]
fn the_newest_of_an_alert_is_the_first_of_its_index() {
    searches_in_order(
        query::NEWEST_OF_ALERT,
        "INDEX executions_by_alert (tenant_code=? AND alert_id=? AND playbook_name=? AND createddate>?)",
    );
}

#[test]
fn events_are_read_from_their_own_indexes_in_order() {
    for lists in [&query::EVENTS, &query::SUMMARY_OF_EVENTS] {
        for (sql, index, position) in [
            (&lists.started, "executions_started", "started_position"),
            (&lists.ended, "executions_ended", "ended_position"),
            (&lists.waits, "tasks_waiting", "waiting_position"),
        ] {
            let bounds = format!("(tenant_code=? AND ({position},_id)>(?,?) AND {position}<?)");
            searches_in_order(sql, &format!("INDEX {index} {bounds}"));
        }
    }
}
