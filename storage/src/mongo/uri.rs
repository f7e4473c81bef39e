//! The address of a MongoDB deployment: checked before anything is sent, and shown only as hosts and database.
//!
//! A mistake in an address is reported without repeating a login or the value of an option.

use std::fmt;

use mongodb::options::ConnectionString;
use updraft_protocol::limits::{MONGO_DATABASE_BYTES, STORE_ADDRESS_BYTES};

/// The default database.
const DATABASE: &str = "updraft";
/// Databases of the server itself.
const RESERVED: [&str; 3] = ["admin", "config", "local"];
/// Letters of an option's name that are repeated; the driver's longest has 29.
const OPTION_NAME_BYTES: usize = 40;

/// The message if no option is wrong by itself.
const MISTAKEN: &str = "its login, or one of its hosts or options, is not as it must be";
const UNKNOWN_SCHEME: &str = "it begins with neither mongodb:// nor mongodb+srv://";
const UNENCODED: &str = "in the user's name and password, and in options, each of : / ? # [ ] @ % is written percent-encoded (@ as %40)";

/// A valid address.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Uri {
    /// As it was given, with its secrets.
    text: String,
    /// Scheme and hosts.
    hosts: String,
    /// The database that it names.
    database: Option<String>,
}

impl Uri {
    /// Checks an address.
    ///
    /// # Errors
    /// The mistake in it, without its text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > STORE_ADDRESS_BYTES {
            return Err(format!("it has {} bytes; at most {STORE_ADDRESS_BYTES} are allowed", text.len()));
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err("it contains a blank, a line break or another control character".to_owned());
        }
        let (scheme, rest) = text.split_once("://").ok_or(UNKNOWN_SCHEME)?;
        if !["mongodb", "mongodb+srv"].contains(&scheme) {
            return Err(UNKNOWN_SCHEME.to_owned());
        }
        // Of a password with a character that is not encoded, the driver would take a part for hosts or options.
        let (place, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (login, hosts) = place.rsplit_once('@').unwrap_or(("", place));
        let reserved = login.contains(['#', '[', ']', '@']) || login.matches(':').count() > 1;
        if rest.contains('@') || reserved {
            return Err(UNENCODED.to_owned());
        }
        let named = rest.strip_prefix('/').map_or("", |path| path.split('?').next().unwrap_or_default());
        if !named.is_empty() && !named.contains('%') {
            database_name(named)?;
        }
        let parsed = ConnectionString::parse(text).map_err(|_| mistaken(login, rest))?;
        let database = parsed.default_database;
        database.as_deref().map_or(Ok(()), database_name)?;
        Ok(Self { text: text.to_owned(), hosts: format!("{scheme}://{hosts}"), database })
    }

    /// The same address with another database.
    pub(super) fn with_database(self, name: &str) -> Self {
        Self { database: Some(name.to_owned()), ..self }
    }

    /// As it was given. Only for the driver.
    pub(super) fn expose(&self) -> &str {
        &self.text
    }

    /// The database that it names.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The database that it names, or the default.
    pub(super) fn database_or_default(&self) -> &str {
        self.database.as_deref().unwrap_or(DATABASE)
    }
}

impl fmt::Display for Uri {
    /// Scheme, hosts and database: two addresses that look the same are of one store, whatever their logins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hosts, self.database_or_default())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The mistake in an address that the driver refuses: the name of the first option that it refuses by itself. The
/// driver's own message may repeat the value.
fn mistaken(login: &str, rest: &str) -> String {
    let login = if login.is_empty() { "" } else { "user:password@" };
    let refused =
        |option: &&str| ConnectionString::parse(format!("mongodb://{login}host/?{option}")).is_err();
    let options = rest.split_once('?').map_or("", |(_, options)| options);
    let named = options.split('&').find(refused).and_then(|option| option.split_once('='));
    let plain =
        |name: &str| name.len() <= OPTION_NAME_BYTES && name.bytes().all(|b| b.is_ascii_alphanumeric());
    match named {
        Some((name, _)) if plain(name) => {
            format!("there is no option {name}, or its value is not as it must be")
        }
        _ => MISTAKEN.to_owned(),
    }
}

/// Whether a database may have this name, on every system that a server runs on.
///
/// # Errors
/// The mistake in it.
pub(crate) fn database_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MONGO_DATABASE_BYTES {
        return Err(format!("a database's name has 1 to {MONGO_DATABASE_BYTES} bytes"));
    }
    if let Some(wrong) = name.chars().find(|c| "/\\. \"$*<>:|?".contains(*c) || c.is_control()) {
        return Err(format!("a database's name contains no {wrong:?}"));
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Err("admin, config and local are databases of the server itself".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
