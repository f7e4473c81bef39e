//! The exchange of an attempt: sends its request, follows redirects if the step allows it, and returns the answer.
//! Holds the permit at the host that answers; reads no body.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until, timeout_at};
use updraft_masking::Masker;
use updraft_protocol::limits::{ATTEMPT_TELL, ATTEMPT_UNSENT, HTTP_UNSENT_REST};
use updraft_protocol::{
    Call, CallPermit, Effect, Failure, FailureKind, Held, PermitFuture, PermitRequest, TenantCode,
};
use url::Url;

use super::HttpIntegration;
use super::answer::Within;
use super::arguments::destination;
use super::asking::Asking;
use super::client::Client;
use super::failure::Target;
use super::fields::mistake;
use super::handover::{Handed, Handover};
use super::hosts::Place;
use super::open::InUse;
use super::outgoing::Outgoing;
use super::redirect::Hops;

/// The last answer, and who gave it.
pub(crate) struct Answered {
    pub(crate) target: Target,
    pub(crate) response: Response<Incoming>,
    pub(crate) within: Within,
    /// Whether an answer on the way showed that the tool acted.
    pub(crate) acted: bool,
    /// Held until the answer is read.
    pub(crate) place: Held,
}

/// The settings for sending a request.
pub(crate) struct Sending<'a> {
    pub(crate) call: &'a Call,
    pub(crate) effect: Effect,
    /// The step's timeout, from the moment when the first hop is sent.
    pub(crate) timeout: Duration,
    /// The end of the wait for a permit.
    pub(crate) unsent: Instant,
}

impl HttpIntegration {
    /// Sends a request and those of its redirects. The credentials for a proxy are added to `masker`; `within` is the
    /// time of the attempt, if an earlier request has begun it.
    pub(super) async fn send(
        &self,
        sending: &Sending<'_>,
        mut outgoing: Outgoing,
        mut hops: Hops,
        masker: &mut Masker,
        mut within: Option<Within>,
    ) -> Result<Answered, Failure> {
        let mut acted = false;
        loop {
            let answered = self.hop(sending, &outgoing, (within, hops.is_on_the_way()), masker).await;
            let answered = answered.map_err(|failure| after(acted, failure))?;
            let status = answered.response.status();
            let followed = hops.follow(status, answered.response.headers(), &mut outgoing, masker);
            // Any other redirect asks for the request elsewhere: here nothing was done.
            let done = status == StatusCode::SEE_OTHER && sending.effect == Effect::Write;
            match followed {
                Ok(false) => return Ok(Answered { acted, ..answered }),
                Ok(true) => {
                    acted |= done;
                    within = Some(answered.within);
                }
                Err(refused) => {
                    let failure = answered.target.fail(refused.kind, refused.message);
                    return Err(after(acted || done, failure.with_retryable(false)));
                }
            }
        }
    }

