//! One attempt: from a call to the tool's answer. Holds nothing afterwards; dropping it closes its connection.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use tokio::time::{Instant, timeout_at};
use updraft_masking::Masker;
use updraft_protocol::limits::{SHORTEST_SECRET_BYTES, SPAN};
use updraft_protocol::{Call, Failure, FailureKind, Json, Secret};

use super::HttpIntegration;
use super::answer::{Reading, Within};
use super::arguments::Arguments;
use super::auth::{Auth, OAuth2, basic_header, bearer_header};
use super::coding;
use super::exchange::{self, Answered, Sending};
use super::fields::header_value;
use super::hosts::Place;
use super::options::{Form, Options};
use super::outcome::declared;
use super::outgoing::{Content, FileContent, Outgoing};
use super::payload::Payload;
use super::rate_headers::used_up;
use super::redirect::{Carried, Hops};
use super::tokens::Key;

/// The header by which a tool recognises that an attempt repeats an earlier one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The token of OAuth 2 for a request.
struct Wanted {
    key: Key,
    refresh: Option<Key>,
    asked: Arc<OAuth2>,
}

/// The token that it carries.
struct Borne {
    wanted: Wanted,
    token: Secret,
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
        for given in &call.secrets {
            masker.hide(&given.secret);
        }
        let key = Key::of_access(&call);
        let mut arguments = Arguments::read(call.revealed())?;
        // A forbidden destination is refused before a token is fetched.
        let (target, _) = self.open(&arguments.method, &arguments.url, "url")?;
        tracing::Span::current().record("host", target.host.as_str());

        // Waiting has a limit of its own: a call that waits has not been sent, and its failure says so.
        let unsent = exchange::unsent();
        let carried = carried(&call, &arguments);
        let mut headers = headers(&call, &mut arguments)?;
        let mut borne = self.prove(&call, key, &mut arguments, &mut headers, &mut masker, timeout).await?;
        let Arguments { method, url, payload, options, .. } = arguments;
        let (body, _sent) = self.content(&call, payload, &mut headers, unsent).await?;
        let mut outgoing = Outgoing { method, url, headers, body };
        let hops = || Hops::new(options.redirects, carried.clone());
        let sending = Sending { call: &call, effect: options.effect, timeout, unsent };
        let mut answered = self.send(&sending, outgoing.clone(), hops(), &mut masker, None).await?;
        if answered.target.host == target.host
            && refuses_token(&answered, &options)
            && let Some(borne) = &mut borne
        {
            // A token may expire early. Nothing has acted: the same request is sent once more.
            let within = answered.within;
            drop(answered);
            self.renew(&call, borne, &mut outgoing.headers, &mut masker, within).await?;
            answered = self.send(&sending, outgoing, hops(), &mut masker, Some(within)).await?;
        }
        let Answered { target, response, within, acted, place: _place } = answered;

