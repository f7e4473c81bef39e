//! One call outside of any execution that is made as those of executions are: guardrails are asked, gates and permits are waited for
//! in turn with others, its time is limited, its panic caught, its answer masked, and the circuit of its tool told how it ended.
//! Stores nothing, keeps no answer, and retries nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};
use updraft_kernel::guardrail::CallTargets;
use updraft_kernel::plan::PlannedAction;
use updraft_protocol::limits::{ATTEMPT_UNSENT, MASKED_INLINE_BYTES};
use updraft_protocol::{
    ActionSpec, Call, CallFiles, CallPermit, Effect, ExecutionId, Failure, FailureKind, Integration, Json,
    Masking, Name, PermitRequest, Priority, SecretReference, Sending, Span, StepId, TaskId, TenantCode,
    Value,
};

use crate::context::EngineContext;
use crate::gates::{CallReport, GatePass, GateTurn, ToolCall};
use crate::guardrails::{CapGrants, GuardedFacts, Room};
use crate::secrets::Needed;
use crate::sent::Sent;
use crate::task::panicked;

/// A call that reads something, and that no execution makes.
#[derive(Debug)]
pub struct CallInLine<'a> {
    /// For whom.
    pub tenant: &'a TenantCode,
    /// Its idempotency key. One that found no room at a cap keeps it, and so its place in the line for that.
    pub task: TaskId,
    /// Who makes it, as audits and tools are told.
    pub step: &'a StepId,
    /// The tool.
    pub integration: &'a Name,
    /// What it is to do.
    pub action: &'a Name,
    /// The same as it was checked.
    pub planned: &'a PlannedAction,
    /// The arguments, with `null` in the place of each secret.
    pub arguments: Value,
    /// How far ahead of others of its tenant it stands in line.
    pub priority: Priority,
    /// How long it may stand in line.
    pub in_line: Duration,
}

