//! The failures of a request, as a `Failure`. Messages name method, host and status: no path, query, header or body,
//! which may contain secrets.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fmt, io};

use http::header::{DATE, HeaderMap, RETRY_AFTER};
use http::{Method, StatusCode};
use updraft_protocol::limits::{HTTP_INTERIM_ANSWERS, SPAN};
use updraft_protocol::{Failure, FailureKind};

use super::cause::cause;
use super::options::Options;
use super::outcome::{is_rate_limited, may_have_acted};
use super::outgoing::Outgoing;
use super::proxy::Proxy;
use super::tunnel::Refusal;
use super::{client, connect, dial, handshake};

/// A request as messages name it: `GET tool.example:443`.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) method: Method,
    pub(crate) host: String,
}

impl Target {
    /// The target of a request.
    pub(crate) fn of(outgoing: &Outgoing) -> Self {
        let (host, port) = (outgoing.url.host_str(), outgoing.url.port_or_known_default());
        let host = format!("{}:{}", host.unwrap_or_default(), port.unwrap_or_default());
        Self { method: outgoing.method.clone(), host }
    }

    pub(crate) fn fail(&self, kind: FailureKind, message: impl std::fmt::Display) -> Failure {
        Failure::new(kind, format!("{self}: {message}"))
    }

    pub(crate) fn forbidden(&self) -> Failure {
        let message = "only the public Internet and allowed addresses may be reached";
        self.fail(FailureKind::Forbidden, message)
    }

    /// A host for which the engine has no grant: it may have one after another start.
    pub(crate) fn not_permitted(&self, missing: &str) -> Failure {
        self.fail(FailureKind::NotConfigured, format_args!("missing here: {missing}"))
    }

    /// No answer within the attempt's time, although the request was begun.
    pub(crate) fn timeout(&self, after: Duration) -> Failure {
        self.fail(FailureKind::Timeout, format_args!("no answer within {after:?}"))
    }

    /// A request without an answer; `sent` is whether a connection took it.
    pub(crate) fn unanswered(&self, error: &client::Error, sent: bool) -> Failure {
        let error = match error {
            client::Error::Pool(error) => error,
            client::Error::Flood => {
                let message = format_args!(
                    "more than {HTTP_INTERIM_ANSWERS} interim answers (1xx) came, and no answer"
                );
                return self.fail(FailureKind::InvalidResponse, message).with_may_have_acted(true);
            }
            client::Error::Refused(message) => return self.refused_client(message),
        };
        if let Some(error) = cause::<connect::Error>(error) {
            return self.unconnected(error);
        }
        if sent && cause::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
            let message = "the head of the answer cannot be read as HTTP";
            return self.fail(FailureKind::InvalidResponse, message).with_may_have_acted(true);
        }
        if let Some(message) = cause::<io::Error>(error).and_then(handshake::refused_client) {
            return self.refused_client(&message);
        }
        if cause::<h2::Error>(error).is_some_and(is_unprocessed) {
            let message = "the server closed the connection before it took the request";
            return self.fail(FailureKind::Unreachable, message);
        }
        if sent {
            return self.fail(FailureKind::Interrupted, broken(error));
        }
        match cause::<io::Error>(error) {
            Some(error) => self.fail(FailureKind::Unreachable, format_args!("no connection: {error}")),
            None => self.fail(FailureKind::Unreachable, "no connection"),
        }
    }

    fn refused_client(&self, message: &str) -> Failure {
        self.fail(FailureKind::Unreachable, message).with_retryable(false)
    }

    fn unconnected(&self, error: &connect::Error) -> Failure {
        let failure = match error {
            connect::Error::Dial(dial::Error::Forbidden) => return self.forbidden(),
            connect::Error::Tls(error) => match handshake::lasting(error) {
                Some(message) => self.fail(FailureKind::Unreachable, message),
                None => {
                    let why = handshake::passing(error);
                    self.fail(FailureKind::Unreachable, format_args!("no connection: {why}"))
                }
            },
            connect::Error::Proxy { proxy, error } => {
                let message = self.unconnected(error).message;
                let own = message.strip_prefix(&self.to_string()).unwrap_or(&message);
                self.fail(FailureKind::Unreachable, format_args!("the proxy {proxy} is not reached{own}"))
            }
            error => self.fail(FailureKind::Unreachable, error),
        };
        failure.with_retryable(error.retryable())
    }

    /// A request that a proxy did not pass on: the tool has not seen it.
    pub(crate) fn refused_by(&self, proxy: &Arc<Proxy>) -> Failure {
        let refused = connect::Error::Refused { proxy: proxy.clone(), refusal: Refusal::Credentials };
        self.unconnected(&refused)
    }

    /// An answer with an unexpected status.
    pub(crate) fn status(&self, status: StatusCode, after: Option<Duration>, options: &Options) -> Failure {
        let limited = is_rate_limited(status, after.is_some());
        let kind = if limited { FailureKind::RateLimited } else { FailureKind::Status };
        let failure = self
            .fail(kind, format_args!("answered {status}"))
            .with_retryable(options.retry_on.contains(status.as_u16()))
            .with_may_have_acted(may_have_acted(status, after.is_some(), options));
        match after {
            Some(after) => failure.with_retry_after(after),
            None => failure,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.host)
    }
}

