//! Files of an execution: what an answer had beyond what a step keeps. Owns what is told of one, and the port by which an
//! integration writes and reads those of its call's execution; touches no disk.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::ids::FileId;
use crate::json::Json;
use crate::value::Value;

/// A file, as the output of its task tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionFile {
    /// Its id, made by the engine.
    pub id: FileId,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its bytes, as 64 hexadecimal digits.
    pub sha256: String,
    /// Its media type, as its tool has said.
    pub content_type: Option<String>,
    /// The items that a `for_each` finds in it; `None` unless it is a JSON array or JSON lines.
    pub items: Option<u64>,
}

/// The media types of JSON lines.
const LINES: [&str; 6] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-lines",
    "application/json-seq",
];

/// Whether a media type is one of JSON lines.
pub fn is_json_lines(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    LINES.iter().any(|lines| essence.eq_ignore_ascii_case(lines))
}

impl ExecutionFile {
    /// It as a value.
    pub fn json(&self) -> Json {
        // Cannot fail: it has numbers and texts alone.
        serde_json::to_value(self).map_or_else(|_| Json::null(), Json::from)
    }

    /// The id in a value: that of a file as its task's output has it, or the id alone.
    pub fn id_in(value: &Value) -> Option<FileId> {
        let id = match value {
            Value::Object(fields) => fields.get("id")?,
            value => value,
        };
        id.as_str()?.parse().ok()
    }
}

/// The length of an id as it is written.
const ID_BYTES: usize = 36;

impl FileId {
    /// The ids in a text: whatever is written as one.
    pub fn all_in(text: &str) -> impl Iterator<Item = Self> {
        let may_be = |at: &usize| text.as_bytes().get(at + 8) == Some(&b'-');
        (0..text.len()).filter(may_be).filter_map(|at| text.get(at..at + ID_BYTES)?.parse().ok())
    }
}

/// The files of one execution, as the call of one of its tasks writes and reads them. The default has none.
#[derive(Clone, Default)]
pub struct CallFiles(Option<Arc<dyn FilesOfExecution>>);

/// Writes and reads the files of one execution. Its methods wait for the disk: they are called on threads that may wait.
pub trait FilesOfExecution: Send + Sync {
    /// Begins a file of this media type. It is not there before it is [finished](FileWriter::finish).
    ///
    /// # Errors
    /// The disk, or the limit of the execution.
    fn create(&self, content_type: Option<&str>) -> Result<Box<dyn FileWriter>, Failure>;

    /// Opens a file.
    ///
    /// # Errors
    /// The execution has no such file, or the disk.
    fn open(&self, file: FileId) -> Result<OpenFile, Failure>;
}

/// A file that is being written. Dropped, nothing is left of it.
pub trait FileWriter: Send {
    /// Writes what comes next.
    ///
    /// # Errors
    /// It is too large, or the disk.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure>;

    /// Makes the file durable. It stays if the attempt that wrote it names it in its output.
    ///
    /// # Errors
    /// It is too large, or the disk.
    fn finish(self: Box<Self>) -> Result<ExecutionFile, Failure>;
}

/// A file that is read.
pub struct OpenFile {
    /// Its size.
    pub bytes: u64,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its bytes.
    pub content: Box<dyn Read + Send>,
}

impl CallFiles {
    /// The files of one execution.
    pub fn new(files: Arc<dyn FilesOfExecution>) -> Self {
        Self(Some(files))
    }

    /// The files.
    ///
    /// # Errors
    /// There is no directory for them, or the call is of no execution.
    pub fn get(&self) -> Result<&Arc<dyn FilesOfExecution>, Failure> {
        self.0.as_ref().ok_or_else(|| {
            let message = "missing here: a data directory for files of executions";
            Failure::new(FailureKind::InvalidArguments, message)
        })
    }
}

impl fmt::Debug for CallFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallFiles")
    }
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFile").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_output_or_by_its_id() {
        let id: FileId = "0190aaaa-bbbb-7111-8222-333344445555".parse().unwrap();
        let file = ExecutionFile { id, bytes: 3, sha256: "00".into(), content_type: None, items: Some(1) };
        assert_eq!(ExecutionFile::id_in(&file.json().value()), Some(id));
        assert_eq!(ExecutionFile::id_in(&Value::from(id.to_string())), Some(id));
        for none in ["..", "/etc/passwd", "0190aaaa-bbbb-7111-8222-333344445555/../x", ""] {
            assert_eq!(ExecutionFile::id_in(&Value::from(none)), None, "{none}");
        }
        let text = format!("ä{{\"a\": \"{id}\", \"b\": \"0190aaaa-bbbb\", \"c\": [\"x{id}\"]}}ä");
        assert_eq!(FileId::all_in(&text).collect::<Vec<_>>(), [id, id]);
        assert_eq!(FileId::all_in(&format!("{id}")[1..]).next(), None);
        assert_eq!(CallFiles::default().get().err().unwrap().kind, FailureKind::InvalidArguments);
    }
}
