//! Playbooks in files: reading and checking them, each mistake with its file and place.

use std::path::Path;

use updraft::limits::PLAYBOOK_BYTES;
use updraft::{Catalogue, Plan, Playbook};

use crate::input;

/// The playbook in a file, checked against the tools that there are, and its plan.
///
/// # Errors
/// Its mistakes, one a line: `FILE: steps[3].on_failure: no step "contain"`.
pub(crate) fn read(path: &Path, tools: &Catalogue) -> Result<(Playbook, Plan), Vec<String>> {
    check(path, tools)
        .map_err(|found| found.iter().map(|mistake| format!("{}: {mistake}", path.display())).collect())
}

/// The same, its mistakes without the name of the file.
///
/// # Errors
/// Its mistakes: `steps[3].on_failure: no step "contain"`.
pub(crate) fn check(path: &Path, tools: &Catalogue) -> Result<(Playbook, Plan), Vec<String>> {
    let bytes = input::bytes(path, PLAYBOOK_BYTES).map_err(|error| vec![error.to_string()])?;
    let playbook = Playbook::parse(&bytes).map_err(|error| vec![error.to_string()])?;
    match Plan::check(&playbook, tools) {
        Ok(plan) => Ok((playbook, plan)),
        Err(mistakes) => Err(mistakes.iter().map(ToString::to_string).collect()),
    }
}
