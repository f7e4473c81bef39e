//! Faults between an engine and its MongoDB server, and of the server itself: executions go on, and in the end the
//! database has each of them once, whole, in its newest state, and no tool was asked twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests"
)]

mod answers;
mod cuts;
mod full;
mod lease;
mod outage;
mod poison;
mod scene;
mod silence;
mod watch;
