//! `updraft rerun`: an execution that has ended runs again as a new one, to its end. Owns what the options mean; which results
//! are kept is decided by the engine.

mod many;

use updraft::local::Client;
use updraft::{Builder, Declaration, ExecutionId, Rerun, Resume};

use crate::bulk;
use crate::command::Command;
use crate::data::{self, Kept};
use crate::exit::{Ending, Error};
use crate::input;
use crate::log::Screen;
use crate::options::RerunExecution;
use crate::output::Output;
use crate::run::Prepared;
use crate::watch::Beginning;

/// Runs one execution again, or all that fit.
pub(crate) async fn rerun(options: RerunExecution, screen: &Screen) -> Result<Ending, Error> {
    let Some(peid) = options.which.peid else { return many::rerun_all(&options, screen).await };
    let kept = Kept::of(&options.data)?;
    let client = Client::new(&kept.directory);
    if client.is_there().await? {
        return beside(&client, peid, &options).await;
    }
    let builder = builder(&kept, &options)?;
    let recover = Command::new("recover", &kept).working(&options.work);
    let beginning = Beginning::Again(peid, Box::new(asked(&options)?));
    let (key, uid, groups) = (None, Some(options.which.uid.to_string()), options.groups);
    let (tenant, json) = (options.which.tenant, options.json);
    let job = Prepared { builder, kept, tenant, beginning, key, uid, groups, json, recover, stays: true };
    job.run(screen).await
}

/// The engine that runs there runs it again, and this process does not wait for that.
async fn beside(client: &Client, peid: ExecutionId, options: &RerunExecution) -> Result<Ending, Error> {
    let rerun = client.rerun(&options.which.tenant, peid, asked(options)?).await?;
    let mut output = Output::stdout();
    if options.json {
        output.json(&serde_json::json!({"peid": peid, "rerun": rerun}));
    } else {
        output.line(format_args!("{peid}  runs again as {rerun}"));
    }
    output.finish().map(|()| Ending::Completed)
}

/// An engine that takes up nothing that others left.
fn builder(kept: &Kept, options: &RerunExecution) -> Result<Builder, Error> {
    Ok(data::builder(kept, &options.work)?.resume(Resume::Nothing))
}

/// What is asked for.
fn asked(options: &RerunExecution) -> Result<Rerun, Error> {
    let mut rerun = Rerun::new(bulk::asked(&options.which));
    if let Some(from) = &options.from {
        rerun = rerun.from(from.clone());
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
    let acted = options.acted.iter().map(|task| (*task, Declaration::Acted));
    let not_acted = options.not_acted.iter().map(|task| (*task, Declaration::NotActed));
    Ok(acted.chain(not_acted).fold(rerun, |rerun, (task, declaration)| rerun.declare(task, declaration)))
}
