//! Connectors: integrations that are declared in a file, without code. Owns the form of the file, its reader, and what becomes
//! of a call; every request is made by the HTTP integration, with its policy, its authentication and its bounds.
//!
//! A [`Connector`] is one file, checked. [`Connectors`] are those of one engine, with the HTTP integration that they share.
//!
//! ```
//! use updraft_connectors::Connector;
//!
//! let connector = Connector::parse(b"
//! connector: reputation
//! version: 1
//! base_url: https://reputation.example/v1
//! auth: {bearer: {$secret: reputation}}
//! actions:
//!   address:
//!     arguments: {required: [ip], properties: {ip: {type: string}}}
//!     request: {path: '/addresses/{{ arguments.ip }}'}
//!     result: {score: '{{ body.score }}'}
//! ")?;
//! assert_eq!(connector.name().as_str(), "reputation");
//! # Ok::<(), updraft_connectors::Error>(())
//! ```

mod action;
mod answer;
mod cache;
mod call;
mod connector;
mod data;
mod error;
mod file;
mod flow;
mod integration;
mod items_file;
mod names;
mod origin;
mod pages;
mod poll;
mod read;
mod request;
mod result;
mod rule;
mod set;
mod shape;

pub use connector::{Connector, Contract, HealthCall};
pub use error::Error;
pub use integration::{ConnectorIntegration, ShownRequest};
pub use set::{Connectors, ConnectorsBuilder};
pub use shape::{Change, ShapeChange, changes};
