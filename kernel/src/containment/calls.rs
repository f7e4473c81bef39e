//! The calls that undo one containment. Tasks that contain the same target by the same tool may have registered different ones:
//! what one of them made is not undone by the call of another. Each is made once, in a round of its own, when nobody holds the
//! target any more.

use updraft_protocol::limits::CONTAINMENT_UNDOS;
use updraft_protocol::{ContainmentChange, ContainmentDetails, Timestamp, UndoCall};

use super::note;

/// A task registers its call. The one that is being made stays.
pub(super) fn add(details: &mut ContainmentDetails, call: &UndoCall, is_undoing: bool, now: Timestamp) {
    let hash = call.hash();
    if details.undo.arguments.is_none() || details.undo.hash() == hash {
        details.undo = call.clone();
        return;
    }
    details.also.retain(|other| other.hash() != hash);
    if details.also.len() >= CONTAINMENT_UNDOS {
        let oldest = details.also.remove(0);
        let tool = format!("{}.{}", oldest.integration, oldest.action);
        let why = format!("more than {CONTAINMENT_UNDOS} different undos: one by {tool} is not made");
        note(details, now, ContainmentChange::Failed, None, Some(why.into()));
    }
    if is_undoing {
        return details.also.push(call.clone());
    }
    let before = std::mem::replace(&mut details.undo, call.clone());
    details.also.push(before);
}

/// After the newest call was made: takes the next that no holder needs yet; false if there is none.
pub(super) fn next(details: &mut ContainmentDetails) -> bool {
    let held = |call: &UndoCall| {
        let hash = call.hash();
        details.holders.iter().any(|holder| holder.ended.is_none() && holder.undo == hash)
    };
    if let Some(at) = details.also.iter().rposition(|call| !held(call)) {
        details.undo = details.also.remove(at);
        return true;
    }
    // What is left is of those who contained the target meanwhile.
    if !held(&details.undo)
        && let Some(left) = details.also.pop()
    {
        details.undo = left;
    }
    false
}

/// After the newest call failed: the oldest is the next.
pub(super) fn rotate(details: &mut ContainmentDetails) {
    if !details.also.is_empty() {
        let oldest = details.also.remove(0);
        details.also.push(std::mem::replace(&mut details.undo, oldest));
    }
}
