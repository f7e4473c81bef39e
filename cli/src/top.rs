//! `updraft top`: how everything stands in the engine that runs on a data directory, live, or once as text or JSON. Starts no engine, and
//! changes nothing.

mod head;
mod plain;
mod rates;
mod screen;
mod tables;
mod terminal;
#[cfg(test)]
mod tests;
mod view;

use std::io::IsTerminal;
use std::time::Duration;

use crossterm::event::Event;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use updraft::EngineSnapshot;
use updraft::local::{Client, Error as LocalError};

use self::terminal::TopTerminal;
use self::view::{Asked, TopView};
use crate::environment;
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::Top;
use crate::output::Output;
use crate::text::clean;

/// The time between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// What is told as JSON.
#[derive(Serialize)]
struct ToldOnce<'a> {
    /// Whether an engine runs there.
    running: bool,
    #[serde(flatten)]
    snapshot: Option<&'a EngineSnapshot>,
}

/// Shows it until a key ends it; once where nobody could press one.
pub(crate) async fn top(options: &Top, screen: &Screen) -> Result<Ending, Error> {
    let client = Client::new(&options.data);
    let first = match client.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(error @ LocalError::NoEngine { .. }) => return none(options, &error),
        Err(error) => return Err(error.into()),
    };
    let terminal = console::Term::stdout();
    let is_live = !options.once && !options.json && terminal.is_term() && std::io::stdin().is_terminal();
    if options.json {
        let mut output = Output::stdout();
        output.json(&ToldOnce { running: true, snapshot: Some(&first) });
        return output.finish().map(|()| Ending::Completed);
    }
    // What can only write lines shows no screen.
    let is_dumb = environment::text("TERM").is_ok_and(|terminal| terminal.as_deref() == Some("dumb"));
    if !is_live || is_dumb {
        return once(&client, &first).await;
    }
    let place = clean(&options.data.display().to_string()).into_owned();
    let view = TopView::new(place, first, terminal.features().colors_supported());
    live(&client, view, Interrupt::listen(screen)?).await
}

/// Nothing runs there.
fn none(options: &Top, error: &LocalError) -> Result<Ending, Error> {
    let mut output = Output::stdout();
    if options.json {
        output.json(&ToldOnce { running: false, snapshot: None });
    } else {
        output.line(error);
    }
    output.finish().map(|()| Ending::Failed)
}

/// Tells it as text, with the rates of a second.
async fn once(client: &Client, first: &EngineSnapshot) -> Result<Ending, Error> {
    tokio::time::sleep(LOOK).await;
    let second = client.snapshot().await?;
    let mut output = Output::stdout();
    plain::lines(&second, Some(first)).iter().for_each(|line| output.line(line));
    output.finish().map(|()| Ending::Completed)
}

async fn live(client: &Client, mut view: TopView, mut interrupt: Interrupt) -> Result<Ending, Error> {
    let failed = |error: std::io::Error| Error::Failed(format!("the terminal: {error}"));
    let mut terminal = TopTerminal::take().map_err(failed)?;
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        terminal.terminal.draw(|frame| screen::draw(frame, &view)).map_err(failed)?;
        let looking = async {
            ticks.tick().await;
            client.snapshot().await
        };
        let mut looking = std::pin::pin!(looking);
        loop {
            tokio::select! {
                seen = &mut looking => {
                    view.seen(seen.map_err(|error| clean(&error.to_string()).into_owned()));
                    break;
                }
                event = terminal.event() => {
                    let asked = match event {
                        Some(Event::Key(key)) => view.key(key),
                        Some(Event::Resize(..)) => Asked::Draw,
                        Some(_) => Asked::Nothing,
                        None => Asked::Quit,
                    };
                    match asked {
                        Asked::Quit => return Ok(Ending::Completed),
                        Asked::Draw => {
                            terminal.terminal.draw(|frame| screen::draw(frame, &view)).map_err(failed)?;
                        }
                        Asked::Nothing => {}
                    }
                }
                () = interrupt.asked() => return Ok(Ending::Completed),
            }
        }
    }
}
