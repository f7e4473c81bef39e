//! The store that the command line or the environment names. Owns the text as it was given, perhaps with a password: nothing
//! that shows options shows it.

use std::fmt;

use clap::Args;
use updraft::StoreAddress;

use crate::{environment, exit};

/// Which store.
#[derive(Debug, Clone, Args)]
pub(crate) struct At {
    /// Where executions are stored: `embedded`, in the data directory, or a MongoDB server:
    /// `mongodb://host:27017/database`. Others of this machine can see what stands on the command line: an
    /// address with a password belongs into the environment variable.
    #[arg(
        long,
        env = STORE,
        default_value = EMBEDDED,
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) store: StoreText,
}

impl At {
    /// The address, checked. A variable that is empty says as little as one that is not set.
    pub(crate) fn address(&self) -> Result<StoreAddress, exit::Error> {
        if self.store.0.is_empty() && environment::is_empty(STORE) {
            return Ok(StoreAddress::Embedded);
        }
        self.store.0.parse().map_err(|error| exit::Error::refused("--store", error))
    }

    /// The address as it was given, perhaps with a password.
    pub(crate) fn text(&self) -> &str {
        &self.store.0
    }

    /// Whether it may have a password in it: then it is repeated nowhere.
    pub(crate) fn has_password(&self) -> bool {
        let text = self.store.0.to_ascii_lowercase();
        text.contains('@') || text.contains("password") || text.contains("properties")
    }

    /// Whether it is what is taken where none is named.
    pub(crate) fn is_default(&self) -> bool {
        [EMBEDDED, ""].contains(&self.text())
    }
}

/// The variable that names the store.
pub(crate) const STORE: &str = "UPDRAFT_STORE";
/// The store where none is named.
const EMBEDDED: &str = "embedded";

/// An address as it was given, perhaps with a password: checked by us, since whoever parses options repeats
/// what he refuses.
#[derive(Clone)]
pub(crate) struct StoreText(String);

impl From<String> for StoreText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for StoreText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreText")
    }
}
