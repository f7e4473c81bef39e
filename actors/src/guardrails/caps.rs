//! The counts of caps: read from the store when first asked, and stored before a call that they count is made, so that a
//! crash forgets none. Decides nothing: the kernel counts.

use std::sync::{Arc, Mutex};

use updraft_kernel::guardrail::{
    CapAsk, CapCount, CapLine, CapVerdict, GuardrailRefusal, GuardrailRule, PlannedGuardrail,
};
use updraft_kernel::machine::{CallHold, pass_choices};
use updraft_protocol::limits::{GUARDRAIL_ASK, GUARDRAIL_COUNTS, GUARDRAIL_LOOK, GUARDRAIL_WAIT};
use updraft_protocol::{Cap, Failure, FailureKind, Gate, Json, Setting, SettingKind, TaskId, Timestamp};

use super::{EnforcedGuardrails, GuardedFacts, count_name, lock};

/// The count of one cap.
#[derive(Default)]
pub(super) struct CapCell {
    /// Held while a count is read or stored: one after the other.
    storing: tokio::sync::Mutex<()>,
    state: Mutex<CapState>,
}

#[derive(Default)]
struct CapState {
    count: CapCount,
    line: CapLine,
    /// Whether the count was read from the store.
    is_read: bool,
    /// The revision of the stored count, if there is one.
    revision: Option<u64>,
    /// When it was last asked what is still contained.
    learned: Timestamp,
}

/// What caps say to a call.
pub(crate) enum Room {
    /// There is room.
    Free,
    /// It waits, for room or for people.
    Held(CallHold),
    /// It is refused.
    Refused(GuardrailRefusal),
}

/// What a call has taken of caps, which is given back where it is dropped before the call is made.
#[derive(Default)]
pub(crate) struct CapGrants(Vec<(Arc<CapCell>, TaskId)>);

impl CapGrants {
    /// The call is made, or may have been.
    pub(crate) fn made(mut self) {
        self.0.clear();
    }

    /// Whether nothing was taken that could be given back.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for CapGrants {
    fn drop(&mut self) {
        for (cell, task) in self.0.drain(..) {
            // Stored with the next call that is counted: until then a crash counts too much.
            lock(&cell.state).count.give_back(task);
        }
    }
}

impl CapCell {
    pub(super) fn used(&self) -> (usize, usize, usize) {
        let state = lock(&self.state);
        let (taken, contained) = state.count.used();
        (taken, contained, state.line.len())
    }
}

impl EnforcedGuardrails {
    /// Whether caps have room for a call; takes none of it.
    ///
    /// # Errors
    /// A count cannot be read: the call is not made.
    pub(crate) async fn room(&self, facts: &GuardedFacts) -> Result<Room, Failure> {
        let set = self.current();
        for (guardrail, cap) in set.caps(&facts.call()) {
            let cell = self.cell(guardrail, cap, facts).await?;
            let now = self.clock.now();
            let ask = facts.ask(guardrail.name(), now);
            let mut state = lock(&cell.state);
            let CapState { count, line, .. } = &mut *state;
            let verdict = count.clone().ask(cap, line, ask, now);
            let used = count.used();
            drop(state);
            if let Some(room) = held(guardrail, cap, (verdict, used), facts) {
                return Ok(room);
            }
        }
        Ok(Room::Free)
    }

    /// Takes the room of a call that is about to be made, and stores that.
    ///
    /// # Errors
    /// There is no room any more; or, inside, a count cannot be stored: the call is not made.
    pub(crate) async fn take(&self, facts: &GuardedFacts) -> Result<Result<CapGrants, Room>, Failure> {
        let set = self.current();
        let mut grants = CapGrants::default();
        for (guardrail, cap) in set.caps(&facts.call()) {
            let cell = self.cell(guardrail, cap, facts).await?;
            let now = self.clock.now();
            let ask = facts.ask(guardrail.name(), now);
            let (verdict, used) = self.store_taken(&cell, (guardrail, cap), ask, now).await?;
            if let Some(room) = held(guardrail, cap, (verdict, used), facts) {
                return Ok(Err(room));
            }
            if matches!(verdict, CapVerdict::Taken { is_first: true }) {
                grants.0.push((cell, facts.task));
            }
            if let Some(answer) = facts.answer(guardrail.name()) {
                let said = (&*answer.uid, answer.comment.as_deref());
                let audited = self.audit_answer(facts, guardrail.name().as_str(), (said, true)).await;
                audited.map_err(|error| uncounted(guardrail, &error.to_string()))?;
            }
        }
        Ok(Ok(grants))
    }

