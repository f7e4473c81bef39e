//! The bugs of `kernel::shared`: what two threads touch.

use super::Patch;

const PERMITS: &str = "kernel/src/shared/permits.rs";
const GATES: &str = "kernel/src/shared/gates.rs";
const TARGET_LOCKS: &str = "kernel/src/shared/target_locks.rs";
const GATED: &str = "kernel/src/shared/gated.rs";
const CALL_GATE: &str = "kernel/src/call_gate.rs";
const CACHE_VERSIONS: &str = "kernel/src/shared/cache_versions.rs";
const OUTCOME: &str = "kernel/src/shared/outcome.rs";
const REVOCABLE: &str = "kernel/src/shared/revocable.rs";
const DRAIN: &str = "kernel/src/shared/drain.rs";
const WATERMARK: &str = "kernel/src/shared/watermark.rs";
const LIFECYCLE: &str = "kernel/src/shared/lifecycle.rs";
const CONTROLS: &str = "kernel/src/shared/controls.rs";
const HANDOVER: &str = "kernel/src/shared/handover.rs";
const FENCE: &str = "kernel/src/shared/fence.rs";

/// Patches of `kernel/src/shared`.
pub(super) const PATCHES: &[Patch] = &[
    Patch {
        name: "PermitChecksFirst",
        file: PERMITS,
        find: "        counts.in_use += 1;\n",
        replace: "        if super::planted::Bug::PermitChecksFirst.is_planted() {
            drop(counts);
            counts = lock(&self.inner.counts);
        }
        counts.in_use += 1;
",
    },
    Patch {
        name: "PermitWakesEarly and PermitWakesWhenFull, when the place becomes free",
        file: PERMITS,
        find: "        let mut counts = lock(&inner.counts);
        counts.in_use = ",
        replace: "        let early = super::planted::Bug::PermitWakesEarly.is_planted();
        if early {
            run_for(self.permits.inner.released.as_ref(), &self.tenant);
        }
        let mut counts = lock(&inner.counts);
        let no_wait = super::planted::Bug::PermitWakesWhenFull.is_planted() && counts.in_use != inner.total;
        counts.in_use = ",
    },
    Patch {
        name: "PermitWakesEarly and PermitWakesWhenFull, when the hook runs",
        file: PERMITS,
        find: "        run_for(inner.released.as_ref(), &self.tenant);\n",
        replace: "        if !early && !no_wait {
            run_for(inner.released.as_ref(), &self.tenant);
        }
",
    },
    Patch {
        name: "GateGivesBackSilently",
        file: GATES,
        find: "        if !is_request || !was_made {
            self.changed(gate);
",
        replace: "        let silently = super::planted::Bug::GateGivesBackSilently.is_planted();
        if (!is_request || !was_made) && !silently {
            self.changed(gate);
",
    },
    Patch {
        name: "GateLooksWhoWaitsEarly",
        file: GATES,
        find: "        let mut gate = lock(&self.inner.gate);
        if is_request {
",
        replace: "        let early = super::planted::Bug::GateLooksWhoWaitsEarly.is_planted();
        if early && !lock(&self.inner.gate).has_waiting() {
            lock(&self.inner.gate).give_back(ticket, was_made);
            return;
        }
        let mut gate = lock(&self.inner.gate);
        if is_request {
",
    },
    Patch {
        name: "GateLosesUntaken",
        file: GATES,
        find: "        if !waited {\n",
        replace: "        if !waited && !super::planted::Bug::GateLosesUntaken.is_planted() {\n",
    },
    Patch {
        name: "GateLooksBeforeLeaving",
        file: GATES,
        find: "        let waited = lock(&self.gate.inner.gate).leave(&ticket).is_some();\n",
        replace: "        let waited = if super::planted::Bug::GateLooksBeforeLeaving.is_planted() {
            let waited = lock(&self.gate.inner.gate).waits(&ticket);
            lock(&self.gate.inner.gate).leave(&ticket);
            waited
        } else {
            lock(&self.gate.inner.gate).leave(&ticket).is_some()
        };
",
    },
    Patch {
        name: "GatedCountsLate",
        file: GATED,
        find: "                names.tools.remove(tool);
            }
        }
",
        replace: "                names.tools.remove(tool);
            }
        }
        if super::planted::Bug::GatedCountsLate.is_planted() {
            let count = names.count();
            drop(names);
            self.0.count.store(count, Ordering::Release);
            return;
        }
