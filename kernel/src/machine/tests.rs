//! What the machine promises, by example and over random playbooks with crashes at any point.

mod approvals;
mod attempts;
mod beside;
mod bodies;
mod children;
mod configuration;
mod controls;
mod examples;
mod finally;
mod items;
mod joins;
mod loop_progress;
mod outputs;
mod pauses;
mod permits;
mod random;
mod rounds;
mod scopes;
mod sets;
mod signals;
mod skips;
mod turns;
mod undo;
mod undos;
mod waits;
mod world;
