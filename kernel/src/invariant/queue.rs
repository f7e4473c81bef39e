//! The invariants of queued executions and their places: none is lost or begins twice, none runs that is paused, no tenant has
//! more than its share, and none waits longer than the turns of the others take.

use std::collections::BTreeMap;

use updraft_protocol::{ExecutionId, TenantCode};

use super::{Violation, violated};
use crate::backlog::Queued;

/// A queued execution begins once in a process, and only where it was accepted and has not ended.
pub fn begins_once(peid: ExecutionId, is_queued: bool) -> Result<(), Violation> {
    if is_queued {
        return Ok(());
    }
    violated("a queued execution begins once", format!("{peid} begins, and is not queued"))
}

/// Nothing that is paused begins.
pub fn none_begins_while_paused(peid: ExecutionId, is_paused: bool) -> Result<(), Violation> {
    if is_paused {
        return violated("none begins while paused", format!("{peid} begins"));
    }
    Ok(())
}

/// A tenant that is given a place has at most its share, and all of them have at most the places that there are. `holders` is
/// what each has with it, `share` is this tenant's.
pub fn within_its_share(
    tenant: &TenantCode,
    holders: &BTreeMap<TenantCode, usize>,
    (share, places): (usize, usize),
) -> Result<(), Violation> {
    let (own, all) = (holders.get(tenant).copied().unwrap_or_default(), holders.values().sum::<usize>());
    if own <= share && all <= places {
        return Ok(());
    }
    violated("within its share", format!("{tenant} has {own} of {share}, all have {all} of {places}"))
}

/// Of one tenant, nothing begins before what stands before it: `earlier` are those that the line has seen and that may begin.
pub fn begins_in_order(begins: Queued, mut earlier: impl Iterator<Item = Queued>) -> Result<(), Violation> {
    match earlier.find(|other| *other < begins) {
        Some(other) => violated("begins in its order", format!("{begins:?} begins before {other:?}")),
        None => Ok(()),
    }
}

/// A tenant that stands in line and may have a place waits for as many turns at most as all others have in a round.
pub fn waits_for_a_round(tenant: &TenantCode, passed: u64, round: u64) -> Result<(), Violation> {
    if passed <= round {
        return Ok(());
    }
    violated(
        "waits for a round",
        format!("{tenant} was passed over {passed} times, in a round there are {round}"),
    )
}

/// What was accepted is queued, runs or has ended, and is one of them.
pub fn accepted_adds_up(
    accepted: usize,
    (queued, running, ended): (usize, usize, usize),
) -> Result<(), Violation> {
    if queued + running + ended == accepted {
        return Ok(());
    }
    let what = format!("{queued} queued, {running} running and {ended} ended of {accepted}");
    violated("what is accepted adds up", what)
}
