//! The built-in integrations: the security tools that Updraft can call without code of the embedder's own.
//! Knows the integration port of `protocol`, nothing of the engine.
//!
//! * [`HttpIntegration`]: any tool with an HTTP interface.
//! * [`SecretMap`], [`SecretEnvironment`], [`SecretDirectory`]: where credentials come from, so that no playbook holds them.

pub mod http;
pub mod secrets;

pub use http::HttpIntegration;
pub use secrets::{SecretDirectory, SecretEnvironment, SecretMap};
