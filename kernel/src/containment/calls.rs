//! The calls that undo one containment. Tasks that contain the same target by the same tool may have registered different ones:
//! what one of them made is not undone by the call of another. Each is made once, in a round of its own, when nobody holds the
//! target any more.

use updraft_protocol::limits::CONTAINMENT_UNDOS;
use updraft_protocol::{ContainmentChange, ContainmentDetails, Holder, Timestamp, UndoCall};

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
    // Who contained the target after the round had begun may have done so after the call.
    let (made, began) = (details.undo.hash(), details.began.unwrap_or_default());
    let is_later = |holder: &Holder| {
        holder.undo == made && holder.since >= began && holder.ended.is_some_and(|ended| ended > began)
    };
    let (is_held, is_needed) = (held(&details.undo), details.holders.iter().any(is_later));
    if is_needed && !is_held {
        details.also.insert(0, details.undo.clone());
    }
    if let Some(at) = details.also.iter().rposition(|call| !held(call)) {
        let following = details.also.remove(at);
        let made = std::mem::replace(&mut details.undo, following);
        if is_held {
            details.also.insert(0, made);
        }
        return true;
    }
    // What is left is of those who contained the target meanwhile.
    if !is_held {
        match details.also.pop() {
            Some(left) => details.undo = left,
            None if details.holders.iter().any(|holder| holder.ended.is_none()) => {
                details.undo.arguments = None;
                details.reason = Some("the arguments of its undo are not known".into());
            }
            None => {}
        }
    }
    false
}

/// After a call failed: it is made again after all others.
pub(super) fn rotate(details: &mut ContainmentDetails) {
    if let Some(next) = details.also.pop() {
        details.also.insert(0, std::mem::replace(&mut details.undo, next));
    }
}
