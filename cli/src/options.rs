//! Options: what the command line can say. Owns names, defaults and help; opens nothing.

mod cached;
mod connector;
mod containments;
mod convert;
mod events;
mod flow;
mod format;
mod grants;
mod graph;
mod guardrails;
mod look;
mod mail;
mod people;
mod publications;
mod rerun;
mod serve;
mod testing;
mod triggers;
mod validate;
mod which;
mod work;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use updraft::{Loss, OnReuse, TenantCode, Value, value};
use updraft_load::whole;

use crate::at::At;
use crate::exit;
use crate::stress::options::Stress;
pub(crate) use cached::{CacheCommand, ForgetAnswers};
pub(crate) use connector::{
    CallConnector, CheckConnector, ConnectorCommand, ConnectorOptions, ListConnectors,
};
pub(crate) use containments::{AskedContainment, ContainmentCommand, Containments};
pub(crate) use convert::{CacaoFile, Export, ExportForm, Import, ImportForm};
pub(crate) use events::ListEvents;
pub(crate) use flow::{
    BreakerCommand, BreakerOptions, Circuit, ForceTo, HoldScope, ListHeld, QuotaCommand, QuotaFields,
    QuotaOptions,
};
pub(crate) use format::FormatFiles;
pub(crate) use grants::Grants;
pub(crate) use graph::DrawGraph;
pub(crate) use guardrails::{By, GuardrailCommand, GuardrailOptions};
pub(crate) use look::{AskWhy, DeadLetters, Doctor, Health, List, Show, Top};
pub(crate) use mail::MailGrants;
pub(crate) use people::{
    AnswerApproval, ExtendWait, HoldExecution, PrioritiseExecution, SendSignal, ShowInbox, SkipTask,
};
pub(crate) use publications::{PublicationCommand, PublicationOptions};
pub(crate) use rerun::RerunExecution;
pub(crate) use serve::Serve;
pub(crate) use testing::{DryRun, Replay, Test};
pub(crate) use triggers::{TriggerCommand, TriggerOptions};
pub(crate) use validate::Validate;
pub(crate) use which::{CancelExecution, Fit, Which};
pub(crate) use work::Work;

/// Runs SOAR playbooks durably.
#[derive(Debug, Parser)]
#[command(name = "updraft", version, after_help = exit::HELP)]
pub(crate) struct Cli {
    /// What is logged to standard error: a level (`info`), or levels of parts (`warn,updraft=debug`).
    #[arg(long, env = "UPDRAFT_LOG", default_value = "warn", value_name = "FILTER", global = true)]
    pub(crate) log: String,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a playbook and follows it to its end.
    #[command(after_help = exit::HELP)]
    Run(Run),
    /// Goes on with all that a crash or Ctrl-C left unfinished, has undone the containments that are due, and waits for both.
    #[command(after_help = exit::HELP)]
    Recover(Recover),
    /// Checks playbooks and tells every mistake with its place.
    Validate(Validate),
    /// Brings playbooks and test cases into their layout: changes where things stand, and never what they say.
    #[command(after_help = format::HELP)]
    Fmt(FormatFiles),
    /// Draws a playbook, or an execution with how its steps went: to a file as SVG or PNG, else as text.
    Graph(DrawGraph),
    /// Lists executions, newest first.
    List(List),
    /// Shows an execution and its tasks.
    Show(Show),
    /// Lists what happened to executions: which started, wait for somebody, ended; with --follow also what happens.
    Events(ListEvents),
    /// Tells what an execution waits for, until when, and who or what ends that.
    ///
    /// Or, of all tenants, what takes long: `--waiting approval --older 1h`, `--retries 5`, `--slow`.
    Why(AskWhy),
    /// Ends an execution, or all that fit: by the engine that runs there, or without one.
    Cancel(CancelExecution),
    /// Lists the approvals that wait for people, the one whose time is over first first.
    Inbox(ShowInbox),
    /// Answers an approval that waits, by the engine that runs there.
    Answer(AnswerApproval),
    /// Gives an execution a signal, by the engine that runs there.
    Signal(SendSignal),
    /// Lists what is contained and until when; extends, keeps or undoes it, by the engine that runs there.
    Containments(Containments),
    /// Lists, sets or clears what playbooks may do, by the engine that runs there; lists what that refused, and who let pass.
    Guardrail(GuardrailOptions),
    /// Lists, sets or clears what tenants have of an engine, by the one that runs there.
    Quota(QuotaOptions),
    /// Runs an engine that fires triggers and takes webhooks, until it is stopped.
    Serve(Serve),
    /// Puts, lists, shows, pauses, resumes or removes what starts playbooks by itself, by the engine that runs there.
    Trigger(TriggerOptions),
    /// Puts, lists, pauses, resumes or removes what tells other programs the events of executions, by the engine that runs there.
    Publication(PublicationOptions),
    /// Forgets answers of tools that are kept for those who ask the same, by the engine that runs there.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Decides whether calls of a tool are made, by the engine that runs there; lists what is decided.
    Breaker(BreakerOptions),
    /// Pauses all executions of a tenant or of a playbook of it: nothing begins, and what comes is queued, until `resume-all`.
    PauseAll(HoldScope),
    /// Lets all executions go on that `pause-all` has paused.
    ResumeAll(HoldScope),
    /// Lists what `pause-all` has paused.
    Paused(ListHeld),
    /// Pauses an execution: what runs may end, nothing begins until `resume`.
    Pause(HoldExecution),
    /// Gives a queued execution another priority: it begins before those of a lower one, up to a minute later for each step.
    Prioritise(PrioritiseExecution),
    /// Ends the wait of a task before its time; an approval fails, which `--operate` is needed for.
    Skip(SkipTask),
    /// Lets the wait of a task end later or sooner: of an approval, a `wait_for`, a `delay` or a `wait_until`.
    Extend(ExtendWait),
    /// Lets a paused execution go on.
    Resume(HoldExecution),
    /// Runs an execution again that has ended, as a new one that keeps results of it.
    ///
    /// With `--where`, all that fit: those that did not complete, unless a status is said, and were not run again.
    Rerun(RerunExecution),
    /// Runs the test cases beside playbooks: without a network, each as its file says; or makes one of a past execution.
    #[command(after_help = exit::HELP)]
    Test(Box<Test>),
    /// Runs past executions through another version of their playbook, with the answers that were stored, and says what differs.
    Replay(Box<Replay>),
    /// Tells how the engine fares that runs on a data directory; exits 1 where something is wrong, or none runs.
    Health(Health),
    /// Shows how everything stands in the engine that runs on a data directory, and what limits it, live or `--once`.
    Top(Top),
    /// Says what is wrong with a data directory and its store, and what can be done; starts nothing.
    Doctor(Doctor),
    /// Lists what the store would never take, with the reasons.
    DeadLetters(DeadLetters),
    /// Runs the phishing-triage example against security tools that come with it.
    #[command(after_help = exit::HELP)]
    Demo(Demo),
    /// Puts an engine of its own under load, and reports what it takes.
    #[command(after_help = STRESS_HELP)]
    Stress(Box<Stress>),
    /// Makes a playbook of Updraft of one in another form.
    Import(Import),
    /// Makes a playbook in another form of one of Updraft.
    Export(Export),
    /// Checks connectors, lists them, and calls one by hand.
    #[command(subcommand)]
    Connector(ConnectorCommand),
    /// Prints the JSON Schema of playbooks, for editors.
    Schema,
}