    /// Stores what a call takes, then counts it.
    async fn store_taken(
        &self,
        cell: &Arc<CapCell>,
        (guardrail, cap): (&PlannedGuardrail, &Cap),
        ask: CapAsk,
        now: Timestamp,
    ) -> Result<(CapVerdict, (usize, usize)), Failure> {
        /// Who counts too, in another process, is met once or twice.
        const TRIES: usize = 5;
        let _storing = cell.storing.lock().await;
        let key = SettingKind::GuardrailCount.key(&count_name(guardrail, cap, &ask.tenant));
        for _ in 0..TRIES {
            let (mut count, verdict, revision) = {
                let mut state = lock(&cell.state);
                let CapState { count, line, revision, .. } = &mut *state;
                let mut taken = count.clone();
                let verdict = taken.ask(cap, line, ask.clone(), now);
                (taken, verdict, *revision)
            };
            if !matches!(verdict, CapVerdict::Taken { .. }) {
                return Ok((verdict, count.used()));
            }
            let value = serde_json::to_value(&count).map(Json::from);
            let value = value.map_err(|error| uncounted(guardrail, &error.to_string()))?;
            let next = revision.unwrap_or(0) + 1;
            let setting = Setting {
                key: key.clone(),
                revision: next,
                value,
                updated_date: now,
                uid: None,
                reason: None,
            };
            let stored = self.store.put_setting(setting, revision).await;
            if stored.map_err(|error| uncounted(guardrail, &error.to_string()))? {
                let mut state = lock(&cell.state);
                state.revision = Some(next);
                // What was given back meanwhile stays so.
                let CapState { count: known, line, .. } = &mut *state;
                let verdict_now = known.ask(cap, line, CapAsk { is_approved: true, ..ask }, now);
                let verdict =
                    if matches!(verdict_now, CapVerdict::Taken { .. }) { verdict } else { verdict_now };
                count = known.clone();
                return Ok((verdict, count.used()));
            }
            self.read(cell, &key, guardrail).await?;
        }
        Err(uncounted(guardrail, "others change it all the time"))
    }

    /// The count of a cap for the tenant of a call, read, and of what it contains as much as matters.
    async fn cell(
        &self,
        guardrail: &PlannedGuardrail,
        cap: &Cap,
        facts: &GuardedFacts,
    ) -> Result<Arc<CapCell>, Failure> {
        let name = count_name(guardrail, cap, &facts.tenant);
        let cell = {
            let mut counts = lock(&self.counts);
            if counts.len() >= GUARDRAIL_COUNTS && !counts.contains_key(&name) {
                return Err(uncounted(guardrail, "there are too many counts"));
            }
            counts.entry(name.clone()).or_default().clone()
        };
        if !lock(&cell.state).is_read {
            let _storing = cell.storing.lock().await;
            if !lock(&cell.state).is_read {
                self.read(&cell, &SettingKind::GuardrailCount.key(&name), guardrail).await?;
            }
        }
        self.learn(&cell, guardrail, cap).await?;
        Ok(cell)
    }

    async fn read(&self, cell: &CapCell, key: &str, guardrail: &PlannedGuardrail) -> Result<(), Failure> {
        let found =
            self.store.setting(key).await.map_err(|error| uncounted(guardrail, &error.to_string()))?;
        let count = match &found {
            None => CapCount::default(),
            Some(setting) => serde_json::from_str(setting.value.as_str())
                .map_err(|error| uncounted(guardrail, &format!("what is stored is no count: {error}")))?,
        };
        let mut state = lock(&cell.state);
        (state.count, state.is_read, state.revision) = (count, true, found.map(|setting| setting.revision));
        Ok(())
    }