impl CallInLine<'_> {
    /// Makes the call. Dropped, it leaves the line, or drops the call.
    ///
    /// # Errors
    /// The failure of the call, or why it is not made.
    pub async fn made(self, context: &EngineContext) -> Result<Json, Failure> {
        let Some(tool) = context.tools.get(self.integration, self.planned.version) else {
            let message = format!("missing here: integration \"{}\"", self.integration);
            return Err(Failure::new(FailureKind::NotConfigured, message));
        };
        // What this engine has now may declare another effect than the one by which it was checked.
        if effect(tool, self.action, &self.arguments)? != Effect::Read {
            let message = format!("{}.{} changes something", self.integration, self.action);
            return Err(Failure::new(FailureKind::Forbidden, message));
        }
        let facts = self.facts(tool)?;
        refused(context, &facts).await?;
        let told = ToolCall {
            integration: self.integration,
            host: self.planned.host(&self.arguments),
            tenant: self.tenant,
            order: (context.quotas.weight(self.tenant), self.priority),
            secrets: &self.planned.secrets,
            fails_when_open: self.planned.fails_when_open,
        };
        let mut pass = match context.gates.enter(clone(&told)) {
            Some(turn) => Some(self.passed(context, turn?).await?),
            None => None,
        };
        let permit = self.permit(tool).await?;
        if !pass.as_ref().is_some_and(|pass| pass.is_of_tool())
            && let Some(turn) = context.gates.late_turn(&told)
        {
            pass = Some(GatePass::at_tool_as(pass, self.passed(context, turn).await?));
        }
        refused(context, &facts).await?;
        let caps = caps(context, &facts).await?;
        let report = context.gates.report(&told, pass, 1);
        let call = self.call(permit);
        let outcome = attempt((tool, call), &self.planned.secrets, report, context).await;
        if !outcome.as_ref().is_err_and(was_not_sent) {
            caps.made();
        }
        outcome
    }

    /// Waits for its turn at the gates of its tool.
    async fn passed(&self, context: &EngineContext, turn: GateTurn) -> Result<Box<GatePass>, Failure> {
        let turn = match turn.pass() {
            Ok(pass) => return Ok(pass),
            Err(turn) => turn,
        };
        let calls = context.statistics.of(self.integration);
        let waiting = calls.waits(context.quotas.class(self.tenant));
        let passed = timeout(self.in_line, turn.passed()).await.unwrap_or_else(|_| {
            let message = format!("no turn within {}", Span(self.in_line));
            Err(Failure::new(FailureKind::Limited, message))
        });
        match &passed {
            Ok(_) => waiting.passed(),
            Err(failure) => calls.refused(failure.kind),
        }
        passed
    }

    /// The permit of its integration.
    async fn permit(&self, tool: &Arc<dyn Integration>) -> Result<CallPermit, Failure> {
        let (tenant, action, arguments) = (self.tenant, self.action, &self.arguments);
        let ask = || tool.permit(&PermitRequest { tenant, action, arguments });
        let Some(permit) = catch_unwind(AssertUnwindSafe(ask)).map_err(panicked)? else {
            return Ok(CallPermit::default());
        };
        match timeout(ATTEMPT_UNSENT, AssertUnwindSafe(permit).catch_unwind()).await {
            Ok(permitted) => permitted.unwrap_or_else(|panic| Err(panicked(panic))),
            Err(_) => {
                let message = format!("no permit within {}", Span(ATTEMPT_UNSENT));
                Err(Failure::new(FailureKind::Unreachable, message))
            }
        }
    }

    /// What guardrails are told of it.
    fn facts(&self, tool: &Arc<dyn Integration>) -> Result<GuardedFacts, Failure> {
        let may_change = || tool.may_change(self.action.as_str(), &self.arguments);
        let may_change = catch_unwind(AssertUnwindSafe(may_change)).map_err(panicked)?;
        let named = |name| CallTargets::argument(name, &self.arguments, &self.planned.secrets);
        let targets = CallTargets::of(named(self.planned.target), None);
        let further = self.planned.also_targets.iter();
        Ok(GuardedFacts {
            tenant: self.tenant.clone(),
            peid: ExecutionId::from_bytes([0; 16]),
            task: self.task,
            step: self.step.clone(),
            integration: self.integration.clone(),
            action: self.action.clone(),
            effect: if may_change { Effect::Write } else { Effect::Read },
            is_undo: false,
            targets: further.fold(targets, |targets, name| targets.and(named(Some(name)))),
            hosts: self.planned.hosts(&self.arguments),
            containment: None,
            since: None,
            passed: None,
        })
    }

    fn call(&self, permit: CallPermit) -> Call {
        Call {
            tenant: self.tenant.clone(),
            peid: ExecutionId::from_bytes([0; 16]),
            task_id: self.task,
            step_id: self.step.clone(),
            action: self.action.clone(),
            attempt: 1,
            arguments: self.arguments.clone(),
            secrets: Vec::new(),
            masking: Masking::default(),
            timeout: self.planned.timeout,
            sending: Sending::default(),
            permit,
            files: CallFiles::default(),
        }
    }
}

/// Whether a call has failed before its tool was reached.
fn was_not_sent(failure: &Failure) -> bool {
    let kinds = [FailureKind::Unreachable, FailureKind::NotConfigured, FailureKind::InvalidArguments];
    kinds.contains(&failure.kind) && !failure.may_have_acted()
}

fn clone<'a>(told: &ToolCall<'a>) -> ToolCall<'a> {
    ToolCall { host: told.host.clone(), ..*told }
}

fn effect(tool: &Arc<dyn Integration>, action: &Name, arguments: &Value) -> Result<Effect, Failure> {
    catch_unwind(AssertUnwindSafe(|| tool.effect(action.as_str(), arguments))).map_err(panicked)
}

