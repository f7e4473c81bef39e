//! Replies: the answer of a command for each operation. Pure; trusts no answer that is inconsistent.

use mongodb::bson::{Bson, Document};

use crate::mongo::document;
use crate::mongo::error::{self, Verdict};
use crate::store::{Error, WriteOutcome};

/// The answer for one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The outcome is known.
    Done(WriteOutcome),
    /// A unique key of the document to be inserted is taken: most likely its id.
    Exists,
    /// The guard did not match.
    Unmatched,
    /// The guard may have matched: some operations of the command did, but the answer does not list them.
    Unsure,
}

impl Answer {
    /// The outcome of an operation without an answer.
    pub(super) fn lost() -> WriteOutcome {
        WriteOutcome::Retry("the server did not answer for it".to_owned())
    }
}

/// The answer of `insert` and `update`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// Documents inserted, or matched.
    pub(super) changed: usize,
    /// The refused operations, each with the code.
    pub(super) errors: Vec<(usize, i32)>,
    /// The code by which the server reports that the write concern is not met.
    pub(super) unconfirmed: Option<i32>,
}

impl Reply {
    /// Reads the answer to a command.
    ///
    /// # Errors
    /// It cannot be read: the outcome of the command is unknown.
    pub(super) fn read(reply: &Document) -> Result<Self, Error> {
        let changed = reply.get("n").and_then(number).ok_or_else(unreadable)?;
        let mut errors = Vec::new();
        if let Some(list) = reply.get("writeErrors") {
            for error in list.as_array().ok_or_else(unreadable)? {
                let error = error.as_document().ok_or_else(unreadable)?;
                let field = |name| error.get(name).and_then(number::<i64>).ok_or_else(unreadable);
                let at = usize::try_from(field("index")?).map_err(|_| unreadable())?;
                errors.push((at, i32::try_from(field("code")?).unwrap_or_default()));
            }
        }
        let concern = reply.get("writeConcernError").and_then(Bson::as_document);
        let unconfirmed = concern.map(|error| error.get("code").and_then(number).unwrap_or_default());
        Ok(Self { changed, errors, unconfirmed })
    }

    /// The answers for inserts. Those that were not refused are counted: if the count is lower, the server gave up
    /// before the end.
    pub(super) fn inserted(self, sent: usize) -> Result<Vec<Answer>, Error> {
        let all = self.changed == self.unrefused(sent)?;
        let done = if all { WriteOutcome::Written } else { Answer::lost() };
        self.answers(sent, Answer::Done(done), |code| match error::verdict(code) {
            Verdict::Exists => Ok(Answer::Exists),
            _ => error::outcome(code).map(Answer::Done),
        })
    }

    /// The answers for changes.
    pub(super) fn changed(self, sent: usize) -> Result<Vec<Answer>, Error> {
        let answer = match (self.changed, self.unrefused(sent)?) {
            (0, _) => Answer::Unmatched,
            (some, all) if some == all => Answer::Done(WriteOutcome::Written),
            _ => Answer::Unsure,
        };
        self.answers(sent, answer, |code| error::outcome(code).map(Answer::Done))
    }

    /// The number of operations that were not refused; fails if the answer is inconsistent.
    fn unrefused(&self, sent: usize) -> Result<usize, Error> {
        let rest = sent.checked_sub(self.errors.len()).ok_or_else(unreadable)?;
        if self.changed > rest || self.errors.iter().any(|(at, _)| *at >= sent) {
            return Err(unreadable());
        }
        Ok(rest)
    }

    fn answers(
        self,
        sent: usize,
        unrefused: Answer,
        refused: impl Fn(i32) -> Result<Answer, Error>,
    ) -> Result<Vec<Answer>, Error> {
        if let Some(code) = self.unconfirmed {
            return Err(error::unconfirmed(code));
        }
        let mut answers = vec![unrefused; sent];
        for (at, code) in self.errors {
            let place = answers.get_mut(at).ok_or_else(unreadable)?;
            *place = refused(code)?;
        }
        Ok(answers)
    }
}

fn number<T: TryFrom<i64>>(value: &Bson) -> Option<T> {
    document::whole(value)?.try_into().ok()
}

fn unreadable() -> Error {
    Error::Unavailable("an answer of the server that does not add up".to_owned())
}

#[cfg(test)]
mod tests;
