//! Answers that people write down: the form of the file, and the answers that a dry run gets by it. The first that fits a question
//! is taken. Owns what fits, and which were used; opens no file.

mod approvals;
mod outcome;
mod signals;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use updraft_kernel::machine::ChildReport;
use updraft_protocol::limits::{TEST_FILE_BYTES, TEST_MISTAKES};
use updraft_protocol::{ExecutionStatus, ScopePath, Span, StepId, Value, parse};

use crate::answers::{
    Answers, CallMade, ChildMade, GivenOutcome, QuestionAsked, Reaction, SignalAwaited, SignalGiven,
    TaskPlace,
};
use crate::difference::is_part;
pub use approvals::WrittenApproval;
pub use outcome::{WrittenAnswer, WrittenFailure};
pub use signals::WrittenSignal;

/// A file of answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenAnswers {
    /// Those of tools and of sub-playbooks.
    #[serde(default)]
    pub answers: Vec<WrittenAnswer>,
    /// Those of people.
    #[serde(default)]
    pub approvals: Vec<WrittenApproval>,
    /// What comes of waits for signals.
    #[serde(default)]
    pub signals: Vec<WrittenSignal>,
}

impl WrittenAnswers {
    /// Reads a file.
    ///
    /// # Errors
    /// Its mistakes, each with line and column.
    pub fn read(bytes: &[u8]) -> Result<Self, Vec<String>> {
        let written: Self = parse::document(bytes, TEST_FILE_BYTES).map_err(|error| error.mistakes())?;
        let mistakes = written.mistakes("");
        if mistakes.is_empty() {
            return Ok(written);
        }
        Err(placed(bytes, mistakes))
    }

    /// What makes no sense in it, each with its path.
    pub(crate) fn mistakes(&self, before: &str) -> Vec<(String, String)> {
        let answers = self.answers.iter().map(WrittenAnswer::mistake).enumerate();
        let answers = answers.map(|(at, mistake)| (format!("{before}answers[{at}]"), mistake));
        let approvals = self.approvals.iter().map(WrittenApproval::mistake).enumerate();
        let approvals = approvals.map(|(at, mistake)| (format!("{before}approvals[{at}]"), mistake));
        let signals = self.signals.iter().map(WrittenSignal::mistake).enumerate();
        let signals = signals.map(|(at, mistake)| (format!("{before}signals[{at}]"), mistake));
        answers.chain(approvals).chain(signals).filter_map(|(path, mistake)| Some((path, mistake?))).collect()
    }

    /// The steps that it names, each with its path.
    pub(crate) fn steps(&self, before: &str) -> Vec<(String, &StepId)> {
        let answers = self.answers.iter().map(|answer| answer.step.as_ref()).enumerate();
        let answers = answers.map(|(at, step)| (format!("{before}answers[{at}].step"), step));
        let approvals = self.approvals.iter().map(|approval| approval.step.as_ref()).enumerate();
        let approvals = approvals.map(|(at, step)| (format!("{before}approvals[{at}].step"), step));
        let signals = self.signals.iter().map(|signal| signal.step.as_ref()).enumerate();
        let signals = signals.map(|(at, step)| (format!("{before}signals[{at}].step"), step));
        answers.chain(approvals).chain(signals).filter_map(|(path, step)| Some((path, step?))).collect()
    }
}

/// Mistakes by their paths, with their lines and columns: as many as a person reads, and how many more there are.
pub fn placed(bytes: &[u8], mut mistakes: Vec<(String, String)>) -> Vec<String> {
    let more = mistakes.len().saturating_sub(TEST_MISTAKES);
    mistakes.truncate(TEST_MISTAKES);
    let places = parse::places_in(bytes, mistakes.iter().map(|(path, _)| path.as_str()));
    let told = mistakes.iter().zip(places).map(|((path, message), place)| match place {
        Some(place) => format!("{place}: {message}"),
        None => format!("{path}: {message}"),
    });
    told.chain((more > 0).then(|| format!("and {more} more mistakes"))).collect()
}

/// The task that an answer is for.
pub(crate) struct Fit<'w> {
    pub(crate) step: Option<&'w StepId>,
    pub(crate) scope: Option<&'w ScopePath>,
    pub(crate) within: Option<&'w str>,
}

impl Fit<'_> {
    /// Whether a task is meant. Where nothing is said, any is.
    pub(crate) fn is(&self, place: &TaskPlace) -> bool {
        self.step.is_none_or(|step| *step == place.step)
            && self.scope.is_none_or(|scope| is_inner(scope.as_str(), place.scope.as_str()))
            && self.within.is_none_or(|within| *within == *place.within)
    }
}

/// Whether the first scope is the second, or the inner part of it: `each:3` of `finally_1:do/each:3`.
pub(crate) fn is_inner(inner: &str, scope: &str) -> bool {
    scope.strip_suffix(inner).is_some_and(|outer| outer.is_empty() || outer.ends_with('/'))
}

/// How often an answer was taken, and how often it may be.
#[derive(Debug, Clone, Copy, Default)]
struct Used(u32);

