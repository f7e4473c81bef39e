//! Calls of connectors over real HTTP: their requests, what answers mean, pages and polls, and tools that misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod answers;
mod pages;
mod polls;
mod requests;
mod server;
mod shipped;
