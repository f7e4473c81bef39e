//! Cases of what is asked before executions begin: those that are queued, in their order, and the newest of an alert.

use updraft_kernel::backlog::Queued;
use updraft_protocol::{
    ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate, Name, Priority, TenantCode, Timestamp, ids,
};

use super::Ending;
use super::samples::{DAY, change, execution_with, executions, peid, revision, tenant};
use crate::store::{AlertQuery, Error, QueuedQuery, Store};

fn queued(
    number: u64,
    owner: &TenantCode,
    (accepted, priority): (u64, Priority),
) -> Result<ExecutionUpdate, ids::Error> {
    let accepted = Timestamp(DAY + accepted);
    let mut update = execution_with(number, owner, |head| {
        (head.createddate, head.priority) = (accepted, priority);
    })?;
    update.state.execution_status = ExecutionStatus::Queued;
    update.state.queue_position = Some(Queued::position(accepted, priority));
    Ok(update)
}

async fn first(
    store: &dyn Store,
    tenant: &TenantCode,
    except: &[Name],
    limit: usize,
) -> Result<Vec<ExecutionId>, Error> {
    let query = QueuedQuery { tenant: tenant.clone(), except: except.to_vec(), limit };
    let found = store.queued(query).await?;
    assert!(found.is_sorted(), "in their order");
    Ok(found.into_iter().map(|queued| queued.peid).collect())
}

pub(super) async fn queued_executions_of_a_tenant_come_in_their_order(store: &dyn Store) -> Ending {
    let (acme, umbrella) = (tenant("acme")?, tenant("umbrella")?);
    let mut running = queued(9, &acme, (0, Priority::Critical))?;
    running.state.execution_status = ExecutionStatus::Executing;
    let batch = [
        queued(1, &acme, (5, Priority::Normal))?,
        queued(2, &acme, (4, Priority::Normal))?,
        queued(3, &acme, (60_003, Priority::High))?,
        queued(4, &acme, (60_006, Priority::High))?,
        queued(5, &acme, (5, Priority::Normal))?,
        queued(6, &acme, (3, Priority::Low))?,
        queued(7, &umbrella, (1, Priority::Critical))?,
        running,
    ];
    store.write(executions(batch)).await?;
    let all = [3, 2, 1, 5, 4, 6].map(peid);
    assert_eq!(first(store, &acme, &[], 100).await?, all);
    assert_eq!(first(store, &acme, &[], 2).await?, all[..2]);
    assert_eq!(first(store, &acme, &[], 0).await?, []);
    assert_eq!(first(store, &umbrella, &[], 100).await?, [peid(7)]);
    assert_eq!(first(store, &tenant("other")?, &[], 100).await?, []);
    assert_eq!(store.unfinished(None, 100).await?.len(), 1, "of those that have begun");

    let begun = change(3, revision(1, 2), ExecutionStatus::Executing);
    let cancelled = change(1, revision(1, 2), ExecutionStatus::Cancelled);
    let moved = ExecutionUpdate {
        state: ExecutionState {
            queue_position: Some(Timestamp(DAY)),
            reprioritised: Some(Priority::Critical),
            ..ExecutionState::change(ExecutionStatus::Queued, Timestamp(DAY + 9))
        },
        ..change(6, revision(1, 2), ExecutionStatus::Queued)
    };
    store.write(executions([begun, cancelled, moved])).await?;
    assert_eq!(first(store, &acme, &[], 100).await?, [6, 2, 5, 4].map(peid));
    let document = store.execution(&acme, peid(6)).await?;
    assert_eq!(document.map(|document| document.priority()), Some(Priority::Critical));
    Ok(())
}

