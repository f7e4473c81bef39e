//! `updraft stress`: turns the command line into a load, runs it, and writes what it came to. Measures nothing itself: that is
//! `updraft-load`'s.

pub(crate) mod options;
mod rounds;

use std::path::Path;
use std::sync::Arc;

use updraft_load::{LoadOptions, Metrics, RunStore, Say, Summary};

use self::options::Stress;
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::output::Output;
use crate::scratch::{Scratch, Use};

/// What is told at a signal before the load began.
const NOTHING: &str = "interrupted: nothing was run";

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
    options.checked()?;
    if options.profiles && options.round.is_none() {
        return rounds::run(options, screen).await;
    }
    let directory = Scratch::new(Use::Stress, options.data.as_deref());
    let directory = directory.map_err(|error| Error::refused("--data", error))?;
    measure(options, directory.path(), screen).await
}

async fn measure(options: &Stress, directory: &Path, screen: &Screen) -> Result<Ending, Error> {
    let address = options.store.address()?;
    let load = LoadOptions { profile: options.round.or(options.load.profile), ..options.load.clone() };
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
    let is_round = options.round.is_some();
    output.line(if is_round { summary.figures.json() } else { summary.text() }.trim_end());
    // What cannot be written keeps nothing else from being written.
    let json = options.json.as_ref().filter(|_| !is_round);
    let json = json.map_or(Ok(()), |path| write(path, &summary.figures.json()));
    let page = || updraft_load::page(&summary, &outcome);
    let page = options.report.as_ref().map_or(Ok(()), |path| write(path, &page()));
    output.finish().and(json).and(page)?;
    Ok(match (outcome.interrupted, summary.is_well) {
        (true, _) => Ending::Interrupted,
        (false, true) => Ending::Completed,
        (false, false) => Ending::Failed,
    })
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| Error::Failed(format!("{}: {error}", path.display())))
}
