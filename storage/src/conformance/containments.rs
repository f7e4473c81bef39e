//! Containments: changed only as they were read, listed by tenant, found when they are due; and the
//! tasks whose hold is not registered.

use std::sync::Arc;

use updraft_protocol::playbook::{Retry, UndoOn};
use updraft_protocol::{
    ContainmentChange, ContainmentDetails, ContainmentDocument, ContainmentEntry, ContainmentId,
    ContainmentStatus, Hold, Holder, Json, Name, SecretReference, Span, TaskUpdate, TenantCode, Timestamp,
    UndoCall, UndoRecord, UndoStatus, Update,
};

use updraft_kernel::containment::{DueCursor, HoldCursor};

use super::Ending;
use super::samples::{DAY, WRITTEN, peid, stored_task, task, task_id, tenant};
use crate::store::{ContainmentCursor, ContainmentQuery, ContainmentsOf, Error, Store};

fn call() -> Result<UndoCall, updraft_protocol::ids::Error> {
    Ok(UndoCall {
        integration: Name::new("edr")?,
        action: Name::new("release_host")?,
        arguments: Some(Json::from(serde_json::json!({"host": "{{ ws-17 }}", "key": null, "n": 1.5}))),
        secrets: vec![SecretReference {
            place: "/key".into(),
            name: Name::new("edr-token")?,
            prefix: "Bearer ".into(),
        }],
        within: Span::secs(600),
        timeout: Some(Span::secs(5)),
        retry: Some(Retry::default()),
    })
}

/// The containment of a target, which is due at `due` of the day.
fn containment(
    tenant: &TenantCode,
    target: &str,
    due: u64,
) -> Result<ContainmentDocument, updraft_protocol::ids::Error> {
    let undo = call()?;
    let until = Timestamp(DAY + due);
    let details = ContainmentDetails {
        on: UndoOn::ALL.to_vec(),
        holders: vec![Holder {
            peid: peid(1),
            task: task_id(1, 1),
            step_id: "isolate".parse()?,
            alert_id: Some("a-1".into()),
            since: Timestamp(DAY),
            until,
            ended: None,
            undo: undo.hash(),
        }],
        also: vec![undo.clone()],
        extended: Some(until),
        round: 2,
        failures: 1,
        began: None,
        execution: Some(peid(2)),
        reason: Some("the tool is down".into()),
        history: vec![ContainmentEntry {
            at: Timestamp(DAY),
            what: ContainmentChange::Contained,
            uid: Some("ana".into()),
            reason: None,
        }],
        undo,
    };
    Ok(ContainmentDocument {
        id: ContainmentId::derive(tenant, (&details.undo.integration, &details.undo.action), target),
        tenant_code: tenant.clone(),
        target: target.into(),
        status: ContainmentStatus::Active,
        since: Timestamp(DAY),
        until,
        open_until: Some(until),
        due: Some(until),
        revision: 1,
        details: Arc::new(details),
    })
}

fn ended(mut containment: ContainmentDocument) -> ContainmentDocument {
    (containment.status, containment.open_until, containment.due) = (ContainmentStatus::Kept, None, None);
    containment.revision += 1;
    containment
}

async fn targets(
    store: &dyn Store,
    tenant: &TenantCode,
    of: ContainmentsOf,
    after: Option<ContainmentCursor>,
) -> Result<Vec<String>, Error> {
    let query = ContainmentQuery { tenant: tenant.clone(), of, after, limit: 2 };
    Ok(store.containments(query).await?.iter().map(|row| row.target.to_string()).collect())
}

pub(super) async fn a_containment_is_changed_only_as_it_was_read(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let first = containment(&acme, "ws-17", 1)?;
    assert!(!store.put_containment(first.clone(), Some(1)).await?, "there is none yet");
    assert!(store.put_containment(first.clone(), None).await?);
    assert!(!store.put_containment(first.clone(), None).await?, "there is one already");
    assert_eq!(store.containment(&acme, first.id).await?, Some(first.clone()));
    let second = ended(first.clone());
    assert!(!store.put_containment(second.clone(), Some(7)).await?, "it was another");
    assert!(store.put_containment(second.clone(), Some(1)).await?);
    assert!(!store.put_containment(second.clone(), Some(1)).await?, "it has changed since");
    assert_eq!(store.containment(&acme, first.id).await?, Some(second));
    assert_eq!(store.containment(&tenant("globex")?, first.id).await?, None, "tenants are walls");
    Ok(())
}

