//! Submitting: what is checked of a submission, and where its execution begins. Idempotency keys are handled in `idempotency`,
//! alerts in `deduplication`.

mod append;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;
use tracing::Instrument;
use updraft_actors::backlog::Arrival;
use updraft_actors::plans::{self, Ready};
use updraft_actors::{Launch, Lost, RegistryEntry};
use updraft_kernel::machine::{Effects, Machine};
use updraft_kernel::shared::drain::Enter;
use updraft_kernel::shared::permits::{Acquire, Permit};
use updraft_protocol::limits::SUBMIT_DURABLE;
use updraft_protocol::{ExecutionHead, ExecutionId, Json, Name, PlaybookChoice, Timestamp};
use updraft_storage as storage;
use uuid::Uuid;

use crate::deadline::after;
use crate::engine::{Engine, Submitter};
use crate::error::Refusal;
use crate::handle::Handle;
use crate::idempotency::{KeyReservation, SubmissionKey};
use crate::requirements::{ask, missing_places};
use crate::rerun::Earlier;
use crate::reservation::Reservation;
use crate::submission::{Submission, SubmitError, typed};

/// How long a submission waits.
#[derive(Clone, Copy)]
struct SubmitDeadline {
    until: Instant,
    /// What becomes of it where no permit for an execution in flight is free.
    or_else: OrElse,
}

/// What becomes of a submission for which no permit is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrElse {
    /// It is refused.
    Refuse,
    /// It waits for one.
    Wait,
    /// It is queued.
    Queue,
}

/// Where the execution of a submission begins.
enum Place {
    /// In flight, at once.
    InFlight(Permit),
    /// In the backlog.
    Backlog(Arrival),
}

impl SubmitDeadline {
    /// The deadline for an answer of store or journal from now.
    fn for_answer(self) -> Instant {
        self.until.max(after(SUBMIT_DURABLE))
    }
}

impl Engine {
    /// Submits a playbook with an alert. Returns when the execution is durable: from then on it runs to an end, through
    /// crashes, without being submitted again. If no permit for an execution in flight is free, the execution is `queued`, and
    /// begins in its turn: tenants take turns, and of one tenant what is urgent is first. Up to
    /// [`Builder::backlog`](crate::Builder::backlog) executions are queued, in the store and not in memory.
    ///
    /// Dropping the future withdraws the submission, unless the journal has it by then. So does the configured timeout:
    /// if the journal waits for the store and does not reach the submission, it is returned.
    ///
    /// # Errors
    /// The submission, returned with the reason.
    pub async fn submit(&self, submission: Submission) -> Result<Handle, SubmitError> {
        self.submitter.submit_within(submission, OrElse::Queue).await
    }

    /// Submits an execution that begins at once or not at all: it is never queued. The durable answer is awaited as long as
    /// configured.
    ///
    /// # Errors
    /// The submission, returned with the reason; [`Refusal::EngineFull`] and [`Refusal::TenantFull`] if there is no
    /// permit, or others of the tenant wait for one.
    pub async fn try_submit(&self, submission: Submission) -> Result<Handle, SubmitError> {
        self.submitter.submit_within(submission, OrElse::Refuse).await
    }
}

impl Submitter {
    pub(crate) async fn submit_within(
        &self,
        submission: Submission,
        or_else: OrElse,
    ) -> Result<Handle, SubmitError> {
        let deadline = SubmitDeadline { until: after(self.submit_timeout), or_else };
        let span = tracing::info_span!("submit", tenant = %submission.tenant, peid = tracing::field::Empty);
        let submitted = self.accept(&submission, None, deadline).instrument(span.clone()).await;
        if let Ok(handle) = &submitted {
            span.record("peid", tracing::field::display(handle.peid()));
        }
        let accepted = |handle: &Handle| match handle.deduplicated() {
            true => "deduplicated",
            false if handle.is_queued() => "queued",
            false => "accepted",
        };
        let verdict = submitted.as_ref().map_or_else(Refusal::label, accepted);
        let class = self.context.quotas.class(&submission.tenant).as_str();
        metrics::counter!("updraft_submissions_total", "verdict" => verdict, "class" => class).increment(1);
        submitted.map_err(|refusal| SubmitError { submission: Box::new(submission), refusal })
    }

    /// Submits an execution that begins with results of an earlier one.
    pub(crate) async fn submit_again(
        &self,
        submission: &Submission,
        earlier: Earlier,
    ) -> Result<Handle, Refusal> {
        // What it takes over is read now, and may change: it is not queued.
        let deadline = SubmitDeadline { until: after(self.submit_timeout), or_else: OrElse::Wait };
        self.accept(submission, Some(earlier), deadline).await
    }

