//! `updraft run --dry-run`: a playbook run without a network, as far as there are answers. Owns who answers first, and what is told;
//! nothing is stored.

mod reads;
mod told;

use std::sync::Arc;
use std::time::Duration;

use updraft::{Catalogue, Clock, Effect, ExecutionId, SystemClock, TenantCode, Value};
use updraft_replay::answers::{
    Answers, CallMade, ChildMade, ChildReport, GivenOutcome, QuestionAsked, Reaction, ReadCall,
    SignalAwaited, SignalGiven,
};
use updraft_replay::file::{AnswerScript, WrittenAnswers};
use updraft_replay::plans::RunPlans;
use updraft_replay::recorded::{Recording, Replayed};
use updraft_replay::start::Start;
use updraft_replay::trace::{RunTrace, TraceEnd};

use crate::cacao;
use crate::data;
use crate::declared;
use crate::exit::{Ending, Error};
use crate::input;
use crate::network;
use crate::options::{MailGrants, Run};
use crate::output::Output;
use crate::playbook;
use crate::reading::Reading;
use crate::run::given_wrongly;
use reads::RealReads;

/// Runs it, and tells.
pub(crate) async fn dry_run(mut options: Run) -> Result<Ending, Error> {
    let allowed = network::allowed(&options.work.grants.allow_net, &options.data.data)?;
    let mut grants = options.work.grants.clone();
    if options.dry_run.allow_reads {
        // Nothing else needs a credential.
        let files = [&options.playbook].into_iter().chain(&options.sub).cloned();
        grants.secrets_of.extend(files.filter(|file| !cacao::secrets(file).is_empty()));
        cacao::agree(&grants.secrets_of)?;
    }
    // Commands of shells are never run, and no mail is sent: they are declared, whatever is allowed.
    (grants.allow_bash, grants.ssh_known_hosts) = (false, None);
    grants.mail = MailGrants::default();
    let tools = declared::add(data::tools(allowed, &grants)?, options.dry_run.integrations.as_deref())?;
    let plans = playbook::plans(&options.playbook, &options.sub, &tools).await;
    let (playbook, plans) = plans.map_err(|mistakes| Error::Refused(mistakes.join("\n")))?;
    let variables = options.var.iter_mut().map(|given| &mut given.name);
    variables.chain(options.endpoint.iter_mut().map(|given| &mut given.name)).for_each(|name| {
        cacao::name_variable(&playbook, name);
    });
    let input = options.input.as_deref().map_or(Ok(Value::Null), input::json).map_err(Error::Refused)?;
    let checked = plans.main().map(|main| (&playbook, &*main.plan));
    let mistakes = given_wrongly(&options, &input, checked);
    if !mistakes.is_empty() {
        return Err(Error::Refused(mistakes.join("\n")));
    }
    let written = written(&options, &plans)?;
    let recording = match options.dry_run.answers_of {
        Some(peid) => Some(recorded(&options, peid, &plans).await?),
        None => None,
    };
    let mut start = Start::new(options.tenant.clone(), input, SystemClock.now());
    start.variables = options.var.iter().map(|given| (given.name.clone(), given.value.clone())).collect();
    let places = options.endpoint.iter().map(|given| (given.name.clone(), given.place.as_str().into()));
    start.variables.extend(places);
    start.uid = options.uid.as_deref().map(Arc::from);
    start.alert_id = options.alert_id.as_deref().map(Arc::from);
    let mut answers = Given {
        script: AnswerScript::new(&written),
        replayed: recording.as_ref().map(Replayed::new),
        examples: options.dry_run.examples.then(|| tools.catalogue()).transpose()?,
        // Without the option there is nothing that could reach a tool.
        reads: options.dry_run.allow_reads.then(|| RealReads::new(&tools, &options.tenant, &plans)),
    };
    // A read that is made for real is waited for.
    let trace = tokio::task::block_in_place(|| updraft_replay::run(&plans, &start, &mut answers));
    let unused = answers.script.unused();
    let mut output = Output::stdout();
    if options.json {
        output.json(&told::ToldRun::of(&playbook, &trace, &unused));
    } else {
        told::print((&playbook, plans.names()), &trace, &unused, &mut output);
    }
    output.finish()?;
    ending(&trace)
}

