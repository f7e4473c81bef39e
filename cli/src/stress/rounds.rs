//! Rounds: profiles against each other, one run after another in turn, so that a machine that others use changes
//! for all of them. Each run is a process of its own: no run has the memory of the one before.

use std::io::Read;
use std::path::{Path, PathBuf};
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
pub(crate) async fn run(options: &Stress, directory: &Path, screen: &Screen) -> Result<Ending, Error> {
    let mut interrupt = Interrupt::listen(screen)?;
    let profiles = Profile::value_variants();
    let base = profiles.iter().position(|profile| *profile == Profile::Balanced).unwrap_or_default();
    let mut comparison = Comparison::new(profiles.iter().map(name).collect(), base);
    let mut ended = Ok(Ending::Completed);
    'rounds: for round in 0..usize::from(options.rounds) {
        for place in 0..profiles.len() {
            // Who is first changes from round to round.
            let profile = (round + place) % profiles.len();
            let called = name(&profiles[profile]);
            screen.say(&format!("round {} of {}: {called}", round + 1, options.rounds));
            match one(directory, &called, &mut interrupt).await {
                Ok(Some(figures)) => comparison.add(profile, figures),
                Ok(None) => ended = Ok(Ending::Interrupted),
                Err(error) => ended = Err(error),
            }
            if !matches!(ended, Ok(Ending::Completed)) {
                break 'rounds;
            }
        }
    }
    // A round that failed takes nothing from those before it.
    if ended.is_ok() || !comparison.is_empty() {
        let mut output = Output::stdout();
        let cut = match &ended {
            Ok(Ending::Completed) => None,
            Ok(_) => Some("It was interrupted"),
            Err(_) => Some("A run failed"),
        };
        let note = cut.map(|why| format!("{why}: only whole rounds are compared."));
        let title = "updraft stress: profiles in turn";
        output.line(comparison.text(title, note.into_iter().collect()).trim_end());
        let json = || comparison.figures(options.load.scenario).json();
        let written = options.json.as_ref().map_or(Ok(()), |path| write(path, &json()));
        output.finish().and(written)?;
    }
    ended
}

/// Where a run writes its figures.
pub(crate) fn figures(directory: &Path) -> PathBuf {
    directory.join("round.json")
}

/// One run; `None` if it was interrupted.
async fn one(directory: &Path, profile: &str, interrupt: &mut Interrupt) -> Result<Option<Figures>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Failed(format!("a run: {error}"));
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut command = Command::new(program);
    // With the arguments of this program, so that every run has the same options of the load.
    command.args(std::env::args_os().skip(1));
    command.args(["--round", profile, "--within"]).arg(directory);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    // A run that ends before it has figures leaves none, and not those of the run before it.
    match std::fs::remove_file(figures(directory)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
        _ => {}
    }
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    // Taken out, because waiting for a child closes its standard input, which tells a run to stop.
    let stdin = child.stdin.take();
    let code = tokio::select! {
        ended = child.wait() => ended.map_err(|error| failed(&error))?.code(),
        () = interrupt.asked() => {
            // The run stops and removes its directory; if it does not in time, dropping the child kills it.
            drop(stdin);
            let _ = tokio::time::timeout(REPORT_TIMEOUT, child.wait()).await;
            return Ok(None);
        }
    };
    match code {
        Some(0) => Ok(Some(read(&figures(directory))?)),
        // Ctrl-C on a terminal signals the run too.
        Some(code) if code == Ending::Interrupted as i32 => Ok(None),
        Some(code) if code == Ending::Failed as i32 && figures(directory).exists() => {
            let notes = read(&figures(directory))?.notes().replace('\n', " ");
            Err(Error::Failed(format!("a run with {profile} failed: {notes}")))
        }
        // The run has printed the reason.
        Some(code) if code == Ending::Refused as i32 => {
            Err(Error::Refused(format!("nothing could be run with {profile}")))
        }
        _ => Err(Error::Failed(format!("a run with {profile} ended with exit code {code:?}"))),
    }
}

/// The figures that a run wrote.
fn read(path: &Path) -> Result<Figures, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| Figures::parse(&text)).map_err(|error| Error::Failed(format!("a run: {error}")))
}

/// Waits until whoever started this program has closed its standard input, or is gone.
pub(crate) async fn stdin_ended() {
    let reading = tokio::task::spawn_blocking(|| {
        let mut byte = [0; 64];
        let mut stdin = std::io::stdin().lock();
        while stdin.read(&mut byte).is_ok_and(|read| read > 0) {}
    });
    // Where it cannot be read, it has ended.
    let _ = reading.await;
}
