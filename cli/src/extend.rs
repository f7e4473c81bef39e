//! `updraft extend`: the wait of one task ends at another instant, by the engine that runs there.

use updraft::{Applied, Asked, Clock, SystemClock};

use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::options::ExtendWait;
use crate::output::Output;
use crate::reading::Reading;

/// Changes the end of the wait, and tells it; returns when that is durable.
pub(crate) async fn extend(options: &ExtendWait) -> Result<Ending, Error> {
    let kept = Kept::of(&options.hold.data)?;
    let place = Reading::of_directory(&kept).await?;
    let (tenant, peid, task) = (&options.hold.tenant, options.hold.peid, options.task);
    let asked = Asked { uid: options.hold.uid.clone(), reason: options.hold.reason.clone() };
    let until = SystemClock.now().after(options.lasts.0);
    let applied: Result<_, Error> = match &place {
        Reading::Running(client) => {
            client.extend_wait(tenant, peid, task, until, asked).await.map_err(Error::from)
        }
        Reading::Alone(engine) => {
            engine.extend_wait(tenant, peid, task, until, asked).await.map_err(Error::from)
        }
        Reading::Server(_) => Err(Error::Failed(format!("no engine runs {peid} here"))),
    };
    place.close().await;
    let told = match applied? {
        Applied::Repeated => "waited until then before",
        _ => "waits",
    };
    let mut output = Output::stdout();
    output.line(format_args!("{peid}  {task} {told} until {until}"));
    output.finish().map(|()| Ending::Completed)
}
