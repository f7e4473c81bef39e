//! The meter of an evaluation: what it may still do. Evaluates nothing.

use updraft_protocol::Number;
use updraft_protocol::limits::HTTP_KEEP_NODE_WORK;

/// The budget of an evaluation is used up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// What an evaluation may still do: one for each byte that is read, [`HTTP_KEEP_NODE_WORK`] for each node that is looked at or
/// kept in a list.
pub(super) struct Meter(u64);

impl Meter {
    pub(super) fn new(work: u64) -> Self {
        Self(work)
    }

    fn charge(&mut self, work: u64) -> Result<(), Exhausted> {
        self.0 = self.0.checked_sub(work).ok_or(Exhausted)?;
        Ok(())
    }

    pub(super) fn node(&mut self) -> Result<(), Exhausted> {
        self.charge(HTTP_KEEP_NODE_WORK)
    }

    pub(super) fn bytes(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.charge(bytes as u64)
    }

    pub(super) fn numbers(&mut self, left: &Number, right: &Number) -> Result<(), Exhausted> {
        let digits = |number: &Number| number.as_digits().map_or(0, str::len) as u64;
        // A number beyond 64 bits and `f64` is compared by its digits, which are copied for it.
        self.charge(HTTP_KEEP_NODE_WORK + 4 * (digits(left) + digits(right)))
    }
}
