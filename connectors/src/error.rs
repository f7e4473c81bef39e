//! Why connectors are refused. Contains no secret: files name secrets, and have none.

use std::path::PathBuf;

use thiserror::Error;
use updraft_integrations::http;
use updraft_protocol::Name;
use updraft_protocol::limits::{CONNECTOR_FILES, CONNECTOR_NAMES, CONNECTORS};

/// Why connectors are refused.
#[derive(Debug, Error)]
pub enum Error {
    /// A file, or a directory, cannot be read.
    #[error("{}: {source}", .path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The error.
        source: std::io::Error,
    },
    /// A file is no connector.
    #[error("{}", told(.path, .mistakes))]
    Mistakes {
        /// Its path, if it has one.
        path: Option<PathBuf>,
        /// What is wrong, each with line and column.
        mistakes: Vec<String>,
    },
    /// Two files are the same version of the same connector.
    #[error("connector `{name}` version {version} is there twice")]
    Twice {
        /// Its name.
        name: Name,
        /// Its version.
        version: u32,
    },
    /// There are too many.
    #[error("at most {CONNECTORS} connectors are allowed")]
    TooMany,
    /// There are too many names of actions.
    #[error("the connectors of this process have more than {CONNECTOR_NAMES} names of actions and targets")]
    Names,
    /// There are too many files.
    #[error("{}: at most {CONNECTOR_FILES} files are looked at", .0.display())]
    Files(PathBuf),
    /// A constant that is given cannot be taken.
    #[error("connector `{connector}`: {message}")]
    Constant {
        /// The connector.
        connector: String,
        /// What is wrong.
        message: String,
    },
    /// The HTTP integration refuses their settings.
    #[error(transparent)]
    Http(#[from] http::Error),
}

impl Error {
    /// Whether the same connectors can be taken another time: only where a file could not be read.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// Each mistake on its own, for people.
    pub fn mistakes(&self) -> Vec<String> {
        match self {
            Self::Mistakes { path: Some(path), mistakes } => {
                mistakes.iter().map(|mistake| format!("{}: {mistake}", path.display())).collect()
            }
            Self::Mistakes { path: None, mistakes } => mistakes.clone(),
            other => vec![other.to_string()],
        }
    }
}

fn told(path: &Option<PathBuf>, mistakes: &[String]) -> String {
    let place = path.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default();
    let told: Vec<String> = mistakes.iter().map(|mistake| format!("{place}{mistake}")).collect();
    told.join("\n")
}