/// Where executions are kept.
#[derive(Debug, Args)]
pub(crate) struct Data {
    /// The data directory: the journal, and the embedded store. One process at a time has it; `list`, `show`, `why`, `inbox`,
    /// `events`, `dead-letters`, `cancel`, `answer`, `signal`, `pause`, `resume`, `skip`, `extend`, `rerun`, `containments`, `guardrail`, `quota`, `breaker`, `cache`, `pause-all`, `resume-all`, `paused` and `health` work
    /// beside that one.
    #[arg(long, env = "UPDRAFT_DATA", default_value = DATA, value_name = "DIR")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) store: At,
}

/// How a run under load ends, for the help.
const STRESS_HELP: &str = "\
Exit codes:
  0    measured, and every threshold holds
  1    a threshold does not hold, or the engine failed
  2    refused, nothing was run
  4    interrupted (Ctrl-C, SIGTERM): what ran so far is reported
  130  interrupted twice: stopped at once";

/// The data directory where none is named.
pub(crate) const DATA: &str = "updraft-data";

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The playbook, YAML or JSON, or a CACAO playbook.
    pub(crate) playbook: PathBuf,
    /// A playbook that a step of it runs, stored with it; those that are stored already need none. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) sub: Vec<PathBuf>,
    /// The alert or other input, JSON; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// For which customer.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantCode,
    /// Another value for a variable of the playbook: `--var retries=3`, `--var 'name="x"'`. Repeatable.
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) var: Vec<Variable>,
    /// Where the playbook connects to, for a variable that its URLs begin with: `--endpoint edr=https://edr.internal`.
    /// Repeatable.
    #[arg(long, value_name = "NAME=URL")]
    pub(crate) endpoint: Vec<Endpoint>,
    /// The id of the alert that it answers.
    #[arg(long, value_name = "ID")]
    pub(crate) alert_id: Option<String>,
    /// The analyst or service that runs it.
    #[arg(long, value_name = "ID")]
    pub(crate) uid: Option<String>,
    /// A group that this person is in, for approvals that are asked at the terminal; as often as needed.
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<Arc<str>>,
    /// The idempotency key: for the same playbook name, the same key gives the same execution, however often it is run.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Where the key was used with another input or other variables: `refuse`, or `return-first` to be given the first
    /// execution all the same.
    #[arg(long, requires = "key", default_value = "refuse", value_name = "refuse|return-first", value_parser = on_reuse)]
    pub(crate) on_reuse: OnReuse,
    /// Asks every tool, whatever answers are kept for those who ask the same.
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Prints the execution with its tasks as one JSON document on standard output, at the end.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRun,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// Goes on although the journal and the store do not belong together: without what the `store`, or the `journal`, no longer
    /// has. `updraft doctor` says which of them it is.
    #[arg(long, value_name = "store|journal", value_parser = loss)]
    pub(crate) accept_loss: Option<Loss>,
    /// Prints an array of the executions with their tasks, as they end.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Only serves the tools, until Ctrl-C; meanwhile the data directory allows HTTP steps to reach them.
    #[arg(long, conflicts_with = "json")]
    pub(crate) serve: bool,
    /// The port of the tools on 127.0.0.1; 0 takes one that is free, which is the default without --serve.
    /// With --serve it is 7780, where the example looks for them.
    #[arg(long, value_parser = whole::<u16>(0..=u64::from(u16::MAX)))]
    pub(crate) port: Option<u16>,
    /// The data directory. Without it: a temporary one; with --serve, that of the other commands.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Prints the execution with its tasks as one JSON document on standard output, at the end.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: At,
}

