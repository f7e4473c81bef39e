//! The invariants of containments.

use updraft_protocol::{ContainmentDocument, ContainmentStatus};

use super::{Violation, violated};
use crate::containment::open_holders;

/// A containment is never forgotten: while it is open something is due, unless it cannot be undone, or its execution has tried
/// in vain, and says why; and what has ended is held by none.
pub fn is_never_forgotten(document: &ContainmentDocument) -> Result<(), Violation> {
    let is_open = !document.status.ended();
    let is_held = open_holders(document).next().is_some();
    let cannot = document.status == ContainmentStatus::UndoFailed && document.details.reason.is_some();
    let fits = match document.due {
        Some(_) => is_open,
        None => {
            !is_open || (cannot && (document.details.undo.arguments.is_none() || document.details.round == 0))
        }
    };
    if fits && document.open_until.is_some() == is_open && (is_open || !is_held) {
        return Ok(());
    }
    violated("a containment is never forgotten", format!("{document:?}"))
}

/// The last holder decides: nothing is due before the time of each is over.
pub fn is_held_to_the_last(document: &ContainmentDocument) -> Result<(), Violation> {
    let last = open_holders(document).map(|holder| holder.until).chain(document.details.extended).max();
    let fits = match document.status {
        ContainmentStatus::Active => {
            document.due == Some(document.until) && last.is_none_or(|last| last == document.until)
        }
        ContainmentStatus::Undone | ContainmentStatus::Kept => last.is_none(),
        ContainmentStatus::Undoing => true,
        ContainmentStatus::UndoFailed => document.details.undo.arguments.is_none() || last.is_none(),
    };
    if fits {
        return Ok(());
    }
    violated("a containment is held to the last", format!("{document:?}"))
}
