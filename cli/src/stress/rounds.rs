//! Rounds: profiles against each other, one run after another in turn, so that a machine that others use changes
//! for all of them. Each run is a process of its own: no run has the memory of the one before.

use std::process::Stdio;
use std::time::Duration;

use clap::ValueEnum;
use tokio::process::Command;
use updraft_load::{Comparison, Figures, Profile, name};

use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::output::Output;
use crate::stress::options::Stress;
use crate::stress::write;

/// How long a run that was told to end may take for its report.
const REPORT_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs all rounds, and tells what they came to.
pub(crate) async fn run(options: &Stress, screen: &Screen) -> Result<Ending, Error> {
    let mut interrupt = Interrupt::listen(screen)?;
    let profiles = Profile::value_variants();
    let base = profiles.iter().position(|profile| *profile == Profile::Balanced).unwrap_or_default();
    let names = profiles.iter().map(name).collect();
    let mut comparison = Comparison { names, base, rounds: Vec::new() };
    let mut ended = Ok(Ending::Completed);
    'rounds: for round in 0..usize::from(options.rounds) {
        let mut runs = vec![Figures::default(); profiles.len()];
        for place in 0..profiles.len() {
            // Who is first changes from round to round.
            let profile = (round + place) % profiles.len();
            let called = name(&profiles[profile]);
            screen.say(&format!("round {} of {}: {called}", round + 1, options.rounds));
            match one(&called, &mut interrupt).await {
                Ok(Some(figures)) => runs[profile] = figures,
                other => {
                    ended = other.map(|_| Ending::Interrupted);
                    break 'rounds;
                }
            }
        }
        comparison.rounds.push(runs);
    }
    // A round that failed takes nothing from those before it.
    if ended.is_ok() || !comparison.rounds.is_empty() {
        let cut = match &ended {
            Ok(Ending::Completed) => None,
            Ok(_) => Some("It was interrupted"),
            Err(_) => Some("A run failed"),
        };
        let note = cut.map(|why| format!("{why}: only whole rounds are compared."));
        let mut output = Output::stdout();
        output.line(comparison.text("updraft stress: profiles in turn", note).trim_end());
        let json = || comparison.figures(options.load.scenario).json();
        let written = options.json.as_ref().map_or(Ok(()), |path| write(path, &json()));
        output.finish().and(written)?;
    }
    ended
}

/// One run; `None` if it was interrupted.
async fn one(profile: &str, interrupt: &mut Interrupt) -> Result<Option<Figures>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Failed(format!("a run with {profile}: {error}"));
    let mut command = Command::new(std::env::current_exe().map_err(|error| failed(&error))?);
    // With the arguments of this program, so that every run has the same options of the load.
    command.args(std::env::args_os().skip(1)).args(["--round", profile]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    // Taken out, because waiting for a child closes its standard input, which tells a run to stop.
    let stdin = child.stdin.take();
    let mut ended = std::pin::pin!(child.wait_with_output());
    let ended = tokio::select! {
        ended = &mut ended => ended.map_err(|error| failed(&error))?,
        () = interrupt.asked() => {
            // The run stops and removes its directory; if it does not in time, dropping the child kills it.
            drop(stdin);
            let _ = tokio::time::timeout(REPORT_TIMEOUT, ended).await;
            return Ok(None);
        }
    };
    let figures = Figures::parse(&String::from_utf8_lossy(&ended.stdout));
    match ended.status.code() {
        Some(0) => figures.map(Some).map_err(|error| failed(&error)),
        // Ctrl-C on a terminal signals the run too.
        Some(code) if code == Ending::Interrupted as i32 => Ok(None),
        // It has noted the reason, or printed it.
        code => {
            let notes = figures.map(|run| run.notes().replace('\n', " ")).unwrap_or_default();
            Err(failed(&format!("exit code {code:?} {notes}")))
        }
    }
}

/// Waits until whoever started this program has closed its standard input, or is gone.
pub(crate) async fn stdin_ended() {
    // Where it cannot be read, it has ended.
    let reading = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    let _ = tokio::task::spawn_blocking(reading).await;
}
