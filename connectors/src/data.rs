//! The data that the texts of a connector read: its constants, the arguments of the call, the answer. Reads nothing itself.

use updraft_kernel::visible::{StepView, Visible};
use updraft_protocol::{Json, Timestamp};

/// The arguments of the call.
pub(crate) const ARGUMENTS: &str = "arguments";
/// Which page is asked for: `number`, `offset`, `cursor`.
pub(crate) const PAGE: &str = "page";
/// The answer that began what is polled.
pub(crate) const START: &str = "start";
/// The items of all pages.
pub(crate) const ITEMS: &str = "items";
/// The file of the execution that an answer, or the items of all pages, went to.
pub(crate) const FILE: &str = "file";
/// Whether there are more than were asked for.
pub(crate) const MORE: &str = "more";
/// The parts of an answer.
pub(crate) const ANSWER: [&str; 3] = ["status", "headers", "body"];

/// What the texts of one call see.
#[derive(Debug, Clone)]
pub(crate) struct CallData {
    constants: Json,
    values: Vec<(&'static str, Json)>,
    nothing: Json,
}

impl CallData {
    pub(crate) fn new(constants: Json, arguments: Json) -> Self {
        Self { constants, values: vec![(ARGUMENTS, arguments)], nothing: Json::null() }
    }

    /// Sets a value, in place of the one that was there.
    pub(crate) fn set(&mut self, name: &'static str, value: Json) {
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.values.push((name, value)),
        }
    }
}

impl Visible for CallData {
    fn input(&self) -> &Json {
        &self.nothing
    }

    fn variables(&self) -> &Json {
        &self.nothing
    }

    fn constants(&self) -> &Json {
        &self.constants
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn local(&self, name: &str) -> Option<&Json> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn step(&self, _: &str) -> Option<StepView<'_>> {
        None
    }
}
