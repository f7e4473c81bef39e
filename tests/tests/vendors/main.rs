//! The shipped connectors against stub servers of their vendors, which refuse whatever the vendor would refuse. The stubs are written
//! from the vendors' public documentation, and know nothing of the connectors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod graph;
mod graph_pages;
mod in_engine;
mod jira;
mod jira_writes;
mod live;
mod served;
mod stubs;
mod urlscan;
mod virustotal;