",
    },
    Patch {
        name: "GateKeepsProbe",
        file: CALL_GATE,
        find: "        if self.is_probe_over(ticket) {\n",
        replace: "        if self.is_probe_over(ticket)
            && !crate::shared::planted::Bug::GateKeepsProbe.is_planted()
        {
",
    },
    Patch {
        name: "LockLetsGoSilently",
        file: TARGET_LOCKS,
        find: "        run(given.as_ref());\n",
        replace: "        if !super::planted::Bug::LockLetsGoSilently.is_planted() {
            run(given.as_ref());
        }
",
    },
    Patch {
        name: "LockLosesUntaken",
        file: TARGET_LOCKS,
        find: "        if !waited {\n",
        replace: "        if !waited && !super::planted::Bug::LockLosesUntaken.is_planted() {\n",
    },
    Patch {
        name: "CacheRaiseNotReleased and CacheRaiseLooksFirst",
        file: CACHE_VERSIONS,
        find: "            counter.fetch_add(1, Ordering::AcqRel);\n",
        replace: "            if super::planted::Bug::CacheRaiseLooksFirst.is_planted() {
                let before = counter.load(Ordering::Acquire);
                counter.store(before + 1, Ordering::Release);
                return;
            }
            let weaker = super::planted::Bug::CacheRaiseNotReleased.is_planted();
            counter.fetch_add(1, if weaker { Ordering::Relaxed } else { Ordering::AcqRel });
",
    },
    Patch {
        name: "CacheBeginNotAcquired",
        file: CACHE_VERSIONS,
        find: "sum.wrapping_add(counter.load(Ordering::Acquire))",
        replace: "{
            let weaker = super::planted::Bug::CacheBeginNotAcquired.is_planted();
            sum.wrapping_add(counter.load(if weaker { Ordering::Relaxed } else { Ordering::Acquire }))
        }",
    },
    Patch {
        name: "OutcomeOutOfTurn",
        file: OUTCOME,
        find: "let _turn = lock(&self.turn);",
        replace: "let _turn = (!super::planted::Bug::OutcomeOutOfTurn.is_planted()).then(|| lock(&self.turn));",
    },
    Patch {
        name: "OutcomeNotReleased",
        file: OUTCOME,
        find: "        self.settled.store(true, Ordering::Release);\n",
        replace: "        let weaker = super::planted::Bug::OutcomeNotReleased.is_planted();
        self.settled.store(true, if weaker { Ordering::Relaxed } else { Ordering::Release });
",
    },
    Patch {
        name: "OutcomeNotAcquired",
        file: OUTCOME,
        find: "        self.settled.load(Ordering::Acquire)\n",
        replace: "        let weaker = super::planted::Bug::OutcomeNotAcquired.is_planted();
        self.settled.load(if weaker { Ordering::Relaxed } else { Ordering::Acquire })
",
    },
    Patch {
        name: "RevokeLooksOnly",
        file: REVOCABLE,
        find: "        match self.settled(Fate::Revoked) {\n",
        replace: "        if super::planted::Bug::RevokeLooksOnly.is_planted() && !self.0.is_settled() {
            return Revoke::InTime;
        }
        match self.settled(Fate::Revoked) {
",
    },
    Patch {
        name: "GateLooksFirst",
        file: DRAIN,
        find: "        let open = |state: usize| (state & CLOSED == 0)",
        replace: "        let looked = super::planted::Bug::GateLooksFirst.is_planted()
            && self.inner.state.load(Ordering::Acquire) & CLOSED == 0;
        let open = |state: usize| (looked || state & CLOSED == 0)",
    },
    Patch {
        name: "PassNotReleased and PassNotAcquired",
        file: DRAIN,
        find: "        let before = self.inner.state.fetch_sub(1, Ordering::AcqRel);\n",
        replace: "        let ordering = if super::planted::Bug::PassNotReleased.is_planted() {
            Ordering::Relaxed
        } else if super::planted::Bug::PassNotAcquired.is_planted() {
            Ordering::Release
        } else {
            Ordering::AcqRel
        };
        let before = self.inner.state.fetch_sub(1, ordering);
