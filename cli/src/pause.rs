//! `updraft pause` and `updraft resume`: an execution is held, and goes on, by the engine that runs there.

use updraft::{Applied, Asked};

use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::options::HoldExecution;
use crate::output::Output;
use crate::reading::Reading;

/// Pauses the execution, and tells what that came to; returns when it is durable.
pub(crate) async fn pause(options: &HoldExecution) -> Result<Ending, Error> {
    let (place, asked) = place(options).await?;
    let (tenant, peid) = (&options.tenant, options.peid);
    let applied: Result<_, Error> = match &place {
        Reading::Running(client) => client.pause(tenant, peid, asked).await.map_err(Error::from),
        Reading::Alone(engine) => engine.pause(tenant, peid, asked).await.map_err(Error::from),
        Reading::Server(_) => Err(Error::Failed(format!("no engine runs {peid} here"))),
    };
    place.close().await;
    tell(options, applied?)
}

/// Lets the execution go on, and tells what that came to; returns when it is durable.
pub(crate) async fn resume(options: &HoldExecution) -> Result<Ending, Error> {
    let (place, asked) = place(options).await?;
    let (tenant, peid) = (&options.tenant, options.peid);
    let applied: Result<_, Error> = match &place {
        Reading::Running(client) => client.resume(tenant, peid, asked).await.map_err(Error::from),
        Reading::Alone(engine) => engine.resume(tenant, peid, asked).await.map_err(Error::from),
        Reading::Server(_) => Err(Error::Failed(format!("no engine runs {peid} here"))),
    };
    place.close().await;
    tell(options, applied?)
}

async fn place(options: &HoldExecution) -> Result<(Reading, Asked), Error> {
    let kept = Kept::of(&options.data)?;
    let asked = Asked { uid: options.uid.clone(), reason: options.reason.clone() };
    Ok((Reading::of_directory(&kept).await?, asked))
}

fn tell(options: &HoldExecution, applied: Applied) -> Result<Ending, Error> {
    let told = match applied {
        Applied::Repeated => "was paused before",
        Applied::Resumed => "goes on",
        _ => "paused",
    };
    let mut output = Output::stdout();
    output.line(format_args!("{}  {told}", options.peid));
    output.finish().map(|()| Ending::Completed)
}
