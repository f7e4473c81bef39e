//! Limits of secrets.

use std::time::Duration;

/// The largest secret: private keys and tokens with many claims are smaller.
pub const SECRET_BYTES: usize = 64 << 10;
/// Secrets of one step.
pub const SECRETS_OF_STEP: usize = 64;
/// Names of secrets in one playbook: the masker of their tenant has all of them at once.
pub const SECRETS_OF_PLAYBOOK: usize = 128;
/// Secrets that are fetched from a provider at once when a playbook is stored or submitted.
pub const SECRETS_ASKED_AT_ONCE: usize = 16;
/// Tenants whose secrets are masked in later answers too. Over the limit one of them is forgotten until its next call,
/// whose own secrets are masked in any case.
pub const MASKED_TENANTS: usize = 100_000;
/// How long an accepted execution waits for a missing secret, permission or integration, unless configured: a day in
/// which it can be added.
pub const CONFIGURATION_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Waiting tasks that the health of an engine lists: longer lists are not read.
pub const MISSING_LISTED: usize = 10_000;
/// The shortest pause between two checks for it. The pauses grow with the wait.
pub const CONFIGURATION_LOOK: Duration = Duration::from_secs(1);
/// The longest pause between two checks for it.
pub const CONFIGURATION_LOOK_MAX: Duration = Duration::from_secs(60);
/// How long to wait for a provider of secrets when a playbook is stored or submitted, and before an attempt is made.
pub const SECRET_WAIT: Duration = Duration::from_secs(10);
