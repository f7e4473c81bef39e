//! One attempt: from a call to the tool's answer. Holds nothing after it; dropping it closes its
//! connection.

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
use super::arguments::{Arguments, header_value};
use super::auth::{Auth, OAuth2, basic_header, bearer_header};
use super::coding;
use super::exchange::{self, Answered, Outgoing, Sending};
use super::options::{Form, Options};
use super::outcome::declared;
use super::redirect::{Carried, Hops};
use super::tokens::Key;

/// The header by which a tool knows that an attempt repeats an earlier one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A token of OAuth 2 that a request is to carry.
struct Wanted {
    key: Key,
    refresh: Option<Key>,
    asked: Arc<OAuth2>,
}

/// The one that it carries.
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
        // What may not be reached is refused before a token is asked for.
        let (target, _) = self.open(&arguments.method, &arguments.url, "url")?;
        tracing::Span::current().record("host", target.host.as_str());

        // Waiting has a time of its own: what waits has not been sent, and says so.
        let unsent = exchange::unsent();
        let carried = carried(&call, &arguments);
        let mut headers = headers(&call, &mut arguments)?;
        let mut borne = self.prove(&call, key, &mut arguments, &mut headers, &mut masker, timeout).await?;
        let Arguments { method, url, payload, options, .. } = arguments;
        let mut outgoing = Outgoing { method, url, headers, body: payload.into_bytes(call.task_id) };
        let hops = || Hops::new(options.redirects, carried.clone());
        let sending = Sending { call: &call, effect: options.effect, timeout, unsent };
        let mut answered = self.send(&sending, outgoing.clone(), hops(), &mut masker, None).await?;
        if answered.target.host == target.host
            && refuses_token(&answered, &options)
            && let Some(borne) = &mut borne
        {
            // A token may end before its time. Nothing has acted: the same request goes out once more.
            let within = answered.within;
            drop(answered);
            self.renew(&call, borne, &mut outgoing.headers, &mut masker, within).await?;
            answered = self.send(&sending, outgoing, hops(), &mut masker, Some(within)).await?;
        }
        let Answered { target, response, within, acted, place: _place } = answered;

        let reading = Reading { target, tenant: call.tenant.clone(), options, masker };
        let read = reading.read(response, within, &self.capacity).await;
        read.map_err(|failure| if acted { failure.with_may_have_acted(true) } else { failure })
    }

    /// Adds the header by which the request proves who sends it; a token is fetched where none is there.
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
                // A short password is masked where it stands alone: in base64 it does not, in later answers neither.
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

    /// Another token in place of one that was refused.
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
        // What goes on without this attempt is kept for the next.
        let token = timeout_at(until, token).await.map_err(|_| {
            let message = "the token server did not answer in time";
            Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false)
        })??;
        masker.hide(&token);
        call.masking.hide(&token);
        Ok(token)
    }
}

/// Whether a tool says that it did nothing, for the token's sake. A hop on the way may have acted, and a step may say that this
/// tool answers so in another sense.
fn refuses_token(answered: &Answered, options: &Options) -> bool {
    let status = answered.response.status();
    status == StatusCode::UNAUTHORIZED
        && !answered.acted
        && !options.expect.contains(status.as_u16())
        && declared(status, options) != Some(true)
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
    // The author's stand in place of those that we make. `extend` alone would send both.
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
        Form::Text | Form::None => None,
    }
}

/// Where the request has secrets.
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
    // Those of `auth` are sent in `Authorization`, which goes to no other origin.
    let elsewhere = places().any(|place| !place.starts_with("/headers/") && !place.starts_with("/auth/"));
    Carried { headers: headers.cloned().collect(), elsewhere }
}
