//! The meter: how much time and memory one evaluation has left. Every operation charges it before it works or
//! allocates. Decides nothing else.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use updraft_protocol::limits::{EVALUATION_BYTES, EVALUATION_WORK};

/// Why an evaluation ends without a value. Contains no data of the execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The operation cannot be done, for this reason.
    Said(Cow<'static, str>),
    /// It would take too long.
    Work,
    /// It would use too much memory.
    Memory,
}

/// The result of an operator, filter or test.
pub(crate) type Result<T> = std::result::Result<T, Refusal>;

/// A refusal with this message.
pub(crate) fn refuse<T>(message: impl Into<Cow<'static, str>>) -> Result<T> {
    Err(Refusal::Said(message.into()))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(message) => f.write_str(message),
            Self::Work => write!(
                f,
                "too much work: the values are too large, or the loops too long; one evaluation has {EVALUATION_WORK} \
                 units of work, about one for each byte that is read"
            ),
            Self::Memory => write!(
                f,
                "too much memory: the values that are made have more than {EVALUATION_BYTES} bytes together"
            ),
        }
    }
}

/// The charge for each value that is read, copied or compared: some nanoseconds.
pub(crate) const VALUE_WORK: u64 = 16;
/// The charge for each operator, filter and test.
pub(crate) const NODE_WORK: u64 = 48;
/// The overhead of a text beside its bytes: its counters and the allocator's share.
pub(crate) const TEXT_BYTES: usize = 48;
/// The overhead of a list or map beside its items.
pub(crate) const LIST_BYTES: usize = 112;

/// A budget that is charged before work is done, not after. Memory is not credited when a value is dropped.
#[derive(Debug)]
pub(crate) struct Meter {
    work: Cell<u64>,
    bytes: Cell<u64>,
    /// The work at its beginning.
    given: u64,
}

impl Meter {
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self::with_work(EVALUATION_WORK)
    }

    /// A meter of an evaluation that may take so many units of work.
    pub(crate) fn with_work(given: u64) -> Self {
        Self { work: Cell::new(given), bytes: Cell::new(EVALUATION_BYTES), given }
    }

    /// Charges time; after a refusal nothing is left.
    pub(crate) fn work(&self, units: u64) -> Result<()> {
        let left = self.work.get().checked_sub(units);
        self.work.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Refusal::Work)
    }

    /// Charges memory, and the time to fill it; after a refusal nothing is left.
    pub(crate) fn make(&self, bytes: usize) -> Result<()> {
        let left = self.bytes.get().checked_sub(bytes as u64);
        self.bytes.set(left.unwrap_or(0));
        if left.is_none() {
            return Err(Refusal::Memory);
        }
        self.work(VALUE_WORK + bytes as u64 / 4)
    }

    /// Charges the time to read a text once.
    pub(crate) fn read(&self, text: &str) -> Result<()> {
        self.work(VALUE_WORK + text.len() as u64)
    }

    /// The charges so far: units of work, and bytes.
    pub(crate) fn taken(&self) -> (u64, u64) {
        (self.given - self.work.get(), EVALUATION_BYTES - self.bytes.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_stays_empty_once_it_refused() {
        let meter = Meter::new();
        assert_eq!(meter.work(EVALUATION_WORK - 1), Ok(()));
        assert_eq!(meter.work(2), Err(Refusal::Work));
        assert_eq!(meter.work(1), Err(Refusal::Work));
        let meter = Meter::new();
        assert_eq!(meter.make(EVALUATION_BYTES as usize + 1), Err(Refusal::Memory));
        assert_eq!(meter.make(1), Err(Refusal::Memory));
        assert_eq!(meter.taken(), (0, EVALUATION_BYTES));
    }
}
