//! Cases of isolation: a tenant sees nothing of another, even if every other key is the same.

use updraft_protocol::{ExecutionStatus, Name, PlaybookStatus, Update};

use super::Ending;
use super::samples::{execution_with, executions, key, peid, pid, playbook, task, tenant};
use crate::store::{Detail, ExecutionQuery, ExecutionsOf, PutOutcome, Store, TaskQuery};

pub(super) async fn tenants_are_walls_between_executions(store: &dyn Store) -> Ending {
    let (acme, umbrella, nobody) = (tenant("acme")?, tenant("umbrella")?, tenant("nobody")?);
    let mut batch = Vec::new();
    for (number, owner) in [(1, &acme), (2, &umbrella), (3, &acme)] {
        let key = if number == 3 { "other" } else { "same" };
        batch.push(execution_with(number, owner, |head| head.idempotency_key = Some(key.into()))?);
    }
    let _ = store.write(executions(batch)).await?;
    for (owner, own) in [(&acme, vec![peid(3), peid(1)]), (&umbrella, vec![peid(2)]), (&nobody, vec![])] {
        for number in 1..=3 {
            let read = store.execution(owner, peid(number)).await?.map(|one| one.head.tenant_code.clone());
            assert_eq!(read.as_ref(), own.contains(&peid(number)).then_some(owner));
        }
        let user = ExecutionsOf::User("analyst-1".into());
        let status = ExecutionsOf::Status(ExecutionStatus::Executing);
        for of in [ExecutionsOf::Any, status, user] {
            let query =
                ExecutionQuery { tenant: owner.clone(), of, after: None, limit: 10, detail: Detail::Whole };
            let read = store.executions(query).await?;
            assert_eq!(read.iter().map(|one| one.peid).collect::<Vec<_>>(), own, "{owner}");
        }
        let found = store.execution_by_key(&key(owner, "same")?).await?;
        assert_eq!(found.map(|first| first.peid), own.last().copied(), "{owner}");
    }
    Ok(())
}

pub(super) async fn tenants_are_walls_between_tasks(store: &dyn Store) -> Ending {
    let (acme, umbrella) = (tenant("acme")?, tenant("umbrella")?);
    let batch = vec![Update::from(task(1, 1, &acme)?), Update::from(task(2, 1, &umbrella)?)];
    let _ = store.write(batch).await?;
    for (owner, own, other) in [(&acme, 1, 2), (&umbrella, 2, 1)] {
        assert_eq!(store.tasks(owner, peid(own), 0, 10).await?.len(), 1);
        assert_eq!(store.tasks(owner, peid(other), 0, 10).await?, []);
        for status in [None, Some(updraft_protocol::TaskStatus::Executing)] {
            let read = store
                .tasks_of_alert(TaskQuery { status, ..TaskQuery::of_alert(owner.clone(), "alert-1") })
                .await?;
            assert_eq!(read.iter().map(|one| one.head.peid).collect::<Vec<_>>(), [peid(own)], "{owner}");
        }
    }
    Ok(())
}

pub(super) async fn tenants_are_walls_between_playbooks(store: &dyn Store) -> Ending {
    let (acme, umbrella, nobody) = (tenant("acme")?, tenant("umbrella")?, tenant("nobody")?);
    for (number, owner) in [(1, &acme), (2, &umbrella)] {
        let put = store.put_playbook(playbook(number, owner, "phishing", 1)?).await?;
        assert_eq!(put, PutOutcome::Created, "the same name and version, of another tenant");
    }
    let name = Name::new("phishing")?;
    for (owner, own) in [(&acme, Some(pid(1))), (&umbrella, Some(pid(2))), (&nobody, None)] {
        for id in [pid(1), pid(2)] {
            let read = store.playbook(owner, id).await?.map(|one| one.pid);
            assert_eq!(read, own.filter(|own| *own == id));
        }
        for version in [None, Some(1)] {
            let read = store.playbook_named(owner, &name, version).await?;
            assert_eq!(read.map(|one| one.pid), own, "{owner}");
        }
        for category in [None, Some("email")] {
            let read = store.playbooks(owner, PlaybookStatus::Active, category, None, 10).await?;
            assert_eq!(read.iter().map(|one| one.pid).collect::<Vec<_>>(), Vec::from_iter(own), "{owner}");
        }
    }
    Ok(())
}
