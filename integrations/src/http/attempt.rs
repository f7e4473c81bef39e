//! One attempt: from a call to the tool's answer. Holds nothing after it; dropping it closes its
//! connection.

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder};
use tokio::time::{Instant, timeout_at};
use updraft_protocol::limits::SPAN;
use updraft_protocol::{Call, Failure, FailureKind, Json};

use super::HttpIntegration;
use super::answer::Reading;
use super::arguments::{Arguments, Body, Form, HeaderText, header_value, mistake};
use super::failure::Target;
use crate::secret::Redactor;

/// The header by which a tool knows that an attempt repeats an earlier one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl HttpIntegration {
    /// Makes one attempt.
    pub(super) async fn attempt(&self, call: Call) -> Result<Json, Failure> {
        let deadline = Instant::now() + call.timeout.min(SPAN);
        if call.action.as_str() != super::REQUEST {
            let message = format!("there is no action `{}`; there is `request`", call.action);
            return Err(Failure::new(FailureKind::InvalidArguments, message));
        }
        let mut arguments =
            Arguments::read(serde_json::from_str(&call.arguments.to_string()).unwrap_or_default())?;
        let (target, client) = self.open(&arguments)?;
        tracing::Span::current().record("host", target.host.as_str());

        let late = || target.fail(FailureKind::Unreachable, "no free place at the host in time");
        let mut redactor = Redactor::default();
        let headers = timeout_at(deadline, self.headers(&call, &mut arguments, &mut redactor));
        let headers = headers.await.map_err(|_| {
            target.fail(FailureKind::Unreachable, "the source of secrets did not answer in time")
        })??;
        let place = timeout_at(deadline, self.hosts.enter(&call.tenant, &target.host)).await;
        let _place = place
            .map_err(|_| late())?
            .map_err(|_| target.fail(FailureKind::Unreachable, "requests to too many hosts are under way"))?;

        let request = with_body(client.request(arguments.method, arguments.url), arguments.body);
        let response = match timeout_at(deadline, request.headers(headers).send()).await {
            Ok(response) => response.map_err(|error| target.unanswered(&error))?,
            Err(_) => return Err(target.timeout(call.timeout)),
        };
        let status = response.status();
        metrics::counter!("updraft_http_responses_total", "status_class" => class(status.as_u16()))
            .increment(1);
        tracing::debug!(status = status.as_u16(), "answered");
        let (expect, retry_on) = (arguments.expect, arguments.retry_on);
        let (form, max_bytes) = (arguments.response, arguments.max_bytes);
        let reading = Reading { target, expect, retry_on, form, max_bytes, redactor };
        reading.read(response, deadline, call.timeout).await
    }

    /// Where the request goes and the pool it goes through, if the policy permits.
    fn open(&self, arguments: &Arguments) -> Result<(Target, Client), Failure> {
        let url = &arguments.url;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(mistake("url", "a URL with a host is needed"));
        };
        let target = Target { method: arguments.method.clone(), host: format!("{host}:{port}") };
        let class = self.pools.policy().class(port);
        // A name is judged by the resolver, an address in the URL never comes to it.
        let literal = host.trim_matches(['[', ']']).parse();
        if literal.is_ok_and(|ip| !self.pools.policy().permits(ip, host, class)) {
            return Err(target.forbidden());
        }
        let client = self
            .pools
            .client(class)
            .map_err(|error| target.fail(FailureKind::Unreachable, error).with_retryable(false))?;
        Ok((target, client))
    }

    /// The headers of the request, secrets filled in.
    async fn headers(
        &self,
        call: &Call,
        arguments: &mut Arguments,
        redactor: &mut Redactor,
    ) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        if matches!(arguments.response, Form::Json(_)) {
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
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

fn with_body(request: RequestBuilder, body: Body) -> RequestBuilder {
    match body {
        Body::None => request,
        Body::Json(value) => request.json(&value),
        Body::Form(pairs) => request.form(&pairs),
    }
}

/// Statuses as metrics tell them apart.
fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}
