//! Patches: the planted bugs, as text to replace. Owns how a text is patched, and that a patch fits exactly once; the
//! tables are beside it. Never touches a file.

mod coalescer;
mod shared;
mod wiring;

/// A change of one file.
pub(crate) struct Patch {
    /// The bug, or the bugs, for which it asks.
    pub(crate) name: &'static str,
    /// The file, from the root of the repository.
    pub(crate) file: &'static str,
    /// The text that it replaces, which the file has exactly once.
    pub(crate) find: &'static str,
    /// The text that is there afterwards. It does what the old text does as long as no bug is planted.
    pub(crate) replace: &'static str,
}

/// All patches.
pub(crate) fn all() -> impl Iterator<Item = &'static Patch> {
    wiring::PATCHES.iter().chain(shared::PATCHES).chain(coalescer::PATCHES)
}

/// The text of a file with all patches of that file, one after the other.
///
/// # Errors
/// Says which patch does not fit.
pub(crate) fn apply(file: &str, text: String) -> Result<String, String> {
    all().filter(|patch| patch.file == file).try_fold(text, |text, patch| {
        match text.matches(patch.find).count() {
            1 => Ok(text.replacen(patch.find, patch.replace, 1)),
            times => Err(format!("{}: its text is found {times} times in {file}", patch.name)),
        }
    })
}
