//! The HTTP integration against real servers: what it sends, what it makes of answers, where it goes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod connections;
mod failures;
mod oauth;
mod policy;
mod request;
mod sending;
mod server;
mod tls;
