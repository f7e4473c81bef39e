//! The planted bugs: mutations of recovery and write-behind, as data. Each says what it breaks; the simulator must
//! find every one, or its silence means nothing. Applied to a copy by `mutants`, never here.

mod glue;
mod kernel;
mod shell;

pub use glue::GLUE;
pub use kernel::KERNEL;
pub use shell::SHELL;

/// A planted bug.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// Its name.
    pub name: &'static str,
    /// What it breaks.
    pub claim: &'static str,
    /// The file, from the root of the repository.
    pub file: &'static str,
    /// The text that it replaces; it stands there exactly once.
    pub find: &'static str,
    /// What stands there instead.
    pub replace: &'static str,
}

/// All planted bugs.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    KERNEL.iter().chain(SHELL).chain(GLUE)
}

impl Mutant {
    /// The text with the bug in it.
    ///
    /// # Errors
    /// How often the text to replace was found, where that is not once.
    pub fn plant(&self, text: &str) -> Result<String, usize> {
        match text.matches(self.find).count() {
            1 => Ok(text.replacen(self.find, self.replace, 1)),
            times => Err(times),
        }
    }
}
