//! Cases of events: what tells them, in which order, page by page, from which place and up to which.

use std::collections::BTreeSet;

use updraft_protocol::{
    EventCursor, EventPosition, ExecutionPositions, ExecutionStatus, ExecutionUpdate, Happened, TaskStatus,
    TaskUpdate, TenantCode, TenantEventKind, Timestamp, Update, Wait, WaitKind, ids,
};

use super::Ending;
use super::samples::{DAY, execution, peid, revision, task, tenant};
use crate::store::{Detail, Error, EventQuery, Store};

/// The execution `number`, which started in one group and ended in another, if they are given.
fn execution_of(
    number: u64,
    owner: &TenantCode,
    started: Option<u64>,
    ended: Option<u64>,
) -> Result<Update, ids::Error> {
    let mut update: ExecutionUpdate = execution(number, owner)?;
    let state = &mut update.state;
    let at = |group: u64| Timestamp(DAY + group);
    (state.started_date, state.finished_date) = (started.map(at), ended.map(at));
    if ended.is_some() {
        state.execution_status = ExecutionStatus::Completed;
    }
    update.positions = ExecutionPositions {
        started: started.map(|group| EventPosition::of(1, group, TenantEventKind::Started)),
        ended: ended.map(|group| EventPosition::of(1, group, TenantEventKind::Ended)),
    };
    Ok(update.into())
}

/// The task `number` of an execution, which waits since a group.
fn waiting(execution: u64, number: u32, owner: &TenantCode, group: u64) -> Result<TaskUpdate, ids::Error> {
    let mut update = task(execution, number, owner)?;
    let (since, until) = (Timestamp(DAY + group), Timestamp(DAY + 99));
    update.state.status = TaskStatus::Waiting;
    update.state.wait = Some(Box::new(Wait::until(WaitKind::Signal, since, until)));
    update.positions.waiting = Some(EventPosition::of(1, group, TenantEventKind::Waiting));
    Ok(update)
}

/// The events after a place and before a group, as they are told: kind, execution, group.
async fn told(
    store: &dyn Store,
    owner: &TenantCode,
    (after, below): (EventCursor, u64),
    limit: usize,
) -> Result<(Vec<(TenantEventKind, u64, u64)>, Option<EventCursor>), Error> {
    let below = EventPosition::before(1, below);
    let query = EventQuery { tenant: owner.clone(), after, below, detail: Detail::Whole, limit };
    let events = store.events(&query).await?;
    assert!(events.is_sorted_by(|one, next| one.cursor < next.cursor), "in their order");
    let number = |event: &updraft_protocol::TenantEvent| {
        (1..100).find(|number| peid(*number) == event.peid).unwrap_or_default()
    };
    let told = events.iter().map(|event| (event.what.kind(), number(event), event.at.0 - DAY)).collect();
    Ok((told, events.last().map(|event| event.cursor)))
}

pub(super) async fn events_come_in_the_order_of_their_positions(store: &dyn Store) -> Ending {
    use TenantEventKind::{Ended, Started, Waiting};
    let (acme, umbrella) = (tenant("acme")?, tenant("umbrella")?);
    store
        .write(vec![
            execution_of(1, &acme, Some(5), Some(9))?,
            execution_of(2, &acme, Some(3), None)?,
            execution_of(3, &acme, None, None)?,
            execution_of(4, &acme, None, Some(4))?,
            execution_of(5, &acme, Some(12), Some(13))?,
            execution_of(6, &umbrella, Some(6), Some(7))?,
            waiting(1, 1, &acme, 6)?.into(),
            waiting(2, 1, &acme, 3)?.into(),
            task(2, 2, &acme)?.into(),
            waiting(6, 1, &umbrella, 6)?.into(),
        ])
        .await?;
    let all =
        [(Started, 2, 3), (Waiting, 2, 3), (Ended, 4, 4), (Started, 1, 5), (Waiting, 1, 6), (Ended, 1, 9)];
    let until_12 = (EventCursor::START, 12);
    assert_eq!(told(store, &acme, until_12, 100).await?.0, all, "what is beyond is not told yet");
    let (rest, _) = told(store, &acme, (EventCursor::at(EventPosition::before(1, 6)), 14), 100).await?;
    assert_eq!(rest, [(Waiting, 1, 6), (Ended, 1, 9), (Started, 5, 12), (Ended, 5, 13)]);
    let of_umbrella = [(Started, 6, 6), (Waiting, 6, 6), (Ended, 6, 7)];
    assert_eq!(told(store, &umbrella, until_12, 100).await?.0, of_umbrella, "tenants are walls");
    assert_eq!(told(store, &tenant("other")?, until_12, 100).await?.0, []);
    assert_eq!(told(store, &acme, (EventCursor::START, 0), 100).await?.0, []);
    Ok(())
}

