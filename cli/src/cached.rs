//! `updraft cache`: kept answers of tools, by the engine that runs there, or in Redis without one.

use updraft::local::Client;
use updraft::{Engine, EngineTrouble, Resume};

use crate::command::advised;
use crate::data::{self, Kept};
use crate::exit::{Ending, Error};
use crate::options::ForgetAnswers;
use crate::output::Output;

/// Forgets answers.
pub(crate) async fn forget(options: &ForgetAnswers) -> Result<Ending, Error> {
    let ForgetAnswers { tool, action, value, tenant, .. } = options;
    let kept = Kept::of(&options.data)?;
    let client = Client::new(&kept.directory);
    if client.is_there().await? {
        client.forget_answers(tenant.clone(), tool.clone(), (action.clone(), value.clone())).await?;
    } else {
        let engine = open(options, &kept).await?;
        engine.cache().forget(tenant, tool, action.as_ref(), value.as_deref()).await;
        let told = in_redis(&engine).await;
        data::release(&engine).await;
        told?;
    }
    let mut output = Output::stdout();
    output.line(format_args!("{tenant}  {tool}  forgotten"));
    output.finish().map(|()| Ending::Completed)
}

/// An engine that resumes nothing. Where none runs, answers are in Redis alone.
async fn open(options: &ForgetAnswers, kept: &Kept) -> Result<Engine, Error> {
    if !options.redis.is_named() {
        let why = "no engine runs here, and answers outlive theirs in Redis alone: name it with --redis";
        return Err(Error::Failed(why.to_owned()));
    }
    data::existing(&kept.directory)?;
    let builder = options.redis.lay(kept.lay(Engine::builder()))?;
    let started = builder.shards(1).resume(Resume::Nothing).start().await;
    started.map_err(|error| advised(error.into(), kept, None))
}

/// Whether Redis has been told.
async fn in_redis(engine: &Engine) -> Result<(), Error> {
    let troubles = engine.health().await.troubles;
    match troubles.iter().find(|trouble| matches!(trouble, EngineTrouble::RedisDown { .. })) {
        Some(trouble) => Err(Error::Failed(trouble.to_string())),
        None => Ok(()),
    }
}
