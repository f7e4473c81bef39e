//! `updraft events`: what happened to the executions of a tenant, in the order in which it became durable.

use std::time::Duration;

use updraft::local::{self, Client};
use updraft::{Detail, EventCursor, EventPage, Happened, TenantEvent};

use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::ListEvents;
use crate::output::Output;
use crate::reading::Reading;
use crate::text::{clean, duration};

/// How long a reader waits for an engine that is not there, and for news of a store that no engine here writes.
const PAUSE: Duration = Duration::from_millis(500);

/// Lists what is there, or goes on with what happens.
pub(crate) async fn events(options: &ListEvents, screen: &Screen) -> Result<Ending, Error> {
    let mut lines = Lines { output: Output::stdout(), json: options.json };
    if options.follow {
        let mut interrupt = Interrupt::listen(screen)?;
        let followed = interrupt.unless(follow(options, &mut lines)).await;
        followed.transpose()?;
    } else {
        let stored = Reading::open(&options.data).await?;
        let listed = list(&stored, options, &mut lines).await;
        stored.close().await;
        listed?;
    }
    lines.output.finish().map(|()| Ending::Completed)
}

async fn list(stored: &Reading, options: &ListEvents, lines: &mut Lines) -> Result<(), Error> {
    let mut after = options.after.unwrap_or(EventCursor::START);
    while !lines.output.closed() {
        let page = stored.events(&options.tenant, after, lines.detail()).await?;
        if page.events.is_empty() {
            break;
        }
        after = lines.write(page);
    }
    Ok(())
}

/// Follows the engine that has the data directory, and the next one that has; or the store of a server, where none does.
async fn follow(options: &ListEvents, lines: &mut Lines) -> Result<(), Error> {
    let kept = Kept::of(&options.data)?;
    let (client, tenant) = (Client::new(&kept.directory), &options.tenant);
    let mut after = if options.new { None } else { Some(options.after.unwrap_or(EventCursor::START)) };
    while !lines.output.closed() {
        match client.events(tenant, after, lines.detail(), true).await {
            Ok(page) => after = Some(lines.write(page)),
            Err(local::Error::NoEngine { .. }) if !kept.store.is_embedded() => {
                let stored = Reading::open(&options.data).await?;
                let from = match after {
                    Some(after) => after,
                    None => stored.newest_event(tenant).await?,
                };
                after = Some(lines.write(stored.events(tenant, from, lines.detail()).await?));
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) if matches!(error, local::Error::NoEngine { .. }) || error.retryable() => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Events as lines.
struct Lines {
    output: Output,
    json: bool,
}

impl Lines {
    fn detail(&self) -> Detail {
        if self.json { Detail::Whole } else { Detail::Summary }
    }

    /// Writes a page; returns where the next one begins.
    fn write(&mut self, page: EventPage) -> EventCursor {
        for event in &page.events {
            if self.json {
                self.output.compact(&event.told());
            } else {
                self.output.line(clean(&line(event)));
            }
        }
        page.next
    }
}

fn line(event: &TenantEvent) -> String {
    let alert = event.alert_id.as_deref().map(|alert| format!("  alert {alert}")).unwrap_or_default();
    let what = match &event.what {
        Happened::Started { playbook, version } => format!("started  {playbook} v{version}"),
        Happened::Waiting { step, status, wait, .. } => {
            let subject = wait.subject.as_deref().map(|subject| format!(" {subject}")).unwrap_or_default();
            format!("waiting  {step} for {}{subject}, {status} now", wait.kind.as_str())
        }
        Happened::Ended { playbook, version, status, runtime, error, .. } => {
            let took = runtime.map(|ms| format!(" after {}", duration(ms))).unwrap_or_default();
            let why = error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
            format!("ended    {playbook} v{version} {status}{took}{why}")
        }
    };
    format!("{}  {}  {}  {what}{alert}", event.at, event.cursor, event.peid)
}
