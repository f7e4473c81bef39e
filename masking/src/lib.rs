//! Masking: removes secrets from the answers of tools, in every common encoding. Knows the values and failures of
//! `protocol`; never keeps, logs or shows a secret, and does not know its source.
//!
//! A text is read once. Each position may represent itself, or the character of an escape that begins there
//! (`readings`). Partial matches of secrets are followed through all these readings (`lane`), as states of an automaton
//! that searches for all secrets at once (`automaton`), in three alphabets (`alphabet`).

mod alphabet;
mod automaton;
mod escape;
mod few;
mod lane;
mod masker;
mod numbers;
mod readings;
mod search;
mod secrets;
mod stream;
mod value;

pub use masker::Masker;
pub use stream::StreamMasker;

#[cfg(test)]
mod tests;