        if let Some(pause) = used_up(response.headers()) {
            call.sending.leave_alone(pause);
        }
        let (tenant, files) = (call.tenant.clone(), call.files.clone());
        let reading = Reading { target, tenant, options, masker, files };
        let read = reading.read(response, within, &self.capacity).await;
        read.map_err(|failure| if acted { failure.with_may_have_acted(true) } else { failure })
    }

    /// The content of the request. A file has its own type, unless the author names another, and a permit to be held until it is
    /// sent.
    async fn content(
        &self,
        call: &Call,
        payload: Payload,
        headers: &mut HeaderMap,
        until: Instant,
    ) -> Result<(Content, Option<Place>), Failure> {
        let Payload::File(id) = payload else { return Ok((payload.into_bytes(call.task_id).into(), None)) };
        let place = self.capacity.file(&call.tenant, until).await.map_err(|problem| {
            Failure::new(FailureKind::Unreachable, problem.message).with_may_have_acted(false)
        })?;
        let file = FileContent::of(call.files.clone(), id).await?;
        if !headers.contains_key(CONTENT_TYPE) {
            let own = file.content_type.as_deref().and_then(|own| HeaderValue::try_from(own).ok());
            let own = own.unwrap_or(HeaderValue::from_static("application/octet-stream"));
            headers.insert(CONTENT_TYPE, own);
        }
        Ok((Content::File(file), Some(place)))
    }

    /// Adds the header that authenticates the request; fetches a token if there is none.
    async fn prove(
        &self,
        call: &Call,
        key: Key,
        arguments: &mut Arguments,
        headers: &mut HeaderMap,
        masker: &mut Masker,
        timeout: Duration,
    ) -> Result<Option<Borne>, Failure> {
        let place = "auth";
        let asked = match std::mem::replace(&mut arguments.auth, Auth::None) {
            Auth::None => return Ok(None),
            Auth::Basic { user, password } => {
                masker.add_basic(&user, &password);
                let header = basic_header(place, &user, &password)?;
                // A short password is masked as a word of its own; in base64 it is none, also in later answers.
                let encoded = header.to_str().ok().and_then(|text| text.strip_prefix("Basic "));
                if let Some(Ok(encoded)) = encoded.map(Secret::short)
                    && password.len() < SHORTEST_SECRET_BYTES
                {
                    call.masking.hide(&encoded);
                }
                headers.insert(AUTHORIZATION, header);
                return Ok(None);
            }
            Auth::Bearer(token) => {
                headers.insert(AUTHORIZATION, bearer_header(place, &token)?);
                return Ok(None);
            }
            Auth::OAuth2(asked) => asked,
        };
        let refresh = Key::of_refresh(&call.tenant, &asked);
        let wanted = Wanted { key, refresh, asked: Arc::from(asked) };
        let token = self.token(call, &wanted, masker, Instant::now() + timeout).await?;
        headers.insert(AUTHORIZATION, bearer_header(place, token.expose())?);
        Ok(Some(Borne { wanted, token }))
    }

    /// Another token in place of a refused one.
    async fn renew(
        &self,
        call: &Call,
        borne: &mut Borne,
        headers: &mut HeaderMap,
        masker: &mut Masker,
        within: Within,
    ) -> Result<(), Failure> {
        self.tokens.refused(&borne.wanted.key, &borne.token);
        borne.token = self.token(call, &borne.wanted, masker, within.until).await?;
        headers.insert(AUTHORIZATION, bearer_header("auth", borne.token.expose())?);
        Ok(())
    }

    async fn token(
        &self,
        call: &Call,
        wanted: &Wanted,
        masker: &mut Masker,
        until: Instant,
    ) -> Result<Secret, Failure> {
        let token = self.tokens.token(&wanted.key, wanted.refresh.as_ref(), || {
            let fetch = self.fetch(call, &wanted.asked)?;
            Ok(|rotated| fetch.token(rotated))
        });
        // The fetch continues without this attempt, and its token is kept for the next.
        let token = timeout_at(until, token).await.map_err(|_| {
            let message = "the token server did not answer in time";
            Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false)
        })??;
        masker.hide(&token);
        call.masking.hide(&token);
        Ok(token)
    }
}

/// Whether a tool's answer says that it did nothing because of the token. A hop on the way may have acted, and a step
/// may declare another meaning of this status.
fn refuses_token(answered: &Answered, options: &Options) -> bool {
    let status = answered.response.status();
    status == StatusCode::UNAUTHORIZED
        && !answered.acted
        && !options.expect.contains(status.as_u16())
        && declared(status, options) != Some(true)
}

/// The headers of the request, except those that authenticate it.
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
    // The author's headers replace ours. `extend` alone would send both.
    let own = std::mem::take(&mut arguments.headers);
    for (name, _) in &own {
        headers.remove(name);
    }
    headers.extend(own);
    headers.insert(IDEMPOTENCY_KEY, header_value("idempotency_key", &call.task_id.to_string())?);
    Ok(headers)
}

fn accepted(options: &Options) -> Option<&'static str> {
    match options.form {
        Form::Json(_) => Some("application/json"),
        Form::Lines(_) => Some("application/x-ndjson"),
        Form::Text | Form::File | Form::None => None,
    }
}

/// The parts of the request that contain secrets.
fn carried(call: &Call, arguments: &Arguments) -> Carried {
    let places = || call.secrets.iter().map(|given| given.reference.place.as_str());
    let in_header = |name: &HeaderName| {
        places().any(|place| {
            let header =
                place.strip_prefix("/headers/").map(|part| part.replace("~1", "/").replace("~0", "~"));
            header.is_some_and(|header| header.eq_ignore_ascii_case(name.as_str()))
        })
    };
    let headers = arguments.headers.iter().map(|(name, _)| name).filter(|name| in_header(name));
    // Secrets of `auth` are sent in `Authorization`, which is not sent to another origin.
    let elsewhere = places().any(|place| !place.starts_with("/headers/") && !place.starts_with("/auth/"));
    Carried { headers: headers.cloned().collect(), elsewhere }
}
