//! Exits: what follows a step in each way in which it can be left. Resolves nothing.

use updraft_protocol::playbook::StepExit;

use super::StepIndex;

/// What follows a step, by its exit. What a step leads to is written here alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exits([Follows; 4]);

/// What follows an exit of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Follows {
    /// Another step of the same path.
    Step(StepIndex),
    /// The end of the path, completed.
    End,
    /// Nothing handles it: the path fails.
    #[default]
    Unhandled,
}

impl Follows {
    /// A step, or the end of the path.
    pub(super) fn to(step: Option<StepIndex>) -> Self {
        step.map_or(Self::End, Self::Step)
    }

    /// The step, if it is one.
    pub fn step(self) -> Option<StepIndex> {
        match self {
            Self::Step(step) => Some(step),
            Self::End | Self::Unhandled => None,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::Unhandled { other } else { self }
    }
}

impl Exits {
    /// What follows this exit.
    pub fn get(&self, exit: StepExit) -> Follows {
        self.0[Self::at(exit)]
    }

    pub(super) fn set(&mut self, exit: StepExit, follows: Follows) {
        self.0[Self::at(exit)] = follows;
    }

    fn at(exit: StepExit) -> usize {
        match exit {
            StepExit::Success => 0,
            StepExit::Failure => 1,
            StepExit::Timeout => 2,
            StepExit::Unknown => 3,
        }
    }
}
