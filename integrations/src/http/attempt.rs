//! One attempt: from a call to the tool's answer. Holds nothing after it; dropping it closes its
//! connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Client, Method, Request, Response, StatusCode, Url};
use tokio::time::{Instant, timeout_at};
use updraft_masking::Masker;
use updraft_protocol::limits::{ATTEMPT_TELL, ATTEMPT_UNSENT, HTTP_UNSENT_REST, SPAN};
use updraft_protocol::{Call, Failure, FailureKind, Json, Secret};

use super::HttpIntegration;
use super::answer::{Reading, Within};
use super::arguments::{Arguments, header_value, mistake};
use super::auth::{Auth, OAuth2, basic_header, bearer_header};
use super::coding;
use super::failure::Target;
use super::handover::{Handed, Handover};
use super::hosts::Place;
use super::options::{Form, Options};
use super::tokens::{Entry, Key};

/// The header by which a tool knows that an attempt repeats an earlier one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A token of OAuth 2 that a request carries.
struct Carried {
    entry: Arc<Entry>,
    asked: Box<OAuth2>,
    token: Secret,
}

/// A request that may be sent, as often as it has to be.
struct Outgoing {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl HttpIntegration {
    /// Makes one attempt.
    pub(super) async fn attempt(&self, mut call: Call) -> Result<Json, Failure> {
        if call.action.as_str() != super::REQUEST {
            let message = format!("there is no action `{}`; there is `request`", call.action);
            return Err(Failure::new(FailureKind::InvalidArguments, message));
        }
        let timeout = call.timeout.min(SPAN);
        let mut masker = Masker::new();
        call.secrets.iter().for_each(|given| hide(&mut masker, &given.secret));
        let mut arguments = Arguments::read(call.revealed())?;
        let (target, client) = self.open(&arguments.method, &arguments.url, "url")?;
        tracing::Span::current().record("host", target.host.as_str());

        // Waiting has a time of its own: what waits has not been sent, and says so.
        let unsent = Instant::now() + ATTEMPT_UNSENT - HTTP_UNSENT_REST;
        let mut headers = headers(&call, &mut arguments)?;
        let mut carried = self.prove(&call, &mut arguments, &mut headers, &mut masker, timeout).await?;
        let _place = self.place(&call, &target, unsent).await?;
        let Arguments { method, url, payload, options, .. } = arguments;
        let mut outgoing = Outgoing { method, url, headers, body: payload.into_bytes(call.task_id) };
        let handover = Handover::new(call.sending.clone());
        let (mut response, mut within) =
            exchange(&target, &client, outgoing.request(&handover), &handover, timeout).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(carried) = &mut carried
        {
            // A token may end before its time. What answers so has not acted: the same request goes out once more.
            drop(response);
            self.renew(&call, carried, &mut outgoing.headers, &mut masker, within).await?;
            let handover = Handover::new(call.sending.clone());
            let left = within.until.saturating_duration_since(Instant::now());
            (response, within) =
                exchange(&target, &client, outgoing.request(&handover), &handover, left).await?;
            within.timeout = timeout;
        }

        let status = response.status();
        metrics::counter!("updraft_http_responses_total", "status_class" => class(status.as_u16()))
            .increment(1);
        tracing::debug!(status = status.as_u16(), "answered");
        let reading = Reading { target, tenant: call.tenant, options, masker };
        reading.read(response, within, &self.capacity).await
    }

    async fn place(&self, call: &Call, target: &Target, until: Instant) -> Result<Place, Failure> {
        let place = timeout_at(until, self.hosts.enter(&call.tenant, &target.host)).await;
        let unreachable = |message| target.fail(FailureKind::Unreachable, message);
        place
            .map_err(|_| unreachable("no free place at the host in time"))?
            .map_err(|_| unreachable("requests to too many hosts are under way"))
    }

    /// Where a request goes and the pool it goes through, if the policy permits; the URL stands at `place`.
    pub(super) fn open(&self, method: &Method, url: &Url, place: &str) -> Result<(Target, Client), Failure> {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(mistake(place, "a URL with a host is needed"));
        };
        let target = Target { method: method.clone(), host: format!("{host}:{port}") };
        // A name is judged by the resolver, an address in the URL never comes to it.
        if !self.pools.policy().permits_literal(host, port) {
            return Err(target.not_permitted());
        }
        let client = self
            .pools
            .client(self.pools.policy().class(port))
            .map_err(|error| target.fail(FailureKind::Unreachable, error).with_retryable(false))?;
        Ok((target, client))
    }

