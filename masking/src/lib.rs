//! Masking: takes secrets out of what tools send back, in every spelling that texts are known to have. Knows the values and
//! failures of `protocol`; never keeps, logs or shows a secret, and does not know where it came from.
//!
//! A text is read once. At each place it may stand for itself, or for the character of an escape that begins there
//! (`readings`); what secrets may have begun up to there is followed through all of it (`lane`), as states of an automaton
//! that looks for all of them at once (`automaton`), in three alphabets (`alphabet`).

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
mod value;

pub use masker::Masker;

#[cfg(test)]
mod tests;
