//! Commands that people are told: whole, quoted for a shell, with all that leads to the same place. Never repeats a
//! password: where an address has one, the command takes it from the environment.

use std::ffi::{OsStr, OsString};
use std::fmt;

use updraft::integrations::mail::MailServer;
use updraft::limits::{APPROVAL_WAIT, CHILD_WAIT, CONFIGURATION_WAIT, SIGNAL_WAIT};
use updraft::{Loss, StartError, TenantCode};

use crate::at::STORE;
use crate::data::Kept;
use crate::durability;
use crate::environment;
use crate::exit::Error;
use crate::network;
use crate::options::{MailGrants, Work};
use crate::secrets;

/// A command line of this program.
#[derive(Clone)]
pub(crate) struct Command {
    /// What stands before the program's name, as it is.
    variable: Option<String>,
    words: Vec<OsString>,
}

impl Command {
    /// A subcommand for this place.
    pub(crate) fn new(subcommand: &str, kept: &Kept) -> Self {
        let mut command = Self { variable: None, words: vec!["updraft".into(), subcommand.into()] };
        command.option("--data", kept.directory.as_os_str());
        let (address, variable) = (kept.at.text(), environment::text(STORE).ok().flatten());
        if kept.at.has_password() {
            if variable.as_deref() != Some(address) {
                command.variable = Some(format!(
                    "{STORE}=\"${{{STORE}:?is the address of the store, which has a password}}\""
                ));
            }
        } else if !kept.at.is_default() || variable.is_some() {
            command.option("--store", OsStr::new(if address.is_empty() { "embedded" } else { address }));
        }
        command
    }

    /// The same, with what the work was allowed and promised.
    pub(crate) fn working(mut self, work: &Work) -> Self {
        for net in network::named(&work.grants.allow_net) {
            self.option("--allow-net", OsStr::new(&net));
        }
        if let Some(secrets) = secrets::directory(&work.grants) {
            self.option("--secrets", secrets.as_os_str());
        }
        for file in &work.grants.secrets_of {
            self.option("--secrets-of", file.as_os_str());
        }
        for file in &work.grants.trust {
            self.option("--trust", file.as_os_str());
        }
        for directory in &work.grants.connectors.connectors {
            self.option("--connectors", directory.as_os_str());
        }
        for constant in &work.grants.connectors.connector_constant {
            self.option("--connector-constant", OsStr::new(&constant.to_string()));
        }
        if work.grants.allow_bash {
            self.words.push("--allow-bash".into());
        }
        for machine in &work.grants.allow_ssh {
            self.option("--allow-ssh", OsStr::new(&machine.to_string()));
        }
        let files =
            [("--ssh-known-hosts", &work.grants.ssh_known_hosts), ("--ssh-key", &work.grants.ssh_key)];
        for (name, file) in files.into_iter().filter_map(|(name, file)| Some((name, file.as_ref()?))) {
            self.option(name, file.as_os_str());
        }
        self.mail(&work.grants.mail);
        if work.configuration_wait.0 != CONFIGURATION_WAIT {
            self.option("--configuration-wait", OsStr::new(&work.configuration_wait.to_string()));
        }
        for (name, wait, usual) in [
            ("--approval-wait", work.approval_wait, APPROVAL_WAIT),
            ("--signal-wait", work.signal_wait, SIGNAL_WAIT),
            ("--child-wait", work.child_wait, CHILD_WAIT),
        ] {
            if wait.0 != usual {
                self.option(name, OsStr::new(&wait.to_string()));
            }
        }
        if let Some(name) = durability::name(work.durability) {
            self.option("--durability", OsStr::new(name));
        }
        self
    }

    fn mail(&mut self, grants: &MailGrants) {
        // One with a password is none.
        if let Some(server) = grants.smtp.as_ref().filter(|text| text.parse::<MailServer>().is_ok()) {
            self.option("--smtp", OsStr::new(server));
        }
        if let Some(from) = &grants.smtp_from {
            self.option("--smtp-from", OsStr::new(from));
        }
        for sender in &grants.smtp_sender {
            self.option("--smtp-sender", OsStr::new(sender));
        }
        for domain in &grants.smtp_to {
            self.option("--smtp-to", OsStr::new(&domain.to_string()));
        }
    }

    /// The same, of this tenant.
    pub(crate) fn of(mut self, tenant: &TenantCode) -> Self {
        if tenant.as_str() != "default" {
            self.option("--tenant", OsStr::new(tenant.as_str()));
        }
        self
    }

    fn option(&mut self, name: &str, value: &OsStr) {
        // A value that begins as an option does is read as one unless it is joined.
        if value.as_encoded_bytes().starts_with(b"-") {
            let mut joined = OsString::from(format!("{name}="));
            joined.push(value);
            self.words.push(joined);
        } else {
            self.words.extend([name.into(), value.to_owned()]);
        }
    }
}

