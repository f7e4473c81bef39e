//! Cases of the slowest playbooks: grouped, then sorted, for the requested executions only.

use updraft_protocol::{ExecutionStatus, ExecutionUpdate, PlaybookId, TenantCode, Timestamp};

use super::Ending;
use super::samples::{DAY, execution_with, executions, pid, playbook, tenant};
use crate::store::{Error, PlaybookRuntime, SlowestQuery, Store};

/// An execution of a playbook with this runtime.
fn ran(
    number: u64,
    owner: &TenantCode,
    book: u64,
    runtime: Option<u64>,
) -> Result<ExecutionUpdate, updraft_protocol::ids::Error> {
    let mut update = execution_with(number, owner, |head| {
        head.pid = pid(book);
        head.createddate = Timestamp(DAY + number);
    })?;
    update.state.execution_status = ExecutionStatus::Completed;
    update.state.playbook_runtime = runtime;
    Ok(update)
}

async fn slowest(
    store: &dyn Store,
    tenant: Option<&TenantCode>,
    since: u64,
    top: usize,
) -> Result<Vec<PlaybookRuntime>, Error> {
    let status = ExecutionStatus::Completed;
    store
        .slowest_playbooks(SlowestQuery { tenant: tenant.cloned(), status, since: Timestamp(since), top })
        .await
}

const fn runtime(book: u64, executions: u64, average_ms: f64, longest_ms: u64) -> PlaybookRuntime {
    let pid: PlaybookId = pid(book);
    PlaybookRuntime { pid, executions, average_ms, longest_ms }
}

pub(super) async fn runtimes_are_grouped_before_they_are_sorted(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    for (book, name) in [(1, "spiky"), (2, "steady"), (3, "quick")] {
        let _ = store.put_playbook(playbook(book, &acme, name, 1)?).await?;
    }
    // The single slowest runs are all of a playbook that is fast on average.
    let runs = [(1, 900), (1, 1), (1, 2), (1, 800), (1, 2), (2, 500), (2, 501), (3, 10)];
    let mut batch = Vec::new();
    for (number, (book, took)) in (1..).zip(runs) {
        batch.push(ran(number, &acme, book, Some(took))?);
    }
    let _ = store.write(executions(batch)).await?;
    let all = [runtime(2, 2, 500.5, 501), runtime(1, 5, 341.0, 900), runtime(3, 1, 10.0, 10)];
    for owner in [None, Some(&acme)] {
        assert_eq!(slowest(store, owner, 0, 10).await?, all);
        assert_eq!(slowest(store, owner, 0, 1).await?, all[..1]);
        assert_eq!(slowest(store, owner, 0, 0).await?, []);
    }
    Ok(())
}

pub(super) async fn only_what_was_asked_for_counts(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let _ = store.put_playbook(playbook(1, &acme, "phishing", 1)?).await?;
    let mut failed = ran(4, &acme, 1, Some(9_000))?;
    failed.state.execution_status = ExecutionStatus::Failed;
    let batch = [ran(1, &acme, 1, Some(7_000))?, ran(2, &acme, 1, Some(10))?, ran(3, &acme, 1, Some(20))?];
    let _ = store.write(executions(batch)).await?;
    let _ = store.write(executions([failed, ran(5, &acme, 1, None)?])).await?;
    for owner in [None, Some(&acme)] {
        assert_eq!(slowest(store, owner, DAY + 2, 10).await?, [runtime(1, 2, 15.0, 20)]);
        assert_eq!(slowest(store, owner, DAY + 3, 10).await?, [runtime(1, 1, 20.0, 20)]);
        assert_eq!(slowest(store, owner, DAY + 5, 10).await?, [], "a run without a runtime is none");
        assert_eq!(slowest(store, owner, u64::MAX, 10).await?, []);
    }
    Ok(())
}

pub(super) async fn tenants_are_walls_between_runtimes(store: &dyn Store) -> Ending {
    let (acme, umbrella, nobody) = (tenant("acme")?, tenant("umbrella")?, tenant("nobody")?);
    let _ = store.put_playbook(playbook(1, &acme, "phishing", 1)?).await?;
    let _ = store.put_playbook(playbook(2, &umbrella, "phishing", 1)?).await?;
    let batch = [ran(1, &acme, 1, Some(10))?, ran(2, &umbrella, 2, Some(20))?];
    let _ = store.write(executions(batch)).await?;
    assert_eq!(slowest(store, Some(&acme), 0, 10).await?, [runtime(1, 1, 10.0, 10)]);
    assert_eq!(slowest(store, Some(&umbrella), 0, 10).await?, [runtime(2, 1, 20.0, 20)]);
    assert_eq!(slowest(store, Some(&nobody), 0, 10).await?, []);
    let all = [runtime(2, 1, 20.0, 20), runtime(1, 1, 10.0, 10)];
    assert_eq!(slowest(store, None, 0, 10).await?, all);
    Ok(())
}
