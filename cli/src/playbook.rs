//! Playbooks in files: reading and checking them, each mistake with its file and place.

use std::path::Path;

use updraft::limits::PLAYBOOK_BYTES;
use updraft::{Catalogue, Plan, Playbook};

use crate::input;

/// The playbook in a file, checked against the tools that there are.
///
/// # Errors
/// Its mistakes, one a line: `FILE: steps[3].on_failure: no step "contain"`.
pub(crate) fn read(path: &Path, tools: &Catalogue) -> Result<Playbook, Vec<String>> {
    let at = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let bytes = input::bytes(path, PLAYBOOK_BYTES).map_err(|error| vec![at(&error)])?;
    let playbook = Playbook::parse(&bytes).map_err(|error| vec![at(&error)])?;
    match Plan::check(&playbook, tools) {
        Ok(_) => Ok(playbook),
        Err(mistakes) => Err(mistakes.iter().map(|mistake| at(mistake)).collect()),
    }
}
