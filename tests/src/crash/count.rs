//! What happened in a world, counted, so that a run can say what it saw. Judges nothing.

use std::collections::BTreeMap;
use std::fmt;

/// What happened.
#[derive(Debug, Clone, Default)]
pub struct Count {
    /// Lives that were killed.
    pub kills: usize,
    /// Of them: before the engine had started.
    pub opening: usize,
    /// Of them: after it was told to shut down, and before it had.
    pub closing: usize,
    /// Of them: with what was not synced.
    pub power: usize,
    /// Lives whose engine did not start, and said why.
    pub gave_up: usize,
    /// Executions that went on in a later run.
    pub resumed: u64,
    /// What was refused, or not started, in runs with trouble.
    pub refused: usize,
    /// Lives with trouble, by its name.
    pub troubles: BTreeMap<&'static str, usize>,
    /// Faults of the disk, and of the store, that were met.
    pub met: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} of them while recovering, {} while shutting down, {} with a loss of power; {} \
             executions resumed",
            self.kills, self.opening, self.closing, self.power, self.resumed
        )?;
        if self.troubles.is_empty() {
            return Ok(());
        }
        let troubles: Vec<String> =
            self.troubles.iter().map(|(name, times)| format!("{name} {times}")).collect();
        write!(
            f,
            "; runs with trouble: {}; {} faults met, {} times something was refused, {} starts failed",
            troubles.join(", "),
            self.met,
            self.refused,
            self.gave_up
        )
    }
}
