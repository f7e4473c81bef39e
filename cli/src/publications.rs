//! `updraft publication`: what tells other programs the events of executions, by the engine that runs there, or without one.

use std::path::Path;

use updraft::limits::PUBLICATION_BYTES;
use updraft::{
    Asked, Name, PlannedPublication, Publication, PublicationEntry, PublicationError, PublicationTarget,
    PublishFrom, TenantCode, parse,
};

use crate::exit::{Ending, Error};
use crate::guardrails::{asked, no_engine};
use crate::input;
use crate::options::{PublicationCommand, PublicationOptions};
use crate::output::{self, Output};
use crate::quotas;
use crate::reading::Reading;

/// Puts, lists, pauses, resumes or removes publications.
pub(crate) async fn publications(options: &PublicationOptions) -> Result<Ending, Error> {
    let file = match &options.what {
        PublicationCommand::Put { file, .. } => Some(read(file)?),
        _ => None,
    };
    let tenant = &options.tenant;
    let place = Reading::open(&options.data).await?;
    let done = match (&options.what, file) {
        (PublicationCommand::Put { by, from_start, after, .. }, Some(publication)) => {
            let from = match (from_start, after) {
                (true, _) => PublishFrom::Start,
                (false, Some(after)) => PublishFrom::After(*after),
                (false, None) => PublishFrom::Now,
            };
            put(&place, tenant, (publication, from), asked(by)).await
        }
        (PublicationCommand::List { json }, _) => list(&place, tenant, *json).await,
        (PublicationCommand::Pause { name, by }, _) => pause(&place, tenant, (name, true), asked(by)).await,
        (PublicationCommand::Resume { name, by }, _) => pause(&place, tenant, (name, false), asked(by)).await,
        (PublicationCommand::Remove { name, by }, _) => remove(&place, tenant, name, asked(by)).await,
        (PublicationCommand::Put { .. }, None) => Ok(()),
    };
    place.close().await;
    done.map(|()| Ending::Completed)
}

/// The publication of a file, checked.
///
/// # Errors
/// Its mistakes, each with line and column.
fn read(path: &Path) -> Result<Publication, Error> {
    let refused = |why: &dyn std::fmt::Display| Error::Refused(format!("{}: {why}", path.display()));
    let bytes = input::bytes(path, PUBLICATION_BYTES).map_err(|error| refused(&error))?;
    let publication = Publication::parse(&bytes).map_err(|error| refused(&error))?;
    let Err(mistakes) = PlannedPublication::checked(publication.clone()) else { return Ok(publication) };
    let places = parse::places_in(&bytes, mistakes.iter().map(|mistake| mistake.path.as_str()));
    let told = mistakes.iter().zip(places).map(|(mistake, place)| match place {
        Some(place) => refused(&format_args!("{place}: {}", mistake.message)).to_string(),
        None => refused(mistake).to_string(),
    });
    Err(Error::Refused(told.collect::<Vec<_>>().join("\n")))
}

async fn put(
    place: &Reading,
    tenant: &TenantCode,
    (publication, from): (Publication, PublishFrom),
    asked: Asked,
) -> Result<(), Error> {
    let name = publication.publication.clone();
    let is_new = match place {
        Reading::Running(client) => client.put_publication(tenant, publication, from, asked).await?,
        Reading::Alone(engine) => {
            engine.publications().put(tenant, publication, from, asked).await.map_err(wrong)?
        }
        Reading::Server(_) => return Err(no_engine()),
    };
    said(&name, if is_new { "is new" } else { "goes on from where it was" })
}

async fn pause(
    place: &Reading,
    tenant: &TenantCode,
    (name, is_paused): (&Name, bool),
    asked: Asked,
) -> Result<(), Error> {
    match place {
        Reading::Running(client) => client.pause_publication(tenant, name, is_paused, asked).await?,
        Reading::Alone(engine) if is_paused => {
            engine.publications().pause(tenant, name, asked).await.map_err(wrong)?;
        }
        Reading::Alone(engine) => engine.publications().resume(tenant, name, asked).await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    }
    said(name, if is_paused { "paused" } else { "goes on" })
}

async fn remove(place: &Reading, tenant: &TenantCode, name: &Name, asked: Asked) -> Result<(), Error> {
    match place {
        Reading::Running(client) => client.remove_publication(tenant, name, asked).await?,
        Reading::Alone(engine) => engine.publications().remove(tenant, name, asked).await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    }
    said(name, "removed")
}

fn said(name: &Name, what: &str) -> Result<(), Error> {
    let mut output = Output::stdout();
    output.line(format_args!("{name}  {what}"));
    output.finish()
}

async fn list(place: &Reading, tenant: &TenantCode, json: bool) -> Result<(), Error> {
    let entries = match place {
        Reading::Running(client) => client.publications(tenant).await?,
        Reading::Alone(engine) => engine.publications().list(tenant).await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    };
    output::list(&entries, json, line)
}

/// A publication in one line: where its events go, how far it has come, what is in the way.
fn line(entry: &PublicationEntry) -> String {
    let PublicationEntry { definition, paused, progress, .. } = entry;
    let to = match &definition.to {
        PublicationTarget::Webhook(webhook) => webhook.url.to_string(),
        PublicationTarget::Stream(stream) => format!("stream {}", stream.stream),
    };
    let last = progress.last.map_or_else(|| "never".to_owned(), |last| last.to_string());
    let mut line = format!(
        "{}  {to}  {} arrived, {} left out, {} given up  last {last}",
        definition.publication, progress.delivered, progress.filtered, progress.refused
    );
    if let Some(paused) = paused {
        line.push_str(&format!("  paused by {}: {}", paused.uid, paused.reason));
    }
    if let Some(trouble) = &progress.trouble {
        line.push_str(&format!("  {} tried {} times: {}", trouble.cursor, trouble.attempts, trouble.why));
    } else if let Some(refusal) = &progress.refusal {
        line.push_str(&format!("  given up last: {}", refusal.why));
    }
    line
}

/// What is wrong with what was asked, or with the store.
fn wrong(error: PublicationError) -> Error {
    match error {
        PublicationError::Setting(error) => quotas::wrong(error),
        error => Error::Refused(error.to_string()),
    }
}
