//! What people ask of a containment: that it lasts longer, that it ends with the target as it is, or that it is undone at once.

use super::*;

/// A person asks for something; false if it is so already.
///
/// # Errors
/// The containment refuses.
pub(super) fn asked(
    document: &mut ContainmentDocument,
    (uid, ask, reason): (Arc<str>, ContainmentAsk, Arc<str>),
    now: Timestamp,
) -> Result<bool, ContainmentRefusal> {
    if [&uid, &reason].iter().any(|text| text.trim().is_empty() || text.len() > COMMENT_BYTES) {
        return Err(ContainmentRefusal::NoReason);
    }
    let change = match ask {
        ContainmentAsk::Extend(until) => {
            if !extend(document, until, now)? {
                return Ok(false);
            }
            ContainmentChange::Extended
        }
        ContainmentAsk::Keep => match document.status {
            ContainmentStatus::Kept => return Ok(false),
            ContainmentStatus::Undone => return Err(ContainmentRefusal::Ended(document.status)),
            ContainmentStatus::Undoing => return Err(ContainmentRefusal::Undoing),
            ContainmentStatus::Active | ContainmentStatus::UndoFailed => {
                document.status = ContainmentStatus::Kept;
                ContainmentChange::Kept
            }
        },
        ContainmentAsk::Undo => match document.status {
            ContainmentStatus::Undoing | ContainmentStatus::Undone => return Ok(false),
            ContainmentStatus::Kept => return Err(ContainmentRefusal::Ended(document.status)),
            ContainmentStatus::Active | ContainmentStatus::UndoFailed => {
                may_be_asked(document)?;
                begin_round(document, now);
                ContainmentChange::Asked
            }
        },
    };
    let details = Arc::make_mut(&mut document.details);
    if change == ContainmentChange::Kept {
        details.extended = None;
        let open = details.holders.iter_mut().filter(|holder| holder.ended.is_none());
        open.for_each(|holder| holder.ended = Some(now));
    }
    note(details, now, change, Some(uid), Some(reason));
    Ok(true)
}

fn may_be_asked(document: &ContainmentDocument) -> Result<(), ContainmentRefusal> {
    let details = &document.details;
    if details.undo.arguments.is_none() {
        let reason = details.reason.clone().unwrap_or_else(|| "its arguments are not known".into());
        return Err(ContainmentRefusal::CannotBeUndone(reason));
    }
    // An undo that failed was to be made, and so was one of what no task holds any more: a person gave it more time.
    let was_due = document.status == ContainmentStatus::UndoFailed || open_holders(document).next().is_none();
    if was_due || details.on.contains(&UndoOn::Asked) { Ok(()) } else { Err(ContainmentRefusal::NotAsked) }
}

fn extend(
    document: &mut ContainmentDocument,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, ContainmentRefusal> {
    match document.status {
        ContainmentStatus::Undoing => return Err(ContainmentRefusal::Undoing),
        status if status.ended() => return Err(ContainmentRefusal::Ended(status)),
        _ => {}
    }
    if document.details.undo.arguments.is_none() {
        may_be_asked(document)?;
    }
    if document.details.extended == Some(until) {
        return Ok(false);
    }
    if until <= now || until <= document.until {
        return Err(ContainmentRefusal::NotLater(document.until));
    }
    let last = now.after(SPAN);
    if until > last {
        return Err(ContainmentRefusal::TooLong(last));
    }
    document.status = ContainmentStatus::Active;
    let details = Arc::make_mut(&mut document.details);
    (details.extended, details.failures) = (Some(until), 0);
    Ok(true)
}
