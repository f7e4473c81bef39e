//! The answer of a tool, in its parts. Owns how it is taken from what the HTTP integration gives; judges nothing.

use serde::Deserialize;
use serde_json::value::RawValue;
use updraft_protocol::{Failure, FailureKind, Json};

use crate::data::{ANSWER, CallData, FILE};

/// The status, headers and body of an answer.
#[derive(Debug, Clone)]
pub(crate) struct ToolAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Json,
    pub(crate) body: Json,
    /// What of it could not be kept, and why.
    pub(crate) note: Option<String>,
    /// The file of the execution that its body went to.
    pub(crate) file: Option<Json>,
    /// All of it, as the HTTP integration gives it.
    pub(crate) whole: Json,
}

#[derive(Deserialize)]
struct Parts<'a> {
    status: u16,
    #[serde(borrow)]
    headers: &'a RawValue,
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(borrow)]
    file: Option<&'a RawValue>,
    note: Option<String>,
}

impl ToolAnswer {
    /// Takes an output of the HTTP integration, or the answer of its failure.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn of(whole: &Json) -> Result<Self, Failure> {
        let unreadable =
            |error: serde_json::Error| Failure::new(FailureKind::InvalidResponse, error.to_string());
        let parts: Parts<'_> = serde_json::from_str(whole.as_str()).map_err(unreadable)?;
        Ok(Self {
            status: parts.status,
            headers: Json::parse(parts.headers.get()).map_err(unreadable)?,
            body: Json::parse(parts.body.get()).map_err(unreadable)?,
            file: parts.file.map(|file| Json::parse(file.get())).transpose().map_err(unreadable)?,
            note: parts.note,
            whole: whole.clone(),
        })
    }

    /// Lets texts read it.
    pub(crate) fn shown_in(&self, data: &mut CallData) {
        let [status, headers, body] = ANSWER;
        data.set(status, Json::from(serde_json::Value::from(self.status)));
        data.set(headers, self.headers.clone());
        data.set(body, self.body.clone());
        if let Some(file) = &self.file {
            data.set(FILE, file.clone());
        }
    }

    /// A header that the HTTP integration keeps.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let headers = self.headers.value();
        headers.get(name).and_then(|value| value.as_str()).map(str::to_owned)
    }
}
