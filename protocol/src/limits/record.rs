//! The limits of call records in stored tasks, with their reasons.

/// Arguments that are kept of a call: a report needs hosts, accounts and reasons, not files and mails.
pub const RECORDED_ARGUMENTS_BYTES: usize = 4 << 10;
/// The target of a call: a host, an account, a distinguished name.
pub const RECORDED_TARGET_BYTES: usize = 256;
