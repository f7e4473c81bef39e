//! Shell commands with templates in them. Owns the rules: the command is the author's, each value is one quoted word of it, and
//! stands only where a shell reads it as nothing else. Runs no command.
//!
//! The same lexer follows the author's text when the playbook is checked and when it is rendered. It knows POSIX shells and
//! bash; what they read in different ways, it does not follow, and no value stands after that.

mod check;
mod heredoc;
mod lexer;
mod operator;
mod place;
mod program;
mod simple;
mod word;
mod writer;

pub(super) use check::{check, check_text};
pub(crate) use writer::Writer;
