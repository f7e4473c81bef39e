//! `updraft stress`: puts an engine under a load that a scenario tells, and says what it takes, in figures
//! and pictures. Owns no engine but its own: what it makes is removed at the end.

mod bottleneck;
mod chance;
mod chart;
mod compare;
mod contest;
mod figures;
mod known;
mod lag;
mod latency;
mod load;
mod measure;
mod options;
mod process;
mod profile;
mod ratios;
mod recorder;
mod reference;
mod report;
mod rounds;
mod run;
mod sampler;
mod scenario;
mod server;
mod store;
mod summary;
mod threshold;
mod tool;
mod toolkit;
mod verdict;
mod workload;

use std::path::Path;

pub(crate) use self::options::Stress;

use self::figures::Figures;
use self::options::{Further, Options};
use self::recorder::Metrics;
use self::summary::Summary;
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::output::Output;
use crate::scratch::{Scratch, Use};

/// What is said at a signal before the load began.
const NOTHING: &str = "interrupted: nothing was run";

/// Runs what was asked for.
pub(crate) async fn stress(options: &Stress, screen: &Screen) -> Result<Ending, Error> {
    match &options.command {
        Some(Further::Compare(options)) => compare::compare(options),
        None => {
            options.load.checked()?;
            let directory = Scratch::new(Use::Stress, options.load.data.as_deref());
            let directory = directory.map_err(|error| Error::refused("--data", error))?;
            match options.load.profiles {
                true => rounds::run(&options.load, directory.path(), screen).await,
                false => measure(&options.load, directory.path(), screen).await,
            }
        }
    }
}

async fn measure(options: &Options, directory: &Path, screen: &Screen) -> Result<Ending, Error> {
    let address = options.store.address()?;
    let mut interrupt = Interrupt::listen(screen)?;
    let metrics = Metrics::new();
    metrics::set_global_recorder(metrics.clone())
        .map_err(|error| Error::Failed(format!("the metrics: {error}")))?;
    let Some(place) = interrupt.unless(store::Place::open(&address)).await else {
        screen.say(NOTHING);
        return Ok(Ending::Interrupted);
    };
    let place = place?;
    let outcome = run::run(options, directory, &place, metrics, interrupt, screen).await;
    place.leave(screen).await;
    let Some(outcome) = outcome? else {
        screen.say(NOTHING);
        return Ok(Ending::Interrupted);
    };
    let summary = Summary::new(options, &outcome);
    let mut output = Output::stdout();
    summary.tell(&outcome, &mut output);
    // What cannot be written keeps nothing else from being written.
    let json = options.json.as_ref().map_or(Ok(()), |path| write_figures(path, &summary.figures));
    let page = options.report.as_ref().map_or(Ok(()), |path| write(path, &report::page(&summary, &outcome)));
    output.finish().and(json).and(page)?;
    Ok(match (outcome.interrupted, summary.is_well()) {
        (true, _) => Ending::Interrupted,
        (false, true) => Ending::Completed,
        (false, false) => Ending::Failed,
    })
}

fn write_figures(path: &Path, figures: &Figures) -> Result<(), Error> {
    let json = serde_json::to_string_pretty(&figures.0);
    let json = json.map_err(|error| Error::Failed(format!("{}: {error}", path.display())))?;
    write(path, &(json + "\n"))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| Error::Failed(format!("{}: {error}", path.display())))
}
