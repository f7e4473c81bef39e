//! Output: standard output and the JSON shapes that go there. A reader that has gone away is no error.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};

use serde::Serialize;
use updraft::{ExecutionDocument, Inspection, TaskDocument};

use crate::exit::Error;

/// Where results go.
pub(crate) struct Output {
    stream: Box<dyn Write + Send>,
    closed: bool,
}

/// An execution with its tasks.
#[derive(Serialize)]
struct Whole<'a> {
    execution: &'a ExecutionDocument,
    tasks: &'a [TaskDocument],
}

impl<'a> From<&'a Inspection> for Whole<'a> {
    fn from(inspection: &'a Inspection) -> Self {
        Self { execution: &inspection.execution, tasks: &inspection.tasks }
    }
}

impl Output {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        Self { stream: Box::new(BufWriter::new(io::stdout())), closed: false }
    }

    /// Standard error, for what is not the result.
    pub(crate) fn stderr() -> Self {
        Self { stream: Box::new(io::stderr()), closed: false }
    }

    /// Whether nobody reads any more.
    pub(crate) fn closed(&self) -> bool {
        self.closed
    }

    /// Writes a line, and lets it be seen.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), Error> {
        let written = writeln!(self.stream, "{line}").and_then(|()| self.stream.flush());
        self.settle(written)
    }

    /// Writes one JSON document.
    pub(crate) fn json(&mut self, document: &impl Serialize) -> Result<(), Error> {
        let written = serde_json::to_writer_pretty(&mut self.stream, document).map_err(io::Error::from);
        self.settle(written)?;
        self.line("")
    }

    /// Writes an execution with its tasks as one JSON document.
    pub(crate) fn whole(&mut self, inspection: &Inspection) -> Result<(), Error> {
        self.json(&Whole::from(inspection))
    }

    /// Begins a JSON array.
    pub(crate) fn array(self) -> Array {
        Array { output: self, items: 0 }
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        let written = self.stream.write_all(text.as_bytes());
        self.settle(written)
    }

    fn settle(&mut self, written: io::Result<()>) -> Result<(), Error> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                self.stream = Box::new(io::sink());
                Ok(())
            }
            written => written.map_err(Error::Output),
        }
    }
}

/// A JSON array that is written as its items come, one a line.
pub(crate) struct Array {
    output: Output,
    items: u64,
}

impl Array {
    /// Writes the next item.
    pub(crate) fn item(&mut self, item: &impl Serialize) -> Result<(), Error> {
        self.output.text(if self.items == 0 { "[\n" } else { ",\n" })?;
        self.items += 1;
        let written = serde_json::to_writer(&mut self.output.stream, item).map_err(io::Error::from);
        self.output.settle(written)
    }

    /// Writes an execution with its tasks.
    pub(crate) fn whole(&mut self, inspection: &Inspection) -> Result<(), Error> {
        self.item(&Whole::from(inspection))
    }

    /// Whether nobody reads any more.
    pub(crate) fn closed(&self) -> bool {
        self.output.closed
    }

    /// Ends the array.
    pub(crate) fn end(mut self) -> Result<(), Error> {
        self.output.line(if self.items == 0 { "[]" } else { "\n]" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Gone(ErrorKind);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn array(items: &[u32]) -> serde_json::Value {
        let kept = Kept::default();
        let mut array = Output { stream: Box::new(kept.clone()), closed: false }.array();
        for item in items {
            array.item(item).unwrap();
        }
        array.end().unwrap();
        let bytes = kept.0.lock().unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn an_array_of_any_length_is_json() {
        assert_eq!(array(&[]), serde_json::json!([]));
        assert_eq!(array(&[1]), serde_json::json!([1]));
        assert_eq!(array(&[1, 2, 3]), serde_json::json!([1, 2, 3]));
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is_one() {
        let mut output = Output { stream: Box::new(Gone(ErrorKind::BrokenPipe)), closed: false };
        output.line("a").unwrap();
        assert!(output.closed());
        output.json(&1).unwrap();
        let mut output = Output { stream: Box::new(Gone(ErrorKind::StorageFull)), closed: false };
        assert!(matches!(output.line("a"), Err(Error::Output(_))));
    }
}
