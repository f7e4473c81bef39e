//! The network: what HTTP steps may reach beyond the public Internet, as the operator says it on the command
//! line, in the environment and in the data directory.

use std::path::Path;

use updraft::integrations::http::{Allow, HttpBuilder, Proxy};
use updraft::text;

use crate::environment;
use crate::exit::Error;
use crate::input;

/// The variable of the operator's list.
const VARIABLE: &str = "UPDRAFT_ALLOW_NET";
/// Names a proxy.
const PROXY: &str = "UPDRAFT_PROXY";
/// The operator's list in the data directory.
pub(crate) const FILE: &str = "allow-net";
/// The largest list that is read.
const FILE_BYTES: usize = 64 << 10;

/// The proxy that the operator asks for: a URL, or `environment` for the customary variables (`HTTPS_PROXY` and others),
/// which are not looked at unasked. Its password is in no option that others of the machine can see.
pub(crate) fn proxied(http: HttpBuilder) -> Result<HttpBuilder, Error> {
    let asked = environment::text(PROXY).map_err(Error::Refused)?;
    match asked.as_deref() {
        None => Ok(http),
        Some("environment") => {
            let variable = |name: &str| environment::text(name).ok().flatten();
            http.proxy_from_environment(variable).map_err(|error| Error::refused(PROXY, error))
        }
        Some(url) => {
            let proxy: Proxy = url.parse().map_err(|error| Error::refused(PROXY, error))?;
            Ok(http.proxy(proxy))
        }
    }
}

/// All that is allowed; each mistake with its place.
pub(crate) fn allowed(options: &[Allow], data: &Path) -> Result<Vec<Allow>, Error> {
    let mut mistakes = Vec::new();
    let mut allowed = options.to_vec();
    let variable = environment::text(VARIABLE).map_err(Error::Refused)?.unwrap_or_default();
    for (number, entry) in variable.split(',').enumerate() {
        let place = || format!("{VARIABLE}: entry {}", number + 1);
        add(entry, place, &mut allowed, &mut mistakes);
    }
    let path = data.join(FILE);
    let file = match input::bytes(&path, FILE_BYTES) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::refused(path.display(), error)),
    };
    let text = text::decode(&file).map_err(|error| Error::refused(path.display(), error))?;
    for (number, line) in text.lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default();
        let place = || format!("{}: line {}", path.display(), number + 1);
        add(entry, place, &mut allowed, &mut mistakes);
    }
    if mistakes.is_empty() { Ok(allowed) } else { Err(Error::Refused(mistakes.join("\n"))) }
}

/// What the command line and the environment allow, as it is written there: for a command that is to allow the same. The
/// file of the data directory allows it anyway.
pub(crate) fn named(options: &[Allow]) -> Vec<String> {
    let mut named: Vec<String> = options.iter().map(ToString::to_string).collect();
    let variable = environment::text(VARIABLE).ok().flatten().unwrap_or_default();
    let entries = variable.split(',').filter_map(|entry| entry.trim().parse::<Allow>().ok());
    for entry in entries.map(|entry| entry.to_string()) {
        if !named.contains(&entry) {
            named.push(entry);
        }
    }
    named
}

fn add(entry: &str, place: impl Fn() -> String, allowed: &mut Vec<Allow>, mistakes: &mut Vec<String>) {
    let entry = entry.trim();
    if entry.is_empty() {
        return;
    }
    match entry.parse::<Allow>() {
        Ok(entry) if allowed.contains(&entry) => {}
        Ok(entry) => allowed.push(entry),
        Err(error) => mistakes.push(format!("{}: {error}", place())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_data_directory_joins_the_options() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "# tools\n127.0.0.1:7780 # the stubs\n\n10.0.0.0/8\n").unwrap();
        let option: Allow = "siem.internal".parse().unwrap();
        let same: Allow = "10.0.0.0/8".parse().unwrap();
        let allowed = allowed(&[option, same], dir.path()).unwrap();
        let shown: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["siem.internal", "10.0.0.0/8", "127.0.0.1:7780"]);
    }

    #[test]
    fn the_file_is_read_alike_whatever_wrote_it() {
        let dir = tempfile::tempdir().unwrap();
        let text = "10.0.0.0/8\r\n# ü\r\n";
        let utf16: Vec<u8> =
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes().to_vec(), format!("\u{feff}{text}").into_bytes(), utf16] {
            std::fs::write(dir.path().join(FILE), bytes).unwrap();
            assert_eq!(allowed(&[], dir.path()).unwrap(), ["10.0.0.0/8".parse().unwrap()]);
        }
        std::fs::write(dir.path().join(FILE), b"10.0.0.0/8\n# \xFC\n").unwrap();
        let error = allowed(&[], dir.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("allow-net: line 2, column 3: UTF-8 ends here; save the file as UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn every_mistake_in_the_file_has_its_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "10.0.0.0/40\nok.internal\nh:0\n\u{0}\n").unwrap();
        let error = allowed(&[], dir.path()).unwrap_err().to_string();
        let places: Vec<&str> = error.lines().map(|line| line.split("allow-net: ").nth(1).unwrap()).collect();
        assert!(places[0].starts_with("line 1: `10.0.0.0/40`"), "{error}");
        assert!(places[1].starts_with("line 3: `h:0`"), "{error}");
        assert!(places[2].starts_with("line 4: "), "{error}");
    }
}