pub(super) async fn open_containments_are_listed_in_the_order_of_their_ends(store: &dyn Store) -> Ending {
    let (acme, globex) = (tenant("acme")?, tenant("globex")?);
    for (target, due) in [("c", 3), ("a", 1), ("b", 2)] {
        assert!(store.put_containment(containment(&acme, target, due)?, None).await?);
    }
    assert!(store.put_containment(containment(&globex, "a", 2)?, None).await?);
    let over = ended(containment(&acme, "z", 0)?);
    assert!(store.put_containment(over.clone(), None).await?);
    assert_eq!(targets(store, &acme, ContainmentsOf::Open, None).await?, ["a", "b"]);
    let after = Some(ContainmentCursor::of(&containment(&acme, "b", 2)?));
    assert_eq!(targets(store, &acme, ContainmentsOf::Open, after).await?, ["c"]);
    assert_eq!(targets(store, &globex, ContainmentsOf::Open, None).await?, ["a"]);
    let of = |target: &str| ContainmentsOf::Target(target.into());
    assert_eq!(targets(store, &acme, of("z"), None).await?, ["z"], "what has ended is found by its target");
    assert!(targets(store, &acme, of("z"), Some(ContainmentCursor::of(&over))).await?.is_empty());
    assert!(targets(store, &acme, of("y"), None).await?.is_empty());
    Ok(())
}

pub(super) async fn what_is_due_comes_first_and_what_has_ended_never(store: &dyn Store) -> Ending {
    let (acme, globex) = (tenant("acme")?, tenant("globex")?);
    let late = containment(&acme, "late", 9)?;
    let early = containment(&globex, "early", 5)?;
    for containment in [&late, &early, &ended(containment(&acme, "over", 1)?)] {
        assert!(store.put_containment(containment.clone(), None).await?);
    }
    let due = async |by: u64, limit| store.due_containments(Timestamp(DAY + by), None, limit).await;
    assert!(due(4, 10).await?.is_empty());
    assert_eq!(due(5, 10).await?, std::slice::from_ref(&early));
    assert_eq!(due(9, 10).await?, [early.clone(), late]);
    assert_eq!(due(9, 1).await?, [early]);
    Ok(())
}

/// A task that has ended and contains something, which is due to be registered.
fn holding(number: u32, due: u64) -> Result<TaskUpdate, updraft_protocol::ids::Error> {
    let mut update = task(1, number, &tenant("acme")?)?;
    update.state.undo = Some(Arc::new(UndoRecord {
        status: UndoStatus::Registered,
        number: 1,
        of: None,
        on: UndoOn::ALL.to_vec(),
        was_so: false,
        call: call()?,
        reason: None,
        hold: Some(Hold { target: "ws-17".into(), until: Timestamp(DAY + due) }),
    }));
    update.state.registration_due = Some(Timestamp(DAY + due));
    Ok(update)
}

pub(super) async fn the_hold_of_a_task_is_listed_until_it_is_registered(store: &dyn Store) -> Ending {
    let (first, second) = (holding(1, 7)?, holding(2, 5)?);
    let plain = task(1, 3, &tenant("acme")?)?;
    let batch = [&first, &second, &plain].map(|update| Update::from(update.clone())).to_vec();
    assert_eq!(store.write(batch).await?, [WRITTEN, WRITTEN, WRITTEN]);
    let documents: Vec<_> = [&second, &first].into_iter().filter_map(stored_task).collect();
    assert_eq!(store.unregistered_holds(None, 10).await?, documents, "what has waited longest comes first");
    assert_eq!(store.unregistered_holds(None, 1).await?, documents[..1]);
    let after = HoldCursor::of(&documents[0]);
    assert_eq!(store.unregistered_holds(after, 10).await?, documents[1..], "a page follows the other");
    assert!(store.unregistered_holds(HoldCursor::of(&documents[1]), 10).await?.is_empty());
    // One of them changes before it is registered.
    let mut newer = first.clone();
    (newer.head, newer.revision.seq) = (None, newer.revision.seq + 1);
    assert_eq!(store.write(vec![Update::from(newer)]).await?, [WRITTEN]);
    store.mark_registered(&documents).await?;
    let left = store.unregistered_holds(None, 10).await?;
    assert!(matches!(&left[..], [one] if one.task_request_id == first.task_id), "{left:?}");
    store.mark_registered(&left).await?;
    assert!(store.unregistered_holds(None, 10).await?.is_empty());
    let undo =
        store.tasks(&tenant("acme")?, peid(1), 0, 10).await?.into_iter().filter_map(|task| task.state.undo);
    assert_eq!(undo.count(), 2, "the record itself stays");
    Ok(())
}

pub(super) async fn what_falls_due_at_one_instant_is_listed_page_by_page(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let rows = [("a", 5), ("b", 5), ("c", 5), ("d", 5), ("later", 6)];
    let mut containments = rows
        .into_iter()
        .map(|(target, due)| containment(&acme, target, due))
        .collect::<Result<Vec<_>, _>>()?;
    for containment in &containments {
        assert!(store.put_containment(containment.clone(), None).await?);
    }
    containments.sort_unstable_by_key(|row| (row.due, row.id));
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.due_containments(Timestamp(DAY + 6), after, 2).await?;
        let Some(last) = page.last() else { break };
        after = DueCursor::of(last);
        listed.extend(page);
    }
    assert_eq!(listed, containments);
    assert!(store.due_containments(Timestamp(DAY + 5), DueCursor::of(&containments[3]), 2).await?.is_empty());
    Ok(())
}
