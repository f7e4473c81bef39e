//! The limits of connectors, with their reasons.

use std::time::Duration;

use super::{ITEMS, RESPONSE_BYTES, SECRETS_OF_STEP};

/// The text of one connector; those of large vendors have some twenty KiB.
pub const CONNECTOR_BYTES: usize = 512 << 10;
/// Connectors of one engine, their versions counted.
pub const CONNECTORS: usize = 1_000;
/// Changes of version of one tool that are kept: what was accepted before them counts as of the oldest.
pub const TOOL_VERSIONS: usize = 64;
/// Actions of one connector.
pub const CONNECTOR_ACTIONS: usize = 200;
/// Names of actions and targets of all connectors: they stay in memory as long as the process runs, each once.
pub const CONNECTOR_NAMES: usize = 100_000;
/// Constants of one connector, and tenants that have constants of their own.
pub const CONNECTOR_CONSTANTS: usize = 64;
/// Tenants that have constants of their own.
pub const CONNECTOR_TENANTS: usize = 10_000;
/// Rules on what answers of one action mean.
pub const CONNECTOR_FAILURES: usize = 64;
/// Values of one result.
pub const CONNECTOR_RESULTS: usize = 256;
/// Secrets that one action needs.
pub const CONNECTOR_SECRETS: usize = 16;
/// Other origins that one connector may reach.
pub const CONNECTOR_ALLOWED: usize = 32;
/// The description of a connector or an action.
pub const CONNECTOR_DESCRIPTION_BYTES: usize = 4 << 10;
/// Mistakes that are told of one file.
pub const CONNECTOR_MISTAKES: usize = 100;
/// Differences between a recorded answer and a live one that are told.
pub const CONNECTOR_CHANGES: usize = 100;
/// Pages of one call, if its connector says nothing, and at most: a vendor counts each as a request.
pub const CONNECTOR_PAGES: u32 = 10;
/// See [`CONNECTOR_PAGES`].
pub const CONNECTOR_PAGES_MAX: u32 = 1_000;
/// Items of all pages, if its connector says nothing, and at most: as many as a loop has.
pub const CONNECTOR_ITEMS: usize = 1_000;
/// See [`CONNECTOR_ITEMS`].
pub const CONNECTOR_ITEMS_MAX: usize = ITEMS;
/// The items of all pages as JSON: the part of an output that is theirs.
pub const CONNECTOR_ITEMS_BYTES: usize = RESPONSE_BYTES - (64 << 10);
/// How often a page is asked for again whose tool asks for a pause that fits into the time of the call.
pub const CONNECTOR_PAGE_PAUSES: u32 = 5;
/// The shortest pause between two questions of a poll, so that no file hammers a vendor.
pub const CONNECTOR_POLL_MIN: Duration = Duration::from_millis(100);
/// The longest time of a poll: sandboxes take minutes, large searches an hour.
pub const CONNECTOR_POLL_MAX: Duration = Duration::from_secs(6 * 3600);
/// Questions of a poll in a row that may fail in a way that another may mend.
pub const CONNECTOR_POLL_FAILURES: u32 = 5;
/// Files in a directory of connectors that are looked at.
pub const CONNECTOR_FILES: usize = 10_000;

const _: () = {
    assert!(CONNECTOR_SECRETS <= SECRETS_OF_STEP);
    assert!(CONNECTOR_PAGES <= CONNECTOR_PAGES_MAX && CONNECTOR_ITEMS <= CONNECTOR_ITEMS_MAX);
};