    /// Adds the header by which the request proves who sends it; a token is fetched where none is there.
    async fn prove(
        &self,
        call: &Call,
        arguments: &mut Arguments,
        headers: &mut HeaderMap,
        masker: &mut Masker,
        timeout: Duration,
    ) -> Result<Option<Carried>, Failure> {
        let place = "auth";
        let asked = match std::mem::replace(&mut arguments.auth, Auth::None) {
            Auth::None => return Ok(None),
            Auth::Basic { user, password } => {
                masker.add_basic(&user, &password);
                headers.insert(AUTHORIZATION, basic_header(place, &user, &password)?);
                return Ok(None);
            }
            Auth::Bearer(token) => {
                headers.insert(AUTHORIZATION, bearer_header(place, &token)?);
                return Ok(None);
            }
            Auth::OAuth2(asked) => asked,
        };
        let secrets = call.secrets.iter().map(|secret| &secret.reference);
        let secrets = secrets.filter(|secret| secret.place.starts_with("/auth/oauth2/"));
        let secrets = secrets.map(|secret| (secret.place.clone(), secret.name.to_string())).collect();
        let entry = self.tokens.entry(Key::new(&call.tenant, &asked, secrets));
        let until = Instant::now() + timeout;
        let token = self.token(call, &entry, &asked, masker, until).await?;
        headers.insert(AUTHORIZATION, bearer_header(place, token.expose())?);
        Ok(Some(Carried { entry, asked, token }))
    }

    /// Another token in place of one that was refused.
    async fn renew(
        &self,
        call: &Call,
        carried: &mut Carried,
        headers: &mut HeaderMap,
        masker: &mut Masker,
        within: Within,
    ) -> Result<(), Failure> {
        carried.entry.refused(&carried.token).await;
        carried.token = self.token(call, &carried.entry, &carried.asked, masker, within.until).await?;
        headers.insert(AUTHORIZATION, bearer_header("auth", carried.token.expose())?);
        Ok(())
    }

    async fn token(
        &self,
        call: &Call,
        entry: &Entry,
        asked: &OAuth2,
        masker: &mut Masker,
        until: Instant,
    ) -> Result<Secret, Failure> {
        let fetched = entry.token(&asked.grant, |rotated| self.fetch_token(call, asked, rotated));
        let token = timeout_at(until, fetched).await.map_err(|_| {
            let message = "the token server did not answer in time";
            Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false)
        })??;
        hide(masker, &token);
        call.masking.hide(&token);
        Ok(token)
    }
}

/// Takes a secret out of what the tool sends back.
fn hide(masker: &mut Masker, secret: &Secret) {
    if secret.is_short() {
        masker.add_short(secret.expose());
    } else {
        masker.add(secret.expose());
    }
}

/// The headers of the request but for those that prove who sends it.
fn headers(call: &Call, arguments: &mut Arguments) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    if let Some(accepted) = accepted(&arguments.options) {
        headers.insert(ACCEPT, HeaderValue::from_static(accepted));
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding::ACCEPTED));
    if let Some(content_type) = arguments.payload.content_type(call.task_id) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    if arguments.payload.says_empty(&arguments.method) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    headers.extend(std::mem::take(&mut arguments.headers));
    headers.insert(IDEMPOTENCY_KEY, header_value("idempotency_key", &call.task_id.to_string())?);
    Ok(headers)
}

impl Outgoing {
    /// The request, which tells when it is handed to a connection.
    fn request(&self, handover: &Arc<Handover>) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        *request.body_mut() = Some(reqwest::Body::wrap(Handed::new(self.body.clone(), handover.clone())));
        request
    }
}

fn accepted(options: &Options) -> Option<&'static str> {
    match options.form {
        Form::Json(_) => Some("application/json"),
        Form::Lines(_) => Some("application/x-ndjson"),
        Form::Text | Form::None => None,
    }
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
