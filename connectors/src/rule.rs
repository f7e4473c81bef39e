//! Rules on what an answer means: which status, or which body, is a failure and of which kind, and which failure is an answer. The
//! first that fits decides.

use updraft_integrations::http::Statuses;
use updraft_kernel::condition::Condition;
use updraft_kernel::template::Template;
use updraft_protocol::limits::CONNECTOR_FAILURES;
use updraft_protocol::{Effect, Failure, FailureKind, Json, Value};

use crate::answer::ToolAnswer;
use crate::data::CallData;
use crate::file::{WrittenMeaning, WrittenRule};
use crate::read::Reading;
use crate::result::ActionResult;

/// The rules of an action.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    status: Option<Statuses>,
    when: Option<Condition>,
    then: Then,
}

/// What an answer means that fits.
#[derive(Debug)]
enum Then {
    Fails { is: WrittenMeaning, message: Option<Template>, acted: Option<bool> },
    Gives(ActionResult),
}

/// What an answer came to.
#[derive(Debug)]
pub(crate) enum Judged {
    /// It is an answer as the action expects it.
    Answer(ToolAnswer),
    /// It is an answer of its own kind, such as that there is nothing.
    Output(Json),
}

impl Rules {
    /// Compiles the rules at `place`, whose texts may read these names.
    pub(crate) fn read(
        reading: &mut Reading<'_>,
        place: &str,
        written: &[WrittenRule],
        names: &[&str],
    ) -> Self {
        if written.len() > CONNECTOR_FAILURES {
            reading.mistake(place, format!("at most {CONNECTOR_FAILURES} rules are allowed"));
            return Self::default();
        }
        let rules = written.iter().enumerate();
        Self(
            rules
                .filter_map(|(at, rule)| Rule::read(reading, &format!("{place}[{at}]"), rule, names))
                .collect(),
        )
    }

    /// Judges what a request came to; texts read the answer from now on.
    ///
    /// # Errors
    /// It failed, or a rule says so.
    pub(crate) fn judge(
        &self,
        came: Result<Json, Failure>,
        data: &mut CallData,
        effect: Effect,
    ) -> Result<Judged, Failure> {
        let answer = match &came {
            Ok(whole) => ToolAnswer::of(whole)?,
            Err(failure) => match failure.answer.as_ref().and_then(|answer| ToolAnswer::of(answer).ok()) {
                Some(answer) => answer,
                None => return Err(failure.clone()),
            },
        };
        answer.shown_in(data);
        match (self.0.iter().find(|rule| rule.fits(answer.status, data)).map(|rule| &rule.then), came) {
            (None, Ok(_)) => Ok(Judged::Answer(answer)),
            (None, Err(failure)) => Err(failure),
            (Some(Then::Gives(result)), _) => {
                result.output(data, effect, answer.note.clone()).map(Judged::Output)
            }
            (Some(Then::Fails { is, message, acted }), came) => {
                let message = message.as_ref().and_then(|message| said(message, data));
                Err(failure((*is, message, *acted), came.err(), &answer, effect))
            }
        }
    }
}

impl Rule {
    fn read(reading: &mut Reading<'_>, place: &str, written: &WrittenRule, names: &[&str]) -> Option<Self> {
        let status = match &written.status {
            None => None,
            Some(list) => Some(reading.statuses(&format!("{place}.status"), list)?),
        };
        let when = match &written.when {
            None => None,
            Some(source) => Some(reading.condition(&format!("{place}.when"), source, names)?),
        };
        if status.is_none() && when.is_none() {
            reading.mistake(place, "a `status` or a `when` is needed, by which an answer fits");
            return None;
        }
        let then = match (&written.is, &written.result) {
            (Some(is), None) => {
                let message = match &written.message {
                    None => None,
                    Some(text) => {
                        let place = format!("{place}.message");
                        Some(reading.value(&place, &Value::String(text.clone()), names)?)
                    }
                };
                Then::Fails { is: *is, message, acted: written.acted }
            }
            (None, Some(result)) => {
                Then::Gives(ActionResult::read(reading, &format!("{place}.result"), result, names)?)
            }
            _ => {
                let message =
                    "one of `is` and `result` is needed: what such an answer means, or what it gives";
                reading.mistake(place, message);
                return None;
            }
        };
        Some(Self { status, when, then })
    }

    /// Whether an answer fits. A condition that cannot be decided, as what it reads is not there, does not.
    fn fits(&self, status: u16, data: &CallData) -> bool {
        self.status.as_ref().is_none_or(|statuses| statuses.contains(status))
            && self.when.as_ref().is_none_or(|when| when.decide(data).unwrap_or(false))
    }
}

/// A message of the tool.
fn said(message: &Template, data: &CallData) -> Option<String> {
    match message.render(data).ok()? {
        Value::String(text) => Some(text),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn failure(
    (is, message, acted): (WrittenMeaning, Option<String>, Option<bool>),
    before: Option<Failure>,
    answer: &ToolAnswer,
    effect: Effect,
) -> Failure {
    let (kind, word, retryable) = match is {
        WrittenMeaning::Retry => (FailureKind::Status, "try again", true),
        WrittenMeaning::RateLimited => (FailureKind::RateLimited, "too many requests", true),
        WrittenMeaning::NotFound => (FailureKind::Status, "not found", false),
        WrittenMeaning::Denied => (FailureKind::Forbidden, "denied by the tool", false),
        WrittenMeaning::Invalid => (FailureKind::InvalidArguments, "refused by the tool", false),
        WrittenMeaning::Failed => (FailureKind::Status, "failed", false),
    };
    let why = message.or_else(|| before.as_ref().map(|failure| failure.message.clone()));
    let why = why.unwrap_or_else(|| format!("status {}", answer.status));
    let may_have_acted = before.as_ref().map_or(effect == Effect::Write, Failure::may_have_acted);
    let mut failure = before.unwrap_or_else(|| Failure::new(kind, ""));
    failure.kind = kind;
    failure
        .with_message(format!("{word}: {why}"))
        .with_retryable(retryable)
        .with_may_have_acted(acted.unwrap_or(may_have_acted))
}
