//! A flaw of a step's arguments, as the integration finds it that they are for. Never says what a value was.

/// What is wrong with one argument of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where in the arguments, as authors write it: `retry_on[2]`, `auth.oauth2.token_url`; empty for all of them.
    pub place: String,
    /// What is needed there.
    pub message: String,
}