/// Makes a call that may be made.
async fn attempt(
    (tool, mut call): (&Arc<dyn Integration>, Call),
    secrets: &Arc<[SecretReference]>,
    mut report: CallReport,
    context: &EngineContext,
) -> Result<Json, Failure> {
    let (tenant, began, sent) = (call.tenant.clone(), Instant::now(), Arc::<Sent>::default());
    let ActionSpec { says_sending, asks_for_requests, .. } = tool.spec(call.action.as_str());
    if asks_for_requests {
        call.permit = call.permit.with_requests(report.requests());
    }
    call.sending = sent.sending();
    call.masking = context.secrets.masking(&tenant);
    let needed = Needed { lease_check: None, own: secrets.clone(), others: Vec::new() };
    match context.secrets.of_attempt(&tenant, &needed).await {
        Ok(secrets) => call.secrets = secrets,
        Err(failure) => {
            report.not_made(failure.kind, began.elapsed());
            return Err(failure);
        }
    }
    if let Some(lease_check) = &context.lease_check
        && !lease_check.is_current()
        && !lease_check.current().await
    {
        report.not_made(FailureKind::Interrupted, began.elapsed());
        let message = "another engine has the database; it was not sent";
        return Err(Failure::new(FailureKind::Interrupted, message).with_may_have_acted(false));
    }
    if !says_sending {
        // Nobody withdraws it.
        let _sent = call.sending.begin();
    }
    report.waits();
    let time = call.timeout;
    // An integration keeps the time of its answer itself; before it is sent, a call may stand in line.
    let calling = AssertUnwindSafe(tool.call(call)).catch_unwind();
    let outcome = match timeout(ATTEMPT_UNSENT + time, calling).await {
        Ok(called) => called.unwrap_or_else(|panic| Err(panicked(panic))),
        Err(_) => Err(Failure::new(FailureKind::Timeout, format!("no answer within {}", Span(time)))),
    };
    let outcome = masked(context, tenant, outcome).await;
    match &outcome {
        Err(failure) if sent.is_held_back() => report.not_made(failure.kind, began.elapsed()),
        _ => report.ended(outcome.as_ref().err(), began.elapsed(), sent.pause()),
    }
    outcome
}

/// The outcome without the secrets of its tenant. A large one is searched on a blocking thread.
async fn masked(
    context: &EngineContext,
    tenant: TenantCode,
    outcome: Result<Json, Failure>,
) -> Result<Json, Failure> {
    let secrets = context.secrets.clone();
    if outcome.as_ref().map_or(0, |output| output.as_str().len()) <= MASKED_INLINE_BYTES {
        return secrets.masked(&tenant, outcome);
    }
    let masking = tokio::task::spawn_blocking(move || secrets.masked(&tenant, outcome));
    // At the end of the runtime the outcome is not needed.
    masking.await.unwrap_or_else(|_| Err(Failure::new(FailureKind::Interrupted, "the runtime ended")))
}

/// Whether a guardrail refuses the call now; then the audit has it.
async fn refused(context: &EngineContext, facts: &GuardedFacts) -> Result<(), Failure> {
    let set = context.guardrails.current();
    let Some(refusal) = set.refusal(&facts.call(), context.clock.now()) else { return Ok(()) };
    context.guardrails.audit_refusal(facts, &refusal).await;
    Err(Failure::new(FailureKind::Denied, refusal.to_string()))
}

/// What it takes of the caps of guardrails. Where there is no room nobody waits or is asked: it is made again later.
async fn caps(context: &EngineContext, facts: &GuardedFacts) -> Result<CapGrants, Failure> {
    if context.guardrails.current().caps(&facts.call()).next().is_none() {
        return Ok(CapGrants::default());
    }
    match context.guardrails.take(facts).await? {
        Ok(grants) => Ok(grants),
        Err(Room::Refused(refusal)) => {
            context.guardrails.audit_refusal(facts, &refusal).await;
            Err(Failure::new(FailureKind::Denied, refusal.to_string()))
        }
        Err(Room::Held(_) | Room::Free) => {
            Err(Failure::new(FailureKind::Denied, "the cap of a guardrail has no room for it"))
        }
    }
}
