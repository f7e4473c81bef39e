//! Bounds of what stored tasks keep of the calls that they made, with their reasons.

/// Arguments that are kept of a call: a report names hosts, accounts and reasons; files and mails are where they came from.
pub const RECORDED_ARGUMENTS_BYTES: usize = 4 << 10;
/// What a call acted upon: a host, an account, a distinguished name.
pub const RECORDED_TARGET_BYTES: usize = 256;