    /// One request and its answer. `within` is the time of the attempt, if an earlier hop has begun it.
    async fn hop(
        &self,
        sending: &Sending<'_>,
        outgoing: &Outgoing,
        (within, redirected): (Option<Within>, bool),
        masker: &mut Masker,
    ) -> Result<Answered, Failure> {
        let opened = self.open(&outgoing.method, &outgoing.url, "url");
        let (target, client) = opened.map_err(|failure| match failure.kind {
            // For an address in an answer there is no grant to configure.
            FailureKind::NotConfigured if redirected => Target::of(outgoing).forbidden(),
            _ => failure,
        })?;
        if let Some((user, password)) = client.credentials() {
            masker.add_basic(user, password);
        }
        let unsent = within.map_or(sending.unsent, |within| within.until);
        // The first request has the permit that was obtained before its intent was written.
        let place = match sending.call.permit.take() {
            Some(place) => place,
            None => {
                let place = self.place(&sending.call.tenant, &target, unsent).await;
                Box::new(place.inspect_err(|_| sending.call.sending.held_back())?)
            }
        };
        let handover = Handover::new(sending.call.sending.clone());
        let request = request(outgoing, &handover, &target)?;
        let forwarder = client.forwarder(request.uri()).cloned();
        let (response, in_use, within) =
            exchange(&target, &client, request, &handover, sending.timeout, within).await?;
        metrics::counter!("updraft_http_responses_total", "status_class" => class(response.status().as_u16()))
            .increment(1);
        tracing::debug!(status = response.status().as_u16(), "answered");
        match forwarder {
            Some(proxy) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(target.refused_by(&proxy))
            }
            _ => Ok(Answered { target, response, within, acted: false, place: Box::new((place, in_use)) }),
        }
    }

    /// A permit at the host of a call's first request; `None` if the arguments give no request.
    pub(super) fn place_before(&self, request: &PermitRequest<'_>) -> Option<PermitFuture> {
        let (method, url) = destination(request.arguments)?;
        let (target, _) = self.open(&method, &url, "url").ok()?;
        let place = self.place(request.tenant, &target, unsent());
        Some(Box::pin(async move { place.await.map(CallPermit::new) }))
    }

    fn place(
        &self,
        tenant: &TenantCode,
        target: &Target,
        until: Instant,
    ) -> impl Future<Output = Result<Place, Failure>> + Send + use<> {
        let place = timeout_at(until, self.hosts.enter(tenant, &target.host));
        let target = target.clone();
        async move {
            let unreachable = |message| target.fail(FailureKind::Unreachable, message);
            place
                .await
                .map_err(|_| unreachable("no free place at the host in time"))?
                .map_err(|_| unreachable("requests to too many hosts are under way"))
        }
    }

    /// The target of a request and its pool, if the policy permits; the URL is at `place`.
    pub(super) fn open(&self, method: &Method, url: &Url, place: &str) -> Result<(Target, Client), Failure> {
        let Some((host, port)) = authority(url) else {
            return Err(mistake(place, "a URL with a host is needed"));
        };
        let target = Target { method: method.clone(), host: format!("{host}:{port}") };
        let secure = url.scheme() == "https";
        // A name that is looked up here is judged then, everything else at once.
        if let Some(missing) = self.pools.missing(secure, host, port) {
            return Err(target.not_permitted(&missing));
        }
        let client = self.pools.client(secure, host, port);
        let client =
            client.map_err(|error| target.fail(FailureKind::Unreachable, error).with_retryable(false))?;
        Ok((target, client))
    }
}

/// The end of the wait for a permit, counted from the beginning of an attempt.
pub(crate) fn unsent() -> Instant {
    Instant::now() + ATTEMPT_UNSENT - HTTP_UNSENT_REST
}

/// A failure after a hop which showed that the tool acted.
fn after(acted: bool, failure: Failure) -> Failure {
    if acted { failure.with_may_have_acted(true) } else { failure }
}

fn authority(url: &Url) -> Option<(&str, u16)> {
    Some((url.host_str()?, url.port_or_known_default()?))
}

/// The request, which records when it is handed to a connection.
pub(crate) fn request(
    outgoing: &Outgoing,
    handover: &Arc<Handover>,
    target: &Target,
) -> Result<Request<Handed>, Failure> {
    let unsendable = "no request can be made of the arguments";
    let uri: Uri =
        outgoing.url.as_str().parse().map_err(|_| target.fail(FailureKind::InvalidArguments, unsendable))?;
    let mut request = Request::new(Handed::new(outgoing.body.clone(), handover.clone()));
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = outgoing.headers.clone();
    Ok(request)
}

/// Sends the request and waits for the head of the answer. The attempt's time begins when a connection takes its first
/// request; opening the connection has the same limit of its own.
async fn exchange(
    target: &Target,
    client: &Client,
    request: Request<Handed>,
    handover: &Handover,
    timeout: Duration,
    within: Option<Within>,
) -> Result<(Response<Incoming>, Option<InUse>, Within), Failure> {
    let asking = Arc::<Asking>::default();
    let mut answer = std::pin::pin!(client.execute(request, &asking));
    let connected = within.map_or_else(|| Instant::now() + timeout, |within| within.until);
    let early = tokio::select! {
        biased;
        answer = &mut answer => Some(answer),
        _ = handover.told() => None,
        () = sleep_until(connected) => {
            let bound = if asking.has_waited() { ", as too many are open" } else { "" };
            if asking.has_waited() {
                handover.held_back();
            }
            let message = format_args!("no connection within {timeout:?}{bound}");
            return Err(target.fail(FailureKind::Unreachable, message));
        }
    };
    let within = within.unwrap_or_else(|| {
        let until = handover.at().unwrap_or_else(Instant::now) + timeout;
        // Some of the time for the report is left for the report itself.
        Within { until, told: until + ATTEMPT_TELL.min(timeout / 10) / 2, timeout }
    });
    let answer = match early {
        Some(answer) => answer,
        None => timeout_at(within.until, answer).await.map_err(|_| target.timeout(timeout))?,
    };
    let (response, in_use) = answer.map_err(|error| target.unanswered(&error, handover.at().is_some()))?;
    Ok((response, in_use, within))
}

/// Statuses as metrics distinguish them.
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
