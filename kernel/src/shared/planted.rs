//! Planted bugs: what loom's models have the code that ships do wrong, to see that they notice. Nothing can be
//! planted without `--cfg loom`: the compiler takes the questions out then.

use super::sync::{Hook, Ordering, run};

/// A bug that can be planted; one at a time. Each says what is wrong where it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Permits: the limits are checked in one step, and the place is counted in another.
    PermitChecksFirst,
    /// Permits: the hook runs before the place is free.
    PermitWakesEarly,
    /// Permits: the hook runs only where the engine was full, and not where a tenant had its share.
    PermitWakesWhenFull,
    /// Outcome: who lost does not wait until the winner has said what it is.
    OutcomeOutOfTurn,
    /// Outcome: settling does not publish what the winner did before.
    OutcomeNotReleased,
    /// Outcome: reading does not see what was published.
    OutcomeNotAcquired,
    /// Revocable: the owner looks whether it is taken, and does not say that it is revoked.
    RevokeLooksOnly,
    /// Drain: looks whether the gate is open, and counts then.
    GateLooksFirst,
    /// Drain: leaving does not publish what was done inside.
    PassNotReleased,
    /// Drain: the last to leave does not see what the others did.
    PassNotAcquired,
    /// Drain: leaves, and looks then whether it was the last.
    PassLooksLater,
    /// Drain: who leaves last tells nobody.
    PassLeavesSilently,
    /// Watermark: an advance does not publish what was done before.
    MarkNotReleased,
    /// Watermark: an advance looks first and writes then.
    MarkLooksFirst,
    /// Lifecycle: a permit is held without a look at whether it has ended meanwhile.
    LifecycleHoldsBlindly,
    /// Lifecycle: those who wait are woken before there is anything to see.
    LifecycleWakesEarly,
    /// Lifecycle: a control that is answered makes room, and nobody is told.
    LifecycleHidesRoom,
    /// Controls: looks whether the execution has ended, and holds the control then.
    ControlLooksFirst,
    /// Handover: the address is looked up before the successor can know what comes.
    AnnounceLooksFirst,
    /// Handover: the successor looks at what is left before its address is known.
    SuccessorLooksFirst,
    /// Fence: the number decides, whoever gave it.
    FenceIgnoresEpoch,
    /// Fence: whatever comes last stands.
    FenceStandsOpen,
    /// Coalescer: a document in flight is taken again.
    CoalescerTakesTwice,
    /// Coalescer: what came while a batch flew is not made ready when it lands.
    CoalescerForgetsNewer,
    /// Coalescer: there is always room.
    CoalescerUnbounded,
    /// Coalescer: of two updates the older stays.
    CoalescerKeepsOlder,
    /// Coalescer: what was taken counts as stored.
    PinsIgnored,
}

#[cfg(loom)]
static PLANTED: super::sync::Slot<Bug> = super::sync::Slot::new();

/// Plants a bug for the rest of the process. There is one, and the first stays.
#[cfg(loom)]
pub fn plant(bug: Bug) {
    PLANTED.get_or_init(|| bug);
}

/// Whether this bug is planted.
#[cfg(loom)]
pub fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(&bug)
}

/// Whether this bug is planted: never in the code that ships.
#[cfg(not(loom))]
pub const fn planted(_: Bug) -> bool {
    false
}

/// The ordering that ships, or a weaker one where the bug is planted.
pub(super) fn order(ships: Ordering, bug: Bug, weaker: Ordering) -> Ordering {
    if planted(bug) { weaker } else { ships }
}

/// The hook that is to be run, or none where the bug is planted and it has just run, too early.
pub(super) fn in_time(bug: Bug, hook: Option<&Hook>) -> Option<&Hook> {
    if planted(bug) {
        run(hook);
        return None;
    }
    hook
}
