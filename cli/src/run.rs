//! `updraft run`: a playbook, checked with all that it is given before anything is stored, run to its end.

use updraft::limits::{INPUT_BYTES, KEY_BYTES};
use updraft::{
    Builder, Engine, ExecutionId, Inspection, Name, Plan, Playbook, PlaybookChoice, Refusal, Submission,
    SubmitError, TenantCode, Value,
};

use crate::data::{self, Kept};
use crate::exit::{Ending, Error};
use crate::follow::follow;
use crate::input;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::nesting::Nesting;
use crate::options::{Endpoint, Run, Variable};
use crate::output::Output;
use crate::playbook::{self, with_way};
use crate::progress::Progress;

/// A run that can begin.
pub(crate) struct Prepared {
    pub(crate) builder: Builder,
    pub(crate) kept: Kept,
    pub(crate) tenant: TenantCode,
    pub(crate) playbook: Playbook,
    pub(crate) submission: Submission,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
    pub(crate) json: bool,
    /// How an interrupted run goes on.
    pub(crate) hint: Option<String>,
}

impl Prepared {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every mistake, one a line, each with its place.
    pub(crate) async fn new(options: Run) -> Result<Self, Error> {
        let kept = Kept::of(&options.data)?;
        let builder = data::builder(&kept, &options.work)?;
        let mut mistakes = Vec::new();
        let playbook = playbook::read(&options.playbook, &builder, &options.tenant).await;
        let (playbook, plan) = playbook.map_err(|found| mistakes.extend(found)).ok().unzip();
        let input = options.input.as_deref().map_or(Ok(Value::Null), input::json);
        let input = input.map_err(|mistake| mistakes.push(mistake)).unwrap_or_default();
        mistakes.extend(beyond(&options, &input));
        mistakes.extend(playbook.as_ref().into_iter().flat_map(|playbook| unknown(&options, playbook)));
        mistakes.extend(plan.as_ref().into_iter().flat_map(|plan| misplaced(&options, plan)));
        mistakes.extend(
            plan.as_ref().zip(playbook.as_ref()).and_then(|(plan, book)| lacking(&options, plan, book)),
        );
        let Some(playbook) = playbook.filter(|_| mistakes.is_empty()) else {
            return Err(Error::Refused(mistakes.join("\n")));
        };
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
        if let Some(uid) = options.uid {
            submission = submission.uid(uid);
        }
        if let Some(key) = &options.key {
            submission = submission.idempotency_key(key).on_reuse(options.on_reuse);
        }
        let (tenant, json, hint) = (options.tenant, options.json, Some(kept.hint()));
        Ok(Self { builder, kept, tenant, playbook, submission, key: options.key, json, hint })
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
        let watch = Watch { tenant: &self.tenant, key: self.key.as_deref(), json: self.json, screen };
        let followed = watch.run(&engine, self.playbook, self.submission, interrupt).await;
        data::close(&engine).await;
        drop(engine);
        let (peid, progress) = match followed? {
            Followed::Ended(ending) => return Ok(ending),
            Followed::Interrupted(peid, progress) => (peid, progress),
        };
        let inspection = data::read_back(&self.kept, &self.tenant, peid).await?;
        let ending = watch.tell(&inspection, *progress)?;
        if let Some(hint) = self.hint.filter(|_| ending == Ending::Interrupted) {
            screen.say(&hint);
        }
        Ok(ending)
    }
}

/// How far an execution was followed.
enum Followed {
    Ended(Ending),
    Interrupted(ExecutionId, Box<Progress>),
}

/// Whose execution is watched, and how.
struct Watch<'a> {
    tenant: &'a TenantCode,
    key: Option<&'a str>,
    json: bool,
    screen: &'a Screen,
}

impl Watch<'_> {
    /// Begins an execution and follows it.
    async fn run(
        &self,
        engine: &Engine,
        playbook: Playbook,
        submission: Submission,
        interrupt: &mut Interrupt,
    ) -> Result<Followed, Error> {
        let resumed = engine.recovered().resumed;
        if resumed > 0 {
            self.screen.say(&format!("{resumed} unfinished executions of the store go on beside it"));
        }
        let pid = engine.playbooks().put(self.tenant, playbook.clone()).await?;
        let submitted = engine.submit(submission).await;
        let handle = submitted.map_err(|error| self.refused(error, &playbook.name))?;
        if let Some(key) = self.key.filter(|_| handle.reused()) {
            self.screen
                .say(&format!("--key {key}: execution {} has this key; nothing is run anew", handle.peid()));
        }
        let head = handle.inspect().await?.execution.head.clone();
        let playbook = if head.pid == pid {
            Some(playbook)
        } else {
            // The key was used before, for another version.
            let stored = engine.playbooks().get(self.tenant, head.pid).await?;
            stored.and_then(|stored| Playbook::parse(stored.definition.as_str().as_bytes()).ok())
        };
        let nesting = playbook.as_ref().map(Nesting::of).unwrap_or_default();
        let mut progress = Progress::new(nesting, self.json, self.screen);
        let (name, version, peid) = (&head.playbook_name, head.playbook_version, handle.peid());
        progress.begin(&format!("{name} version {version}, execution {peid}"));
        match follow(engine, &handle, &mut progress, interrupt, self.screen).await? {
            Some(inspection) => self.tell(&inspection, progress).map(Followed::Ended),
            None => Ok(Followed::Interrupted(peid, Box::new(progress))),
        }
    }

    /// Why it was not accepted, in the words of the command line.
    fn refused(&self, error: SubmitError, playbook: &Name) -> Error {
        match (&error.refusal, self.key) {
            (Refusal::KeyReused { peid }, Some(key)) => Error::Refused(format!(
                "--key {key}: execution {peid} of playbook {playbook} has this key, with another --input or other --var; \
                 use another key, or `--on-reuse return-first` to be shown that execution"
            )),
            (Refusal::Missing(missing), _) => {
                let missing: Vec<String> =
                    missing.iter().map(|mistake| with_way(&mistake.to_string())).collect();
                Error::Refused(missing.join("\n"))
            }
            _ => error.into(),
        }
    }

    /// Shows where it stands at last.
    fn tell(&self, inspection: &Inspection, progress: Progress) -> Result<Ending, Error> {
        let shown = progress.end(inspection);
        if self.json {
            // Where standard error was lost, the result is not.
            let mut output = Output::stdout();
            output.whole(inspection);
            output.finish()?;
        } else {
            shown?;
        }
        Ok(Ending::of(inspection.execution.state.execution_status))
    }
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
