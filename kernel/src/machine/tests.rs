//! What the machine promises, by example and over random playbooks with crashes at any point.

mod examples;
mod random;
mod world;
