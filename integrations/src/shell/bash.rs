//! The integration `bash`: runs commands on this machine, as the user that the engine runs as.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tokio::process::Command;
use tokio::sync::Semaphore;
use updraft_protocol::limits::SHELL_PROCESSES;
use updraft_protocol::{ActionSpec, Answer, Argument, Call, Effect, Failure, Flaw, Integration, Json, Value};

use super::{LANG, PATH, failure, process};

/// The JSON Schema of the arguments.
static SCHEMA: LazyLock<Option<Json>> = LazyLock::new(|| Json::parse(include_str!("bash.json")).ok());

const KNOWN: [(&str, Argument); 4] = [
    ("command", Argument::Command),
    ("directory", Argument::Option),
    ("secrets", Argument::Secrets),
    ("expect", Argument::Option),
];

/// Runs commands on this machine by `bash -c`. Action: `run`.
///
/// # Arguments
///
/// | argument | meaning | default |
/// | --- | --- | --- |
/// | `command` | the command; each value in it is one quoted word | needed |
/// | `directory` | where it runs, from the root | `/` |
/// | `secrets` | map of names of environment variables to secrets, which the command reads: `"$TOKEN"` | none |
/// | `expect` | the exit codes of success | `[0]` |
///
/// # Output
///
/// `{"exit_code": 0, "stdout": "…", "stderr": "…", "note": "…"}`: the first [`SHELL_OUTPUT_BYTES`] of the output and the last
/// [`SHELL_ERROR_BYTES`] of the messages; `note` says what is left out, and what is not UTF-8.
///
/// # Guarantees and limits
///
/// * The command has no input, no files of a login, and of the environment `PATH`, `LANG`, `HOME` and its secrets alone.
/// * It is a process group of its own. When it ends, when its time is over, when its execution is cancelled, all of the group is
///   killed: nothing of it runs on, but for what has made itself a session of its own (`setsid`).
/// * Another exit code than expected is [`FailureKind::Status`](updraft_protocol::FailureKind::Status), not retried, with the
///   end of the messages. The command ran, so that it may have acted. Where `bash` does not start, it has not.
/// * At most [`SHELL_PROCESSES`] commands run at once; the others wait, which is no part of an attempt's time.
///
/// [`SHELL_OUTPUT_BYTES`]: updraft_protocol::limits::SHELL_OUTPUT_BYTES
/// [`SHELL_ERROR_BYTES`]: updraft_protocol::limits::SHELL_ERROR_BYTES
#[derive(Debug)]
pub struct BashIntegration {
    places: Semaphore,
    home: PathBuf,
}

impl BashIntegration {
    /// Whose commands have this home directory.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self { places: Semaphore::new(SHELL_PROCESSES), home: home.into() }
    }

    async fn run(&self, mut call: Call) -> Result<Json, Failure> {
        let arguments = call.arguments.take();
        let Value::String(text) = &arguments["command"] else {
            return Err(failure::invalid("command", "a text is needed"));
        };
        let directory = arguments["directory"].as_str().unwrap_or("/");
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-c", "--"]).arg(text).current_dir(directory).env_clear();
        for secret in &call.secrets {
            if let Some(name) = secret.reference.place.strip_prefix("/secrets/") {
                command.env(name, secret.text());
            }
        }
        command.env("PATH", PATH).env("LANG", LANG).env("HOME", &self.home);
        let place = self.places.acquire().await;
        if !call.sending.begin() {
            return Err(failure::withdrawn());
        }
        let ran = process::run(&mut command, &[]).await;
        drop(place);
        failure::judged("bash", ran.map_err(|error| failure::not_started("bash", &error))?, &arguments)
    }
}

impl Integration for BashIntegration {
    fn actions(&self) -> &[&str] {
        &["run"]
    }

    fn spec(&self, _action: &str) -> ActionSpec {
        ActionSpec {
            schema: SCHEMA.clone(),
            arguments: &KNOWN,
            takes_secrets: true,
            effect: Effect::Write,
            says_sending: true,
            ..ActionSpec::default()
        }
    }

    fn check(&self, _action: &str, arguments: &Value) -> Vec<Flaw> {
        let is_relative = arguments["directory"].as_str().is_some_and(|path| !Path::new(path).is_absolute());
        let flaw =
            || Flaw { place: "directory".to_owned(), message: "a path from the root is needed".to_owned() };
        is_relative.then(flaw).into_iter().collect()
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(self.run(call))
    }
}