/// A value for a variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: Value,
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("NAME=JSON is needed")?;
        let value = Value::parse(value).map_err(|error| match error {
            // The shell takes quotes away, so that those around the text must stand in others.
            value::Error::Syntax { .. } => format!("{error}; for a text: '{name}=\"…\"'"),
            error => error.to_string(),
        })?;
        Ok(Self { name: name.to_owned(), value })
    }
}

fn loss(text: &str) -> Result<Loss, String> {
    match text {
        "store" => Ok(Loss::OfStore),
        "journal" => Ok(Loss::OfJournal),
        _ => Err("`store` or `journal` is needed".to_owned()),
    }
}

fn on_reuse(text: &str) -> Result<OnReuse, String> {
    match text {
        "refuse" => Ok(OnReuse::Refuse),
        "return-first" => Ok(OnReuse::ReturnFirst),
        _ => Err("`refuse` or `return-first` is needed".to_owned()),
    }
}

/// A place to connect to, for a variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) place: String,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, place) = text.split_once('=').ok_or("NAME=URL is needed")?;
        Ok(Self { name: name.to_owned(), place: place.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[cfg(feature = "mongodb")]
    #[test]
    fn an_address_is_shown_by_nothing_that_shows_options() {
        let secret = "mongodb://bob:s3cr%40t@127.0.0.1:1/soar";
        let cli = Cli::try_parse_from(["updraft", "list", "--store", secret]).unwrap();
        assert!(!format!("{cli:?}").contains("s3cr"));
        let Command::List(list) = cli.command else { panic!("another command") };
        assert_eq!(list.data.store.address().unwrap().to_string(), "mongodb://127.0.0.1:1/soar");
        let wrong = Cli::try_parse_from(["updraft", "list", "--store", "redis://bob:s3cr@h"]).unwrap();
        let Command::List(list) = wrong.command else { panic!("another command") };
        let why = list.data.store.address().unwrap_err().to_string();
        assert!(why.starts_with("--store: a store is `embedded`") && !why.contains("s3cr"), "{why}");
    }

    #[test]
    fn a_place_to_connect_to_is_a_name_and_a_url() {
        let endpoint: Endpoint = "edr=https://edr.internal/?a=b".parse().unwrap();
        assert_eq!((endpoint.name.as_str(), endpoint.place.as_str()), ("edr", "https://edr.internal/?a=b"));
        assert!("edr".parse::<Endpoint>().unwrap_err().contains("NAME=URL"));
    }

    #[test]
    fn a_variable_is_a_name_and_json() {
        let variable: Variable = "a={\"b\":\"c=d\"}".parse().unwrap();
        assert_eq!(variable, Variable { name: "a".into(), value: serde_json::json!({"b": "c=d"}).into() });
        assert!("a".parse::<Variable>().unwrap_err().contains("NAME=JSON"));
        for (text, message) in [
            (
                "a=b",
                "not JSON at line 1, column 1: `b` is no value of JSON; a text needs double quotes: `\"b\"`; for a text: 'a=\"…\"'",
            ),
            (
                "v=007",
                "not JSON at line 1, column 1: `007` is no number of JSON; a text needs double quotes: `\"007\"`; for a text: 'v=\"…\"'",
            ),
            ("v={\"a\":1,\"a\":2}", "line 1, column 8: the field \"a\" is there already"),
        ] {
            assert_eq!(text.parse::<Variable>().unwrap_err(), message);
        }
    }
}