/// Why an engine did not start, with the commands that go on where journal and store do not belong together: `recover` with
/// what the work was allowed, none where nothing was to work. It would be run without permissions, and fail for good what
/// needs them.
pub(crate) fn advised(error: Error, kept: &Kept, recover: Option<&Command>) -> Error {
    let Error::Start(StartError::Mismatch { mismatch, .. }) = &error else { return error };
    let doctor = Command::new("doctor", kept);
    let go_on = mismatch.acceptable().map(|loss| {
        let loss = match loss {
            Loss::OfStore => "store",
            Loss::OfJournal => "journal",
        };
        let Some(recover) = recover else {
            return format!(
                "\nto go on without what the {loss} had: `recover` with --accept-loss {loss}, and with all that the executions \
                 there may use (--allow-net, --allow-bash, --allow-ssh, --smtp, --secrets, --trust)"
            );
        };
        let mut recover = recover.clone();
        recover.option("--accept-loss", OsStr::new(loss));
        format!("\nto go on without what the {loss} had: {recover}")
    });
    Error::Refused(format!("{error}\nto see what was found: {doctor}{}", go_on.unwrap_or_default()))
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words.iter().map(|word| quoted(word));
        let words: Vec<String> = self.variable.iter().cloned().chain(words).collect();
        f.write_str(&words.join(" "))
    }
}

/// A word as every POSIX shell reads it, in characters that a terminal only shows.
pub(crate) fn quoted(word: &OsStr) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Some(text) if crate::text::clean(text) == text => format!("'{}'", text.replace('\'', r"'\''")),
        // What cannot be shown is written in octal. A shell cuts newlines off the end of it: only a path may end in
        // one, and `/.` leads to the same folder.
        Some(_) | None => {
            let octal = |byte: &u8| match *byte {
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("\\{byte:03o}"),
            };
            let bytes: String = word.as_encoded_bytes().iter().map(octal).collect();
            if bytes.ends_with("\\012") {
                format!("\"$(printf '{bytes}/.')\"")
            } else {
                format!("\"$(printf '{bytes}')\"")
            }
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    use super::*;

    #[cfg(feature = "mongodb")]
    fn kept(store: &str) -> Kept {
        let line = ["updraft", "list", "--data", "my data", "--store", store];
        let cli = <crate::options::Cli as clap::Parser>::try_parse_from(line).unwrap();
        let crate::options::Command::List(list) = cli.command else { panic!("another command") };
        Kept::of(&list.data).unwrap()
    }

    #[cfg(feature = "mongodb")]
    #[test]
    fn the_store_is_named_and_its_password_never() {
        let told = |store| Command::new("recover", &kept(store)).to_string();
        assert_eq!(told("embedded"), "updraft recover --data 'my data'");
        let server = "mongodb://a:1,b:2/soar?replicaSet=rs0&w=1";
        assert_eq!(told(server), format!("updraft recover --data 'my data' --store '{server}'"));
        let command = told("mongodb://bob:s3cr%40t@a/soar");
        assert!(
            !command.contains("s3cr") && command.ends_with("\" updraft recover --data 'my data'"),
            "{command}"
        );
        // Pasted where the variable is not set, it says what is missing, and does nothing else.
        let mut shell = std::process::Command::new("sh");
        let pasted = shell.args(["-c", &command]).env_remove(STORE).output().unwrap();
        let said = String::from_utf8(pasted.stderr).unwrap();
        assert!(said.contains("is the address of the store, which has a password"), "{said}");
    }

    /// What a shell makes of a word.
    fn read(word: &str) -> Vec<u8> {
        let script = format!("printf %s {word}");
        std::process::Command::new("sh").args(["-c", &script]).output().unwrap().stdout
    }

    #[test]
    fn a_shell_reads_every_word_as_it_was() {
        let words: [&[u8]; 12] = [
            b"data",
            b"",
            b"my data",
            b"it's; rm -rf /",
            b"$(id) `id` \"$HOME\" \\n !x",
            b"~/x*?[a]",
            "ü🦀".as_bytes(),
            b"\x1b[2Jx",
            b"a\nb\tc",
            b"\xff\xfe",
            "\u{202e}x\u{9b}".as_bytes(),
            b"100%s\\033",
        ];
        for word in words {
            let quoted = quoted(OsStr::from_bytes(word));
            assert_eq!(read(&quoted), word, "{quoted}");
            assert!(!quoted.chars().any(char::is_control), "{quoted:?}");
        }
    }

    #[test]
    fn a_folder_whose_name_ends_a_line_is_still_the_same_folder() {
        let quoted = quoted(&OsString::from_vec(b"data\n".to_vec()));
        assert_eq!(read(&quoted), b"data\n/.");
    }
}
