//! A flaw in a step's arguments, found by their integration. Never contains a value.

/// A flaw of one argument of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The place in the arguments, in the notation of authors: `retry_on[2]`, `auth.oauth2.token_url`; empty for all of
    /// them.
    pub place: String,
    /// What is needed there.
    pub message: String,
}