/// Whether a stream of HTTP/2 ended before the server processed its request (RFC 9113, 8.7): it refused the stream, or
/// was shutting down. A server that ends because of an error leaves open which requests it has begun.
fn is_unprocessed(error: &h2::Error) -> bool {
    let reason = error.reason();
    error.is_remote()
        && ((error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM))
            || (error.is_go_away() && reason == Some(h2::Reason::NO_ERROR)))
}

/// Why a connection broke.
pub(crate) fn broken(error: &(dyn StdError + 'static)) -> String {
    match cause::<io::Error>(error) {
        Some(error) => format!("the connection broke: {error}"),
        None => "the connection broke before the answer was whole".to_owned(),
    }
}

/// How long the tool asks to be left alone: seconds, or a date, which is held against the answer's own
/// date because the two come from one clock. An answer without a date was made when it came (RFC 9110, 6.6.1). Of several,
/// also in one header as proxies join them, the longest.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(RETRY_AFTER).iter().filter_map(|value| value.to_str().ok());
    values.filter_map(|value| delay(value, headers).or_else(|| joined(value, headers))).max()
}

/// The longest of the values that a proxy joined. A date has a comma of its own.
fn joined(value: &str, headers: &HeaderMap) -> Option<Duration> {
    value.split(',').filter_map(|part| delay(part, headers)).max()
}

