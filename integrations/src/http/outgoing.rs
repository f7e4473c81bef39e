//! A request as it goes out, and the content of its body: bytes, or a file of the execution that is read as it is sent. Sends
//! nothing.

use std::io::Read;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::sync::mpsc;
use updraft_protocol::limits::{FILE_BLOCK_BYTES, FILE_BLOCKS};
use updraft_protocol::{CallFiles, Failure, FileId};
use url::Url;

/// A request, as it goes out at each hop.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Content,
}

/// What is sent as the body.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Bytes(Bytes),
    File(FileContent),
}

/// A file of the execution, whose size was seen when it was opened: it never changes.
#[derive(Debug, Clone)]
pub(crate) struct FileContent {
    files: CallFiles,
    id: FileId,
    pub(crate) bytes: u64,
    pub(crate) content_type: Option<String>,
}

/// The blocks of a file as they are read, and why no further one is.
pub(crate) type Blocks = mpsc::Receiver<std::io::Result<Bytes>>;

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl Content {
    /// Without anything, as after a redirect that goes on without a body.
    pub(crate) fn nothing() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// Whether nothing is sent.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::File(file) => file.bytes == 0,
        }
    }
}

impl FileContent {
    /// Looks at a file of the execution.
    ///
    /// # Errors
    /// There is none of this id.
    pub(crate) async fn of(files: CallFiles, id: FileId) -> Result<Self, Failure> {
        let looked = files.clone();
        let looking = tokio::task::spawn_blocking(move || looked.get()?.open(id));
        let opened = looking.await.map_err(|_| ended())??;
        Ok(Self { files, id, bytes: opened.bytes, content_type: opened.content_type })
    }

    /// Reads it from the beginning, as fast as its blocks are taken.
    pub(crate) fn blocks(&self) -> Blocks {
        let (blocks, taken) = mpsc::channel(FILE_BLOCKS);
        let (files, id) = (self.files.clone(), self.id);
        tokio::task::spawn_blocking(move || {
            let opened = files.get().and_then(|files| files.open(id)).map_err(std::io::Error::other);
            let mut content = match opened {
                Ok(opened) => opened.content,
                Err(error) => return drop(blocks.blocking_send(Err(error))),
            };
            loop {
                let mut block = vec![0; FILE_BLOCK_BYTES];
                let sent = match content.read(&mut block) {
                    Ok(0) => return,
                    Ok(length) => {
                        block.truncate(length);
                        blocks.blocking_send(Ok(block.into()))
                    }
                    Err(error) => return drop(blocks.blocking_send(Err(error))),
                };
                if sent.is_err() {
                    // Nobody takes them any more.
                    return;
                }
            }
        });
        taken
    }
}

fn ended() -> Failure {
    Failure::new(updraft_protocol::FailureKind::Interrupted, "the runtime ended").with_may_have_acted(false)
}
