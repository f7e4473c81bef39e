//! Spans of a playbook: the allowed lengths of time.

use updraft_protocol::Span;
use updraft_protocol::limits::SPAN;

/// Why the span is not allowed.
pub(super) fn span(span: Span, zero: bool) -> Result<(), String> {
    if span.0.is_zero() && !zero {
        return Err("must be longer than zero".to_owned());
    }
    if span.0 > SPAN {
        return Err(format!("must be at most {}", Span(SPAN)));
    }
    Ok(())
}
