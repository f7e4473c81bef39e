//! The built-in integrations: the security tools that Updraft can call without code of the embedder's own.
//! Knows the integration port of `protocol`, nothing of the engine.
//!
//! * [`HttpIntegration`]: any tool with an HTTP interface.
//! * [`SecretSource`]: where credentials come from, so that no playbook holds them.

pub mod http;
pub mod secret;

pub use http::HttpIntegration;
pub use secret::{Secret, SecretMap, SecretSource};