fn delay(after: &str, headers: &HeaderMap) -> Option<Duration> {
    let after = after.trim();
    let delay = if after.bytes().all(|b| b.is_ascii_digit()) && !after.is_empty() {
        // A number with too many digits is a very long time.
        Duration::from_secs(after.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(after).ok()?;
        until.duration_since(dated(headers)).unwrap_or(Duration::ZERO)
    };
    Some(delay.min(SPAN))
}

/// The date of an answer. One without a date was made when it came (RFC 9110, 6.6.1).
pub(crate) fn dated(headers: &HeaderMap) -> SystemTime {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or_else(now)
}

#[allow(clippy::disallowed_methods, reason = "the date of an answer that has none")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use updraft_protocol::Effect;

    use super::*;

    fn after(headers: &[(http::header::HeaderName, &str)]) -> Option<Duration> {
        let mut map = HeaderMap::new();
        headers.iter().for_each(|(name, value)| {
            map.append(name.clone(), value.parse().unwrap());
        });
        retry_after(&map)
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_against_the_date_of_the_answer() {
        assert_eq!(after(&[(RETRY_AFTER, "7")]), Some(Duration::from_secs(7)));
        assert_eq!(after(&[(RETRY_AFTER, "99999999999999999999999")]), Some(SPAN));
        assert_eq!(after(&[(RETRY_AFTER, "86400")]), Some(Duration::from_secs(86_400)));
        let until = (RETRY_AFTER, "Wed, 21 Oct 2015 07:28:00 GMT");
        let date = |text| (DATE, text);
        assert_eq!(
            after(&[until.clone(), date("Wed, 21 Oct 2015 07:27:30 GMT")]),
            Some(Duration::from_secs(30))
        );
        assert_eq!(after(&[until.clone(), date("Wed, 21 Oct 2015 07:30:00 GMT")]), Some(Duration::ZERO));
        assert_eq!(after(&[until]), Some(Duration::ZERO), "2015 is over");
        let far = httpdate::fmt_http_date(now() + Duration::from_secs(3_600));
        let left = after(&[(RETRY_AFTER, &far)]).unwrap();
        assert!(left > Duration::from_secs(3_000) && left <= Duration::from_secs(3_600), "{left:?}");
        for (values, seconds) in [(&["1", "3"][..], 3), (&["5", "soon"], 5), (&["1, 9 ,3"], 9), (&["2,x"], 2)]
        {
            let all: Vec<_> = values.iter().map(|value| (RETRY_AFTER, *value)).collect();
            assert_eq!(after(&all), Some(Duration::from_secs(seconds)), "{values:?}");
        }
        for nonsense in ["", "-1", "1.5", "soon", "+5", ","] {
            assert_eq!(after(&[(RETRY_AFTER, nonsense)]), None, "{nonsense}");
        }
    }

    fn options(arguments: serde_json::Value, effect: Effect) -> Options {
        let arguments = updraft_protocol::Value::from(arguments);
        Options::read(arguments.as_object().unwrap(), effect).unwrap()
    }

    #[test]
    fn a_status_is_retried_where_the_step_says_so() {
        let target = Target { method: http::Method::GET, host: "tool.example:443".into() };
        let (none, waiting) = (None, Some(Duration::from_secs(3)));
        let usual = options(json!({}), Effect::Read);
        for (status, after, kind, retryable, seconds) in [
            (404, none, FailureKind::Status, false, None),
            (500, none, FailureKind::Status, true, None),
            (500, waiting, FailureKind::Status, true, Some(3)),
            (404, waiting, FailureKind::Status, false, Some(3)),
            (503, none, FailureKind::Status, true, None),
            (503, waiting, FailureKind::RateLimited, true, Some(3)),
            (429, none, FailureKind::RateLimited, true, None),
            (429, waiting, FailureKind::RateLimited, true, Some(3)),
        ] {
            let failure = target.status(StatusCode::from_u16(status).unwrap(), after, &usual);
            assert_eq!((failure.kind, failure.retryable()), (kind, retryable), "{status}");
            assert_eq!(failure.retry_after(), seconds.map(Duration::from_secs), "{status}");
        }
        let never = options(json!({"retry_on": []}), Effect::Read);
        assert!(!target.status(StatusCode::TOO_MANY_REQUESTS, none, &never).retryable());
        let failure = target.status(StatusCode::NOT_FOUND, none, &never);
        assert_eq!(failure.message, "GET tool.example:443: answered 404 Not Found");
    }

    /// Every status against the documented rules: which leave open whether the tool acted, and which show that it did
    /// not.
    #[test]
    fn each_status_says_or_leaves_open_whether_the_tool_acted() {
        let target = Target { method: http::Method::POST, host: "tool.example:443".into() };
        let (none, waiting) = (None, Some(Duration::from_secs(3)));
        let write = options(json!({"expect": [299]}), Effect::Write);
        let read = options(json!({"expect": [299]}), Effect::Read);
        let acted = |code: u16, after: Option<Duration>, options: &Options| {
            target.status(StatusCode::from_u16(code).unwrap(), after, options).may_have_acted()
        };
        for code in 100..=999 {
            let open = match code {
                408 => true,
                501 | 505 => false,
                500..=599 => true,
                200..=299 | 303 => true,
                300..=499 => false,
                _ => true,
            };
            assert_eq!(acted(code, none, &write), open, "{code}");
            assert_eq!(acted(code, waiting, &write), open && code != 503, "{code} with Retry-After");
            let done = matches!(code, 200..=299 | 303);
            assert_eq!(acted(code, none, &read), open && !done, "{code} of a read");
        }
        let declared = options(json!({"acted": [404, "2xx"], "not_acted": ["5xx", 404]}), Effect::Write);
        for (code, open) in [(404, true), (500, false), (503, false), (408, true), (409, false)] {
            assert_eq!(acted(code, none, &declared), open, "{code} as declared");
        }
        assert!(acted(429, waiting, &options(json!({"acted": [429]}), Effect::Write)));
    }
}
