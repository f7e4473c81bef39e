//! The address of a Redis deployment: checked before anything is sent, and shown only as hosts and database.

use std::fmt;

use percent_encoding::percent_decode_str;
use updraft_protocol::Secret;
use updraft_protocol::limits::{REDIS_ADDRESS_BYTES, REDIS_HOSTS};

const FORMS: &str = "it is redis://HOST:PORT/DATABASE, with TLS rediss://, by sentinels redis+sentinel://HOST:PORT,HOST:PORT/MASTER/DATABASE";
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

/// A valid address.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// The server; with sentinels, these.
    pub(crate) hosts: Vec<(String, u16)>,
    /// The name under which sentinels know the master.
    pub(crate) master: Option<String>,
    pub(crate) database: u32,
    pub(crate) is_tls: bool,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
}

impl RedisAddress {
    /// Checks an address: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, with TLS `rediss://`, by sentinels
    /// `redis+sentinel://HOST[:PORT],…/MASTER[/DATABASE]`, with TLS `rediss+sentinel://`.
    ///
    /// # Errors
    /// The mistake in it, without its login.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > REDIS_ADDRESS_BYTES {
            return Err(format!("it has {} bytes; at most {REDIS_ADDRESS_BYTES} are allowed", text.len()));
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err("it contains a blank, a line break or another control character".to_owned());
        }
        let (scheme, rest) = text.split_once("://").ok_or(FORMS)?;
        let (is_tls, is_sentinel) = match scheme {
            "redis" => (false, false),
            "rediss" => (true, false),
            "redis+sentinel" => (false, true),
            "rediss+sentinel" => (true, true),
            "redis+cluster" | "rediss+cluster" => return Err(cluster()),
            _ => return Err(FORMS.to_owned()),
        };
        if rest.contains(['?', '#']) {
            return Err("it has no options: TLS and time limits are settings of their own".to_owned());
        }
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = place.rsplit_once('@').unwrap_or(("", place));
        let (user, password) = credentials(login)?;
        let port = if is_sentinel { SENTINEL_PORT } else { PORT };
        let hosts = hosts.split(',').map(|host| host_and_port(host, port)).collect::<Result<Vec<_>, _>>()?;
        if hosts.len() > REDIS_HOSTS {
            return Err(format!("it has {} hosts; at most {REDIS_HOSTS} are allowed", hosts.len()));
        }
        if !is_sentinel && hosts.len() > 1 {
            return Err(cluster());
        }
        let (master, database) = match (is_sentinel, path.split_once('/')) {
            (false, None) => (None, path),
            (false, Some(_)) => return Err(FORMS.to_owned()),
            (true, Some((master, database))) => (Some(master), database),
            (true, None) => (Some(path), ""),
        };
        if master.is_some_and(|master| master.is_empty() || master.contains('%')) {
            return Err("after the sentinels stands the name under which they know the master".to_owned());
        }
        let database = if database.is_empty() { Ok(0) } else { database.parse() };
        let database = database.map_err(|_| "its database is a number".to_owned())?;
        Ok(Self { hosts, master: master.map(str::to_owned), database, is_tls, user, password })
    }
}

/// Why several hosts without sentinels are refused.
fn cluster() -> String {
    "Redis Cluster is not supported: a look-up reads a value with the stamps of its kind and tenant at once, which lie on \
     several nodes there. Name one server, or sentinels (redis+sentinel://)"
        .to_owned()
}

fn credentials(login: &str) -> Result<(Option<String>, Option<Secret>), String> {
    const UNENCODED: &str =
        "in the user's name and password, each of : / ? # [ ] @ % is written percent-encoded (@ as %40)";
    if login.is_empty() {
        return Ok((None, None));
    }
    let (user, password) = login.split_once(':').ok_or("its login is USER:PASSWORD, or :PASSWORD")?;
    if password.contains(':') || login.contains('@') {
        return Err(UNENCODED.to_owned());
    }
    let decoded = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map(std::borrow::Cow::into_owned).map_err(|_| UNENCODED.to_owned())
    };
    let user = (!user.is_empty()).then(|| decoded(user)).transpose()?;
    let password = Secret::short(decoded(password)?).map_err(|_| "its password is empty or too long")?;
    Ok((user, Some(password)))
}

fn host_and_port(text: &str, otherwise: u16) -> Result<(String, u16), String> {
    const WRONG: &str = "one of its hosts is not HOST or HOST:PORT";
    let (host, port) = match text.strip_prefix('[') {
        // An address of IPv6.
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(WRONG)?;
            (host, port.strip_prefix(':').or(port.is_empty().then_some("")).ok_or(WRONG)?)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    if host.is_empty() || host.contains(['[', ']', '%']) {
        return Err(WRONG.to_owned());
    }
    let port = if port.is_empty() { Ok(otherwise) } else { port.parse() };
    Ok((host.to_owned(), port.map_err(|_| WRONG.to_owned())?))
}

impl fmt::Display for RedisAddress {
    /// Scheme, hosts and database, without a login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_tls { "rediss" } else { "redis" })?;
        f.write_str(if self.master.is_some() { "+sentinel://" } else { "://" })?;
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match host.contains(':') {
                true => write!(f, "{comma}[{host}]:{port}")?,
                false => write!(f, "{comma}{host}:{port}")?,
            }
        }
        if let Some(master) = &self.master {
            write!(f, "/{master}")?;
        }
        write!(f, "/{}", self.database)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_login() {
        for (said, shown) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            ("rediss://bob:s3cr%40t@cache.example:7000/3", "rediss://cache.example:7000/3"),
            ("redis://:s3cr%40t@[::1]:7000", "redis://[::1]:7000/0"),
            ("redis+sentinel://a,b:7/main", "redis+sentinel://a:26379,b:7/main/0"),
            ("rediss+sentinel://u:p@a/main/2", "rediss+sentinel://a:26379/main/2"),
        ] {
            let address = RedisAddress::parse(said).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
        }
        let address = RedisAddress::parse("redis://bob:s3cr%40t@h").unwrap();
        assert_eq!(address.user.as_deref(), Some("bob"));
        assert_eq!(address.password.unwrap().expose(), "s3cr@t");
    }

    #[test]
    fn a_mistake_is_told_and_its_login_is_not() {
        for (said, told) in [
            ("localhost:6379", "redis://HOST:PORT"),
            ("http://localhost", "redis://HOST:PORT"),
            ("redis://bob:s3cret@h,i", "Redis Cluster is not supported"),
            ("redis+cluster://h", "Redis Cluster is not supported"),
            ("redis://bob:s3cret@h/x", "its database is a number"),
            ("redis://bob:s3:cret@h", "percent-encoded"),
            ("redis://bob:s3@cret@h", "percent-encoded"),
            ("redis://bob@h", "USER:PASSWORD"),
            ("redis://h:port", "one of its hosts"),
            ("redis://", "one of its hosts"),
            ("redis+sentinel://h", "know the master"),
            ("redis://h?timeout=3", "no options"),
            ("redis://h\n", "control character"),
        ] {
            let mistake = RedisAddress::parse(said).unwrap_err();
            assert!(mistake.contains(told) && !mistake.contains("s3"), "{said}: {mistake}");
        }
    }
}
