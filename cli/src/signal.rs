//! `updraft signal`: a signal to one execution, by the engine that runs there.

use updraft::{Applied, Asked, Json, Signal};

use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::options::SendSignal;
use crate::output::Output;
use crate::reading::Reading;

/// Gives the signal, and tells what it came to; returns when that is durable.
pub(crate) async fn signal(options: &SendSignal) -> Result<Ending, Error> {
    let payload = Json::parse(&options.payload).map_err(|why| Error::refused("--payload", why))?;
    let (id, name) = (options.id.clone(), options.name.clone());
    let signal = Signal { id, name, key: options.key.clone(), payload };
    let asked = Asked { uid: options.uid.clone(), reason: options.reason.clone() };
    let kept = Kept::of(&options.data)?;
    let place = Reading::of_directory(&kept).await?;
    let (tenant, peid) = (&options.tenant, options.peid);
    let applied: Result<_, Error> = match &place {
        Reading::Running(client) => client.signal(tenant, peid, signal, asked).await.map_err(Error::from),
        Reading::Alone(engine) => engine.signal(tenant, peid, signal, asked).await.map_err(Error::from),
        Reading::Server(_) => Err(Error::Failed(format!("no engine runs {peid} here"))),
    };
    place.close().await;
    let told = match applied? {
        Applied::Kept => "kept until a step waits for it",
        Applied::Repeated => "was given before",
        _ => "taken",
    };
    let mut output = Output::stdout();
    output.line(format_args!("{peid}  {told}"));
    output.finish().map(|()| Ending::Completed)
}
