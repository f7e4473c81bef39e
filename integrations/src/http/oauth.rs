//! Requests of tokens from a token server (RFC 6749). Judged by the policy like every request; keeps nothing.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use updraft_protocol::limits::{HTTP_TOKEN_ANSWER_BYTES, HTTP_TOKEN_LIFE_MAX};
use updraft_protocol::{Call, Failure, FailureKind, Masking, Secret, Sending};
use url::Url;

use super::HttpIntegration;
use super::auth::{ClientAuth, Grant, OAuth2, bearer_header};
use super::client::Client;
use super::exchange;
use super::failure::{Target, broken, retry_after};
use super::fields::header_value;
use super::handover::Handover;
use super::outgoing::Outgoing;
use super::tokens::Fetched;

/// A request for a token, with everything that it needs to continue without its caller.
pub(super) struct Fetch {
    target: Target,
    client: Client,
    asked: Arc<OAuth2>,
    masking: Masking,
}

impl HttpIntegration {
    /// The request for a token, if the policy permits.
    pub(super) fn fetch(&self, call: &Call, asked: &Arc<OAuth2>) -> Result<Fetch, Failure> {
        let (target, client) = self.open(&Method::POST, &asked.token_url, "auth.oauth2.token_url")?;
        Ok(Fetch { target, client, asked: asked.clone(), masking: call.masking.clone() })
    }
}

impl Fetch {
    /// Fetches a token. `rotated` is the current refresh token, if it is not the configured one.
    pub(super) async fn token(self, rotated: Option<Secret>) -> Result<Fetched, Failure> {
        let Self { target, client, asked, masking } = self;
        let outgoing = outgoing(&asked, rotated.as_ref())?;
        let request = exchange::request(&outgoing, &Handover::new(Sending::default()), &target)?;
        tracing::debug!(server = target.host, "a token is fetched");
        let response = client.execute(request, &Arc::default()).await;
        let response = response.map_err(|error| target.unanswered(&error, false));
        let fetched = match response {
            // Its connection is in use until the answer is read.
            Ok((response, _in_use)) => read(&target, response).await,
            Err(failure) => Err(failure),
        };
        let fetched = fetched.map_err(no_token)?;
        if let Some(refresh_token) = &fetched.refresh_token {
            masking.hide(refresh_token);
        }
        Ok(Fetched { access_token: fetched.access_token.map_err(no_token), ..fetched })
    }
}

/// Whatever the failure of the fetch is, the tool of the step has not acted.
fn no_token(failure: Failure) -> Failure {
    let message = format!("no token: {}", failure.message);
    failure.with_message(message).with_may_have_acted(false)
}

