//! The limits of loops and of other bodies, with their reasons.

use std::time::Duration;

/// Items of one `for_each` step.
pub const ITEMS: usize = 100_000;
/// Work of reading the items of a `for_each` that names a list or a map and computes nothing: a hundred thousand of them, of
/// what is stored of one value; once for the loop, on the thread of a shard.
pub const ITEMS_WORK: u64 = 50_000_000;
/// Items of one `for_each` step that run at once, at most: each holds a scope and its tasks in memory.
pub const ITEMS_AT_ONCE: usize = 1_000;
/// Rounds of one `while` or `until` step, unless it says otherwise: a loop that an author expects to end is noticed soon.
pub const ROUNDS: u32 = 100;
/// The most that it can say.
pub const ROUNDS_MAX: u32 = 100_000;
/// What the loops of one execution hold at once, as JSON: their items, and what rounds hand on. As much as its answers.
pub const LOOP_BYTES: usize = 8 << 20;
/// How long the steps of a `finally` or an `on_cancel` may take, unless it says otherwise: an execution that was cancelled
/// ends soon.
pub const CLEANUP: Duration = Duration::from_secs(5 * 60);
/// Looks of a `verify`, unless it says otherwise: with the pause between them nearly a minute, which tools need to isolate a host.
pub const VERIFY_LOOKS: u32 = 10;
/// The pause between two looks, unless a `verify` says otherwise: a tool is not asked without one.
pub const VERIFY_PAUSE: Duration = Duration::from_secs(5);
/// Failures of items that a `for_each` step lists; further ones are counted.
pub const ITEM_FAILURES: usize = 100;
/// The work of opening the scope of an item and of joining it again, beside that of its steps.
pub const ITEM_WORK: u64 = 2_000;
/// Different variables that the steps of a playbook set: each is looked up by its name.
pub const VARIABLES_SET: usize = 256;
