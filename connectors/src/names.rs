//! Names of actions and targets, as integrations declare them: they are there as long as the process is, each once, however often
//! connectors are read. Owns their bound.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use updraft_protocol::limits::CONNECTOR_NAMES;

use crate::error::Error;

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The name, as one that lasts.
///
/// # Errors
/// [`Error::Names`] where there is no room for another.
pub(crate) fn lasting(name: &str) -> Result<&'static str, Error> {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return Ok(known);
    }
    if names.len() >= CONNECTOR_NAMES {
        return Err(Error::Names);
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(name);
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_lasts_once() {
        let first = lasting("lookup_hash").unwrap();
        assert!(std::ptr::eq(first, lasting(&String::from("lookup_hash")).unwrap()));
    }
}
