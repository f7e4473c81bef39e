//! Importing a file: read, checked and translated. Owns what comes out of it; stores nothing.

use updraft_protocol::outline::AuthorOutline;
use updraft_protocol::{AuthoredNames, Playbook, Timestamp};

use crate::check::{self, Checked};
use crate::finding::{CacaoFinding, Mistakes};
use crate::outline::outline_with;
use crate::translate::{TakenSecret, Translation, translate};

/// A CACAO playbook that Updraft can run.
#[derive(Debug)]
pub struct Import {
    /// The native playbook.
    pub playbook: Playbook,
    /// The credentials that stood in the file, by the names that the native playbook has for them.
    pub secrets: Vec<TakenSecret>,
    /// What the author called the steps, and which native ones there are besides.
    pub outline: AuthorOutline,
    /// What the steps and variables of the native playbook are called in the file.
    pub names: AuthoredNames,
    /// What is warned of, in the order of the file.
    pub warnings: Vec<CacaoFinding>,
    /// From when on the playbook counts, if it says so. Who runs it has a clock.
    pub valid_from: Option<Timestamp>,
    /// Until when the playbook counts, if it says so.
    pub valid_until: Option<Timestamp>,
}

/// Reads a file, checks it, and translates it.
///
/// # Errors
/// All that is refused, and what is warned of besides.
pub fn import(bytes: &[u8]) -> Result<Import, Mistakes> {
    let Checked { playbook, mut warnings } = check::check(bytes)?;
    let translated = translate(&playbook);
    let (translated, mut found) = match translated {
        Ok(Translation { playbook, secrets, warnings, names }) => {
            (Some((playbook, secrets, names)), warnings)
        }
        Err(findings) => (None, findings),
    };
    warnings.append(&mut found);
    check::in_order(bytes, &mut warnings);
    match (translated, Mistakes::of(warnings, 0)) {
        (Some((native, secrets, names)), Err(warnings)) => Ok(Import {
            outline: outline_with(&native, Some(&playbook)),
            playbook: native,
            secrets,
            names,
            warnings,
            valid_from: playbook.valid_from.map(|time| time.timestamp()),
            valid_until: playbook.valid_until.map(|time| time.timestamp()),
        }),
        (_, Ok(mistakes)) => Err(mistakes),
        (None, Err(warned)) => Err(Mistakes { refused: Vec::new(), warned, more: 0 }),
    }
}
