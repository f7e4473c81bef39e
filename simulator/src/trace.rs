//! The trace: the events of a run, line by line, and their hash. Two runs of one seed have the same lines.

use std::fmt::Arguments;

use updraft_protocol::ids::mix;

/// The trace of a run.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    kept: Option<Vec<String>>,
    line: String,
}

impl Trace {
    /// A trace that keeps its lines, or only their hash.
    pub fn new(keep: bool) -> Self {
        Self { kept: keep.then(Vec::new), ..Self::default() }
    }

    /// Adds a line.
    pub fn note(&mut self, now: u64, what: Arguments<'_>) {
        use std::fmt::Write;
        self.line.clear();
        // Writing into a string cannot fail.
        let _ = write!(self.line, "{:>12} {what}", now);
        for chunk in self.line.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.hash = mix(self.hash ^ u64::from_le_bytes(word));
        }
        if let Some(kept) = &mut self.kept {
            kept.push(self.line.clone());
        }
    }

    /// The hash of all lines so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines, if they were kept.
    pub fn into_lines(self) -> Vec<String> {
        self.kept.unwrap_or_default()
    }
}
