//! The number of a task. Owns no task.

/// A task's number inside its execution, from 1: by it events and acts name the task. After a crash it is found again by
/// scope and step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskSeq(pub u32);
