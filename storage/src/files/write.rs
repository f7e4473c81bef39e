//! A file that is being written: its bytes, their hash, and the items that are counted in them. Owns that it is durable before it
//! has its name.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use updraft_kernel::item_splitter::{ItemForm, ItemSplitter, SplitError};
use updraft_protocol::execution_file::is_json_lines;
use updraft_protocol::limits::{FILE_BYTES, FILE_MEDIA_TYPE_BYTES, FILES_LOOK_BYTES, FILES_RESERVE_BYTES};
use updraft_protocol::{ExecutionFile, Failure, FailureKind, FileId, FileWriter};
use uuid::Uuid;

use crate::room::free_bytes;

use super::usage::Room;
use super::{Known, known_of, make_folder, private, sync_folder, unkept};

/// A file without its name. Dropped, it is removed.
#[derive(Debug)]
pub struct DiskFile {
    id: FileId,
    /// Where it is until it is finished; `None` once it is.
    unfinished: Option<PathBuf>,
    folder: PathBuf,
    file: File,
    room: Room,
    bytes: u64,
    /// At how many bytes it is looked again what the disk has.
    look_at: u64,
    hash: Sha256,
    content_type: Option<String>,
    items: CountedItems,
}

/// The items of what was written so far.
#[derive(Debug)]
enum CountedItems {
    /// Blanks alone have come.
    Nothing {
        are_lines: bool,
    },
    Items {
        form: ItemForm,
        splitter: ItemSplitter,
        count: u64,
    },
    /// It is neither an array nor lines.
    NotItems,
}

impl DiskFile {
    pub(super) fn create(
        unfinished: PathBuf,
        (folder, room): (PathBuf, Room),
        content_type: Option<&str>,
    ) -> io::Result<Self> {
        private::make_folder(&unfinished)?;
        let id = FileId::new(Uuid::now_v7());
        let path = unfinished.join(id.to_string());
        let file = private::options().write(true).create_new(true).open(&path)?;
        let are_lines = content_type.is_some_and(is_json_lines);
        Ok(Self {
            id,
            unfinished: Some(path),
            folder,
            file,
            room,
            bytes: 0,
            look_at: 0,
            hash: Sha256::new(),
            content_type: content_type.filter(|text| text.len() <= FILE_MEDIA_TYPE_BYTES).map(str::to_owned),
            items: CountedItems::Nothing { are_lines },
        })
    }

    /// Its id.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// A folder on the same disk, which is there.
    fn folder_of_data(&self) -> PathBuf {
        self.unfinished.as_deref().and_then(Path::parent).unwrap_or(&self.folder).to_owned()
    }

    /// Makes it durable, first what is known of it, then it itself: it is there as soon as it has its name.
    fn finished(&mut self) -> io::Result<ExecutionFile> {
        let items = std::mem::replace(&mut self.items, CountedItems::NotItems).ended();
        let hash = self.hash.finalize_reset();
        let file = ExecutionFile {
            id: self.id,
            bytes: self.bytes,
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            content_type: self.content_type.clone(),
            items: items.map(|(_, count)| count),
        };
        let known = Known { file: file.clone(), form: items.map(|(form, _)| form.into()) };
        let Some(unfinished) = self.unfinished.clone() else { return Ok(file) };
        self.file.sync_all()?;
        let root = unfinished.parent().and_then(Path::parent).unwrap_or(&self.folder);
        make_folder(root, &self.folder)?;
        let beside = unfinished.with_extension("json");
        let mut written = private::options().write(true).create_new(true).open(&beside)?;
        let known = serde_json::to_vec(&known)?;
        written.write_all(&known)?;
        written.sync_all()?;
        self.place(root, &beside, &known_of(&self.folder, self.id))?;
        self.place(root, &unfinished, &self.folder.join(self.id.to_string()))?;
        self.unfinished = None;
        self.room.keep(known.len() as u64);
        sync_folder(&self.folder)?;
        Ok(file)
    }

    /// Gives it its name. Its folder may have been removed at this moment, with another file that was the last in it.
    fn place(&self, root: &Path, from: &Path, to: &Path) -> io::Result<()> {
        match std::fs::rename(from, to) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_folder(root, &self.folder)?;
                std::fs::rename(from, to)
            }
            renamed => renamed,
        }
    }
}

/// The failure of a file that would take what journal and store need.
fn full() -> Failure {
    let message = format!(
        "the disk has less than {FILES_RESERVE_BYTES} bytes left, and no room for files of executions"
    );
    Failure::new(FailureKind::Interrupted, message).with_may_have_acted(false)
}

impl FileWriter for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let whole = self.bytes.saturating_add(bytes.len() as u64);
        if whole > FILE_BYTES {
            let message = format!("a file of an execution has at most {FILE_BYTES} bytes");
            return Err(Failure::new(FailureKind::TooLarge, message));
        }
        self.room.take(bytes.len() as u64)?;
        if whole > self.look_at {
            self.look_at = whole + FILES_LOOK_BYTES;
            let free = free_bytes(&self.folder_of_data()).map_err(|error| unkept(&error))?;
            if free.is_some_and(|free| free < FILES_RESERVE_BYTES) {
                return Err(full());
            }
        }
        self.file.write_all(bytes).map_err(|error| unkept(&error))?;
        self.bytes = whole;
        self.hash.update(bytes);
        let items = std::mem::replace(&mut self.items, CountedItems::NotItems);
        self.items = items.with(bytes);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<ExecutionFile, Failure> {
        self.finished().map_err(|error| unkept(&error))
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        if let Some(unfinished) = self.unfinished.take() {
            // What cannot be removed now is removed at the next start.
            let _ = std::fs::remove_file(unfinished.with_extension("json"));
            let _ = std::fs::remove_file(unfinished);
        }
    }
}

impl CountedItems {
    fn with(self, mut bytes: &[u8]) -> Self {
        let (form, mut splitter, mut count) = match self {
            Self::NotItems => return Self::NotItems,
            Self::Nothing { are_lines } => match ItemForm::of(bytes, are_lines) {
                None => return Self::Nothing { are_lines },
                // Blanks before are no part of an item, and places count them.
                Some(form) => (form, ItemSplitter::new(form), 0),
            },
            Self::Items { form, splitter, count } => (form, splitter, count),
        };
        loop {
            match splitter.next(&mut bytes) {
                Ok(None) => return Self::Items { form, splitter, count },
                Ok(Some(item)) if is_json(&item) => count += 1,
                Ok(Some(_)) | Err(SplitError::Form | SplitError::TooLarge) => return Self::NotItems,
            }
        }
    }

    /// The form and the number of items; `None` if these are none.
    fn ended(self) -> Option<(ItemForm, u64)> {
        match self {
            Self::NotItems => None,
            Self::Nothing { .. } => Some((ItemForm::Lines, 0)),
            Self::Items { form, splitter, count } => match splitter.end() {
                Ok(None) => Some((form, count)),
                Ok(Some(item)) if is_json(&item) => Some((form, count + 1)),
                Ok(Some(_)) | Err(_) => None,
            },
        }
    }
}

fn is_json(item: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(item).is_ok()
}
