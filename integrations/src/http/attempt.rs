//! One attempt: from a call to the tool's answer. Holds nothing after it; dropping it closes its
//! connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Client, Method, Request, Response, Url};
use tokio::time::{Instant, timeout_at};
use updraft_masking::Masker;
use updraft_protocol::limits::{ATTEMPT_TELL, ATTEMPT_UNSENT, HTTP_UNSENT_REST, SPAN};
use updraft_protocol::{Call, Failure, FailureKind, Json};

use super::HttpIntegration;
use super::answer::{Reading, Within};
use super::arguments::{Arguments, Body, HeaderText, header_value, mistake};
use super::coding;
use super::failure::Target;
use super::handover::{Handed, Handover};
use super::hosts::Place;
use super::options::{Form, Options};

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
        let (target, client) = self.open(&arguments)?;
        tracing::Span::current().record("host", target.host.as_str());

        // Waiting has a time of its own: what waits has not been sent, and says so.
        let unsent = Instant::now() + ATTEMPT_UNSENT - HTTP_UNSENT_REST;
        let mut masker = Masker::new();
        let headers = timeout_at(Instant::now() + timeout, self.headers(&call, &mut arguments, &mut masker));
        let headers = headers.await.map_err(|_| {
            target.fail(FailureKind::Unreachable, "the source of secrets did not answer in time")
        })??;
        let _place = self.place(&call, &target, unsent).await?;
        let handover = Handover::new(call.sending.clone());
        let request = request(&arguments.method, arguments.url, headers, arguments.body, &handover);
        let (response, within) = exchange(&target, &client, request, &handover, timeout).await?;

        let status = response.status();
        metrics::counter!("updraft_http_responses_total", "status_class" => class(status.as_u16()))
            .increment(1);
        tracing::debug!(status = status.as_u16(), "answered");
        let reading = Reading { target, tenant: call.tenant, options: arguments.options, masker };
        reading.read(response, within, &self.capacity).await
    }

    async fn place(&self, call: &Call, target: &Target, until: Instant) -> Result<Place, Failure> {
        let place = timeout_at(until, self.hosts.enter(&call.tenant, &target.host)).await;
        let unreachable = |message| target.fail(FailureKind::Unreachable, message);
        place
            .map_err(|_| unreachable("no free place at the host in time"))?
            .map_err(|_| unreachable("requests to too many hosts are under way"))
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
        masker: &mut Masker,
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
                    masker.add(secret.expose());
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

/// The request, which tells when it is handed to a connection.
fn request(method: &Method, url: Url, headers: HeaderMap, body: Body, handover: &Arc<Handover>) -> Request {
    let bytes = match body {
        Body::None => Bytes::new(),
        Body::Json(value) => value.to_string().into(),
        Body::Form(pairs) => {
            let mut form = url.clone();
            form.set_query(Some(""));
            form.query_pairs_mut().extend_pairs(pairs);
            Bytes::from(form.query().unwrap_or_default().to_owned())
        }
    };
    let mut request = Request::new(method.clone(), url);
    *request.headers_mut() = headers;
    *request.body_mut() = Some(reqwest::Body::wrap(Handed::new(bytes, handover.clone())));
    request
}

/// Sends the request and waits for the head of the answer. The attempt's time begins when a connection takes the request;
/// the connection has as much for itself.
async fn exchange(
    target: &Target,
    client: &Client,
    request: Request,
    handover: &Handover,
    timeout: Duration,
) -> Result<(Response, Within), Failure> {
    let mut answer = std::pin::pin!(client.execute(request));
    let early = tokio::select! {
        biased;
        answer = &mut answer => Some(answer),
        _ = handover.told() => None,
        () = tokio::time::sleep(timeout) => {
            let message = format_args!("no connection within {timeout:?}");
            return Err(target.fail(FailureKind::Unreachable, message));
        }
    };
    let began = handover.at().unwrap_or_else(Instant::now);
    let until = began + timeout;
    // A little of the time to tell is left for the telling.
    let within = Within { until, told: until + ATTEMPT_TELL.min(timeout / 10) / 2, timeout };
    let answer = match early {
        Some(answer) => answer,
        None => timeout_at(within.until, answer).await.map_err(|_| target.timeout(timeout))?,
    };
    let response = answer.map_err(|error| target.unanswered(&error, handover.at().is_some()))?;
    Ok((response, within))
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