    async fn accept(
        &self,
        submission: &Submission,
        earlier: Option<Earlier>,
        deadline: SubmitDeadline,
    ) -> Result<Handle, Refusal> {
        let Enter::Entered(_pass) = self.gate.enter() else { return Err(Refusal::ShuttingDown) };
        if let Some(reason) = self.context.failed.get() {
            return Err(Refusal::Failed(Lost::Engine(reason.clone().into())));
        }
        let input = submission.checked()?;
        let ready = self.answered(deadline, self.ready(submission)).await?;
        let turn = async { Ok(self.alerts.turn(submission, &ready.plan.name).await) };
        let alert = self.answered(deadline, turn).await?;
        if let Some(turn) = &alert
            && let Some(first) = self.answered(deadline, turn.first(&self.context, submission)).await?
        {
            return Ok(first);
        }
        let handle = self.accept_new(submission, &ready, (input, earlier), deadline).await?;
        if let Some(turn) = alert {
            turn.accepted(&self.context, handle.peid());
        }
        Ok(handle)
    }

    async fn accept_new(
        &self,
        submission: &Submission,
        ready: &Ready,
        (input, earlier): (Json, Option<Earlier>),
        deadline: SubmitDeadline,
    ) -> Result<Handle, Refusal> {
        let entry = RegistryEntry::new(ExecutionId::new(Uuid::now_v7()), submission.tenant.clone(), None);
        // Before any other check: an earlier submission is returned, whatever the playbook has become since, and needs
        // no permit.
        let (entry, reservation) = match SubmissionKey::of(submission, &ready.plan.name) {
            Some(key) => match self.answered(deadline, key.reserve(&self.context, entry)).await? {
                KeyReservation::Reserved(entry, reservation) => (entry, reservation),
                KeyReservation::Existing(first) => return Ok(first),
            },
            None => {
                let entry = Arc::new(entry);
                match Reservation::new(&self.context, entry.clone()) {
                    Ok(reservation) => (entry, reservation),
                    Err(first) => return Ok(Handle::registered(self.context.clone(), first).of_the_first()),
                }
            }
        };
        let input = submission.fitted(&ready.plan, input)?;
        let variables = match &earlier {
            Some(earlier) => {
                typed(&ready.plan, || earlier.variables.value())?;
                earlier.variables.clone()
            }
            None => submission.merged(&ready.plan, &ready.variables, &ready.variables_json)?,
        };
        self.check_requirements(submission, ready, &variables, deadline).await?;
        self.context.quotas.submit(&submission.tenant).map_err(|after| Refusal::TooFast { after })?;
        let place = self.place((submission, &ready.plan.name), deadline).await?;
        if let Some(earlier) = &earlier {
            let shared = earlier.share_files(self.context.files.as_ref(), entry.peid).await;
            shared.map_err(|error| Refusal::Files { cause: error.to_string() })?;
        }
        let rerun_of = earlier.as_ref().map(|earlier| earlier.rerun_of.clone());
        let now = self.context.clock.now();
        let head = ExecutionHead { rerun_of, ..head(submission, ready, &entry, (input, variables), now) };
        let head = Arc::new(head);
        match place {
            Place::InFlight(permit) => {
                entry.hold(Some(permit));
                self.begin(entry, reservation, ready, (head, earlier), deadline).await
            }
            Place::Backlog(arrival) => self.queue(entry, reservation, (head, arrival), deadline).await,
        }
    }

    async fn ready(&self, submission: &Submission) -> Result<Arc<Ready>, Refusal> {
        let store = self.context.store.as_ref();
        let pid = match &submission.playbook {
            PlaybookChoice::Id(pid) => *pid,
            PlaybookChoice::Named(name, version) => {
                let found = self.context.plans.id(store, &submission.tenant, name, *version).await?;
                found.ok_or_else(|| Refusal::NoPlaybook { name: name.clone(), version: *version })?
            }
        };
        Ok(self.context.plans.get(store, &submission.tenant, pid).await?)
    }

    /// Checks that this engine has everything that the playbook of a submission names.
    async fn check_requirements(
        &self,
        submission: &Submission,
        ready: &Ready,
        variables: &Json,
        deadline: SubmitDeadline,
    ) -> Result<(), Refusal> {
        if !ready.mistakes.is_empty() {
            let (name, version) = (ready.plan.name.to_string(), ready.plan.version);
            let mistakes = ready.mistakes.clone();
            return Err(plans::Error::Invalid { name, version, mistakes }.into());
        }
        let mut missing = Vec::new();
        if ready.plan.connects() {
            missing = missing_places(self.context.plans.catalogue(), &ready.plan, &variables.value());
        }
        if !ready.has_secrets.load(Ordering::Relaxed) {
            let of = (&*self.context.secrets, &self.context.timer);
            let asked = ask(of, &submission.tenant, &ready.plan, deadline.for_answer()).await;
            // Once all were found they are not checked again: an execution waits for a secret that disappears later.
            ready.has_secrets.store(asked.has_all, Ordering::Relaxed);
            missing.extend(asked.missing);
        }
        if missing.is_empty() { Ok(()) } else { Err(Refusal::Missing(missing)) }
    }

