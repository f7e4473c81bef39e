//! `updraft prioritise`: a queued execution is given another priority, by the engine that runs there, or in its documents.

use updraft::{Applied, Asked};

use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::options::PrioritiseExecution;
use crate::output::Output;
use crate::reading::Reading;

/// Gives the execution another priority, and tells what that came to; returns when it is durable.
pub(crate) async fn prioritise(options: &PrioritiseExecution) -> Result<Ending, Error> {
    let (hold, priority) = (&options.hold, options.priority);
    let kept = Kept::of(&hold.data)?;
    let asked = Asked { uid: hold.uid.clone(), reason: hold.reason.clone() };
    let place = Reading::of_directory(&kept).await?;
    let (tenant, peid) = (&hold.tenant, hold.peid);
    let applied: Result<_, Error> = match &place {
        Reading::Running(client) => {
            client.reprioritise(tenant, peid, priority, asked).await.map_err(Error::from)
        }
        Reading::Alone(engine) => {
            engine.reprioritise(tenant, peid, priority, asked).await.map_err(Error::from)
        }
        Reading::Server(_) => Err(Error::Failed(format!("no engine runs {peid} here"))),
    };
    place.close().await;
    let told = match applied? {
        Applied::Repeated => "was so before",
        _ => "is so from now on",
    };
    let mut output = Output::stdout();
    output.line(format_args!("{peid}  {} {told}", priority.as_str()));
    output.finish().map(|()| Ending::Completed)
}
