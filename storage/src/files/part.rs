//! The items of a file, part by part. Holds one part at a time.

use std::io::{self, Read, Seek, SeekFrom};

use updraft_kernel::item_files::{ItemFiles, ItemsPart};
use updraft_kernel::item_splitter::{ItemForm, ItemSplitter};
use updraft_protocol::limits::{FILE_PAGE_BYTES, FILE_PAGE_ITEMS};
use updraft_protocol::{ExecutionId, Failure, FailureKind, FileId, TenantCode, Value};

use super::FileStore;

/// What is read of the disk at once.
const BLOCK_BYTES: usize = 64 << 10;

impl ItemFiles for FileStore {
    fn count(&self, of: (&TenantCode, ExecutionId), file: FileId) -> Result<u64, Failure> {
        let (_, known) = self.opened(of, file)?;
        known.file.items.ok_or_else(|| no_items(file))
    }

    fn part(&self, of: (&TenantCode, ExecutionId), file: FileId, from: u64) -> Result<ItemsPart, Failure> {
        let (mut content, known) = self.opened(of, file)?;
        let form = known.form.ok_or_else(|| no_items(file))?;
        let unreadable = |error: io::Error| {
            Failure::new(FailureKind::Interrupted, format!("file {file} cannot be read: {error}"))
        };
        content.seek(SeekFrom::Start(from)).map_err(unreadable)?;
        items(content, form.into(), from).map_err(unreadable)
    }
}

fn items(mut content: impl Read, form: ItemForm, from: u64) -> io::Result<ItemsPart> {
    let mut part = ItemsPart { items: Vec::new(), next: from };
    let mut splitter = ItemSplitter::after(form, from);
    let (mut block, mut bytes) = (vec![0; BLOCK_BYTES], 0);
    loop {
        let length = content.read(&mut block)?;
        let Some(mut rest) = block.get(..length).filter(|read| !read.is_empty()) else { break };
        while let Some(item) = splitter.next(&mut rest).map_err(io::Error::other)? {
            part.items.push(value(&item)?);
            part.next = splitter.place();
            bytes += item.len();
            if bytes >= FILE_PAGE_BYTES || part.items.len() >= FILE_PAGE_ITEMS {
                return Ok(part);
            }
        }
    }
    let place = splitter.place();
    if form == ItemForm::Lines
        && let Some(item) = splitter.end().map_err(io::Error::other)?
    {
        part.items.push(value(&item)?);
        part.next = place;
    }
    Ok(part)
}

fn value(item: &[u8]) -> io::Result<(Value, usize)> {
    let text = std::str::from_utf8(item).map_err(io::Error::other)?;
    Ok((Value::parse(text).map_err(io::Error::other)?, item.len()))
}

fn no_items(file: FileId) -> Failure {
    let message = format!("file {file} has no items: it is neither a JSON array nor JSON lines");
    Failure::new(FailureKind::Template, message)
}