/// How it is told to whoever called the program.
fn ending(trace: &RunTrace) -> Result<Ending, Error> {
    match &trace.end {
        TraceEnd::Ended(status) => Ok(Ending::of(*status)),
        TraceEnd::NeedsAnswer => Ok(Ending::Unanswered),
        TraceEnd::Refused(mistakes) => Err(Error::Refused(mistakes.join("\n"))),
        TraceEnd::Beyond(why) => Err(Error::Failed((*why).to_owned())),
    }
}

/// The answers of the file.
fn written(options: &Run, plans: &RunPlans) -> Result<WrittenAnswers, Error> {
    let Some(path) = &options.dry_run.answers else { return Ok(WrittenAnswers::default()) };
    let refused = |mistakes: Vec<String>| {
        let lines: Vec<String> =
            mistakes.iter().map(|mistake| format!("{}: {mistake}", path.display())).collect();
        Error::Refused(lines.join("\n"))
    };
    let bytes = input::bytes(path, updraft::limits::TEST_FILE_BYTES)
        .map_err(|error| Error::refused(path.display(), error))?;
    let written = WrittenAnswers::read(&bytes).map_err(refused)?;
    let unknown = written.unknown_steps(&bytes, plans);
    if unknown.is_empty() { Ok(written) } else { Err(refused(unknown)) }
}

async fn recorded(options: &Run, peid: ExecutionId, plans: &RunPlans) -> Result<Recording, Error> {
    let reading = Reading::open(&options.data).await?;
    let recording = recording(&reading, &options.tenant, peid, plans).await;
    reading.close().await;
    recording?.ok_or_else(|| nowhere(&options.tenant, peid))
}

/// There is no such execution of this tenant.
pub(crate) fn nowhere(tenant: &TenantCode, peid: ExecutionId) -> Error {
    Error::Failed(format!("tenant {tenant} has no execution {peid}"))
}

/// An execution with its tasks and those of its sub-playbooks, as stored, in the words of these playbooks; `None` where the
/// tenant has none.
pub(crate) async fn recording(
    reading: &Reading,
    tenant: &TenantCode,
    peid: ExecutionId,
    plans: &RunPlans,
) -> Result<Option<Recording>, Error> {
    let Some(found) = reading.execution(tenant, peid).await? else { return Ok(None) };
    let mut recording = Recording::new(found.execution, found.tasks, plans.names().clone());
    let mut from = 0;
    // Each round adds the sub-playbooks of those that the last one has added.
    loop {
        let children = recording.children(from);
        from = recording.tasks.len();
        if children.is_empty() || from > updraft::limits::DRY_RUN_TASKS {
            return Ok(Some(recording));
        }
        for (within, child) in children {
            if let Some(found) = reading.execution(tenant, child).await? {
                recording.add(&within, found.tasks);
            }
        }
    }
}

/// Who answers a dry run: the file first, then the recording, then the examples.
struct Given<'a> {
    script: AnswerScript<'a>,
    replayed: Option<Replayed<'a>>,
    /// Where actions declare examples, if these may answer.
    examples: Option<Catalogue>,
    /// Makes the calls that only read, where that is allowed.
    reads: Option<RealReads>,
}

impl Given<'_> {
    fn example(&self, call: &CallMade) -> Option<GivenOutcome> {
        let spec = self.examples.as_ref()?.spec(&call.integration, call.action.as_str());
        Some(GivenOutcome { outcome: Ok(spec.example?), after: Duration::ZERO, from: "example".into() })
    }
}

impl Answers for Given<'_> {
    fn call(&mut self, call: &CallMade) -> Option<GivenOutcome> {
        let given = self.script.call(call).or_else(|| self.replayed.as_mut()?.call(call));
        // What may be read for real needs no example.
        let is_read = self.reads.is_some() && call.effect == Effect::Read;
        given.or_else(|| self.example(call).filter(|_| !is_read))
    }

    fn read(&mut self, call: ReadCall) -> Option<GivenOutcome> {
        self.reads.as_ref().map(|reads| reads.make(&call))
    }

    fn question(&mut self, asked: &QuestionAsked) -> Option<Reaction> {
        self.script.question(asked).or_else(|| self.replayed.as_mut()?.question(asked))
    }

    fn signal(&mut self, awaited: &SignalAwaited) -> Option<SignalGiven> {
        self.script.signal(awaited).or_else(|| self.replayed.as_mut()?.signal(awaited))
    }

    fn child(&mut self, child: &ChildMade) -> Option<(ChildReport, Duration)> {
        self.script.child(child).or_else(|| self.replayed.as_mut()?.child(child))
    }
}
