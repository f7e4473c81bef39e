//! Redirects: the destination in an answer, the parts of the request that are sent there, and when that is refused (RFC
//! 9110, 15.4). Decides; sends nothing. Messages name hosts, no path and no query.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use percent_encoding::percent_decode_str;
use updraft_masking::Masker;
use updraft_protocol::FailureKind;
use updraft_protocol::limits::HTTP_URL_BYTES;
use url::Url;

use super::outgoing::{Content, Outgoing};

/// The secret parts of a request: only for the origin that the author named.
#[derive(Debug, Clone, Default)]
pub(crate) struct Carried {
    /// The headers that contain a secret.
    pub(crate) headers: Vec<HeaderName>,
    /// Whether the URL or the body contains one.
    pub(crate) elsewhere: bool,
}

/// The hops of one attempt.
#[derive(Debug)]
pub(crate) struct Hops {
    allowed: u8,
    carried: Carried,
    /// The destinations so far.
    seen: Vec<(Method, Url)>,
}

/// Why a redirect is not followed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

impl Refused {
    fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl Hops {
    /// If `allowed` is 0, none is followed.
    pub(crate) fn new(allowed: u8, carried: Carried) -> Self {
        Self { allowed, carried, seen: Vec::new() }
    }

    /// Whether a redirect was followed.
    pub(crate) fn is_on_the_way(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Follows the redirect in an answer. Returns false if the answer is the last one.
    ///
    /// # Errors
    /// The redirect is forbidden.
    pub(crate) fn follow(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        outgoing: &mut Outgoing,
        masker: &Masker,
    ) -> Result<bool, Refused> {
        let Some(location) = headers.get(LOCATION).filter(|_| self.allowed > 0 && is_redirect(status)) else {
            return Ok(false);
        };
        self.seen.push((outgoing.method.clone(), outgoing.url.clone()));
        let url = target(location.as_bytes(), &outgoing.url)?;
        let method = next_method(status, &outgoing.method);
        let drops_body = method != outgoing.method || status == StatusCode::SEE_OTHER;
        let crosses = url.origin() != outgoing.url.origin();
        if crosses && self.betrays(status, &url, outgoing, masker) {
            return Err(Refused::new(
                FailureKind::Forbidden,
                format!(
                    "is redirected to {}, another origin, with a secret in its URL or body; it was not sent there",
                    place(&url)
                ),
            ));
        }
        if self.seen.contains(&(method.clone(), url.clone())) {
            return Err(Refused::new(FailureKind::Status, "is redirected in a circle"));
        }
        if self.seen.len() > usize::from(self.allowed) {
            let message = format!("is redirected more than {} times (`redirects`)", self.allowed);
            return Err(Refused::new(FailureKind::Status, message));
        }
        if drops_body {
            outgoing.body = Content::nothing();
            outgoing.headers.remove(CONTENT_TYPE);
            outgoing.headers.remove(CONTENT_LENGTH);
        }
        if crosses {
            self.drop_credentials(&mut outgoing.headers);
        }
        (outgoing.method, outgoing.url) = (method, url);
        Ok(true)
    }

    /// Whether a secret outside of the headers would be sent to another origin.
    fn betrays(&self, status: StatusCode, url: &Url, outgoing: &Outgoing, masker: &Masker) -> bool {
        // 307 and 308 repeat the same request: without its secrets it would be another.
        let is_same = matches!(status.as_u16(), 307 | 308);
        let keeps_body = next_method(status, &outgoing.method) == outgoing.method
            && status != StatusCode::SEE_OTHER
            && !outgoing.body.is_empty();
        let keeps_query =
            url.query().is_some_and(|query| !query.is_empty() && Some(query) == outgoing.url.query());
        let kept = self.carried.elsewhere && (is_same || keeps_body || keeps_query);
        // A server may put parts of the request into `Location`, including a secret from a header.
        let readings = [url.as_str().into(), percent_decode_str(url.as_str()).decode_utf8_lossy()];
        kept || readings.into_iter().any(|reading| masker.text(reading.clone().into_owned()) != reading)
    }

    /// Drops the headers for one origin only. They stay dropped, even if a later hop leads back.
    fn drop_credentials(&self, headers: &mut HeaderMap) {
        let is_dropped = |name: &HeaderName| {
            [AUTHORIZATION, COOKIE].contains(name)
                || name.as_str() == "idempotency-key"
                || name.as_str().starts_with("proxy-")
                || self.carried.headers.contains(name)
        };
        let dropped: Vec<_> = headers.keys().filter(|name| is_dropped(name)).cloned().collect();
        dropped.iter().for_each(|name| drop(headers.remove(name)));
    }
}

/// Whether a status is a redirect. 300 offers a choice, 304 and 305 have no destination.
pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// 303 asks for the result to be fetched; 301 and 302 turn POST into GET, as all clients do (RFC 9110, 15.4.2 and
/// 15.4.3).
fn next_method(status: StatusCode, method: &Method) -> Method {
    match (status.as_u16(), method) {
        (303, &Method::HEAD) => Method::HEAD,
        (303, _) | (301 | 302, &Method::POST) => Method::GET,
        _ => method.clone(),
    }
}

fn target(location: &[u8], from: &Url) -> Result<Url, Refused> {
    let unreadable =
        || Refused::new(FailureKind::InvalidResponse, "is redirected (`Location`) to what is no URL");
    let text = std::str::from_utf8(location).map_err(|_| unreadable())?;
    let mut url = from.join(text).map_err(|_| unreadable())?;
    url.set_fragment(None);
    if url.as_str().len() > HTTP_URL_BYTES || !matches!(url.host_str(), Some(host) if !host.is_empty()) {
        return Err(unreadable());
    }
    let forbidden = |message: &str| Err(Refused::new(FailureKind::Forbidden, message));
    match (from.scheme(), url.scheme()) {
        ("http", "http") | (_, "https") => {}
        ("https", "http") => return forbidden("is redirected from `https` to `http`; it was not sent there"),
        _ => return forbidden("is redirected to what is neither `http` nor `https`"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return forbidden("is redirected to a URL with credentials");
    }
    Ok(url)
}

fn place(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

#[cfg(test)]
#[path = "redirect_tests.rs"]
mod tests;
