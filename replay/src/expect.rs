//! What a test case expects of a dry run, and what is other than that. Each difference says where it is.

use serde::Deserialize;
use updraft_protocol::limits::TEST_DIFFERENCES;
use updraft_protocol::{FailureKind, ScopePath, StepId, Value};

use crate::difference::{differences, is_part, told};
use crate::file::{Fit, given};
use crate::trace::{RunTrace, TraceEnd};

/// The words for how a dry run can end.
pub const ENDS: [&str; 7] =
    ["completed", "failed", "cancelled", "timed_out", "needs_answer", "refused", "unfinished"];

/// What is expected. What is not said may be anything, but an end: where no other is said, the execution has one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// How it ends: `completed`, `failed`.
    pub status: Option<String>,
    /// What is among the output.
    #[serde(default, deserialize_with = "given")]
    pub output: Option<Value>,
    /// The whole output.
    #[serde(default, deserialize_with = "given")]
    pub output_exactly: Option<Value>,
    /// Steps that begin in this order; others may stand between.
    pub path: Option<Vec<StepId>>,
    /// All steps in the order in which they begin.
    pub path_exactly: Option<Vec<StepId>>,
    /// Steps that do not begin.
    #[serde(default)]
    pub not: Vec<StepId>,
    /// Calls that are made.
    #[serde(default)]
    pub calls: Vec<ExpectedCall>,
    /// Questions that people are asked.
    #[serde(default)]
    pub questions: Vec<ExpectedQuestion>,
    /// Why it fails.
    pub failure: Option<ExpectedFailure>,
}

/// A call that is made.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCall {
    /// The step.
    pub step: Option<StepId>,
    /// The action: `http.request`.
    pub action: Option<String>,
    /// The scope of the step.
    pub scope: Option<ScopePath>,
    /// The sub-playbook that the step is in.
    pub within: Option<String>,
    /// What is among its arguments.
    #[serde(default, deserialize_with = "given")]
    pub arguments: Option<Value>,
    /// How often; at least once where nothing is said.
    pub times: Option<u32>,
}

/// A question that people are asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedQuestion {
    /// The step.
    pub step: StepId,
    /// What is part of the question.
    pub question: Option<String>,
}

/// A failure.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFailure {
    /// Its kind.
    pub kind: Option<FailureKind>,
    /// What is part of its message.
    pub message: Option<String>,
}

impl Expectation {
    /// The steps that it names, each with its path.
    pub(crate) fn steps(&self, before: &str) -> Vec<(String, &StepId)> {
        let mut named: Vec<(String, &StepId)> = Vec::new();
        let lists = [
            ("path", self.path.as_deref().unwrap_or_default()),
            ("path_exactly", self.path_exactly.as_deref().unwrap_or_default()),
            ("not", self.not.as_slice()),
        ];
        for (name, steps) in lists {
            named.extend(steps.iter().enumerate().map(|(at, step)| (format!("{before}{name}[{at}]"), step)));
        }
        let calls = self.calls.iter().enumerate();
        named.extend(
            calls.filter_map(|(at, call)| Some((format!("{before}calls[{at}].step"), call.step.as_ref()?))),
        );
        let questions = self.questions.iter().enumerate();
        named.extend(questions.map(|(at, asked)| (format!("{before}questions[{at}].step"), &asked.step)));
        named
    }

    /// What makes no sense in it, each with its path.
    pub(crate) fn mistakes(&self, before: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if let Some(status) = self.status.as_deref().filter(|status| !ENDS.contains(status)) {
            let near = updraft_protocol::suggest::suggestion(status, ENDS.into_iter());
            let message = format!("no such end{near}; there are {}", ENDS.join(", "));
            found.push((format!("{before}status"), message));
        }
        for (at, call) in self.calls.iter().enumerate() {
            if call.step.is_none() && call.action.is_none() {
                found.push((format!("{before}calls[{at}]"), "`step` or `action` is needed".to_owned()));
            }
        }
        found
    }

    /// What is other than expected. `unused` are the answers that nothing asked for.
    pub fn check(&self, trace: &RunTrace, unused: &[String]) -> Vec<String> {
        let mut found = self.end(trace);
        let nothing = Value::Null;
        let output = trace.output.as_ref().map(|output| output.value());
        let output = output.as_ref().unwrap_or(&nothing);
        if let Some(expected) = &self.output {
            found.extend(differences("output", expected, output, false));
        }
        if let Some(expected) = &self.output_exactly {
            found.extend(differences("output", expected, output, true));
        }
        found.extend(self.path(trace));
        found.extend(self.calls.iter().filter_map(|call| call.difference(trace)));
        found.extend(self.questions.iter().filter_map(|asked| asked.difference(trace)));
        if trace.end != TraceEnd::NeedsAnswer {
            let advice = "nothing asked for it; `optional: true` allows that";
            found.extend(unused.iter().map(|answer| format!("{answer}: {advice}")));
        }
        found.extend(trace.notes.iter().map(|note| format!("not taken: {note}")));
        found.truncate(TEST_DIFFERENCES);
        found
    }

