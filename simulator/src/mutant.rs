//! The planted bugs: mutations of recovery and write-behind, as data. Each names the promise that it breaks; the
//! simulator must find every one, or its silence means nothing. Applied to a copy by `mutants`, never here.

mod children;
mod cleanup;
mod containments;
mod cooldowns;
mod flow;
mod glue;
mod kernel;
mod loops;
mod people;
mod reruns;
mod shell;
mod undo;

pub use children::CHILDREN;
pub use cleanup::CLEANUP;
pub use containments::CONTAINMENTS;
pub use cooldowns::COOLDOWNS;
pub use flow::FLOW;
pub use glue::GLUE;
pub use kernel::KERNEL;
pub use loops::LOOPS;
pub use people::PEOPLE;
pub use reruns::RERUNS;
pub use shell::SHELL;
pub use undo::UNDO_BUGS;

/// A planted bug.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// Its name.
    pub name: &'static str,
    /// The promise that it breaks.
    pub claim: &'static str,
    /// The file, from the root of the repository.
    pub file: &'static str,
    /// The text that it replaces; must be found exactly once.
    pub find: &'static str,
    /// The replacement.
    pub replace: &'static str,
}

/// All planted bugs.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    let kernel = KERNEL.iter().chain(COOLDOWNS).chain(CLEANUP).chain(CHILDREN).chain(LOOPS);
    kernel
        .chain(PEOPLE)
        .chain(UNDO_BUGS)
        .chain(CONTAINMENTS)
        .chain(RERUNS)
        .chain(FLOW)
        .chain(SHELL)
        .chain(GLUE)
}

impl Mutant {
    /// The text with the bug in it.
    ///
    /// # Errors
    /// The number of matches, if that is not one.
    pub fn plant(&self, text: &str) -> Result<String, usize> {
        match text.matches(self.find).count() {
            1 => Ok(text.replacen(self.find, self.replace, 1)),
            times => Err(times),
        }
    }
}
