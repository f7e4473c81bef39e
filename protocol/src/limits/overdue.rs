//! Limits of what an operator is told of that takes long.

/// Executions of which the usual times of playbooks are told: their index entries are read within some milliseconds.
pub const USUAL_EXECUTIONS: usize = 10_000;
/// Executions of a playbook version without which its usual time is not known: 19 of 20 took no longer.
pub const USUAL_EXECUTIONS_MIN: usize = 20;
/// Unfinished executions that are looked at for one page of slow ones.
pub const OVERDUE_LOOKED_AT: usize = 1_000;
