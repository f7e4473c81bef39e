//! Files of one execution that become those of another one: a rerun has what the results name that it takes over. No byte is
//! written where the disk can give one file two names.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::Path;

use updraft_protocol::{ExecutionId, FileId, TenantCode};

use super::usage::lock;
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
        let (peid, usage) = (to, self.usages.of(tenant));
        let (from, to) = (self.folder(tenant, from), self.folder(tenant, to));
        let (mut usage, mut is_made) = (lock(&usage), false);
        for id in named {
            let content = from.join(id.to_string());
            if !content.try_exists()? {
                continue;
            }
            if !is_made {
                make_folder(&self.root, &to)?;
                is_made = true;
            }
            for (from, to) in [(known_of(&from, *id), known_of(&to, *id)), (content, to.join(id.to_string()))]
            {
                usage.shared(peid, link(&from, &to)?);
            }
        }
        if is_made { sync_folder(&to) } else { Ok(()) }
    }
}

/// The same file under another name, or else a copy of it; returns its bytes, and those that the disk has more.
fn link(from: &Path, to: &Path) -> io::Result<(u64, u64)> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok((to.metadata()?.len(), 0)),
        // A file never changes.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok((0, 0)),
        // It has been removed meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((0, 0)),
        Err(_) => {
            let mut copy = private::options().write(true).create(true).truncate(true).open(to)?;
            let bytes = io::copy(&mut std::fs::File::open(from)?, &mut copy)?;
            copy.sync_all()?;
            Ok((bytes, bytes))
        }
    }
}
