//! The environment: the only file that reads variables by name, apart from those that options declare.

use std::path::PathBuf;

/// The variable's text; none where it is not set or empty.
///
/// # Errors
/// The variable is not UTF-8.
#[allow(clippy::disallowed_methods, reason = "this file reads the environment for the program")]
pub(crate) fn text(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("{name}: not UTF-8")),
    }
}

/// Whether the variable is set, to nothing.
pub(crate) fn is_empty(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|text| text.is_empty())
}

/// The path that the variable names; none where it is not set or empty.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}
