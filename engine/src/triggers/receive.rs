//! Webhooks: a request becomes a submission, or it is said what is to be answered. Knows no HTTP server: who mounts one gives the
//! requests. Names no secret and no body in a log.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::idempotency::OnReuse;
use updraft_kernel::trigger::{NoEvent, PlannedTrigger, WebhookRequest};
use updraft_protocol::limits::WEBHOOK_SECRET;
use updraft_protocol::{ExecutionId, Firing, Name, PlaybookChoice, TenantCode, Webhook};

use super::TriggerKey;
use super::received::{Outcome, Standing};
use crate::engine::{Engine, Submitter};
use crate::error::Refusal;
use crate::submission::Submission;
use crate::submit::OrElse;

/// The webhooks of an engine.
#[derive(Clone)]
pub struct Webhooks {
    submitter: Arc<Submitter>,
}

/// What a request to a webhook is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum WebhookAnswer {
    /// Its execution is durable; for a request that was made before, it is that of the first.
    Accepted(ExecutionId),
    /// Its trigger's `when` leaves it out.
    LeftOut,
    /// There is no such webhook, or it is paused: both are answered the same.
    Unknown,
    /// It is not signed by who has the secret, or too old. Why, nobody is told.
    Unsigned,
    /// It is signed, and cannot be taken; the text says what it lacks.
    Invalid(String),
    /// It is refused for now, and to be sent again after this time.
    Again(Duration),
    /// This engine fires no triggers, or ends.
    Unavailable,
}

impl Engine {
    /// Its webhooks, for who mounts them in an HTTP server (the crate `updraft-webhooks` does). The engine has to
    /// [fire triggers](crate::Builder::fire_triggers).
    pub fn webhooks(&self) -> Webhooks {
        Webhooks { submitter: self.submitter.clone() }
    }
}

impl Webhooks {
    /// Whether the triggers were read: until then, and in an engine that fires none, a webhook answers that it takes nothing yet.
    pub fn are_ready(&self) -> bool {
        self.submitter.triggers.are_read()
    }

    /// Whether a request to this trigger is to be read.
    ///
    /// # Errors
    /// What it is answered whatever is in it: there is no such webhook, or this engine takes none.
    pub fn find(&self, tenant: &str, trigger: &str) -> Result<(), WebhookAnswer> {
        self.found(tenant, trigger).map(drop)
    }

    /// Takes a request to the webhook of a tenant's trigger. Returns when its execution is durable.
    pub async fn receive(&self, tenant: &str, trigger: &str, request: WebhookRequest) -> WebhookAnswer {
        let (key, planned) = match self.found(tenant, trigger) {
            Ok(found) => found,
            Err(answer) => return answer,
        };
        match planned.webhook() {
            Some(webhook) => self.signed(&key, (&planned, webhook), request).await,
            None => WebhookAnswer::Unknown,
        }
    }

    fn found(&self, tenant: &str, trigger: &str) -> Result<(TriggerKey, Arc<PlannedTrigger>), WebhookAnswer> {
        let (Ok(tenant), Ok(name)) = (TenantCode::new(tenant), Name::new(trigger)) else {
            return Err(WebhookAnswer::Unknown);
        };
        let key = TriggerKey { tenant, name };
        match self.submitter.triggers.standing(&key) {
            Standing::Unread => Err(WebhookAnswer::Unavailable),
            Standing::Planned(planned) if planned.webhook().is_some() => Ok((key, planned)),
            Standing::None | Standing::Planned(_) => Err(WebhookAnswer::Unknown),
        }
    }

    async fn signed(
        &self,
        key: &TriggerKey,
        (planned, webhook): (&PlannedTrigger, &Webhook),
        request: WebhookRequest,
    ) -> WebhookAnswer {
        let context = &self.submitter.context;
        let finding = context.secrets.find(&key.tenant, &webhook.signature.secret);
        let secret = match tokio::time::timeout(WEBHOOK_SECRET, finding).await {
            Ok(Ok(secret)) => secret,
            // An author's mistake, or a provider that does not answer: the sender may come again.
            Ok(Err(_)) | Err(_) => {
                let (tenant, trigger, name) = (&key.tenant, &key.name, &webhook.signature.secret);
                tracing::warn!(%tenant, %trigger, secret = %name, "the secret of a webhook is not found");
                return WebhookAnswer::Unavailable;
            }
        };
        let now = context.clock.now();
        let (event, id) = match planned.received(webhook, secret.expose(), &request, now) {
            Ok(received) => received,
            Err(NoEvent::Unsigned) => {
                count("unsigned");
                return WebhookAnswer::Unsigned;
            }
            Err(error) => return self.refused(key, error.to_string()),
        };
        let input = match planned.input(&event, now) {
            Ok(Some(input)) => input,
            Ok(None) => {
                count("filtered");
                self.submitter.triggers.received(key, Outcome::Filtered);
                return WebhookAnswer::LeftOut;
            }
            Err(failure) => return self.refused(key, failure.message),
        };
        let definition = planned.definition();
        let playbook = PlaybookChoice::Named(definition.playbook.clone(), definition.playbook_version);
        let submission = Submission::new(key.tenant.clone(), playbook).input(input).idempotency_key(id);
        let submission = submission.priority(definition.priority).on_reuse(OnReuse::ReturnFirst);
        let submission = submission.uid(format!("trigger/{}", key.name));
        let submitted = self.submitter.submit_within(submission, OrElse::Queue).await;
        match submitted.map_err(|error| error.refusal) {
            Ok(accepted) => {
                let peid = accepted.peid();
                if accepted.reused() {
                    count("repeated");
                } else {
                    let late = Duration::from_millis(context.clock.now().since(now));
                    metrics::histogram!("updraft_trigger_delay_seconds").record(late.as_secs_f64());
                    count("fired");
                    self.submitter.triggers.received(key, Outcome::Fired(Firing { at: now, peid }));
                }
                WebhookAnswer::Accepted(peid)
            }
            Err(Refusal::ShuttingDown | Refusal::Failed(_)) => WebhookAnswer::Unavailable,
            Err(Refusal::TooFast { after }) => self.again(after, "too_fast"),
            Err(refusal) if refusal.retryable() => self.again(Duration::from_secs(1), refusal.label()),
            Err(refusal) => self.refused(key, refusal.to_string()),
        }
    }

    fn again(&self, after: Duration, reason: &'static str) -> WebhookAnswer {
        metrics::counter!("updraft_trigger_waits_total", "reason" => reason).increment(1);
        WebhookAnswer::Again(after)
    }

    fn refused(&self, key: &TriggerKey, why: String) -> WebhookAnswer {
        count("refused");
        self.submitter.triggers.received(key, Outcome::Refused(why.clone()));
        WebhookAnswer::Invalid(why)
    }
}

pub(super) fn count(outcome: &'static str) {
    metrics::counter!("updraft_trigger_events_total", "outcome" => outcome).increment(1);
}
