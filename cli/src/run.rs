//! `updraft run`: a playbook, checked with all that it is given before anything is stored, run to its end.

use std::path::PathBuf;

use serde_json::Value;
use updraft::limits::{INPUT_BYTES, KEY_BYTES};
use updraft::{Builder, Engine, Handle, Inspection, Playbook, PlaybookChoice, Submission, TenantCode};

use crate::data;
use crate::exit::{Ending, Error};
use crate::follow::follow;
use crate::input;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::nesting::Nesting;
use crate::options::Run;
use crate::output::Output;
use crate::playbook;
use crate::progress::Progress;

/// A run that can begin.
pub(crate) struct Prepared {
    pub(crate) builder: Builder,
    pub(crate) data: PathBuf,
    pub(crate) tenant: TenantCode,
    pub(crate) playbook: Playbook,
    pub(crate) submission: Submission,
    pub(crate) json: bool,
    /// How an interrupted run goes on.
    pub(crate) hint: Option<String>,
}

impl Prepared {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every mistake, one a line, each with its place.
    pub(crate) fn new(options: Run) -> Result<Self, Error> {
        let builder = data::builder(&options.data.data, &options.work)?;
        let mut mistakes = Vec::new();
        let playbook = playbook::read(&options.playbook, &builder.catalogue()?);
        let playbook = playbook.map_err(|found| mistakes.extend(found)).ok();
        let input = options.input.as_deref().map_or(Ok(Value::Null), input::json);
        let input = input.map_err(|mistake| mistakes.push(mistake)).unwrap_or_default();
        mistakes.extend(beyond(&options, &input));
        mistakes.extend(playbook.as_ref().into_iter().flat_map(|playbook| unknown(&options, playbook)));
        let Some(playbook) = playbook.filter(|_| mistakes.is_empty()) else {
            return Err(Error::Refused(mistakes.join("\n")));
        };
        let choice = PlaybookChoice::Named(playbook.name.clone(), Some(playbook.version));
        let mut submission = Submission::new(options.tenant.clone(), choice).input(input);
        for variable in options.var {
            submission = submission.variable(variable.name, variable.value);
        }
        if let Some(alert_id) = options.alert_id {
            submission = submission.alert_id(alert_id);
        }
        if let Some(key) = options.key {
            submission = submission.idempotency_key(key);
        }
        let (data, tenant, json) = (options.data.data, options.tenant, options.json);
        let hint = Some(format!("go on with: updraft resume --data {}", data.display()));
        Ok(Self { builder, data, tenant, playbook, submission, json, hint })
    }

    /// Runs it to its end, and tells.
    pub(crate) async fn run(self, screen: &Screen) -> Result<Ending, Error> {
        let mut interrupt = Interrupt::listen()?;
        self.conduct(&mut interrupt, screen).await
    }

    /// The same, with an ear for interruptions that others have too.
    pub(crate) async fn conduct(self, interrupt: &mut Interrupt, screen: &Screen) -> Result<Ending, Error> {
        let Some(engine) = data::start(self.builder, interrupt).await? else {
            return Ok(Ending::Interrupted);
        };
        let (data, tenant, json) = (self.data, self.tenant, self.json);
        let work = Work { engine: &engine, tenant: &tenant, json, screen };
        let done = work.begin(self.playbook, self.submission).await;
        let done = match done {
            Ok((handle, mut progress)) => {
                let followed = follow(&engine, &handle, &mut progress, interrupt, screen).await;
                followed.map(|inspection| (handle.peid(), progress, inspection))
            }
            Err(error) => Err(error),
        };
        let (peid, mut progress, inspection) = match done {
            Ok(done) => done,
            Err(error) => {
                data::close(&engine).await;
                return Err(error);
            }
        };
        let told = inspection.as_ref().map(|inspection| tell(inspection, &mut progress, json));
        data::close(&engine).await;
        drop(engine);
        match (told, inspection) {
            (Some(told), Some(inspection)) => {
                told?;
                Ok(Ending::of(inspection.execution.state.execution_status))
            }
            _ => {
                let inspection = data::read_back(&data, &tenant, peid).await?;
                tell(&inspection, &mut progress, json)?;
                let status = inspection.execution.state.execution_status;
                if let Some(hint) = self.hint.filter(|_| !status.ended()) {
                    screen.say(&hint);
                }
                Ok(Ending::of(status))
            }
        }
    }
}

/// What an accepted run needs on its way.
struct Work<'a> {
    engine: &'a Engine,
    tenant: &'a TenantCode,
    json: bool,
    screen: &'a Screen,
}

impl Work<'_> {
    /// Puts the playbook and submits.
    async fn begin(&self, playbook: Playbook, submission: Submission) -> Result<(Handle, Progress), Error> {
        let resumed = self.engine.recovered().resumed;
        if resumed > 0 {
            self.screen
                .say(&format!("{resumed} unfinished executions of the data directory go on beside it"));
        }
        let pid = self.engine.playbooks().put(self.tenant, playbook.clone()).await?;
        let handle = self.engine.submit(submission).await?;
        let head = handle.inspect().await?.execution.head.clone();
        let playbook = if head.pid == pid {
            Some(playbook)
        } else {
            // The key was used for another playbook before.
            let stored = self.engine.playbooks().get(self.tenant, head.pid).await?;
            stored.and_then(|stored| Playbook::parse(stored.definition.as_str().as_bytes()).ok())
        };
        let nesting = playbook.as_ref().map(Nesting::of).unwrap_or_default();
        let mut progress = Progress::new(nesting, self.json, self.screen);
        let (name, version, peid) = (&head.playbook_name, head.playbook_version, handle.peid());
        progress.begin(&format!("{name} version {version}, execution {peid}"))?;
        Ok((handle, progress))
    }
}

/// Shows where it stands at last.
fn tell(inspection: &Inspection, progress: &mut Progress, json: bool) -> Result<(), Error> {
    progress.end(inspection)?;
    if json { Output::stdout().whole(inspection) } else { Ok(()) }
}

/// What the engine would not accept whatever the playbook says.
fn beyond(options: &Run, input: &Value) -> Vec<String> {
    let keys = [("--alert-id", &options.alert_id), ("--key", &options.key)];
    let fits = |key: &String| (1..=KEY_BYTES).contains(&key.len());
    let keys = keys.into_iter().filter(|(_, key)| !key.as_ref().is_none_or(fits));
    let mut mistakes: Vec<String> =
        keys.map(|(place, _)| format!("{place}: 1 to {KEY_BYTES} bytes are allowed")).collect();
    let bytes = input.to_string().len();
    if bytes > INPUT_BYTES {
        mistakes.push(format!("--input: {bytes} bytes; at most {INPUT_BYTES} are allowed"));
    }
    mistakes
}

/// The variables that the playbook does not have.
fn unknown<'a>(options: &'a Run, playbook: &'a Playbook) -> impl Iterator<Item = String> + 'a {
    let unknown = options.var.iter().filter(|variable| !playbook.variables.contains_key(&variable.name));
    unknown.map(|variable| {
        let known: Vec<&str> = playbook.variables.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        format!("--var {}: the playbook has no such variable; it has {known}", variable.name)
    })
}
