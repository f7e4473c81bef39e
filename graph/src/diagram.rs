//! The diagram: what a picture shows, before anything has a place. Plain data, every text of which is fit to be shown; owns
//! what the kinds of steps are called, and reads neither playbooks nor executions.

use updraft_protocol::{ExecutionStatus, TaskStatus};

/// What a picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagram {
    /// The name of the playbook.
    pub(crate) title: String,
    /// Its version: `version 3`.
    pub(crate) version: String,
    /// What is told besides: how long it may take, of an execution its id and times.
    pub(crate) head: Vec<String>,
    /// What the playbook is for.
    pub(crate) description: String,
    /// The status of the execution, if it is one.
    pub(crate) status: Option<ExecutionStatus>,
    /// Whether a step of the main line is its start, so that none is added.
    pub(crate) has_start: bool,
    /// The main line.
    pub(crate) main: Group,
}

/// Steps in order, with what runs after their failure.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Group {
    /// The steps.
    pub(crate) steps: Vec<Step>,
    /// Ways between them other than from one to the next.
    pub(crate) jumps: Vec<Jump>,
    /// What runs after a failure that no step handles.
    pub(crate) catch: Option<Box<Branch>>,
    /// How many steps are inside that are nested too deep to be drawn.
    pub(crate) omitted: usize,
}

/// A way from one step of a group to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jump {
    /// The number of the step that it leaves.
    pub(crate) from: usize,
    /// The number of the step that it leads to.
    pub(crate) to: usize,
    /// The field that makes it, unless it is the usual way on.
    pub(crate) label: Option<&'static str>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Step {
    /// Its id.
    pub(crate) id: String,
    /// What it is called: its id, unless its author gave it a name.
    pub(crate) title: String,
    /// The ids of further native steps that it consists of.
    pub(crate) parts: Vec<String>,
    /// Its kind.
    pub(crate) kind: Kind,
    /// What it does: an action, a condition, a duration.
    pub(crate) detail: String,
    /// What its author says of it.
    pub(crate) description: String,
    /// What else belongs to it: how it is undone, how often it is tried.
    pub(crate) notes: Vec<Note>,
    /// The bodies that it leads into.
    pub(crate) branches: Vec<Branch>,
    /// Whether one branch follows the other; they are ways beside each other otherwise.
    pub(crate) in_turn: bool,
    /// The bodies that handle other exits, or run beside it.
    pub(crate) beside: Vec<Branch>,
    /// What it looks like.
    pub(crate) face: Face,
    /// Whether the path can go on behind it.
    pub(crate) goes_on: bool,
    /// Whether the path goes on to the next step, and not to one that it names.
    pub(crate) to_next: bool,
    /// How it went, in an execution.
    pub(crate) state: Option<StepState>,
}

/// What a step looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Face {
    /// A card.
    #[default]
    Card,
    /// A mark of a start or an end, with its title alone.
    Mark,
    /// Nothing: it only holds bodies together, which stand alone.
    Bare,
}

/// A further line of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// Its text.
    pub(crate) text: String,
    /// Whether it tells of a mistake or a failure.
    pub(crate) is_wrong: bool,
}

/// A body of a step, with its title.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Branch {
    /// What it is, or when it runs.
    pub(crate) title: String,
    /// Its steps; none where the path goes on at once.
    pub(crate) group: Option<Group>,
    /// Whether the path goes on behind it.
    pub(crate) goes_on: bool,
}

/// The state of a step in an execution.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepState {
    /// The status that is shown; none where it was not reached.
    pub(crate) status: Option<TaskStatus>,
    /// How it went in words: `completed · 1.2s · 3 tries`.
    pub(crate) words: String,
    /// Why it failed, or what it waits for.
    pub(crate) why: String,
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Action,
    Parallel,
    If,
    Switch,
    ForEach,
    Repeat,
    Set,
    Delay,
    WaitUntil,
    WaitFor,
    Approval,
    Finally,
    SubPlaybook,
    End,
    Fail,
}

/// Kinds that look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Calls a tool.
    Tool,
    /// Chooses, or splits the path.
    Choice,
    /// Repeats.
    Loop,
    /// Waits.
    Wait,
    /// Asks people.
    People,
    /// Works inside of the execution.
    Inner,
    /// Ends well.
    End,
    /// Ends badly.
    Fail,
}

impl Kind {
    #[cfg(test)]
    /// All of them.
    pub(crate) const ALL: [Self; 15] = [
        Self::Action,
        Self::Parallel,
        Self::If,
        Self::Switch,
        Self::ForEach,
        Self::Repeat,
        Self::Set,
        Self::Delay,
        Self::WaitUntil,
        Self::WaitFor,
        Self::Approval,
        Self::Finally,
        Self::SubPlaybook,
        Self::End,
        Self::Fail,
    ];

    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Parallel => "parallel",
            Self::If => "if",
            Self::Switch => "switch",
            Self::ForEach => "for_each",
            Self::Repeat => "repeat",
            Self::Set => "set",
            Self::Delay => "delay",
            Self::WaitUntil => "wait_until",
            Self::WaitFor => "wait_for",
            Self::Approval => "approval",
            Self::Finally => "finally",
            Self::SubPlaybook => "playbook",
            Self::End => "end",
            Self::Fail => "fail",
        }
    }

    /// Those that it looks like.
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::Action => Family::Tool,
            Self::Parallel | Self::If | Self::Switch => Family::Choice,
            Self::ForEach | Self::Repeat => Family::Loop,
            Self::Delay | Self::WaitUntil | Self::WaitFor => Family::Wait,
            Self::Approval => Family::People,
            Self::Set | Self::Finally | Self::SubPlaybook => Family::Inner,
            Self::End => Family::End,
            Self::Fail => Family::Fail,
        }
    }
}

impl Group {
    /// Whether the path can go on behind its last step.
    pub(crate) fn goes_on(&self) -> bool {
        self.steps.last().is_none_or(|step| step.goes_on && step.to_next)
            || self.catch.as_ref().is_some_and(|catch| catch.goes_on)
    }

    /// Does something to all steps inside.
    pub(crate) fn each(&mut self, change: &mut impl FnMut(&mut Step)) {
        for step in &mut self.steps {
            change(step);
            for branch in step.branches.iter_mut().chain(&mut step.beside) {
                branch.group.iter_mut().for_each(|group| group.each(change));
            }
        }
        let caught = self.catch.iter_mut().filter_map(|catch| catch.group.as_mut());
        caught.for_each(|group| group.each(change));
    }
}

impl Diagram {
    /// The lines below the name.
    pub(crate) fn told(&self) -> Vec<String> {
        match self.status {
            // An execution has said its version.
            Some(_) => self.head.clone(),
            None => {
                vec![[&self.version].into_iter().chain(&self.head).cloned().collect::<Vec<_>>().join(" · ")]
            }
        }
    }
}

impl Step {
    /// Its bodies.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = &Branch> {
        self.branches.iter().chain(&self.beside)
    }
}
