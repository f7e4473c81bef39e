//! The `updraft` program: runs, recovers, checks and lists playbooks with the engine. Owns no decision that
//! a user of the library could not reach.

mod allow_entry;
mod answer;
mod ask;
mod at;
mod breakers;
mod bulk;
mod cacao;
mod cached;
mod cancel;
mod command;
mod connector;
mod containments;
mod data;
mod dead_letters;
mod declared;
mod demo;
mod doctor;
mod dry_run;
mod due;
mod durability;
mod environment;
mod events;
mod exit;
mod extend;
mod files;
mod fmt;
mod follow;
mod graph;
mod guardrails;
mod health;
mod hold;
mod inbox;
mod input;
mod interrupt;
mod list;
mod log;
mod loop_watch;
mod mail;
mod network;
mod options;
mod output;
mod overdue;
mod pause;
mod plain_progress;
mod playbook;
mod prioritise;
mod progress;
mod publications;
mod quotas;
mod reading;
mod recover;
mod redis;
mod remains;
mod replay;
mod rerun;
mod run;
mod scratch;
mod secrets;
mod serve;
mod service;
mod shell;
mod show;
mod signal;
mod skip;
mod step_tree;
mod stress;
mod stubs;
mod task_rows;
mod testing;
mod text;
mod top;
mod tree;
mod triggers;
mod usage;
mod validate;
mod watch;
mod why;

use std::process::ExitCode;

use clap::Parser;

use crate::exit::{Ending, Error};
use crate::log::Screen;
use crate::options::{CacheCommand, Cli, Command};

/// Executions are many small allocations, made on one thread and freed on another.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads of the program itself; the engine's work runs on threads of its own.
const THREADS: usize = 2;

fn main() -> ExitCode {
    let screen = Screen::default();
    log::tell_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::tell(&error, &screen),
    };
    let ended = log::start(&cli.log, screen.clone()).and_then(|()| command(cli.command, &screen));
    match ended {
        Ok(ending) => ending.into(),
        Err(error) => {
            // One mistake a line; the words of files and tools come from outside.
            error.to_string().lines().for_each(|line| screen.say(&format!("updraft: {}", text::clean(line))));
            error.ending().into()
        }
    }
}

fn command(command: Command, screen: &Screen) -> Result<Ending, Error> {
    match command {
        Command::Validate(options) => wait(validate::validate(&options, screen)),
        Command::Fmt(options) => fmt::fmt(&options, screen),
        Command::Connector(command) => wait(connector::connector(&command)),
        Command::Schema => validate::schema(),
        Command::Import(options) => cacao::import(&options),
        Command::Export(options) => cacao::export(&options),
        Command::Run(options) if options.dry_run.dry_run => wait(dry_run::dry_run(options)),
        Command::Run(options) => wait(async { run::Prepared::new(options, screen).await?.run(screen).await }),
        Command::Recover(options) => wait(recover::recover(&options, screen)),
        Command::Graph(options) => wait(graph::graph(&options)),
        Command::List(options) => wait(list::list(&options)),
        Command::Show(options) => wait(show::show(&options)),
        Command::Events(options) => wait(events::events(&options, screen)),
        Command::Why(options) => wait(why::why(&options)),
        Command::Cancel(options) => wait(cancel::cancel(&options, screen)),
        Command::Inbox(options) => wait(inbox::inbox(&options)),
        Command::Answer(options) => wait(answer::answer(&options)),
        Command::Signal(options) => wait(signal::signal(&options)),
        Command::Containments(options) => wait(containments::containments(&options)),
        Command::Guardrail(options) => wait(guardrails::guardrails(&options)),
        Command::Cache(CacheCommand::Forget(options)) => wait(cached::forget(&options)),
        Command::Quota(options) => wait(quotas::quotas(&options)),
        Command::Serve(options) => wait(service::service(&options, screen)),
        Command::Trigger(options) => wait(triggers::triggers(&options)),
        Command::Publication(options) => wait(publications::publications(&options)),
        Command::Breaker(options) => wait(breakers::breakers(&options)),
        Command::PauseAll(options) => wait(hold::hold(&options, true)),
        Command::ResumeAll(options) => wait(hold::hold(&options, false)),
        Command::Paused(options) => wait(hold::held(&options)),
        Command::Pause(options) => wait(pause::pause(&options)),
        Command::Prioritise(options) => wait(prioritise::prioritise(&options)),
        Command::Skip(options) => wait(skip::skip(&options)),
        Command::Extend(options) => wait(extend::extend(&options)),
        Command::Resume(options) => wait(pause::resume(&options)),
        Command::Rerun(options) => wait(rerun::rerun(options, screen)),
        Command::Test(options) => wait(testing::test(*options, screen)),
        Command::Replay(options) => wait(replay::replay(*options, screen)),
        Command::Health(options) => wait(health::health(&options)),
        Command::Top(options) => wait(top::top(&options, screen)),
        Command::Doctor(options) => wait(doctor::doctor(&options, screen)),
        Command::DeadLetters(options) => wait(dead_letters::dead_letters(&options)),
        Command::Stress(options) => wait(stress::stress(&options, screen)),
        Command::Demo(options) if options.serve => wait(serve::serve(&options, screen)),
        Command::Demo(options) => wait(demo::demo(options, screen)),
    }
}

/// Runs a command to its end. What is left of the runtime then, a name look-up at most, is not waited for.
fn wait(command: impl Future<Output = Result<Ending, Error>>) -> Result<Ending, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = runtime.map_err(|error| Error::Failed(format!("no threads: {error}")))?;
    let ended = runtime.block_on(command);
    runtime.shutdown_background();
    ended
}