pub(super) async fn pages_of_events_lose_and_repeat_nothing(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batch = Vec::new();
    for number in 1..=20 {
        // Many in one group.
        batch.push(execution_of(number, &acme, Some(1 + number / 8), Some(3 + number / 12))?);
        batch.push(waiting(number, 1, &acme, 2 + number / 6)?.into());
    }
    store.write(batch).await?;
    for limit in [1, 3, 7, 100] {
        let (mut after, mut seen) = (EventCursor::START, Vec::new());
        loop {
            let (page, last) = told(store, &acme, (after, 50), limit).await?;
            let Some(last) = last else { break };
            seen.extend(page);
            after = last;
        }
        assert_eq!(seen.len(), 60, "in pages of {limit}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 60);
        for number in 1..=20 {
            let own: Vec<_> =
                seen.iter().filter(|(_, of, _)| *of == number).map(|(kind, ..)| *kind).collect();
            assert!(own.contains(&TenantEventKind::Waiting) && own.len() == 3, "{own:?}");
            assert_eq!(own.first(), Some(&TenantEventKind::Started));
        }
    }
    Ok(())
}

pub(super) async fn a_wait_that_begins_again_is_told_by_the_newest_and_an_output_where_it_is_wanted(
    store: &dyn Store,
) -> Ending {
    let acme = tenant("acme")?;
    let mut ended = execution(1, &acme)?;
    ended.state.finished_date = Some(Timestamp(DAY + 4));
    ended.positions.ended = Some(EventPosition::of(1, 4, TenantEventKind::Ended));
    ended.state.execution_status = ExecutionStatus::Completed;
    ended.state.output = Some(serde_json::json!({ "verdict": 1.10 }).into());
    store.write(vec![ended.into(), waiting(1, 1, &acme, 2)?.into()]).await?;
    let again = TaskUpdate { revision: revision(1, 2), head: None, ..waiting(1, 1, &acme, 3)? };
    store.write(vec![again.into()]).await?;
    let events = async |detail| {
        let (after, below) = (EventCursor::START, EventPosition::before(1, 9));
        store.events(&EventQuery { tenant: acme.clone(), after, below, detail, limit: 9 }).await
    };
    for (detail, has_output) in [(Detail::Whole, true), (Detail::Summary, false)] {
        let told = events(detail).await?;
        assert_eq!(told.iter().map(|event| event.at.0 - DAY).collect::<Vec<_>>(), [3, 4]);
        let positions = [(3, TenantEventKind::Waiting), (4, TenantEventKind::Ended)];
        let positions = positions.map(|(group, kind)| EventPosition::of(1, group, kind));
        assert!(told.iter().map(|event| event.cursor.position).eq(positions), "{told:?}");
        let output = told.iter().find_map(|event| match &event.what {
            Happened::Ended { output, .. } => output.clone(),
            _ => None,
        });
        let verdict = has_output.then(|| serde_json::json!({ "verdict": 1.10 }).into());
        assert_eq!(output, verdict);
    }
    Ok(())
}

pub(super) async fn later_updates_add_events_and_take_none_away(store: &dyn Store) -> Ending {
    use TenantEventKind::{Ended, Started, Waiting};
    let acme = tenant("acme")?;
    store.write(vec![execution_of(1, &acme, Some(2), None)?, task(1, 1, &acme)?.into()]).await?;
    let Update::Execution(end) = execution_of(1, &acme, None, Some(6))? else { return Ok(()) };
    let later = revision(1, 2);
    let end = ExecutionUpdate { revision: later, head: None, ..ExecutionUpdate::clone(&end) };
    let wait = TaskUpdate { revision: later, head: None, ..waiting(1, 1, &acme, 4)? };
    store.write(vec![end.into(), wait.clone().into()]).await?;
    let mut answered = TaskUpdate { revision: revision(1, 3), ..wait };
    (answered.state.status, answered.positions) = (TaskStatus::Completed, Default::default());
    store.write(vec![answered.into()]).await?;
    let all = told(store, &acme, (EventCursor::START, 9), 100).await?.0;
    assert_eq!(all, [(Started, 1, 2), (Waiting, 1, 4), (Ended, 1, 6)]);
    Ok(())
}

pub(super) async fn nothing_is_told_at_the_place_up_to_which_all_is(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    store
        .write(vec![execution_of(1, &acme, Some(5), Some(5))?, execution_of(2, &acme, Some(6), None)?])
        .await?;
    for below in [4, 5] {
        let after = EventCursor::at(EventPosition::before(1, 5));
        assert_eq!(told(store, &acme, (after, below), 100).await?.0, [], "group 5 is not complete");
    }
    let after = EventCursor::at(EventPosition::before(1, 5));
    assert_eq!(told(store, &acme, (after, 6), 100).await?.0.len(), 2);
    Ok(())
}
