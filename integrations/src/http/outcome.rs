//! Whether a tool acted, as far as the status of its answer shows. Decides; reads no answer.

use http::StatusCode;
use updraft_protocol::Effect;

use super::options::Options;

/// Whether an answer demands fewer requests: 429, and 503 with `Retry-After` (RFC 9110, 15.6.4).
pub(crate) fn is_rate_limited(status: StatusCode, has_retry_after: bool) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::SERVICE_UNAVAILABLE => has_retry_after,
        _ => false,
    }
}

/// The step's declaration for a status: whether the tool may have acted.
pub(crate) fn declared(status: StatusCode, options: &Options) -> Option<bool> {
    let code = status.as_u16();
    (options.acted.contains(code) || options.not_acted.contains(code)).then(|| options.acted.contains(code))
}

/// Whether an unexpected answer shows, or leaves open, that the tool acted. The step's declaration decides first; if it
/// declares both, the tool may have acted.
///
/// 425 was not processed (RFC 8470, 5.2), 501 and 505 are refused before anything is done, a client error except 408
/// means that the request was not understood or not allowed. A redirect except 303 asks for the request at another
/// place. 303, and a success that the step did not expect, mean that a write was done.
pub(crate) fn may_have_acted(status: StatusCode, has_retry_after: bool, options: &Options) -> bool {
    if let Some(declared) = declared(status, options) {
        return declared;
    }
    if is_rate_limited(status, has_retry_after) {
        return false;
    }
    match status.as_u16() {
        200..=299 | 303 => options.effect == Effect::Write,
        300..=399 => false,
        408 => true,
        400..=499 | 501 | 505 => false,
        // 5xx, and statuses that HTTP does not define.
        _ => true,
    }
}
