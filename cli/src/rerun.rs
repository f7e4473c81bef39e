//! `updraft rerun`: an execution that has ended runs again as a new one, to its end. Owns what the options mean; which results
//! are kept is decided by the engine.

use updraft::{Asked, Declaration, Rerun, Resume};

use crate::command::Command;
use crate::data::{self, Kept};
use crate::exit::Error;
use crate::input;
use crate::options::RerunExecution;
use crate::run::Prepared;
use crate::watch::Beginning;

/// What runs again, ready to begin.
pub(crate) fn prepared(options: RerunExecution) -> Result<Prepared, Error> {
    let kept = Kept::of(&options.data)?;
    let builder = data::builder(&kept, &options.work)?.resume(Resume::Nothing);
    let recover = Command::new("recover", &kept).working(&options.work);
    let mut rerun = Rerun::new(Asked { uid: options.uid.clone(), reason: options.reason });
    if let Some(from) = options.from {
        rerun = rerun.from(from);
    }
    if let Some(input) = &options.input {
        rerun = rerun.input(input::json(input).map_err(Error::Refused)?);
    }
    if options.newest {
        rerun = rerun.newest();
    }
    if let Some(id) = &options.id {
        rerun = rerun.id(id);
    }
    for task in options.acted {
        rerun = rerun.declare(task, Declaration::Acted);
    }
    for task in options.not_acted {
        rerun = rerun.declare(task, Declaration::NotActed);
    }
    let uid = Some(options.uid.to_string());
    let beginning = Beginning::Again(options.peid, Box::new(rerun));
    let (tenant, json) = (options.tenant, options.json);
    Ok(Prepared { builder, kept, tenant, beginning, key: None, uid, json, recover, stays: true })
}
