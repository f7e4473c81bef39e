//! Limits of settings and of the audit.

/// The largest value of a setting: a guardrail with many protected targets.
pub const SETTING_BYTES: usize = 256 << 10;

/// The longest key of a setting: three names, and an address of the largest size in a URL's host.
pub const SETTING_KEY_BYTES: usize = 1 << 10;

/// The most settings of one kind: those of all of an engine's tenants and tools, which are read when it starts.
pub const SETTINGS: usize = 100_000;

/// The largest details of a record of the audit.
pub const AUDIT_DETAIL_BYTES: usize = 4 << 10;
