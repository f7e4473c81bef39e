//! The limits of the files of executions, with their reasons.

use std::time::Duration;

use super::LOOP_BYTES;

/// One file: the largest exports that a tool gives to a playbook.
pub const FILE_BYTES: u64 = 64 << 20;
/// All files of one execution.
pub const EXECUTION_FILES_BYTES: u64 = 1 << 30;
/// All files of one tenant, unless configured: those of 32 executions that have as many as they may. The exports of one tenant leave
/// room for those of others.
pub const FILES_OF_TENANT_BYTES: u64 = 32 * EXECUTION_FILES_BYTES;
/// How long the files of an execution stay after its end, unless configured: as long as somebody looks into an incident, and runs
/// again what has failed.
pub const FILES_KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How often it is looked which files have been kept long enough: that a file stays an hour longer fills no disk.
pub const FILES_SWEEP: Duration = Duration::from_secs(3_600);
/// How often at most, where files are kept for moments.
pub const FILES_SWEEP_LEAST: Duration = Duration::from_millis(50);
/// What files leave free on the disk of the data directory, which journal and store share: a quarter of an hour of a busy journal.
pub const FILES_RESERVE_BYTES: u64 = 512 << 20;
/// How much of a file is written between two looks at what is free.
pub const FILES_LOOK_BYTES: u64 = 8 << 20;
/// One item of a file of JSON: a large alert has some 64 KiB.
pub const FILE_ITEM_BYTES: usize = 256 << 10;
/// What a `for_each` reads of a file at once, unless one item is larger: it holds so much of items that have not begun, and no
/// further one begins while those that have not ended have as much.
pub const FILE_PAGE_BYTES: usize = 128 << 10;
/// What a `for_each` of a file holds of its items at once, as JSON.
pub const FILE_LOOP_BYTES: usize = 2 * (FILE_PAGE_BYTES + FILE_ITEM_BYTES);
/// Items that it reads at once.
pub const FILE_PAGE_ITEMS: usize = 1_000;
/// What is handed to the disk at once while an answer comes.
pub const FILE_BLOCK_BYTES: usize = 256 << 10;
/// Blocks of an answer that wait for the disk: then its tool waits.
pub const FILE_BLOCKS: usize = 4;
/// Files that a start looks at, to remove those that no task names, and executions that a sweep does: further ones are left for the
/// next.
pub const FILES_SWEPT: usize = 1_000_000;
/// The media type of a file that is kept: what is longer is left out.
pub const FILE_MEDIA_TYPE_BYTES: usize = 255;

const _: () = {
    assert!(4 * FILE_LOOP_BYTES <= LOOP_BYTES);
    assert!(FILE_BYTES <= EXECUTION_FILES_BYTES && EXECUTION_FILES_BYTES <= FILES_OF_TENANT_BYTES);
};
