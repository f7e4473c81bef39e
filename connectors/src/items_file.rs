//! The file of the execution to which the items of all pages go, one a line: no more than a page of them is in memory. Waits for
//! the disk on threads that may wait.

use updraft_protocol::{Call, ExecutionFile, Failure, FailureKind, FileWriter};

use serde_json::value::RawValue;
use tokio::task::spawn_blocking;

/// The media type of JSON lines.
const LINES: &str = "application/x-ndjson";

/// A file that is being written.
pub(crate) struct ItemsFile(Box<dyn FileWriter>);

impl ItemsFile {
    /// Begins the file of a call's items.
    pub(crate) async fn create(call: &Call) -> Result<Self, Failure> {
        let files = call.files.get()?.clone();
        done(spawn_blocking(move || files.create(Some(LINES)).map(Self)).await)
    }

    /// Writes the items of a page.
    pub(crate) async fn append(self, items: Vec<Box<RawValue>>) -> Result<Self, Failure> {
        let Self(mut file) = self;
        let writing = spawn_blocking(move || {
            let mut lines = Vec::new();
            for item in items {
                // Blanks between the tokens of an item may be ends of lines; none is in a text of JSON.
                lines.extend(
                    item.get().bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }),
                );
                lines.push(b'\n');
            }
            file.write(&lines)?;
            Ok(Self(file))
        });
        done(writing.await)
    }

    /// Makes it durable.
    pub(crate) async fn finish(self) -> Result<ExecutionFile, Failure> {
        done(spawn_blocking(move || self.0.finish()).await)
    }
}

fn done<T>(done: Result<Result<T, Failure>, tokio::task::JoinError>) -> Result<T, Failure> {
    done.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Failure::new(FailureKind::Interrupted, "the runtime ended")),
    })
}
