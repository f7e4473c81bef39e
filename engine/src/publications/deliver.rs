//! Delivery: one message to where its publication says, signed. Owns what is sent; retries nothing.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use updraft_actors::EngineContext;
use updraft_actors::single_call::single_call;
use updraft_kernel::publication::PublishedMessage;
use updraft_protocol::limits::WEBHOOK_SECRET;
use updraft_protocol::{
    Call, CallFiles, CallPermit, ExecutionId, Failure, FailureKind, Masking, Name, PublicationTarget,
    PublishedStream, PublishedWebhook, Secret, Sending, StepId, TenantCode, Value,
};

/// The integration that sends requests where a publication names none, its action, and the step that they are of.
const HTTP: &str = "http";
const REQUEST: &str = "request";
const STEP: &str = "publication";

/// Delivers a message that is about this execution.
///
/// # Errors
/// Why it did not arrive, or may not have.
pub(super) async fn deliver(
    context: &EngineContext,
    (tenant, peid): (&TenantCode, ExecutionId),
    to: &PublicationTarget,
    message: &PublishedMessage,
) -> Result<(), Failure> {
    match to {
        PublicationTarget::Webhook(webhook) => request(context, (tenant, peid), webhook, message).await,
        PublicationTarget::Stream(stream) => add(context, tenant, stream, message).await,
    }
}

/// Sends a request, which has arrived with an answer of 2xx.
async fn request(
    context: &EngineContext,
    (tenant, peid): (&TenantCode, ExecutionId),
    webhook: &PublishedWebhook,
    message: &PublishedMessage,
) -> Result<(), Failure> {
    let unusable = |name: &str| not_configured(format!("no integration `{name}` sends requests here"));
    let via = match &webhook.via {
        Some(via) => via.clone(),
        None => Name::new(HTTP).map_err(|_| unusable(HTTP))?,
    };
    let integration = context.tools.get(&via, None).ok_or_else(|| unusable(via.as_str()))?;
    let signed = signed(context, tenant, &webhook.secret, message).await?;
    let arguments = json!({
        "url": webhook.url,
        "method": "POST",
        "headers": {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": signed.timestamp,
            "webhook-signature": signed.signature,
        },
        "text": message.body,
        "response": "none",
        "expect": ["2xx"],
        "retry_on": [408, 425, 429, "5xx"],
        "require": "nothing",
    });
    let call = Call {
        tenant: tenant.clone(),
        peid,
        task_id: message.key(),
        step_id: StepId::new(STEP).map_err(|_| unusable(STEP))?,
        action: Name::new(REQUEST).map_err(|_| unusable(REQUEST))?,
        attempt: 1,
        arguments: Value::from(arguments),
        secrets: Vec::new(),
        masking: Masking::default(),
        timeout: webhook.timeout.0,
        sending: Sending::default(),
        permit: CallPermit::default(),
        files: CallFiles::default(),
    };
    single_call(integration, call, (Arc::default(), Vec::new()), &context.secrets).await.map(drop)
}

/// Adds a message to a stream.
async fn add(
    context: &EngineContext,
    tenant: &TenantCode,
    stream: &PublishedStream,
    message: &PublishedMessage,
) -> Result<(), Failure> {
    let Some(redis) = context.caches.redis() else {
        return Err(not_configured("a stream is in Redis, and this engine has none".to_owned()));
    };
    let mut fields = vec![("id", message.id.clone()), ("event", message.body.clone())];
    if let Some(secret) = &stream.secret {
        let signed = signed(context, tenant, secret, message).await?;
        fields.extend([("timestamp", signed.timestamp), ("signature", signed.signature)]);
    }
    let added = updraft_redis::add_message(redis, &stream.stream, stream.keeps, &fields).await;
    added.map_err(|error| Failure::new(FailureKind::Unreachable, error.to_string()))
}

/// When a message was signed, in seconds, and the signature of that instant.
struct Signed {
    timestamp: String,
    signature: String,
}

async fn signed(
    context: &EngineContext,
    tenant: &TenantCode,
    name: &Name,
    message: &PublishedMessage,
) -> Result<Signed, Failure> {
    let secret = find(context, tenant, name, WEBHOOK_SECRET).await?;
    // A provider may have taken seconds.
    let now = context.clock.now();
    let signature = message.signature(secret.expose(), now);
    let signature = signature
        .ok_or_else(|| not_configured(format!("secret {name}: what follows `whsec_` is no base64")))?;
    Ok(Signed { timestamp: (now.0 / 1_000).to_string(), signature })
}

async fn find(
    context: &EngineContext,
    tenant: &TenantCode,
    name: &Name,
    patience: Duration,
) -> Result<Secret, Failure> {
    match tokio::time::timeout(patience, context.secrets.find(tenant, name)).await {
        Ok(Ok(secret)) => Ok(secret),
        Ok(Err(error)) => Err(not_configured(format!("secret {name}: {error}"))),
        Err(_) => Err(not_configured(format!("secret {name}: its provider does not answer"))),
    }
}

/// What this engine lacks it may have later.
fn not_configured(message: String) -> Failure {
    Failure::new(FailureKind::NotConfigured, message).with_retryable(true)
}
