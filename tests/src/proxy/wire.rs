//! Frames of MongoDB's protocol: a header of 16 bytes, then a message. Reads no more of them than the name of the
//! command, and writes replies.

use std::io::{Error, ErrorKind};

use mongodb::bson::{Document, RawDocument, doc};
use tokio::io::{AsyncRead, AsyncReadExt};

const HEADER: usize = 16;
const OP_MSG: i32 = 2013;
/// The flags of a message stand after the header; its sections after them.
const SECTIONS: usize = HEADER + 4;
/// Where writes stand: of `insert`, of `update`, of `bulkWrite`.
const WRITES: [&str; 3] = ["documents", "updates", "ops"];
/// What a server takes at most.
const LARGEST: usize = 48_000_000;

/// A whole message with its header.
pub(super) struct Frame(pub(super) Vec<u8>);

impl Frame {
    /// The next one; none at an orderly end.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Option<Self>, Error> {
        let mut bytes = vec![0; HEADER];
        match from.read_exact(&mut bytes).await {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let length = usize::try_from(number(&bytes, 0)).unwrap_or(0);
        if !(HEADER..=LARGEST + HEADER).contains(&length) {
            return Err(ErrorKind::InvalidData.into());
        }
        bytes.resize(length, 0);
        from.read_exact(&mut bytes[HEADER..]).await?;
        Ok(Some(Self(bytes)))
    }

    /// The number that its sender gave it.
    pub(super) fn id(&self) -> i32 {
        number(&self.0, 4)
    }

    /// The number of the request that it answers.
    pub(super) fn answers(&self) -> i32 {
        number(&self.0, 8)
    }

    /// The command that it asks for. Only the first greeting of a driver has another form.
    pub(super) fn command(&self) -> String {
        self.first().map_or_else(|| "hello".to_owned(), |(command, _)| command)
    }

    /// The collection that the command is for; empty where it is for none.
    pub(super) fn collection(&self) -> String {
        self.first().map(|(_, collection)| collection).unwrap_or_default()
    }

    /// The first field of its document: a command by its name, and what it is for.
    fn first(&self) -> Option<(String, String)> {
        let (at, body) = self.body()?;
        let (command, of) = RawDocument::from_bytes(&self.0[at..at + body]).ok()?.iter().next()?.ok()?;
        Some((command.as_str().to_owned(), of.as_str().unwrap_or_default().to_owned()))
    }

    /// Where the document of the command or reply stands, and its length.
    fn body(&self) -> Option<(usize, usize)> {
        let mut at = SECTIONS;
        while number(&self.0, 12) == OP_MSG && at + 5 < self.0.len() {
            let length = usize::try_from(number(&self.0, at + 1)).ok()?;
            if self.0[at] == 0 {
                return Some((at + 1, length));
            }
            at += 1 + length;
        }
        None
    }

    /// How many writes it asks for: they stand in its document, or in a section of their own.
    fn writes(&self) -> usize {
        let Some((at, length)) = self.body() else { return 0 };
        let body = Document::from_reader(&self.0[at..at + length]).unwrap();
        let inside = WRITES.iter().find_map(|name| body.get_array(name).ok());
        inside.map(Vec::len).unwrap_or_else(|| self.sections().map(documents).sum())
    }

    /// Sections with documents one after another, without what says so.
    fn sections(&self) -> impl Iterator<Item = &[u8]> {
        let mut at = SECTIONS;
        std::iter::from_fn(move || {
            let length = usize::try_from(number(&self.0, at + 1)).ok().filter(|_| at + 5 < self.0.len())?;
            let section = (self.0[at], &self.0[at + 5..at + 1 + length]);
            at += 1 + length;
            Some(section)
        })
        .filter_map(|(kind, section)| (kind == 1).then_some(section))
    }

    /// The reply that refuses each of its writes with this code.
    pub(super) fn refusing(&self, code: i32) -> Self {
        let writes = i32::try_from(self.writes()).unwrap();
        let message = "as the test wants it";
        if self.command() == "bulkWrite" {
            let refusal = |idx: i32| doc! { "ok": 0.0, "idx": idx, "n": 0, "code": code, "errmsg": message };
            let batch: Vec<Document> = (0..writes).map(refusal).collect();
            let mut reply = doc! { "ok": 1.0, "cursor": { "id": 0_i64, "ns": "admin.$cmd.bulkWrite", "firstBatch": batch } };
            for count in ["nInserted", "nUpserted", "nMatched", "nModified", "nDeleted"] {
                reply.insert(count, 0);
            }
            reply.insert("nErrors", writes);
            return Self::reply(self.id(), &reply);
        }
        let refusal = |index: i32| doc! { "index": index, "code": code, "errmsg": message };
        let errors: Vec<Document> = (0..writes).map(refusal).collect();
        Self::reply(self.id(), &doc! { "ok": 1.0, "n": 0, "nModified": 0, "writeErrors": errors })
    }

    /// The reply to a request, with this document.
    pub(super) fn reply(request: i32, document: &Document) -> Self {
        let body = document.to_vec().unwrap();
        let mut bytes = Vec::with_capacity(SECTIONS + 1 + body.len());
        let length = i32::try_from(SECTIONS + 1 + body.len()).unwrap();
        for number in [length, 0, request, OP_MSG, 0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.push(0);
        bytes.extend_from_slice(&body);
        Self(bytes)
    }

    /// The same reply with more in its document. What it says itself stays first.
    pub(super) fn amended(&self, more: &Document) -> Self {
        let (at, length) = self.body().expect("a reply has a document");
        let mut document = Document::from_reader(&self.0[at..at + length]).unwrap();
        document.extend(more.clone());
        Self::reply(self.answers(), &document)
    }
}

/// How many documents stand in a section, where they are writes.
fn documents(section: &[u8]) -> usize {
    let name = section.split(|byte| *byte == 0).next().unwrap_or_default();
    if !WRITES.iter().any(|write| write.as_bytes() == name) {
        return 0;
    }
    let (mut at, mut count) = (name.len() + 1, 0);
    while let Ok(length @ 5..) = usize::try_from(number(section, at)) {
        (at, count) = (at + length, count + 1);
    }
    count
}

fn number(bytes: &[u8], at: usize) -> i32 {
    bytes.get(at..at + 4).map_or(0, |bytes| i32::from_le_bytes(bytes.try_into().unwrap()))
}