pub(super) async fn queued_executions_of_some_playbooks_are_left_out(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batch = Vec::new();
    for number in 1..=9 {
        let mut update = queued(number, &acme, (number, Priority::Normal))?;
        if let Some(head) = update.head.as_mut().and_then(std::sync::Arc::get_mut) {
            head.playbook_name = Name::new(format!("p{}", number % 3))?;
        }
        batch.push(update);
    }
    store.write(executions(batch)).await?;
    let [none, one, two] = [Name::new("p0")?, Name::new("p1")?, Name::new("p2")?];
    let except = [none.clone(), one.clone()];
    assert_eq!(first(store, &acme, &except, 2).await?, [2, 5].map(peid));
    assert_eq!(first(store, &acme, std::slice::from_ref(&one), 3).await?, [2, 3, 5].map(peid));
    assert_eq!(first(store, &acme, &[none, one, two], 100).await?, []);
    Ok(())
}

pub(super) async fn tenants_with_queued_executions_are_counted(store: &dyn Store) -> Ending {
    assert_eq!(store.queued_tenants(None, 10).await?, []);
    let [a, b, c] = [tenant("a")?, tenant("b")?, tenant("c")?];
    let mut batch = Vec::new();
    for number in 1..=6 {
        let owner = if number == 1 { &a } else { &c };
        batch.push(queued(number, owner, (number, Priority::Normal))?);
    }
    batch.push(execution_with(7, &b, |_| ())?);
    store.write(executions(batch)).await?;
    assert_eq!(store.queued_tenants(None, 10).await?, [(a.clone(), 1), (c.clone(), 5)]);
    assert_eq!(store.queued_tenants(None, 1).await?, [(a.clone(), 1)]);
    assert_eq!(store.queued_tenants(Some(a.clone()), 1).await?, [(c.clone(), 5)]);
    assert_eq!(store.queued_tenants(Some(c.clone()), 9).await?, []);
    let begun = [1, 2].map(|number| change(number, revision(1, 2), ExecutionStatus::Executing));
    store.write(executions(begun)).await?;
    assert_eq!(store.queued_tenants(None, 10).await?, [(c, 4)]);
    Ok(())
}

pub(super) async fn the_newest_execution_of_an_alert_is_found(store: &dyn Store) -> Ending {
    let (acme, umbrella) = (tenant("acme")?, tenant("umbrella")?);
    let of = |number: u64, owner: &TenantCode, name: &str, alert: &str| {
        let name = Name::new(name)?;
        execution_with(number, owner, |head| {
            head.createddate = Timestamp(DAY + number);
            (head.playbook_name, head.alert_id) = (name, Some(alert.into()));
        })
    };
    let batch = [
        of(1, &acme, "phishing", "alert-1")?,
        of(2, &acme, "phishing", "alert-1")?,
        of(3, &acme, "malware", "alert-1")?,
        of(4, &acme, "phishing", "alert-2")?,
        of(5, &umbrella, "phishing", "alert-1")?,
        execution_with(6, &acme, |head| head.alert_id = None)?,
    ];
    store.write(executions(batch)).await?;
    let newest = async |owner: &TenantCode, name: &str, alert: &str, since: u64| {
        let playbook = Name::new(name).map_err(|error| Error::Refused(error.to_string()))?;
        let (tenant, since) = (owner.clone(), Timestamp(DAY + since));
        store.newest_of_alert(AlertQuery { tenant, alert_id: alert.to_owned(), playbook, since }).await
    };
    assert_eq!(newest(&acme, "phishing", "alert-1", 0).await?, Some(peid(2)));
    assert_eq!(newest(&acme, "phishing", "alert-1", 2).await?, Some(peid(2)), "at the instant itself");
    assert_eq!(newest(&acme, "phishing", "alert-1", 3).await?, None);
    assert_eq!(newest(&acme, "malware", "alert-1", 0).await?, Some(peid(3)));
    assert_eq!(newest(&umbrella, "phishing", "alert-1", 0).await?, Some(peid(5)));
    assert_eq!(newest(&umbrella, "malware", "alert-1", 0).await?, None);
    assert_eq!(newest(&acme, "phishing", "", 0).await?, None);
    Ok(())
}