    /// The store's answer for a submission. Nothing has been written yet.
    async fn answered<T>(
        &self,
        deadline: SubmitDeadline,
        asked: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let answered = self.context.timer.until(deadline.for_answer(), asked).await;
        answered.unwrap_or_else(|_| Err(storage::Error::Unavailable(NO_ANSWER.to_owned()).into()))
    }

    /// A place for an execution in flight, or else in the backlog.
    async fn place(
        &self,
        (submission, playbook): (&Submission, &Name),
        deadline: SubmitDeadline,
    ) -> Result<Place, Refusal> {
        let tenant = &submission.tenant;
        let queues = deadline.or_else == OrElse::Queue && self.context.admission.queues();
        let queued = || {
            let arrival = Arrival::new(self.context.clone(), tenant.clone());
            arrival.map(Place::Backlog).map_err(|full| Refusal::BacklogFull { full })
        };
        if self.context.pauses.holds(tenant, playbook) {
            return if queues { queued() } else { Err(Refusal::Paused) };
        }
        let refusal = match self.context.admission.try_acquire(tenant) {
            Acquire::Granted(permit) => return Ok(Place::InFlight(permit)),
            Acquire::EngineFull => Refusal::EngineFull,
            Acquire::TenantFull => Refusal::TenantFull,
        };
        match deadline.or_else {
            OrElse::Refuse => return Err(refusal),
            OrElse::Queue if queues => return queued(),
            OrElse::Queue | OrElse::Wait => {}
        }
        let closing = self.closing.notified();
        tokio::pin!(closing);
        closing.as_mut().enable();
        if matches!(self.gate.enter(), Enter::Closed) {
            return Err(Refusal::ShuttingDown);
        }
        tokio::select! {
            biased;
            () = closing => Err(Refusal::ShuttingDown),
            permit = self.context.timer.until(deadline.until, self.acquire(submission)) => {
                permit.map(Place::InFlight).map_err(|_| refusal)
            }
        }
    }

    async fn acquire(&self, submission: &Submission) -> Permit {
        let now = self.context.clock.now();
        self.context.admission.acquire(&submission.tenant, submission.priority, now).await
    }

    /// Makes a registered execution durable that is queued.
    async fn queue(
        &self,
        entry: Arc<RegistryEntry>,
        reservation: Reservation<'_>,
        (head, arrival): (Arc<ExecutionHead>, Arrival),
        deadline: SubmitDeadline,
    ) -> Result<Handle, Refusal> {
        let writes = vec![arrival.update(entry.peid, head.clone())];
        let own = entry.clone();
        let accepted = Box::new(move |lsn| arrival.durable(&own, &head, lsn));
        self.append((&entry, reservation), (writes, accepted), deadline).await?;
        Ok(Handle::registered(self.context.clone(), entry))
    }

    /// Makes a registered execution durable; the journal's thread hands it to its shard.
    async fn begin(
        &self,
        entry: Arc<RegistryEntry>,
        reservation: Reservation<'_>,
        ready: &Ready,
        (head, earlier): (Arc<ExecutionHead>, Option<Earlier>),
        deadline: SubmitDeadline,
    ) -> Result<Handle, Refusal> {
        let (terms, now) = (self.context.terms(&head.tenant_code), head.createddate);
        let (machine, Effects { writes, acts, .. }) = match earlier {
            Some(earlier) => earlier.begin(ready.plan.clone(), entry.peid, head, terms)?,
            None => Machine::start(ready.plan.clone(), entry.peid, head, terms, now),
        };
        let launch = Launch { entry: entry.clone(), machine: Box::new(machine), acts, lsn: 0 };
        let context = self.context.clone();
        let accepted = Box::new(move |lsn| context.router.launch(Launch { lsn, ..launch }));
        self.append((&entry, reservation), (writes, accepted), deadline).await?;
        self.context.admission.show();
        Ok(Handle::registered(self.context.clone(), entry))
    }
}

fn head(
    submission: &Submission,
    ready: &Ready,
    entry: &RegistryEntry,
    (input, variables): (Json, Json),
    createddate: Timestamp,
) -> ExecutionHead {
    ExecutionHead {
        tenant_code: submission.tenant.clone(),
        pid: ready.pid,
        playbook_name: ready.plan.name.clone(),
        playbook_version: ready.plan.version,
        uid: submission.uid.as_deref().map(Arc::from),
        alert_id: submission.alert_id.as_deref().map(Arc::from),
        priority: submission.priority,
        createddate,
        input,
        variables,
        idempotency_key: entry.key().map(|key| key.text.clone()),
        input_hash: entry.input_hash(),
        parent: None,
        rerun_of: None,
        cache: submission.cache,
    }
}

const NO_ANSWER: &str = "no answer within the time to submit";
