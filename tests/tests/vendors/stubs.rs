//! Stub servers of vendors, one each.

pub(crate) mod graph;
pub(crate) mod jira;
pub(crate) mod multipart;
pub(crate) mod urlscan;
pub(crate) mod virustotal;
