//! The HTTP integration against real servers: its requests, its outcomes, its destinations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod connections;
mod failures;
mod files;
mod frames;
mod http2;
mod interim;
mod login;
mod oauth;
mod policy;
mod proxies;
mod proxy;
mod redirects;
mod request;
mod secure;
mod sending;
mod server;
mod tls;
