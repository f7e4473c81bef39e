//! What a world stands on: a directory, or a disk whose power can fail; the store's address, and what stands before
//! its server. Decides no death.

use std::path::PathBuf;

use tempfile::TempDir;

use super::EMBEDDED;
use crate::power_loss_disk::PowerLossDisk;
use crate::proxy::MongoProxy;

/// Where the processes of a world keep their data, and their store.
pub struct Environment {
    pub(super) disk: Disk,
    /// The address of the store.
    pub(super) store: String,
    /// Before the server of the store, where faults are to come between.
    pub(super) proxy: Option<MongoProxy>,
    /// Whether what a failed run leaves is kept, to be looked at.
    kept: bool,
}

/// Where the data directory is.
pub(super) enum Disk {
    /// In a directory of this machine: its system outlives the processes.
    Folder(TempDir),
    /// On a disk whose power can fail.
    PowerLossDisk(PowerLossDisk),
}

impl Environment {
    /// A directory, and the store at this address.
    pub fn folder(store: &str) -> Self {
        let disk = Disk::Folder(tempfile::tempdir().unwrap());
        Self { disk, store: store.to_owned(), proxy: None, kept: false }
    }

    /// A disk whose power can fail, with the embedded store on it.
    pub fn power_loss_disk(power_loss_disk: PowerLossDisk) -> Self {
        Self {
            disk: Disk::PowerLossDisk(power_loss_disk),
            store: EMBEDDED.to_owned(),
            proxy: None,
            kept: false,
        }
    }

    /// The same, with its store behind a proxy, in a database of this name.
    #[must_use]
    pub fn behind(mut self, proxy: MongoProxy, database: &str) -> Self {
        self.store = proxy.uri(database);
        self.proxy = Some(proxy);
        self
    }

    /// The same; what a failed run leaves is kept.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    /// The data directory.
    pub(super) fn data(&self) -> PathBuf {
        match &self.disk {
            Disk::Folder(folder) => folder.path().join("data"),
            Disk::PowerLossDisk(power_loss_disk) => power_loss_disk.path().join("data"),
        }
    }

    /// Whether its power can fail.
    pub(super) fn can_lose_power(&self) -> bool {
        matches!(self.disk, Disk::PowerLossDisk(_))
    }

    /// The process that used it is gone.
    pub(super) fn sweep(&self) {
        if let Disk::PowerLossDisk(power_loss_disk) = &self.disk {
            power_loss_disk.sweep();
        }
    }

    /// Everything works again.
    pub(super) fn mend(&self) {
        if let Disk::PowerLossDisk(power_loss_disk) = &self.disk {
            power_loss_disk.mend();
        }
        if let Some(proxy) = &self.proxy {
            proxy.pass();
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        if !self.kept || !std::thread::panicking() {
            return;
        }
        match &mut self.disk {
            Disk::Folder(folder) => folder.disable_cleanup(true),
            Disk::PowerLossDisk(power_loss_disk) => power_loss_disk.keep(),
        }
        println!("the data directory is kept: {}", self.data().display());
    }
}
