//! Test cases beside a playbook: the form of their file, and one of them run. Opens no file.

use std::collections::BTreeMap;

use serde::Deserialize;
use updraft_protocol::limits::TEST_FILE_BYTES;
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{Asked, Span, StepId, TenantCode, Timestamp, Value, parse};

use crate::expect::Expectation;
use crate::file::{
    AnswerScript, WrittenAnswer, WrittenAnswers, WrittenApproval, WrittenSignal, given, placed,
};
use crate::plans::RunPlans;
use crate::start::{Start, TEST_CLOCK};
use crate::trace::RunTrace;

/// A file of test cases, `*.test.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// The playbook, a path from the folder of this file.
    pub playbook: String,
    /// Playbooks that its steps start.
    #[serde(default)]
    pub sub: Vec<String>,
    /// The cases.
    pub cases: Vec<TestCase>,
}

/// One case.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What it shows, in a sentence.
    pub name: String,
    /// The alert; a text is the path of a file that has it.
    #[serde(default, deserialize_with = "given")]
    pub alert: Option<Value>,
    /// Other values for variables of the playbook.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// When it begins; 2026-01-01T00:00:00Z where nothing is said.
    pub clock: Option<String>,
    /// A cancel, so long after the beginning.
    pub cancel_after: Option<Span>,
    /// Answers of tools and of sub-playbooks.
    #[serde(default)]
    pub answers: Vec<WrittenAnswer>,
    /// Answers of people.
    #[serde(default)]
    pub approvals: Vec<WrittenApproval>,
    /// What comes of waits for signals.
    #[serde(default)]
    pub signals: Vec<WrittenSignal>,
    /// What is expected.
    #[serde(default)]
    pub expect: Expectation,
}

/// What a case came to.
#[derive(Debug, Clone)]
pub struct CaseOutcome {
    /// What is other than expected: nothing where it passes.
    pub differences: Vec<String>,
    /// The answers that nothing asked for.
    pub unused: Vec<String>,
    /// What the run did.
    pub trace: RunTrace,
}

impl TestFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Its mistakes, each with line and column.
    pub fn read(bytes: &[u8]) -> Result<Self, Vec<String>> {
        let file: Self = parse::document(bytes, TEST_FILE_BYTES).map_err(|error| error.mistakes())?;
        let mut found = Vec::new();
        if file.cases.is_empty() {
            found.push(("cases".to_owned(), "at least one case is needed".to_owned()));
        }
        let mut names = BTreeMap::new();
        for (at, case) in file.cases.iter().enumerate() {
            let before = format!("cases[{at}].");
            if case.name.trim().is_empty() {
                found.push((format!("{before}name"), "a name is needed".to_owned()));
            }
            if let Some(first) = names.insert(case.name.as_str(), at) {
                found.push((format!("{before}name"), format!("cases[{first}] has this name already")));
            }
            if let Some(Err(message)) = case.clock.as_deref().map(str::parse::<Timestamp>) {
                found.push((format!("{before}clock"), message));
            }
            found.extend(case.written().mistakes(&before));
            found.extend(case.expect.mistakes(&format!("{before}expect.")));
        }
        if found.is_empty() {
            return Ok(file);
        }
        Err(placed(bytes, found))
    }

    /// The names of steps that no playbook has, each with line and column.
    pub fn unknown_steps(&self, bytes: &[u8], plans: &RunPlans) -> Vec<String> {
        let mut found = Vec::new();
        for (at, case) in self.cases.iter().enumerate() {
            let (written, before) = (case.written(), format!("cases[{at}]."));
            let expected = format!("{before}expect.");
            let named = written.steps(&before).into_iter().chain(case.expect.steps(&expected));
            found.extend(unknown(named, plans));
        }
        placed(bytes, found)
    }
}

impl WrittenAnswers {
    /// The names of steps that no playbook has, each with line and column.
    pub fn unknown_steps(&self, bytes: &[u8], plans: &RunPlans) -> Vec<String> {
        placed(bytes, unknown(self.steps("").into_iter(), plans))
    }
}

/// Those of these steps that no playbook has.
fn unknown<'s>(named: impl Iterator<Item = (String, &'s StepId)>, plans: &RunPlans) -> Vec<(String, String)> {
    let is_unknown = |(_, step): &(String, &StepId)| !plans.has_step(step);
    let told = |(path, step): (String, &StepId)| {
        let whole = plans.names().step(step).step;
        let near = match whole == *step {
            true => suggestion(step.as_str(), plans.steps()),
            false => format!("; the step is \"{whole}\""),
        };
        (path, format!("no step \"{step}\"{near}"))
    };
    named.filter(is_unknown).map(told).collect()
}

impl TestCase {
    /// Its answers.
    pub(crate) fn written(&self) -> WrittenAnswers {
        WrittenAnswers {
            answers: self.answers.clone(),
            approvals: self.approvals.clone(),
            signals: self.signals.clone(),
        }
    }

    /// Runs it with this alert, which is the one that it has, or that of its file.
    pub fn run(&self, plans: &RunPlans, tenant: &TenantCode, alert: Value) -> CaseOutcome {
        let written = self.written();
        let clock = self.clock.as_deref().and_then(|clock| clock.parse().ok()).unwrap_or(TEST_CLOCK);
        let mut start = Start::new(tenant.clone(), alert, clock);
        let native = |name: &String| plans.names().native_variable(name).to_owned();
        start.variables = self.variables.iter().map(|(name, value)| (native(name), value.clone())).collect();
        let asked = || Asked { uid: "somebody".into(), reason: "as the case says".into() };
        start.cancel = self.cancel_after.map(|Span(after)| (after, asked()));
        let mut script = AnswerScript::new(&written);
        let trace = crate::run(plans, &start, &mut script);
        let unused = script.unused();
        CaseOutcome { differences: self.expect.check(&trace, &unused), unused, trace }
    }
}
