//! The limits of dry runs, tests and replays, with their reasons.

use std::time::Duration;

use super::{ITEMS, SPAN};

/// Events of one dry run: each item of the longest loop has some ten. A playbook that runs beyond never ends.
pub const DRY_RUN_EVENTS: usize = 20 * ITEMS;
/// Tasks of one dry run with those of its sub-playbooks, which its report has in memory.
pub const DRY_RUN_TASKS: usize = 3 * ITEMS;
/// The texts of these tasks: arguments and outputs.
pub const DRY_RUN_BYTES: usize = 256 << 20;
/// How far the clock of a dry run goes: the longest wait of a playbook, and what follows it.
pub const DRY_RUN_SPAN: Duration = Duration::from_secs(400 * 24 * 3600);
/// Executions in one dry run, sub-playbooks included.
pub const DRY_RUN_EXECUTIONS: usize = 10_000;
/// The text of a file of answers or test cases, which may hold whole answers of tools.
pub const TEST_FILE_BYTES: usize = 16 << 20;
/// Test files of one command, and folders that are looked through for them.
pub const TEST_FILES: usize = 10_000;
/// How deep folders inside each other are looked through.
pub const TEST_FOLDER_DEPTH: usize = 16;
/// Differences that are told of one test case: a person mends the first of them first.
pub const TEST_DIFFERENCES: usize = 20;
/// Mistakes that are told of one test file; most have one reason.
pub const TEST_MISTAKES: usize = 100;
/// The text that declares integrations of a backend to the program, schemas and examples included.
pub const DECLARED_BYTES: usize = 4 << 20;
/// Actions and arguments in it, which stay in memory as long as the program runs.
pub const DECLARED_ACTIONS: usize = 10_000;

const _: () = assert!(DRY_RUN_SPAN.as_secs() > SPAN.as_secs());
