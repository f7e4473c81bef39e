//! Output: standard output and the JSON shapes that go there. A reader that has gone away is no error.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

use serde::Serialize;
use updraft::{ExecutionDocument, Inspection, TaskDocument};

use crate::exit::Error;
use crate::text::{clean, clean_json, clean_lines};

/// Where results go. What cannot be written stops nothing that runs: it is told at the end.
pub(crate) struct Output {
    stream: Box<dyn Write + Send>,
    ended: Ended,
}

/// Whether anybody still reads.
enum Ended {
    No,
    /// The reader went away, or never mattered.
    Closed,
    Failed(io::Error),
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
        Self::new(BufWriter::new(io::stdout()))
    }

    /// Standard error, for what is not the result.
    pub(crate) fn stderr() -> Self {
        Self::new(io::stderr())
    }

    fn new(stream: impl Write + Send + 'static) -> Self {
        Self { stream: Box::new(stream), ended: Ended::No }
    }

    /// Whether what follows is written for nobody.
    pub(crate) fn closed(&self) -> bool {
        !matches!(self.ended, Ended::No)
    }

    /// Writes a line, or several, and lets them be seen; nothing in them is obeyed by a terminal.
    pub(crate) fn line(&mut self, line: impl Display) {
        self.styled(clean_lines(&line.to_string()));
    }

    /// Writes a line with colours of our own. Whatever came from outside was cleaned before.
    pub(crate) fn styled(&mut self, line: impl Display) {
        let written = writeln!(self.stream, "{line}").and_then(|()| self.stream.flush());
        self.settle(written);
    }

    /// Writes a text as it is. A terminal that shows it obeys nothing in it.
    pub(crate) fn text(&mut self, text: &str) {
        let shown = if io::stdout().is_terminal() { clean_lines(text) } else { text.into() };
        let written = self.stream.write_all(shown.as_bytes()).and_then(|()| self.stream.flush());
        self.settle(written);
    }

    /// Writes bytes as they are. A terminal that shows them obeys nothing in them.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let written = match io::stdout().is_terminal() {
            true => self.stream.write_all(clean_lines(&String::from_utf8_lossy(bytes)).as_bytes()),
            false => self.stream.write_all(bytes),
        };
        let written = written.and_then(|()| self.stream.flush());
        self.settle(written);
    }

    /// Writes one JSON document.
    pub(crate) fn json(&mut self, document: &impl Serialize) {
        let written = serde_json::to_string_pretty(document).map_err(io::Error::from);
        let written = written.and_then(|text| self.stream.write_all(clean_json(&text).as_bytes()));
        self.settle(written);
        self.line("");
    }

    /// Writes one JSON document on a line.
    pub(crate) fn compact(&mut self, document: &impl Serialize) {
        match serde_json::to_string(document) {
            Ok(text) => self.styled(clean_json(&text)),
            Err(error) => self.settle(Err(error.into())),
        }
    }

    /// Writes an execution with its tasks as one JSON document.
    pub(crate) fn whole(&mut self, inspection: &Inspection) {
        self.json(&Whole::from(inspection));
    }

    /// Begins a JSON array.
    pub(crate) fn array(self) -> Array {
        Array { output: self, items: 0 }
    }

    /// Tells whether all was written that somebody wanted to read.
    pub(crate) fn finish(self) -> Result<(), Error> {
        match self.ended {
            Ended::No | Ended::Closed => Ok(()),
            Ended::Failed(error) => Err(Error::Output(error)),
        }
    }

    fn settle(&mut self, written: io::Result<()>) {
        let Err(error) = written else { return };
        self.stream = Box::new(io::sink());
        self.ended = if error.kind() == ErrorKind::BrokenPipe { Ended::Closed } else { Ended::Failed(error) };
    }
}

/// Writes a list to standard output: as a JSON array, or in lines. What came from outside may stand in these.
pub(crate) fn list<T: Serialize>(rows: &[T], json: bool, line: impl Fn(&T) -> String) -> Result<(), Error> {
    let mut output = Output::stdout();
    if json {
        let mut array = output.array();
        rows.iter().for_each(|row| array.item(row));
        return array.end();
    }
    rows.iter().for_each(|row| output.line(clean(&line(row))));
    output.finish()
}

/// A JSON array that is written as its items come, one a line.
pub(crate) struct Array {
    output: Output,
    items: u64,
}

impl Array {
    /// Writes the next item.
    pub(crate) fn item(&mut self, item: &impl Serialize) {
        let start = if self.items == 0 { "[\n" } else { ",\n" };
        self.items += 1;
        let stream = &mut self.output.stream;
        let written = stream.write_all(start.as_bytes());
        let written =
            written.and_then(|()| stream.write_all(clean_json(&serde_json::to_string(item)?).as_bytes()));
        self.output.settle(written);
    }

    /// Writes an execution with its tasks.
    pub(crate) fn whole(&mut self, inspection: &Inspection) {
        self.item(&Whole::from(inspection));
    }

    /// Whether what follows is written for nobody.
    pub(crate) fn closed(&self) -> bool {
        self.output.closed()
    }

    /// Ends the array; as [`Output::finish`].
    pub(crate) fn end(mut self) -> Result<(), Error> {
        self.output.line(if self.items == 0 { "[]" } else { "\n]" });
        self.output.finish()
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
        let mut array = Output::new(kept.clone()).array();
        for item in items {
            array.item(item);
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
        let mut output = Output::new(Gone(ErrorKind::BrokenPipe));
        output.line("a");
        assert!(output.closed());
        output.json(&1);
        assert!(output.finish().is_ok());
        let mut output = Output::new(Gone(ErrorKind::StorageFull));
        output.line("a");
        output.line("b");
        assert!(output.closed());
        assert!(
            matches!(output.finish(), Err(Error::Output(error)) if error.kind() == ErrorKind::StorageFull)
        );
    }
}
