//! The printer: writes what a template prints, and stops at the limit while it writes, not after.

use std::fmt::{self, Write};

use minijinja::{Error, Output, State, Value};
use updraft_protocol::limits::{ARGUMENTS_BYTES, TEMPLATE_OUTPUT_BYTES};

use super::metering::root;
use super::weight::{self, refuse};

/// Prints one value of a template: the engine's formatter.
pub(super) fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let root = root(state)?;
    // Charges for the value, and refuses what is nested too deeply to be printed by recursion.
    weight::deep(&root.meter, value, 1)?;
    let mut limited = Limited { out, left: root.printable() };
    let written = write!(limited, "{value}");
    root.set_printable(limited.left);
    written.map_err(|_| too_long())
}

/// Appends a value as it is printed, at most `left` bytes of it.
pub(super) fn append(text: &mut String, value: &Value, left: usize) -> Result<(), Error> {
    let mut limited = Limited { out: text, left };
    write!(limited, "{value}").map_err(|_| too_long())
}

fn too_long() -> Error {
    refuse(format!(
        "too long: a template prints at most {TEMPLATE_OUTPUT_BYTES} bytes, those of one step {ARGUMENTS_BYTES}"
    ))
}

struct Limited<W> {
    out: W,
    left: usize,
}

impl<W: Write> Write for Limited<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.left = self.left.checked_sub(text.len()).ok_or(fmt::Error)?;
        self.out.write_str(text)
    }
}
