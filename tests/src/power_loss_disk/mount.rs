//! The power-loss disk as a file system of this machine: what the kernel asks, answered from the image. Any program runs on
//! it as it is. Decides nothing of what survives.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::image::{Image, Kind, Refusal};

/// Nobody but the kernel changes anything: what it knows stays true.
const FOR_LONG: Duration = Duration::from_secs(3_600);

/// What answers the kernel.
pub(super) struct Server(pub(super) Arc<Mutex<Image>>);

impl From<Refusal> for Errno {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing => Self::ENOENT,
            Refusal::Exists => Self::EEXIST,
            Refusal::NotEmpty => Self::ENOTEMPTY,
            Refusal::Other => Self::EINVAL,
            Refusal::Full => Self::ENOSPC,
            Refusal::Failed => Self::EIO,
        }
    }
}

fn attributes(number: u64, kind: Kind) -> FileAttr {
    let (kind, perm, length) = match kind {
        Kind::File(length) => (FileType::RegularFile, 0o644, length as u64),
        Kind::Folder => (FileType::Directory, 0o755, 0),
    };
    FileAttr {
        ino: INodeNo(number),
        size: length,
        blocks: length.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4_096,
        flags: 0,
    }
}

fn text(name: &OsStr) -> Result<&str, Refusal> {
    name.to_str().ok_or(Refusal::Other)
}

fn empty(done: Result<(), Refusal>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(refusal) => reply.error(refusal.into()),
    }
}

impl Server {
    fn image(&self) -> MutexGuard<'_, Image> {
        self.0.lock().unwrap()
    }

    fn entry(&self, find: impl FnOnce(&mut Image) -> Result<u64, Refusal>) -> Result<FileAttr, Refusal> {
        let mut image = self.image();
        let number = find(&mut image)?;
        Ok(attributes(number, image.kind(number)?))
    }
}

impl Filesystem for Server {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.entry(|image| image.find(parent.0, text(name)?)) {
            Ok(found) => reply.entry(&FOR_LONG, &found, Generation(0)),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.entry(|_| Ok(ino.0)) {
            Ok(found) => reply.attr(&FOR_LONG, &found),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let changed = self.entry(|image| {
            size.map_or(Ok(()), |size| image.set_length(ino.0, size as usize))?;
            Ok(ino.0)
        });
        match changed {
            Ok(found) => reply.attr(&FOR_LONG, &found),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        match self.entry(|image| image.make(parent.0, text(name)?, Kind::Folder)) {
            Ok(made) => reply.entry(&FOR_LONG, &made, Generation(0)),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn create(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, _: i32, reply: ReplyCreate) {
        match self.entry(|image| image.make(parent.0, text(name)?, Kind::File(0))) {
            Ok(made) => {
                reply.created(&FOR_LONG, &made, Generation(0), FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
            }
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(text(name).and_then(|name| self.image().remove(parent.0, name)), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(text(name).and_then(|name| self.image().remove(parent.0, name)), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let renamed = || {
            let (from, to) = (text(name)?, text(newname)?);
            if parent == newparent { self.image().rename(parent.0, from, to) } else { Err(Refusal::Other) }
        };
        empty(renamed(), reply);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.image().read(ino.0, offset as usize, size as usize) {
            Ok(bytes) => reply.data(bytes),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.image().write(ino.0, offset as usize, data) {
            Ok(written) => reply.written(written as u32),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(self.image().sync(ino.0), reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(self.image().sync(ino.0), reply);
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let image = self.image();
        let names = match image.list(ino.0) {
            Ok(names) => names,
            Err(refusal) => return reply.error(refusal.into()),
        };
        for (place, (name, number)) in (1_u64..).zip(names).skip(offset as usize) {
            let kind = match image.kind(number) {
                Ok(Kind::Folder) => FileType::Directory,
                Ok(Kind::File(_)) | Err(_) => FileType::RegularFile,
            };
            if reply.add(INodeNo(number), place, kind, name) {
                break;
            }
        }
        reply.ok();
    }
}
