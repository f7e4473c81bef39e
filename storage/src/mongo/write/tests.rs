//! Batches on a real server, and random orders of them on a model of one.

mod history;
mod limits;
mod model;
mod orders;
mod outcomes;
pub(super) mod samples;