    /// Where the cap is used up by what is contained, looks whether that has ended.
    async fn learn(&self, cell: &CapCell, guardrail: &PlannedGuardrail, cap: &Cap) -> Result<(), Failure> {
        let Some(most) = cap.active else { return Ok(()) };
        let now = self.clock.now();
        let contained = {
            let mut state = lock(&cell.state);
            let contained = state.count.of_whom();
            let is_due = now.since(state.learned) >= GUARDRAIL_LOOK.as_millis() as u64;
            if contained.len() < most.get() as usize || !is_due {
                return Ok(());
            }
            state.learned = now;
            contained
        };
        for (tenant, id) in contained {
            let found = self.store.containment(&tenant, id).await;
            let found = found.map_err(|error| uncounted(guardrail, &error.to_string()))?;
            let state = found.map(|document| {
                let changed = document.details.history.last().map_or(document.since, |entry| entry.at);
                (document.status.ended(), changed)
            });
            lock(&cell.state).count.learn(id, state, now);
        }
        Ok(())
    }
}

/// What becomes of a call by this verdict; `None` if it may be made.
fn held(
    guardrail: &PlannedGuardrail,
    cap: &Cap,
    (verdict, used): (CapVerdict, (usize, usize)),
    facts: &GuardedFacts,
) -> Option<Room> {
    let name = || guardrail.name().clone();
    let refuse = |why| Room::Refused(GuardrailRefusal { guardrail: name(), rule: GuardrailRule::Cap, why });
    Some(match verdict {
        CapVerdict::Taken { .. } => return None,
        CapVerdict::Wait(look) => {
            metrics::counter!("updraft_guardrail_waits_total", "rule" => "cap").increment(1);
            let longest = cap.wait.map_or(GUARDRAIL_WAIT, |wait| wait.0);
            Room::Held(CallHold::Room { guardrail: name(), why: over(cap, used), look, longest })
        }
        CapVerdict::Ask => {
            metrics::counter!("updraft_guardrail_waits_total", "rule" => "ask").increment(1);
            Room::Held(asked(guardrail, cap, used, facts))
        }
        CapVerdict::Refuse => refuse(over(cap, used)),
        CapVerdict::RefuseUncontained => refuse(
            "it counts what is contained, and this call has no `expires`, so that nobody knows when its effect ends"
                .to_owned(),
        ),
    })
}

/// How the cap is used up, for people.
fn over(cap: &Cap, (taken, contained): (usize, usize)) -> String {
    let calls = cap.calls.zip(cap.per).map(|(calls, per)| format!("{taken} of {calls} calls within {per}"));
    let active = cap.active.map(|most| format!("{contained} of {most} targets contained"));
    let parts: Vec<String> = [calls, active].into_iter().flatten().collect();
    format!("no room: {}", parts.join(", "))
}

/// The question whether a call may pass.
fn asked(guardrail: &PlannedGuardrail, cap: &Cap, used: (usize, usize), facts: &GuardedFacts) -> CallHold {
    let people = cap.ask.clone().unwrap_or_default();
    let gate = Gate {
        choices: pass_choices(),
        assignees: people.assignees,
        groups: people.group.into_iter().collect(),
        quorum: people.quorum.map_or(1, std::num::NonZeroU32::get),
        has_form: false,
        answers: Vec::new(),
    };
    let target = facts.targets.told().map(|target| format!(" of {target}")).unwrap_or_default();
    let (integration, action, name) = (&facts.integration, &facts.action, guardrail.name());
    let question =
        format!("May {integration}.{action}{target} pass guardrail \"{name}\"? There is {}", over(cap, used));
    let longest = people.timeout.map_or(GUARDRAIL_ASK, |timeout| timeout.0);
    CallHold::People { guardrail: guardrail.name().clone(), question, gate, longest }
}

/// A call is not made, since it could not be counted.
fn uncounted(guardrail: &PlannedGuardrail, why: &str) -> Failure {
    let message = format!("guardrail \"{}\" cannot count it: {why}", guardrail.name());
    Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false)
}