impl Used {
    fn has_left(self, times: Option<u32>) -> bool {
        times.is_none_or(|times| self.0 < times)
    }
}

/// Written answers, while a dry run takes them.
#[derive(Debug, Clone)]
pub struct AnswerScript<'w> {
    written: &'w WrittenAnswers,
    answers: Vec<Used>,
    approvals: Vec<Used>,
    signals: Vec<Used>,
}

impl<'w> AnswerScript<'w> {
    /// None of them is taken yet.
    pub fn new(written: &'w WrittenAnswers) -> Self {
        Self {
            written,
            answers: vec![Used::default(); written.answers.len()],
            approvals: vec![Used::default(); written.approvals.len()],
            signals: vec![Used::default(); written.signals.len()],
        }
    }

    /// Those that nothing asked for, and that are not optional: `answers[2] (step lookup)`.
    pub fn unused(&self) -> Vec<String> {
        let named = |list: &str, at: usize, step: &Option<StepId>| {
            let step = step.as_ref().map(|step| format!(" (step {step})")).unwrap_or_default();
            format!("{list}[{at}]{step}")
        };
        let mut unused = Vec::new();
        for (at, (answer, used)) in self.written.answers.iter().zip(&self.answers).enumerate() {
            // One that is to be taken several times and was taken less often is not used up.
            let missing = answer.times.unwrap_or(1) > used.0;
            if missing && !answer.optional {
                unused.push(named("answers", at, &answer.step));
            }
        }
        for (at, (approval, used)) in self.written.approvals.iter().zip(&self.approvals).enumerate() {
            if used.0 == 0 && !approval.optional {
                unused.push(named("approvals", at, &approval.step));
            }
        }
        for (at, (signal, used)) in self.written.signals.iter().zip(&self.signals).enumerate() {
            if used.0 == 0 && !signal.optional {
                unused.push(named("signals", at, &signal.step));
            }
        }
        unused
    }

    /// Takes the first answer that fits.
    fn take(&mut self, fits: impl Fn(&WrittenAnswer) -> bool) -> Option<(usize, &'w WrittenAnswer)> {
        let at = self
            .written
            .answers
            .iter()
            .zip(&self.answers)
            .position(|(answer, used)| used.has_left(answer.times) && fits(answer))?;
        if let Some(used) = self.answers.get_mut(at) {
            used.0 += 1;
        }
        Some((at, self.written.answers.get(at)?))
    }
}

impl Answers for AnswerScript<'_> {
    fn call(&mut self, call: &CallMade) -> Option<GivenOutcome> {
        let tool = format!("{}.{}", call.integration, call.action);
        let fits = |answer: &WrittenAnswer| {
            answer.fit().is(&call.place)
                && answer.action.as_ref().is_none_or(|action| *action == tool)
                && answer.attempt.is_none_or(|attempt| attempt == call.attempt)
                && answer.arguments.as_ref().is_none_or(|part| is_part(part, &call.arguments))
        };
        let (at, answer) = self.take(fits)?;
        let outcome = answer.outcome(tool == outcome::HTTP);
        let after = answer.after.map_or(Duration::ZERO, |Span(after)| after);
        Some(GivenOutcome { outcome, after, from: Arc::from(format!("answers[{at}]")) })
    }

    fn question(&mut self, asked: &QuestionAsked) -> Option<Reaction> {
        let mut taken = Vec::new();
        for (at, approval) in self.written.approvals.iter().enumerate() {
            let Some(used) = self.approvals.get_mut(at) else { continue };
            if approval.fit().is(&asked.place) && used.has_left(approval.times) {
                used.0 += 1;
                taken.push(approval);
            }
        }
        approvals::reaction(&taken, &asked.gate)
    }

    fn signal(&mut self, awaited: &SignalAwaited) -> Option<SignalGiven> {
        let at = self
            .written
            .signals
            .iter()
            .zip(&self.signals)
            .position(|(signal, used)| used.has_left(signal.times) && signal.fits(awaited))?;
        self.signals.get_mut(at)?.0 += 1;
        Some(self.written.signals.get(at)?.given())
    }

    fn child(&mut self, child: &ChildMade) -> Option<(ChildReport, Duration)> {
        let fits = |answer: &WrittenAnswer| {
            // An answer that names no step is for tools.
            answer.step.is_some()
                && answer.fit().is(&child.place)
                && answer.action.as_ref().is_none_or(|action| action == "updraft.playbook")
                && answer.arguments.as_ref().is_none_or(|part| is_part(part, &child.input.value()))
        };
        let (_, answer) = self.take(fits)?;
        let (status, output, error) = match answer.outcome(false) {
            Ok(output) => (ExecutionStatus::Completed, Some(output), None),
            Err(failure) => (ExecutionStatus::Failed, None, Some(Box::new(failure))),
        };
        let after = answer.after.map_or(Duration::ZERO, |Span(after)| after);
        Some((ChildReport::Ended { status, output, error }, after))
    }
}

/// A field that may be there with `null`, which is a value too.
pub(crate) fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
