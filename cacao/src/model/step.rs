//! Steps of a workflow: what all have in common, and the eight kinds.

use std::collections::BTreeMap;

use updraft_protocol::Value;

use super::{CacaoCommand, CacaoId, CacaoTime, ExternalReference, Variable, VariableName};

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowStep {
    /// What it does.
    pub kind: WorkflowStepKind,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// What is written elsewhere.
    pub external_references: Vec<ExternalReference>,
    /// Milliseconds to wait before it begins; none for 0.
    pub delay: Option<u64>,
    /// Milliseconds after which it has failed; none for 0.
    pub timeout: Option<u64>,
    /// Its own variables.
    pub variables: BTreeMap<VariableName, Variable>,
    /// Who is responsible for it.
    pub owner: Option<CacaoId>,
    /// What follows, however it ended.
    pub on_completion: Option<CacaoId>,
    /// What follows where it completed.
    pub on_success: Option<CacaoId>,
    /// What follows where it failed.
    pub on_failure: Option<CacaoId>,
    /// What extensions say of it, by their id.
    pub extensions: BTreeMap<CacaoId, Value>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkflowStepKind {
    /// The beginning.
    Start,
    /// The end of a path.
    End,
    /// Executes commands.
    Action(ActionStep),
    /// Runs another playbook.
    PlaybookAction(PlaybookActionStep),
    /// Runs branches at once.
    Parallel(ParallelStep),
    /// Chooses between two branches.
    If(IfCondition),
    /// Repeats a branch.
    While(WhileCondition),
    /// Chooses between several branches.
    Switch(SwitchCondition),
}

impl WorkflowStepKind {
    /// The words for all kinds.
    pub const WORDS: [&'static str; 8] = [
        "start",
        "end",
        "action",
        "playbook-action",
        "parallel",
        "if-condition",
        "while-condition",
        "switch-condition",
    ];

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
            Self::Action(_) => "action",
            Self::PlaybookAction(_) => "playbook-action",
            Self::Parallel(_) => "parallel",
            Self::If(_) => "if-condition",
            Self::While(_) => "while-condition",
            Self::Switch(_) => "switch-condition",
        }
    }

    /// The first steps of the branches that it opens, each with its property: `on_true`, `next_steps[0]`, `cases["high"]`.
    pub fn branches(&self) -> Vec<(String, &CacaoId)> {
        match self {
            Self::Parallel(parallel) => {
                let numbered = parallel.next_steps.iter().enumerate();
                numbered.map(|(number, id)| (format!("next_steps[{number}]"), id)).collect()
            }
            Self::If(condition) => {
                let on_false = condition.on_false.iter().map(|id| ("on_false".to_owned(), id));
                [("on_true".to_owned(), &condition.on_true)].into_iter().chain(on_false).collect()
            }
            Self::While(condition) => vec![("on_true".to_owned(), &condition.on_true)],
            Self::Switch(switch) => {
                switch.cases.iter().map(|(case, id)| (format!("cases[{case:?}]"), id)).collect()
            }
            Self::Start | Self::End | Self::Action(_) | Self::PlaybookAction(_) => Vec::new(),
        }
    }
}

impl WorkflowStep {
    /// The steps that it goes on to, each with the property that names it.
    pub fn pointers(&self) -> impl Iterator<Item = (&'static str, &CacaoId)> {
        let all = [
            ("on_completion", &self.on_completion),
            ("on_success", &self.on_success),
            ("on_failure", &self.on_failure),
        ];
        all.into_iter().filter_map(|(property, id)| Some((property, id.as_ref()?)))
    }
}

/// Commands, who executes them, and on what.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionStep {
    /// The commands, in their order.
    pub commands: Vec<CacaoCommand>,
    /// Who executes them.
    pub agent: CacaoId,
    /// What they act on; the agent itself where there are none.
    pub targets: Vec<CacaoId>,
    /// Variables that they read.
    pub in_args: Vec<VariableName>,
    /// Variables that get what they give.
    pub out_args: Vec<VariableName>,
}

/// Another playbook, and what goes in and out.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaybookActionStep {
    /// The id of the playbook.
    pub playbook: CacaoId,
    /// When its version was changed last; the newest version without it.
    pub version: Option<CacaoTime>,
    /// Variables that go in.
    pub in_args: Vec<VariableName>,
    /// Variables that come out.
    pub out_args: Vec<VariableName>,
}

/// Branches that run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParallelStep {
    /// The first step of each branch.
    pub next_steps: Vec<CacaoId>,
}

/// A condition, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfCondition {
    /// A comparison expression of STIX patterns.
    pub condition: String,
    /// The first step where it holds.
    pub on_true: CacaoId,
    /// The first step where it does not.
    pub on_false: Option<CacaoId>,
}

/// A condition, and what is repeated as long as it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhileCondition {
    /// A comparison expression of STIX patterns.
    pub condition: String,
    /// The first step of what is repeated.
    pub on_true: CacaoId,
}

/// A value, and what follows each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchCondition {
    /// A reference to a variable.
    pub switch: String,
    /// The first step of each case, by its value; `default` is that of all other values.
    pub cases: BTreeMap<String, CacaoId>,
}