",
    },
    Patch {
        name: "PassLooksLater and PassLeavesSilently",
        file: DRAIN,
        find: "        if before == CLOSED | 1 {\n",
        replace: "        let last = if super::planted::Bug::PassLooksLater.is_planted() {
            self.inner.state.load(Ordering::Acquire) == CLOSED
        } else {
            before == CLOSED | 1
        };
        if last && !super::planted::Bug::PassLeavesSilently.is_planted() {
",
    },
    Patch {
        name: "MarkLooksFirst and MarkNotReleased",
        file: WATERMARK,
        find: "        if self.at.fetch_max(to, Ordering::AcqRel) < to {",
        replace: "        if super::planted::Bug::MarkLooksFirst.is_planted() && self.get() < to {
            self.at.store(to, Ordering::Release);
            return Advance::Moved;
        }
        let weaker = super::planted::Bug::MarkNotReleased.is_planted();
        if self.at.fetch_max(to, if weaker { Ordering::Relaxed } else { Ordering::AcqRel }) < to {",
    },
    Patch {
        name: "LifecycleHoldsBlindly",
        file: LIFECYCLE,
        find: "        if self.ended.is_settled() {\n",
        replace: "        if self.ended.is_settled() && !super::planted::Bug::LifecycleHoldsBlindly.is_planted() {\n",
    },
    Patch {
        name: "LifecycleWakesEarly",
        file: LIFECYCLE,
        find: "        let settled = settle();
        if let Settle::Won = settled {
",
        replace: "        let early = super::planted::Bug::LifecycleWakesEarly.is_planted();
        if early {
            self.changed.wake();
        }
        let settled = settle();
        if matches!(settled, Settle::Won) && !early {
",
    },
    Patch {
        name: "LifecycleHidesRoom",
        file: LIFECYCLE,
        find: "        if full {\n",
        replace: "        if full && !super::planted::Bug::LifecycleHidesRoom.is_planted() {\n",
    },
    Patch {
        name: "ControlLooksFirst",
        file: CONTROLS,
        find: "        state.count += 1;\n",
        replace: "        if super::planted::Bug::ControlLooksFirst.is_planted() {
            drop(state);
            state = lock(&self.0);
        }
        state.count += 1;
",
    },
    Patch {
        name: "AnnounceLooksFirst",
        file: HANDOVER,
        find: "        make_known();
        self.current()
",
        replace: "        if super::planted::Bug::AnnounceLooksFirst.is_planted() {
            let address = self.current();
            make_known();
            return address;
        }
        make_known();
        self.current()
",
    },
    Patch {
        name: "SuccessorLooksFirst",
        file: HANDOVER,
        find: "        *lock(&self.address) = Some(address);
        find()
",
        replace: "        if super::planted::Bug::SuccessorLooksFirst.is_planted() {
            let found = find();
            *lock(&self.address) = Some(address);
            return found;
        }
        *lock(&self.address) = Some(address);
        find()
",
    },
    Patch {
        name: "FenceIgnoresEpoch and FenceStandsOpen",
        file: FENCE,
        find: "    match offered.cmp(&stored) {\n",
        replace: "    let by_number = super::planted::Bug::FenceIgnoresEpoch.is_planted() && offered.seq > stored.seq;
    if by_number || super::planted::Bug::FenceStandsOpen.is_planted() {
        return Fence::Newer;
    }
    match offered.cmp(&stored) {
",
    },
];
