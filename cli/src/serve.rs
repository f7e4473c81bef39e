//! `updraft demo --serve`: the tools of the examples, for `updraft run` in another terminal.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::allow_entry::AllowEntry;
use crate::command::quoted;
use crate::environment;
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::{DATA, Demo};
use crate::output::Output;
use crate::stubs::Stubs;

/// The port at which the examples look for the tools.
const PORT: u16 = 7780;
/// How long requests under way may take to be answered at the end.
const STOP: Duration = Duration::from_secs(5);

/// Serves the tools until an interruption.
pub(crate) async fn serve(options: &Demo, screen: &Screen) -> Result<Ending, Error> {
    let mut interrupt = Interrupt::listen(screen)?;
    let stubs = tools(options.port.unwrap_or(PORT)).await?;
    let data = options.data.clone().or_else(|| environment::path("UPDRAFT_DATA"));
    let data = data.unwrap_or_else(|| PathBuf::from(DATA));
    let entry =
        AllowEntry::new(&data, stubs.addr()).map_err(|error| Error::refused(data.display(), error))?;
    let mut output = Output::stdout();
    output.line(format_args!("the tools serve at http://{} until Ctrl-C", stubs.addr()));
    output.line(format_args!("playbooks may reach them where --data is {}", quoted(data.as_os_str())));
    interrupt.asked().await;
    drop(entry);
    stop(stubs, screen).await;
    output.finish().map(|()| Ending::Completed)
}

/// The tools on this port of the machine itself.
pub(crate) async fn tools(port: u16) -> Result<Stubs, Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Stubs::start(address).await.map_err(|error| Error::refused(address, error))
}

/// Lets the tools answer what they were asked.
pub(crate) async fn stop(stubs: Stubs, screen: &Screen) {
    if let Ok(Err(error)) = tokio::time::timeout(STOP, stubs.stop()).await {
        screen.say(&format!("the tools: {error}"));
    }
}