fn outgoing(asked: &OAuth2, rotated: Option<&Secret>) -> Result<Outgoing, Failure> {
    let mut fields = vec![("grant_type", asked.grant_type())];
    if let Grant::RefreshToken(configured) = &asked.grant {
        fields.push(("refresh_token", rotated.map_or(configured.as_str(), Secret::expose)));
    }
    if let Some(scope) = &asked.scope {
        fields.push(("scope", scope));
    }
    let mut headers = HeaderMap::new();
    match (&asked.client_secret, asked.client_auth) {
        (Some(secret), ClientAuth::Basic) => {
            // Both are form-encoded before they are joined (RFC 6749, 2.3.1).
            let (user, password) = (form_encoded(&asked.client_id), form_encoded(secret));
            let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            headers.insert(AUTHORIZATION, header_value("auth.oauth2.client_secret", &basic)?);
        }
        (Some(secret), ClientAuth::Body) => {
            fields.extend([("client_id", asked.client_id.as_str()), ("client_secret", secret)]);
        }
        (None, _) => fields.push(("client_id", &asked.client_id)),
    }
    fields.extend(asked.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let body = Bytes::from(encoded(&fields)).into();
    Ok(Outgoing { method: Method::POST, url: asked.token_url.clone(), headers, body })
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let Ok(mut form) = Url::parse("http://form/?") else { return String::new() };
    form.query_pairs_mut().extend_pairs(fields);
    form.query().unwrap_or_default().to_owned()
}

fn form_encoded(text: &str) -> String {
    encoded(&[(text, "")]).trim_end_matches('=').to_owned()
}

/// The answer of the server. Of an error only the code is shown: the rest may repeat parts of the request.
async fn read(target: &Target, response: Response<Incoming>) -> Result<Fetched, Failure> {
    let (status, after) = (response.status(), retry_after(response.headers()));
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| target.fail(FailureKind::Unreachable, broken(&error)))?;
        let chunk = frame.into_data().unwrap_or_default();
        if bytes.len() + chunk.len() > HTTP_TOKEN_ANSWER_BYTES {
            let message = format_args!("the answer is larger than {HTTP_TOKEN_ANSWER_BYTES} bytes");
            return Err(target.fail(FailureKind::TooLarge, message));
        }
        bytes.extend_from_slice(&chunk);
    }
    let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if !status.is_success() {
        let code = answer["error"].as_str().filter(|code| is_code(code));
        let told = code.map(|code| format!(" ({code})")).unwrap_or_default();
        let passing = status.is_server_error() || status.as_u16() == 429 || status.as_u16() == 408;
        let kind = if passing { FailureKind::Unreachable } else { FailureKind::Status };
        let failure = target.fail(kind, format_args!("answered {status}{told}")).with_retryable(passing);
        return Err(match after {
            Some(after) => failure.with_retry_after(after),
            None => failure,
        });
    }
    let invalid = |message: &str| target.fail(FailureKind::InvalidResponse, message);
    // Each is searched for in all answers of the tenant's tools, at a cost that grows with its length.
    let token = |name: &str| match answer[name].as_str().and_then(|token| Secret::short(token).ok()) {
        Some(token) if bearer_header(name, token.expose()).is_err() => {
            Err(invalid("gave a token that no header carries"))
        }
        token => Ok(token),
    };
    let bearer = answer["token_type"].as_str().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let access_token = match token("access_token") {
        _ if !bearer => Err(invalid("gave a token that is no bearer's token")),
        Ok(None) => Err(invalid("gave no `access_token`")),
        Ok(Some(token)) => Ok(token),
        Err(failure) => Err(failure),
    };
    let refresh_token = token("refresh_token")?;
    Ok(Fetched { access_token, expires_in: seconds(&answer["expires_in"]), refresh_token })
}

/// The codes of errors are words (RFC 6749, 5.2).
fn is_code(code: &str) -> bool {
    code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// A number of seconds, which some servers send as a text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok().map(|life| life.min(HTTP_TOKEN_LIFE_MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::outgoing::Content;

    fn text(outgoing: &Outgoing) -> &str {
        match &outgoing.body {
            Content::Bytes(bytes) => std::str::from_utf8(bytes).unwrap(),
            Content::File(_) => panic!("a form"),
        }
    }

    #[test]
    fn what_a_clients_secret_has_in_it_stays_in_its_field() {
        let asked = |client_auth| OAuth2 {
            token_url: Url::parse("https://login.example/token").unwrap(),
            grant: Grant::RefreshToken("r&f".to_owned()),
            client_id: "id:1".to_owned(),
            client_secret: Some("a&b=c +ä".to_owned()),
            scope: Some("x y".to_owned()),
            parameters: vec![("audience".to_owned(), "https://a".to_owned())],
            client_auth,
        };
        let body = outgoing(&asked(ClientAuth::Body), None).unwrap();
        assert_eq!(
            text(&body),
            "grant_type=refresh_token&refresh_token=r%26f&scope=x+y&client_id=id%3A1\
             &client_secret=a%26b%3Dc+%2B%C3%A4&audience=https%3A%2F%2Fa"
        );
        let rotated = Secret::short("newer").unwrap();
        let basic = outgoing(&asked(ClientAuth::Basic), Some(&rotated)).unwrap();
        let expected = STANDARD.encode("id%3A1:a%26b%3Dc+%2B%C3%A4");
        assert_eq!(basic.headers[AUTHORIZATION], format!("Basic {expected}"));
        let body = text(&basic);
        assert_eq!(body, "grant_type=refresh_token&refresh_token=newer&scope=x+y&audience=https%3A%2F%2Fa");
        assert!(!format!("{basic:?}").contains(&expected), "a header that shows itself");
    }

    #[test]
    fn a_life_is_a_number_or_a_text_of_one() {
        let told = |value: Value| seconds(&value).map(|life| life.as_secs());
        assert_eq!(told(json!(3600)), Some(3600));
        assert_eq!(told(json!("59.5")), Some(59));
        assert_eq!(told(json!(-1)), Some(0));
        assert_eq!(told(json!(1e300)), None);
        assert_eq!(told(json!(1e9)), Some(HTTP_TOKEN_LIFE_MAX.as_secs()));
        assert_eq!(told(json!(null)), None);
    }
}
