//! One attempt: from a call to the tool's answer. Holds nothing after it; dropping it closes its
//! connection.

use bytes::Bytes;
use http::Method;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use tokio::time::{Instant, timeout_at};
use updraft_protocol::limits::SPAN;
use updraft_protocol::{Call, Failure, FailureKind, Json};
use url::Url;

use super::HttpIntegration;
use super::answer::Reading;
use super::arguments::{Arguments, Body, HeaderText, header_value, mistake};
use super::coding;
use super::exchange::{self, Answered, Outgoing, Sending};
use super::options::{Form, Options};
use super::redirect::{Carried, Hops};
use crate::redact::Redactor;

/// The header by which a tool knows that an attempt repeats an earlier one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl HttpIntegration {
    /// Makes one attempt.
    pub(super) async fn attempt(&self, mut call: Call) -> Result<Json, Failure> {
        if call.action.as_str() != super::REQUEST {
            let message = format!("there is no action `{}`; there is `request`", call.action);
            return Err(Failure::new(FailureKind::InvalidArguments, message));
        }
        let timeout = call.timeout.min(SPAN);
        let mut arguments = Arguments::read(call.arguments.take(), &call.secrets)?;
        let carried = carried(&arguments);
        // What may not be reached is refused before a secret is asked for.
        let (target, _) = self.open(&arguments.method, &arguments.url)?;
        tracing::Span::current().record("host", target.host.as_str());

        // Waiting has a time of its own: what waits has not been sent, and says so.
        let unsent = exchange::unsent();
        let mut redactor = Redactor::default();
        let headers =
            timeout_at(Instant::now() + timeout, self.headers(&call, &mut arguments, &mut redactor));
        let headers = headers.await.map_err(|_| {
            target.fail(FailureKind::Unreachable, "the source of secrets did not answer in time")
        })??;
        let outgoing = Outgoing {
            body: bytes(&arguments.url, arguments.body),
            method: arguments.method,
            url: arguments.url,
            headers,
        };
        let hops = Hops::new(arguments.options.redirects, carried);
        let sending = Sending { call: &call, effect: arguments.options.effect, timeout, unsent };
        let Answered { target, response, within, acted, place: _place } =
            self.send(&sending, outgoing, hops, &mut redactor).await?;

        let reading = Reading { target, tenant: call.tenant.clone(), options: arguments.options, redactor };
        let read = reading.read(response, within, &self.capacity).await;
        read.map_err(|failure| if acted { failure.with_may_have_acted(true) } else { failure })
    }

    /// The headers of the request, secrets filled in.
    async fn headers(
        &self,
        call: &Call,
        arguments: &mut Arguments,
        redactor: &mut Redactor,
    ) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(accepted) = accepted(&arguments.options) {
            headers.insert(ACCEPT, HeaderValue::from_static(accepted));
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding::ACCEPTED));
        match (&arguments.body, &arguments.method) {
            (Body::Json(_), _) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            (Body::Form(_), _) => {
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.insert(CONTENT_TYPE, form);
            }
            // Some servers refuse what does not say that nothing comes (RFC 9110, 8.6).
            (Body::None, &Method::POST | &Method::PUT | &Method::PATCH) => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            (Body::None, _) => {}
        }
        for (header, text) in std::mem::take(&mut arguments.headers) {
            let value = match text {
                HeaderText::Plain(value) => value,
                HeaderText::Secret { name, prefix } => {
                    let secret = self.secrets.secret(&call.tenant, &name).await.map_err(|error| {
                        mistake(&format!("headers.{header}"), format_args!("secret `{name}`: {error}"))
                            .with_retryable(error.retryable())
                    })?;
                    let value = format!("{prefix}{}", secret.expose());
                    redactor.add(secret);
                    header_value(&format!("headers.{header}: secret `{name}`"), &value)?
                }
            };
            headers.insert(header, value);
        }
        headers.insert(IDEMPOTENCY_KEY, header_value("idempotency_key", &call.task_id.to_string())?);
        Ok(headers)
    }
}

fn accepted(options: &Options) -> Option<&'static str> {
    match options.form {
        Form::Json(_) => Some("application/json"),
        Form::Lines(_) => Some("application/x-ndjson"),
        Form::Text | Form::None => None,
    }
}

/// What the request carries.
fn bytes(url: &Url, body: Body) -> Bytes {
    match body {
        Body::None => Bytes::new(),
        Body::Json(value) => value.to_string().into(),
        Body::Form(pairs) => {
            let mut form = url.clone();
            form.set_query(Some(""));
            form.query_pairs_mut().extend_pairs(pairs);
            Bytes::from(form.query().unwrap_or_default().to_owned())
        }
    }
}

/// Where the request has secrets.
fn carried(arguments: &Arguments) -> Carried {
    let secret = |(name, text): &(HeaderName, HeaderText)| {
        matches!(text, HeaderText::Secret { .. }).then(|| name.clone())
    };
    Carried { headers: arguments.headers.iter().filter_map(secret).collect(), elsewhere: false }
}
