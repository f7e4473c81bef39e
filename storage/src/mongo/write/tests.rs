//! Batches on a real server, and any order of them on a model of one.

mod history;
mod limits;
mod model;
mod orders;
mod outcomes;
pub(super) mod samples;
