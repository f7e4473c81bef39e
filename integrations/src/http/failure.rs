//! What went wrong with a request, as a `Failure`. Messages name method, host and status: no path, query,
//! header or body, which may hold secrets.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use updraft_protocol::limits::{HTTP_CONNECT_TIMEOUT, HTTP_RETRY_AFTER_MAX};
use updraft_protocol::{Failure, FailureKind};

use super::policy::Forbidden;
use super::statuses::Statuses;

/// A request as messages name it: `GET tool.example:443`.
pub(crate) struct Target {
    pub(crate) method: reqwest::Method,
    pub(crate) host: String,
}

impl Target {
    pub(crate) fn fail(&self, kind: FailureKind, message: impl std::fmt::Display) -> Failure {
        Failure::new(kind, format!("{} {}: {message}", self.method, self.host))
    }

    pub(crate) fn forbidden(&self) -> Failure {
        let message = "only the public Internet and allowed addresses may be reached";
        self.fail(FailureKind::Forbidden, message)
    }

    /// No answer within the attempt's time, although the request was begun.
    pub(crate) fn timeout(&self, after: Duration) -> Failure {
        self.fail(FailureKind::Timeout, format_args!("no answer within {after:?}"))
    }

    /// A request that got no answer.
    pub(crate) fn unanswered(&self, error: &reqwest::Error) -> Failure {
        if cause::<Forbidden>(error).is_some() {
            return self.forbidden();
        }
        if error.is_builder() {
            return self.fail(FailureKind::InvalidArguments, "no request can be made of the arguments");
        }
        if !error.is_connect() {
            return self.interrupted(error);
        }
        let kind = FailureKind::Unreachable;
        if error.is_timeout() {
            let message = format_args!("no connection within {HTTP_CONNECT_TIMEOUT:?}");
            return self.fail(kind, message);
        }
        match (error.is_dns(), cause::<io::Error>(error)) {
            (true, _) => self.fail(kind, "the name was not found"),
            (false, Some(error)) => self.fail(kind, format_args!("no connection: {error}")),
            (false, None) => self.fail(kind, "no connection"),
        }
    }

    /// A connection that broke after the request began, or that speaks no HTTP.
    pub(crate) fn interrupted(&self, error: &reqwest::Error) -> Failure {
        let kind = FailureKind::Interrupted;
        match cause::<io::Error>(error) {
            Some(error) => self.fail(kind, format_args!("the connection broke: {error}")),
            None => self.fail(kind, "the connection broke before the answer was whole"),
        }
    }

    /// An answer with a status that was not expected.
    pub(crate) fn status(&self, status: StatusCode, headers: &HeaderMap, retry_on: &Statuses) -> Failure {
        let after = retry_after(headers);
        let limited = match status {
            StatusCode::TOO_MANY_REQUESTS => true,
            StatusCode::SERVICE_UNAVAILABLE => after.is_some(),
            _ => false,
        };
        let kind = if limited { FailureKind::RateLimited } else { FailureKind::Status };
        let failure = self
            .fail(kind, format_args!("answered {status}"))
            .with_retryable(retry_on.contains(status.as_u16()));
        match after {
            Some(after) if limited => failure.with_retry_after(after),
            _ => failure,
        }
    }
}

/// The first cause of a kind.
fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// How long the tool asks to be left alone: seconds, or a date, which is held against the answer's own
/// date because the two come from one clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let after = text(RETRY_AFTER)?.trim();
    let delay = if after.bytes().all(|b| b.is_ascii_digit()) && !after.is_empty() {
        // More digits than fit are a very long time.
        Duration::from_secs(after.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(after).ok()?;
        let now = httpdate::parse_http_date(text(DATE)?.trim()).ok()?;
        until.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(delay.min(HTTP_RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(headers: &[(HeaderName, &str)]) -> Option<Duration> {
        retry_after(&headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_against_the_date_of_the_answer() {
        assert_eq!(after(&[(RETRY_AFTER, "7")]), Some(Duration::from_secs(7)));
        assert_eq!(after(&[(RETRY_AFTER, "99999999999999999999999")]), Some(HTTP_RETRY_AFTER_MAX));
        let until = (RETRY_AFTER, "Wed, 21 Oct 2015 07:28:00 GMT");
        let date = |text| (DATE, text);
        assert_eq!(
            after(&[until.clone(), date("Wed, 21 Oct 2015 07:27:30 GMT")]),
            Some(Duration::from_secs(30))
        );
        assert_eq!(after(&[until.clone(), date("Wed, 21 Oct 2015 07:30:00 GMT")]), Some(Duration::ZERO));
        assert_eq!(after(&[until]), None);
        for nonsense in ["", "-1", "1.5", "soon", "+5"] {
            assert_eq!(after(&[(RETRY_AFTER, nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn a_status_is_retried_where_the_step_says_so() {
        let target = Target { method: reqwest::Method::GET, host: "tool.example:443".into() };
        let waiting: HeaderMap = [(RETRY_AFTER, "3".parse().unwrap())].into_iter().collect();
        let none = HeaderMap::new();
        for (status, headers, kind, retryable, seconds) in [
            (404, &none, FailureKind::Status, false, None),
            (500, &none, FailureKind::Status, true, None),
            (500, &waiting, FailureKind::Status, true, None),
            (503, &none, FailureKind::Status, true, None),
            (503, &waiting, FailureKind::RateLimited, true, Some(3)),
            (429, &none, FailureKind::RateLimited, true, None),
            (429, &waiting, FailureKind::RateLimited, true, Some(3)),
        ] {
            let failure = target.status(StatusCode::from_u16(status).unwrap(), headers, &Statuses::passing());
            assert_eq!((failure.kind, failure.retryable()), (kind, retryable), "{status}");
            assert_eq!(failure.retry_after(), seconds.map(Duration::from_secs), "{status}");
        }
        let never = Statuses::read(&serde_json::json!([])).unwrap();
        assert!(!target.status(StatusCode::TOO_MANY_REQUESTS, &none, &never).retryable());
        let failure = target.status(StatusCode::NOT_FOUND, &none, &never);
        assert_eq!(failure.message, "GET tool.example:443: answered 404 Not Found");
    }
}
