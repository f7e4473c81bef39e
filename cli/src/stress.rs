//! `updraft stress`: turns the command line into a load, runs it, and writes what it came to. Measures nothing itself: that is
//! `updraft-load`'s.

mod options;
mod rounds;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use updraft::text;
use updraft_load::{Figures, Metrics, RunStore, Say, Summary};

pub(crate) use self::options::Stress;

use self::options::{Compare, Further, Options};
use crate::exit::{Ending, Error};
use crate::input;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::output::Output;
use crate::scratch::{Scratch, Use};

/// What is told at a signal before the load began.
const NOTHING: &str = "interrupted: nothing was run";
/// The largest file of figures that is read; those of runs have some kilobytes.
const FIGURES_BYTES: usize = 1 << 20;

impl From<updraft_load::Error> for Error {
    fn from(error: updraft_load::Error) -> Self {
        match error {
            updraft_load::Error::Start(error) => Self::Start(error),
            updraft_load::Error::Put(error) => Self::Put(error),
            updraft_load::Error::Failed(why) => Self::Failed(why),
        }
    }
}

/// Runs what was asked for.
pub(crate) async fn stress(options: &Stress, screen: &Screen) -> Result<Ending, Error> {
    if let Some(Further::Compare(options)) = &options.command {
        return compare(options);
    }
    options.load.checked()?;
    let directory = Scratch::new(
        Use::Stress,
        options.load.within.as_ref().or(options.load.data.as_ref()).map(PathBuf::as_path),
    );
    let directory = directory.map_err(|error| Error::refused("--data", error))?;
    if options.load.profiles && options.load.round.is_none() {
        rounds::run(&options.load, directory.path(), screen).await
    } else {
        measure(&options.load, directory.path(), screen).await
    }
}

async fn measure(options: &Options, directory: &Path, screen: &Screen) -> Result<Ending, Error> {
    let (address, load) = (options.store.address()?, options.load());
    let mut interrupt = Interrupt::listen(screen)?;
    let metrics = Metrics::install()?;
    let Some(store) = interrupt.unless(RunStore::open(&address)).await else {
        screen.say(NOTHING);
        return Ok(Ending::Interrupted);
    };
    let (store, with_stdin, above) = (store?, options.round.is_some(), screen.clone());
    let say: Say = Arc::new(move |text| above.say(text));
    let stop = async move {
        tokio::select! {
            () = interrupt.asked() => {}
            () = rounds::stdin_ended(), if with_stdin => {}
        }
    };
    let outcome = updraft_load::run(&load, directory, &store, metrics, stop, &say).await;
    store.leave(&say).await;
    let Some(outcome) = outcome? else {
        screen.say(NOTHING);
        return Ok(Ending::Interrupted);
    };
    let summary = Summary::new(&load, &outcome, &options.assert);
    let mut output = Output::stdout();
    output.line(summary.text().trim_end());
    // What cannot be written keeps nothing else from being written.
    let json = options.within.as_deref().map(rounds::figures).or(options.json.clone());
    let json = json.map_or(Ok(()), |path| write(&path, &summary.figures.json()));
    let page = || updraft_load::page(&summary, &outcome);
    let page = options.report.as_ref().map_or(Ok(()), |path| write(path, &page()));
    output.finish().and(json).and(page)?;
    Ok(match (outcome.interrupted, summary.is_well()) {
        (true, _) => Ending::Interrupted,
        (false, true) => Ending::Completed,
        (false, false) => Ending::Failed,
    })
}

/// Compares the figures of two files.
fn compare(options: &Compare) -> Result<Ending, Error> {
    let (a, b) = (read(&options.a)?, read(&options.b)?);
    let none = || format!("no figure of {} stands in it too", options.a.display());
    let text = updraft_load::compare(a, b).ok_or_else(|| Error::refused(options.b.display(), none()))?;
    let mut output = Output::stdout();
    output.line(text.trim_end());
    output.finish().map(|()| Ending::Completed)
}

/// The figures in a file.
fn read(path: &Path) -> Result<Figures, Error> {
    let refused = |why: &dyn std::fmt::Display| Error::refused(path.display(), why);
    let bytes = input::bytes(path, FIGURES_BYTES).map_err(|error| refused(&error))?;
    let text = text::decode(&bytes).map_err(|error| refused(&error))?;
    Figures::parse(&text).map_err(|why| refused(&why))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| Error::Failed(format!("{}: {error}", path.display())))
}
