//! What tests of several modules use.

pub(in crate::mongo) mod fake;
