//! `updraft skip`: the wait of one task ends before its time, by the engine that runs there.

use updraft::Asked;

use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::options::SkipTask;
use crate::output::Output;
use crate::reading::Reading;

/// Skips, and tells it; returns when that is durable.
pub(crate) async fn skip(options: &SkipTask) -> Result<Ending, Error> {
    let kept = Kept::of(&options.hold.data)?;
    let place = Reading::of_directory(&kept).await?;
    let (tenant, peid, operate) = (&options.hold.tenant, options.hold.peid, options.operate);
    let asked = Asked { uid: options.hold.uid.clone(), reason: options.hold.reason.clone() };
    let task = options.task;
    let applied: Result<_, Error> = match &place {
        Reading::Running(client) => {
            client.skip(tenant, peid, task, asked, operate).await.map_err(Error::from)
        }
        Reading::Alone(engine) => engine.skip(tenant, peid, task, asked, operate).await.map_err(Error::from),
        Reading::Server(_) => Err(Error::Failed(format!("no engine runs {peid} here"))),
    };
    place.close().await;
    applied?;
    let mut output = Output::stdout();
    output.line(format_args!("{peid}  {task} waits no longer"));
    output.finish().map(|()| Ending::Completed)
}
