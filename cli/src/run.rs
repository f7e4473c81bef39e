//! `updraft run`: a playbook, checked with all that it is given before anything is stored, run to its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use updraft::limits::{INPUT_BYTES, KEY_BYTES};
use updraft::{Builder, Plan, Playbook, PlaybookChoice, Resume, Submission, TenantCode, Value};

use crate::ask::{Answering, is_somebody_there};
use crate::cacao;
use crate::command::{Command, advised};
use crate::data::{self, Kept};
use crate::exit::{Ending, Error};
use crate::input;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::{Endpoint, Run, Variable};
use crate::playbook;
use crate::remains::remains;
use crate::watch::{Beginning, Watch, Watched};

/// What is said of an execution at a signal where the store does not have all of it.
const UNSTORED: &str = "where it stands is in the journal; the store does not have all of it yet";
/// What is said at a signal before anything was submitted.
const NOT_BEGUN: &str = "interrupted: nothing was begun";
/// What is said at a signal of a run whose data does not stay.
const INTERRUPTED: &str = "interrupted";

/// A run that can begin.
pub(crate) struct Prepared {
    pub(crate) builder: Builder,
    pub(crate) kept: Kept,
    pub(crate) tenant: TenantCode,
    pub(crate) beginning: Beginning,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
    /// Who runs it.
    pub(crate) uid: Option<String>,
    /// The groups that this person is in.
    pub(crate) groups: Vec<Arc<str>>,
    pub(crate) json: bool,
    /// How what is left in this place goes on.
    pub(crate) recover: Command,
    /// Whether the place stays when the program has ended.
    pub(crate) stays: bool,
}

impl Prepared {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every mistake, one a line, each with its place.
    pub(crate) async fn new(mut options: Run, screen: &Screen) -> Result<Self, Error> {
        let kept = Kept::of(&options.data)?;
        let files = [&options.playbook].into_iter().chain(&options.sub);
        let with_secrets: Vec<_> = files.filter(|file| !cacao::secrets(file).is_empty()).cloned().collect();
        options.work.grants.secrets_of.extend(with_secrets);
        // What others left there is not this command's to run: with other permissions it might fail.
        let builder = data::builder(&kept, &options.work)?.resume(Resume::Nothing);
        let recover = Command::new("recover", &kept).working(&options.work);
        let mut mistakes = Vec::new();
        let mut notes = Vec::new();
        let mut read = async |path: &PathBuf| match playbook::read(path, &builder, &options.tenant).await {
            Ok(checked) => {
                notes.extend(checked.notes.iter().map(|note| format!("{}: {note}", path.display())));
                Some((checked.playbook, checked.plan))
            }
            Err(found) => {
                mistakes.extend(found);
                None
            }
        };
        let (playbook, plan) = read(&options.playbook).await.unzip();
        for name in options
            .var
            .iter_mut()
            .map(|var| &mut var.name)
            .chain(options.endpoint.iter_mut().map(|end| &mut end.name))
        {
            playbook.iter().for_each(|playbook| cacao::name_variable(playbook, name));
        }
        let mut subs = Vec::new();
        for path in &options.sub {
            subs.extend(read(path).await.map(|(sub, _)| sub));
        }
        let input = options.input.as_deref().map_or(Ok(Value::Null), input::json);
        let input = input.map_err(|mistake| mistakes.push(mistake)).unwrap_or_default();
        mistakes.extend(given_wrongly(&options, &input, playbook.as_ref().zip(plan.as_ref())));
        let Some(playbook) = playbook.filter(|_| mistakes.is_empty()) else {
            return Err(Error::Refused(mistakes.join("\n")));
        };
        notes.iter().for_each(|note| screen.say(note));
        marked(&options.playbook, &playbook).iter().for_each(|mark| screen.say(mark));
        let choice = PlaybookChoice::Named(playbook.name.clone(), Some(playbook.version));
        let mut submission = Submission::new(options.tenant.clone(), choice).input(input);
        for variable in options.var {
            submission = submission.variable(variable.name, variable.value);
        }
        for endpoint in options.endpoint {
            submission = submission.endpoint(endpoint.name, endpoint.place);
        }
        if let Some(alert_id) = options.alert_id {
            submission = submission.alert_id(alert_id);
        }
        if let Some(uid) = &options.uid {
            submission = submission.uid(uid.clone());
        }
        if let Some(key) = &options.key {
            submission = submission.idempotency_key(key).on_reuse(options.on_reuse);
        }
        if options.no_cache {
            submission = submission.no_cache();
        }
        let (tenant, json, key) = (options.tenant, options.json, options.key);
        let (uid, groups) = (options.uid, options.groups);
        let (playbook, submission) = (Box::new(playbook), Box::new(submission));
        let beginning = Beginning::Submit { playbook, subs, submission };
        Ok(Self { builder, kept, tenant, beginning, key, uid, groups, json, recover, stays: true })
    }

    /// Runs it to its end, and tells.
    pub(crate) async fn run(self, screen: &Screen) -> Result<Ending, Error> {
        let mut interrupt = Interrupt::listen(screen)?;
        self.conduct(&mut interrupt, screen).await
    }

