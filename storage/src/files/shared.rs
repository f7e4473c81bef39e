//! Files of one execution that become those of another one: a rerun has what the results name that it takes over. No byte is
//! written where the disk can give one file two names.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::Path;

use updraft_protocol::{ExecutionId, FileId, TenantCode};

use super::{FileStore, known_of, make_folder, private, sync_folder};

impl FileStore {
    /// Gives those files of an execution that are named to another one of the same tenant, whose own they are from then on: they stay
    /// when those of the first one are removed. What is named and not there is no file. Durable when this returns.
    ///
    /// # Errors
    /// The disk.
    pub fn share(
        &self,
        tenant: &TenantCode,
        (from, to): (ExecutionId, ExecutionId),
        named: &BTreeSet<FileId>,
    ) -> io::Result<()> {
        let (from, to) = (self.folder(tenant, from), self.folder(tenant, to));
        let mut is_made = false;
        for id in named {
            let content = from.join(id.to_string());
            if !content.try_exists()? {
                continue;
            }
            if !is_made {
                make_folder(&self.root, &to)?;
                is_made = true;
            }
            link(&known_of(&from, *id), &known_of(&to, *id))?;
            link(&content, &to.join(id.to_string()))?;
        }
        if is_made { sync_folder(&to) } else { Ok(()) }
    }
}

/// The same file under another name, or else a copy of it.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        // A file never changes.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // It has been removed meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(_) => {
            let mut copy = private::options().write(true).create(true).truncate(true).open(to)?;
            io::copy(&mut std::fs::File::open(from)?, &mut copy)?;
            copy.sync_all()
        }
    }
}
