//! Planted bugs: owns which of them this process has. The kernel in this repository knows none of them. `plant` writes
//! a copy of it that asks for each, with this file as one of its modules, and there the canaries run.

use std::sync::OnceLock;

/// A bug of a patched kernel; a process has one at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Permits: the limits are checked in one step, and the place is counted in another.
    PermitChecksFirst,
    /// Permits: the hook runs before the place is free.
    PermitWakesEarly,
    /// Permits: the hook runs only where the engine was full, not where a tenant had its share.
    PermitWakesWhenFull,
    /// Gates: a place that is given back wakes nobody.
    GateGivesBackSilently,
    /// Gates: whether somebody waits is looked at before a place is given back.
    GateLooksWhoWaitsEarly,
    /// Gates: a call that leaves the line after it was let in keeps its place.
    GateLosesUntaken,
    /// Gates: a call looks whether it waits, and leaves the line in a second step.
    GateLooksBeforeLeaving,
    /// Gated tools: the number is stored after the names were let go.
    GatedCountsLate,
    /// Gates: a probe that was never sent stays under way.
    GateKeepsProbe,
    /// Locks of targets: a lock that is let go wakes nobody.
    LockLetsGoSilently,
    /// Locks of targets: a task that leaves the line after it was given the lock keeps it.
    LockLosesUntaken,
    /// Versions of caches: an invalidation does not publish what was written before.
    CacheRaiseNotReleased,
    /// Versions of caches: a load does not see what was written before the last invalidation.
    CacheBeginNotAcquired,
    /// Versions of caches: an invalidation reads a counter, and writes it in a second step.
    CacheRaiseLooksFirst,
    /// Outcome: the loser does not wait until the winner has published its value.
    OutcomeOutOfTurn,
    /// Outcome: settling does not publish what the winner did before.
    OutcomeNotReleased,
    /// Outcome: reading does not see what was published.
    OutcomeNotAcquired,
    /// Revocable: the owner looks whether it is taken, and does not mark it as revoked.
    RevokeLooksOnly,
    /// Drain: entering looks whether the gate is open, and counts in a second step.
    GateLooksFirst,
    /// Drain: leaving does not publish what was done inside.
    PassNotReleased,
    /// Drain: the last pass does not see what the others did.
    PassNotAcquired,
    /// Drain: a pass leaves, and looks in a second step whether it was the last.
    PassLooksLater,
    /// Drain: the last pass does not run the hook.
    PassLeavesSilently,
    /// Watermark: an advance does not publish what was done before.
    MarkNotReleased,
    /// Watermark: an advance looks first, and writes in a second step.
    MarkLooksFirst,
    /// Lifecycle: a permit is held without a look at whether the execution has ended meanwhile.
    LifecycleHoldsBlindly,
    /// Lifecycle: waiters are woken before the change is visible.
    LifecycleWakesEarly,
    /// Lifecycle: an answer makes room, and wakes no waiter.
    LifecycleHidesRoom,
    /// Controls: asking looks whether the execution has ended, and holds the control in a second step.
    ControlLooksFirst,
    /// Handover: the address is looked up before the successor can find what is announced.
    AnnounceLooksFirst,
    /// Handover: the successor looks for what is left before its address is published.
    SuccessorLooksFirst,
    /// Fence: the number decides, whatever the epoch is.
    FenceIgnoresEpoch,
    /// Fence: every update counts as newer.
    FenceStandsOpen,
    /// Coalescer: a document in flight is taken again.
    CoalescerTakesTwice,
    /// Coalescer: an update that arrived while a batch flew is not made ready when the batch lands.
    CoalescerForgetsNewer,
    /// Coalescer: there is always room.
    CoalescerUnbounded,
    /// Coalescer: of two updates the older stays.
    CoalescerKeepsOlder,
    /// Coalescer: an update that was taken counts as stored.
    PinsIgnored,
}

static PLANTED: OnceLock<Bug> = OnceLock::new();

impl Bug {
    /// Plants the bug for the rest of the process, unless another is planted already.
    pub fn plant(self) {
        PLANTED.get_or_init(|| self);
    }

    /// Whether the bug is planted.
    pub fn is_planted(self) -> bool {
        PLANTED.get() == Some(&self)
    }
}
