//! The address of a MongoDB deployment: checked before anything is sent, and shown without what is secret.
//!
//! What is wrong with one is told without repeating it: a mistake is often made in the password.

use std::fmt;

use mongodb::error::{Error, ErrorKind};
use mongodb::options::ConnectionString;
use updraft_protocol::limits::{MONGO_DATABASE_BYTES, STORE_ADDRESS_BYTES};

use super::cause;

/// What stands where a login stands.
const MASK: &str = "***";
/// Options whose values are secret, or name a secret among others.
const SECRET_OPTIONS: [&str; 4] =
    ["authmechanismproperties", "tlscertificatekeyfilepassword", "proxypassword", "proxyusername"];
/// Databases of the server itself.
const RESERVED: [&str; 3] = ["admin", "config", "local"];

/// An address that can be connected with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Uri {
    /// As it was given, with what is secret.
    text: String,
    /// Scheme, hosts and database.
    shown: String,
    /// The same without a sign of credentials, and with the database that is taken where none is named.
    place: String,
    /// The database that it names.
    database: Option<String>,
    /// What must not be told, as it was written and as it is meant.
    secrets: Vec<String>,
}

impl Uri {
    /// Checks an address.
    ///
    /// # Errors
    /// What is wrong with it, without its words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > STORE_ADDRESS_BYTES {
            return Err(format!("it has {} bytes; at most {STORE_ADDRESS_BYTES} are allowed", text.len()));
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err("it contains a blank, a line break or another control character".to_owned());
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("it begins with neither mongodb:// nor mongodb+srv://".to_owned());
        };
        if !["mongodb", "mongodb+srv"].contains(&scheme) {
            return Err("it begins with neither mongodb:// nor mongodb+srv://".to_owned());
        }
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        if options.contains('@') {
            return Err(UNENCODED.to_owned());
        }
        let (login, place) = match place.rsplit_once('@') {
            Some((login, place)) => (Some(checked_login(login)?), place),
            None => (None, place),
        };
        let mut secrets = written_secrets(login, options);
        let parsed = ConnectionString::parse(text)
            .map_err(|error| concealed(reason(&error), &secrets, || MISTAKEN.to_owned()))?;
        if let Some(credential) = &parsed.credential {
            let meant = [&credential.username, &credential.password];
            secrets.extend(meant.into_iter().flatten().filter(|secret| !secret.is_empty()).cloned());
            let properties =
                credential.mechanism_properties.iter().flat_map(|properties| properties.values());
            secrets.extend(properties.filter_map(|value| value.as_str().map(str::to_owned)));
        }
        let database = parsed.default_database;
        database.as_deref().map_or(Ok(()), database_name)?;
        let hosts = place.split_once('/').map_or(place, |(hosts, _)| hosts);
        let full = format!("{scheme}://{hosts}/{}", database.as_deref().unwrap_or(super::DATABASE));
        let mask = if login.is_some() { format!("{MASK}@") } else { String::new() };
        let shown = format!("{scheme}://{mask}{place}");
        Ok(Self { text: text.to_owned(), shown, place: full, database, secrets })
    }

    /// As it was given. For the driver alone.
    pub(super) fn expose(&self) -> &str {
        &self.text
    }

    /// The database that it names.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Scheme, hosts and database, whoever logs in.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Why something failed, with nothing that is secret.
    ///
    /// What systems and networks say of themselves repeats no part of the address: it is told as it is, whatever
    /// words it shares with a password. Words of the driver and of the server may: where they do, others are told.
    pub(in crate::mongo) fn told(&self, error: &Error) -> String {
        let why = cause::of(error);
        match &*error.kind {
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::IncompatibleServer { .. } => why,
            ErrorKind::Authentication { .. } => {
                concealed(why, &self.secrets, || "the login is not accepted".to_owned())
            }
            ErrorKind::Command(told) => {
                concealed(why, &self.secrets, || format!("error {} of the server", told.code))
            }
            _ => concealed(why, &self.secrets, || MISTAKEN.to_owned()),
        }
    }
}

impl fmt::Display for Uri {
    /// Scheme, hosts and database.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// What is told in the place of words that repeat a secret.
const MISTAKEN: &str = "one of its hosts or options is not as it must be";

const UNENCODED: &str = "in the user's name and password, and in options, each of : / ? # [ ] @ % is written percent-encoded (@ as %40)";

/// Name and password as they are written. What the driver would take for a host is refused here.
fn checked_login(login: &str) -> Result<&str, String> {
    let (name, password) = login.split_once(':').unwrap_or((login, ""));
    let reserved = |part: &str| part.contains([':', '/', '?', '#', '[', ']', '@']);
    let half_encoded = |part: &str| {
        let mut after = part.split('%').skip(1);
        after.any(|rest| !rest.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())))
    };
    if [name, password].into_iter().any(|part| reserved(part) || half_encoded(part)) {
        return Err(UNENCODED.to_owned());
    }
    if name.is_empty() {
        return Err("it has an @ and no user's name before it".to_owned());
    }
    Ok(login)
}

fn written_secrets(login: Option<&str>, options: &str) -> Vec<String> {
    let login = login.into_iter().flat_map(|login| login.splitn(2, ':'));
    let options = options.split('&').filter_map(|option| option.split_once('='));
    let options = options.filter(|(name, _)| SECRET_OPTIONS.contains(&name.to_ascii_lowercase().as_str()));
    let values = options.flat_map(|(_, value)| {
        let parts = value.split(',').map(|part| part.split_once(':').map_or(part, |(_, value)| value));
        [value].into_iter().chain(parts)
    });
    login.chain(values).filter(|secret| !secret.is_empty()).map(str::to_owned).collect()
}

/// Words that repeat no secret. A mask in the place of one would tell what it hides, to who knows the words around it.
fn concealed(text: String, secrets: &[String], instead: impl FnOnce() -> String) -> String {
    if secrets.iter().any(|secret| text.contains(secret)) { instead() } else { text }
}

fn reason(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        kind => kind.to_string(),
    }
}

/// Whether a database may have this name, on every system that a server runs on.
///
/// # Errors
/// What is wrong with it.
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