    /// The same, with an ear for interruptions that others have too.
    pub(crate) async fn conduct(self, interrupt: &mut Interrupt, screen: &Screen) -> Result<Ending, Error> {
        let go_on = format!("go on with: {}", self.recover);
        let started = data::start(self.builder, interrupt, screen).await;
        let Some(engine) = started.map_err(|error| advised(error, &self.kept, Some(&self.recover)))? else {
            screen.say(NOT_BEGUN);
            return Ok(Ending::Interrupted);
        };
        if self.stays {
            interrupt.last_words(go_on.clone());
        }
        let (tenant, key) = (&self.tenant, self.key.as_deref());
        let command = Command::new("answer", &self.kept).of(tenant).to_string();
        let is_asked_here = !self.json && is_somebody_there();
        let (uid, groups) = (self.uid.as_deref(), &self.groups[..]);
        let answering = Answering { command: &command, uid, groups, is_asked_here };
        let watch = Watch { tenant, key, json: self.json, go_on: &go_on, answering: &answering, screen };
        let mut watched = watch.run(&engine, self.beginning, interrupt).await;
        if let (Ok(Watched::Ended(ending)), true) = (&watched, self.stays) {
            watched = remains(&engine, *ending, &go_on, interrupt, screen).await.map(Watched::Ended);
        }
        let stored = data::close(&engine, interrupt, screen).await;
        drop(engine);
        let (peid, progress, stored) = match watched? {
            Watched::Ended(ending) => {
                if ending == Ending::Interrupted {
                    screen.say(&go_on);
                }
                return Ok(ending);
            }
            Watched::NotBegun => return Ok(Ending::Interrupted),
            Watched::Left { peid, progress, stored: was } => (peid, *progress, stored && was),
        };
        let hint = || screen.say(if self.stays { &go_on } else { INTERRUPTED });
        if !stored {
            // Asked again, the store would not answer either.
            progress.leave(UNSTORED);
            hint();
            return Ok(Ending::Interrupted);
        }
        let inspection = data::read_back(&self.kept, &self.tenant, peid).await.inspect_err(|_| hint())?;
        let ending = watch.tell(&inspection, progress)?;
        if ending == Ending::Interrupted {
            hint();
        }
        Ok(ending)
    }
}

/// How the playbook of a file is marked.
fn marked(file: &Path, playbook: &Playbook) -> Vec<String> {
    playbook.markings.iter().map(|mark| format!("{}: marked {mark}", file.display())).collect()
}

/// What is wrong with what is given beside the playbook.
pub(crate) fn given_wrongly(
    options: &Run,
    input: &Value,
    checked: Option<(&Playbook, &Plan)>,
) -> Vec<String> {
    let mut mistakes = beyond(options, input);
    if let Some((playbook, plan)) = checked {
        mistakes.extend(unknown(options, playbook));
        mistakes.extend(misplaced(options, plan));
        mistakes.extend(lacking(options, plan, playbook));
    }
    mistakes
}

/// What the engine would not accept whatever the playbook says.
fn beyond(options: &Run, input: &Value) -> Vec<String> {
    let keys = [("--alert-id", &options.alert_id), ("--uid", &options.uid), ("--key", &options.key)];
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
    let variables = options.var.iter().map(|variable| ("--var", &variable.name));
    let endpoints = options.endpoint.iter().map(|endpoint| ("--endpoint", &endpoint.name));
    let unknown = variables.chain(endpoints).filter(|(_, name)| !playbook.variables.contains_key(*name));
    unknown.map(|(option, name)| {
        if playbook.constants.contains_key(name) {
            return format!("{option} {name}: it is a constant of the playbook, whose value nothing changes");
        }
        let known: Vec<&str> = playbook.variables.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        format!("{option} {name}: the playbook has no such variable; it has {known}")
    })
}

/// What is given for variables that say where the playbook connects to, and is not so marked, or no place.
fn misplaced<'a>(options: &'a Run, plan: &'a Plan) -> impl Iterator<Item = String> + 'a {
    let unmarked = options.var.iter().filter(|variable| plan.connects_to(&variable.name));
    let unmarked = unmarked.map(|Variable { name, .. }| {
        format!("--var {name}: the playbook connects to it; write `--endpoint {name}=URL`")
    });
    let no_place = options.endpoint.iter().filter_map(|Endpoint { name, place }| {
        let mistake = plan.check_endpoint(name, &place.as_str().into()).err()?;
        Some(format!("--endpoint {name}: {mistake}"))
    });
    unmarked.chain(no_place)
}

/// The place to connect to that nobody gives.
fn lacking(options: &Run, plan: &Plan, playbook: &Playbook) -> Option<String> {
    let given = |name: &str| options.endpoint.iter().any(|endpoint| endpoint.name == name);
    let name = plan.lacks_endpoint(|name| playbook.variables.get(name).filter(|_| !given(name)))?;
    let marked = !options.var.iter().any(|variable| variable.name == name);
    marked.then(|| {
        format!(
            "variables.{name}: the playbook connects to it, and it is null; write `--endpoint {name}=URL`"
        )
    })
}