    /// How it ended.
    fn end(&self, trace: &RunTrace) -> Vec<String> {
        let mut found = Vec::new();
        let word = trace.word();
        let expected = self.status.as_deref().or_else(|| self.failure.as_ref().map(|_| "failed"));
        let has_end = matches!(trace.end, TraceEnd::Ended(_));
        if expected.map_or(!has_end, |expected| expected != word) {
            let why = trace.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
            let expected = expected.unwrap_or("an end");
            found.push(format!("status: expected {expected}, got {word}{why}"));
            if let TraceEnd::Refused(mistakes) = &trace.end {
                found.extend(mistakes.iter().map(|mistake| format!("refused: {mistake}")));
            }
            let needs = |asked: &crate::trace::Unanswered| {
                format!("needs answer: step {} ({})", asked.step, cut(&asked.asked))
            };
            if trace.end == TraceEnd::NeedsAnswer {
                found.extend(trace.unanswered.iter().map(needs));
            }
            if let TraceEnd::Beyond(why) = &trace.end {
                found.push(format!("unfinished: {why}"));
            }
        }
        let Some(failure) = &self.failure else { return found };
        match &trace.failure {
            None if has_end => found.push("failure: expected one, and there is none".to_owned()),
            None => {}
            Some(got) => {
                if let Some(kind) = failure.kind.filter(|kind| *kind != got.kind) {
                    let (expected, kind) = (kind.as_str(), got.kind.as_str());
                    found.push(format!("failure.kind: expected {expected}, got {kind}: {}", got.message));
                }
                if let Some(part) = failure.message.as_ref().filter(|part| !got.message.contains(*part)) {
                    found.push(format!(
                        "failure.message: expected one with {part:?}, got {:?}",
                        cut(&got.message)
                    ));
                }
            }
        }
        found
    }

    /// Which steps began, and in which order.
    fn path(&self, trace: &RunTrace) -> Vec<String> {
        let own = trace.tasks.iter().filter(|task| task.place.within.is_empty());
        let steps: Vec<&StepId> = own.map(|task| &task.place.step).collect();
        let taken = || {
            let names: Vec<&str> = steps.iter().map(|step| step.as_str()).collect();
            cut(&names.join(", "))
        };
        let mut found = Vec::new();
        if let Some(path) = &self.path {
            let mut rest = steps.iter();
            let mut before = None;
            for (at, step) in path.iter().enumerate() {
                if !rest.any(|taken| *taken == step) {
                    let after = before.map(|before| format!(" after {before}")).unwrap_or_default();
                    found.push(format!("path[{at}]: expected {step}{after}; the steps were {}", taken()));
                    break;
                }
                before = Some(step);
            }
        }
        if let Some(path) = &self.path_exactly {
            let differs =
                (0..path.len().max(steps.len())).find(|at| path.get(*at) != steps.get(*at).copied());
            if let Some(at) = differs {
                let told = |step: Option<&StepId>| step.map_or("no further step", StepId::as_str).to_owned();
                found.push(format!(
                    "path_exactly[{at}]: expected {}, got {}; the steps were {}",
                    told(path.get(at)),
                    told(steps.get(at).copied()),
                    taken()
                ));
            }
        }
        for (at, step) in self.not.iter().enumerate().filter(|(_, step)| steps.contains(step)) {
            found.push(format!("not[{at}]: {step} began; the steps were {}", taken()));
        }
        found
    }
}

impl ExpectedCall {
    fn difference(&self, trace: &RunTrace) -> Option<String> {
        let fit =
            Fit { step: self.step.as_ref(), scope: self.scope.as_ref(), within: self.within.as_deref() };
        // Every attempt of a task is the same call.
        let first = trace.calls.iter().map(|call| &call.made).filter(|made| made.attempt == 1);
        let made: Vec<_> = first
            .filter(|made| {
                let tool = format!("{}.{}", made.integration, made.action);
                fit.is(&made.place) && self.action.as_ref().is_none_or(|action| *action == tool)
            })
            .collect();
        let fits = |arguments: &Value| self.arguments.as_ref().is_none_or(|part| is_part(part, arguments));
        let fitting = made.iter().filter(|made| fits(&made.arguments)).count();
        let name = self.step.as_ref().map(StepId::as_str).or(self.action.as_deref()).unwrap_or_default();
        let is_met = match self.times {
            Some(times) => usize::try_from(times).is_ok_and(|times| times == fitting),
            None => fitting > 0,
        };
        if is_met {
            return None;
        }
        let expected = match self.times {
            Some(times) => format!("{times} calls"),
            None => "a call".to_owned(),
        };
        match (made.as_slice(), &self.arguments) {
            ([], _) => Some(format!("calls: expected {expected} of {name}, there is none")),
            ([only], Some(arguments)) if fitting == 0 => {
                let place = format!("calls of {name}: arguments");
                let all = differences(&place, arguments, &only.arguments, false);
                Some(all.into_iter().next().unwrap_or(place))
            }
            (all, _) => {
                let shown: Vec<String> = all.iter().take(3).map(|made| told(&made.arguments)).collect();
                Some(format!(
                    "calls: expected {expected} of {name}, got {fitting} of {}: {}",
                    all.len(),
                    shown.join(", ")
                ))
            }
        }
    }
}

impl ExpectedQuestion {
    fn difference(&self, trace: &RunTrace) -> Option<String> {
        let asked: Vec<_> = trace.questions.iter().filter(|asked| asked.place.step == self.step).collect();
        let step = &self.step;
        let Some(first) = asked.first() else {
            return Some(format!("questions: expected one of {step}, there is none"));
        };
        let part = self.question.as_ref()?;
        let is_there = asked.iter().any(|asked| asked.question.contains(part.as_str()));
        (!is_there).then(|| {
            format!("questions: expected one of {step} with {part:?}, got {:?}", cut(&first.question))
        })
    }
}

/// A text for a message.
fn cut(text: &str) -> String {
    const CHARACTERS: usize = 400;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
