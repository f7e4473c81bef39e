//! `updraft trigger`: what starts playbooks by itself, by the engine that runs there, or without one.

use std::path::Path;

use updraft::limits::{PAGE_ROWS, TRIGGER_BYTES};
use updraft::{
    Asked, Name, PlannedTrigger, TenantCode, Trigger, TriggerEntry, TriggerError, TriggerPut, TriggerSource,
    parse,
};

use crate::exit::{Ending, Error};
use crate::guardrails::{asked, no_engine};
use crate::input;
use crate::options::{TriggerCommand, TriggerOptions};
use crate::output::{self, Output};
use crate::quotas;
use crate::reading::Reading;
use crate::text::clean;

/// Puts, lists, shows, pauses, resumes or removes triggers.
pub(crate) async fn triggers(options: &TriggerOptions) -> Result<Ending, Error> {
    let file = match &options.what {
        TriggerCommand::Put { file, .. } => Some(read(file)?),
        _ => None,
    };
    let tenant = &options.tenant;
    let place = Reading::open(&options.data).await?;
    let done = match (&options.what, file) {
        (TriggerCommand::Put { by, .. }, Some(trigger)) => put(&place, tenant, trigger, asked(by)).await,
        (TriggerCommand::List { json }, _) => list(&place, tenant, *json).await,
        (TriggerCommand::Show { name, json }, _) => show(&place, tenant, name, *json).await,
        (TriggerCommand::Pause { name, by }, _) => pause(&place, tenant, (name, true), asked(by)).await,
        (TriggerCommand::Resume { name, by }, _) => pause(&place, tenant, (name, false), asked(by)).await,
        (TriggerCommand::Remove { name, by }, _) => remove(&place, tenant, name, asked(by)).await,
        (TriggerCommand::Put { .. }, None) => Ok(()),
    };
    place.close().await;
    done.map(|()| Ending::Completed)
}

/// The trigger of a file, checked by itself; which playbooks there are is known to the engine.
///
/// # Errors
/// Its mistakes, each with line and column.
fn read(path: &Path) -> Result<Trigger, Error> {
    let refused = |why: &dyn std::fmt::Display| Error::Refused(format!("{}: {why}", path.display()));
    let bytes = input::bytes(path, TRIGGER_BYTES).map_err(|error| refused(&error))?;
    let trigger = Trigger::parse(&bytes).map_err(|error| refused(&error))?;
    let Err(mistakes) = PlannedTrigger::checked(trigger.clone()) else { return Ok(trigger) };
    let places = parse::places_in(&bytes, mistakes.iter().map(|mistake| mistake.path.as_str()));
    let told = mistakes.iter().zip(places).map(|(mistake, place)| match place {
        Some(place) => refused(&format_args!("{place}: {}", mistake.message)).to_string(),
        None => refused(mistake).to_string(),
    });
    Err(Error::Refused(told.collect::<Vec<_>>().join("\n")))
}

async fn put(place: &Reading, tenant: &TenantCode, trigger: Trigger, asked: Asked) -> Result<(), Error> {
    let (name, version) = (trigger.trigger.clone(), trigger.version);
    let put = match place {
        Reading::Running(client) => client.put_trigger(tenant, trigger, asked).await?,
        Reading::Alone(engine) => engine.triggers().put(tenant, trigger, asked).await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    };
    let told = match put {
        TriggerPut::Created => "is new".to_owned(),
        TriggerPut::Replaced(before) => format!("stands in place of version {before}"),
        TriggerPut::Unchanged => "was put before".to_owned(),
    };
    said(format_args!("{name}  version {version} {told}"))
}

async fn pause(
    place: &Reading,
    tenant: &TenantCode,
    (name, is_paused): (&Name, bool),
    asked: Asked,
) -> Result<(), Error> {
    match place {
        Reading::Running(client) => client.pause_trigger(tenant, name, is_paused, asked).await?,
        Reading::Alone(engine) if is_paused => {
            engine.triggers().pause(tenant, name, asked).await.map_err(wrong)?;
        }
        Reading::Alone(engine) => engine.triggers().resume(tenant, name, asked).await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    }
    said(format_args!("{name}  {}", if is_paused { "paused" } else { "fires again" }))
}

async fn remove(place: &Reading, tenant: &TenantCode, name: &Name, asked: Asked) -> Result<(), Error> {
    match place {
        Reading::Running(client) => client.remove_trigger(tenant, name, asked).await?,
        Reading::Alone(engine) => engine.triggers().remove(tenant, name, asked).await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    }
    said(format_args!("{name}  removed"))
}

fn said(line: std::fmt::Arguments<'_>) -> Result<(), Error> {
    let mut output = Output::stdout();
    output.line(line);
    output.finish()
}

async fn list(place: &Reading, tenant: &TenantCode, json: bool) -> Result<(), Error> {
    let mut entries: Vec<TriggerEntry> = Vec::new();
    loop {
        let after = entries.last().map(|last| last.definition.trigger.clone());
        let page = match place {
            Reading::Running(client) => client.triggers(tenant, after.as_ref(), PAGE_ROWS).await?,
            Reading::Alone(engine) => {
                engine.triggers().list(tenant, after.as_ref(), PAGE_ROWS).await.map_err(wrong)?
            }
            Reading::Server(_) => return Err(no_engine()),
        };
        if page.is_empty() {
            break;
        }
        entries.extend(page);
    }
    output::list(&entries, json, line)
}

async fn show(place: &Reading, tenant: &TenantCode, name: &Name, json: bool) -> Result<(), Error> {
    let found = match place {
        Reading::Running(client) => client.trigger(tenant, name).await?,
        Reading::Alone(engine) => engine.triggers().get(tenant, name).await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    };
    let Some(entry) = found else { return Err(Error::Refused(format!("there is no trigger {name}"))) };
    let mut output = Output::stdout();
    if json {
        output.json(&entry);
        return output.finish();
    }
    shown(&entry).iter().for_each(|line| output.line(clean(line)));
    output.finish()
}

/// A trigger in one line: its events, its playbook, when it fired last and fires next.
fn line(entry: &TriggerEntry) -> String {
    let TriggerEntry { definition, paused, history, next, .. } = entry;
    let last = history.last.map_or_else(|| "never fired".to_owned(), |last| format!("fired {}", last.at));
    let next = match (paused, next) {
        (Some(paused), _) => format!("paused by {}: {}", paused.uid, paused.reason),
        (None, Some(next)) => format!("next {next}"),
        (None, None) if matches!(definition.on, TriggerSource::Webhook(_) | TriggerSource::Queue(_)) => {
            String::new()
        }
        (None, None) => "never again".to_owned(),
    };
    format!("{}  {}  {}  {last}  {next}", definition.trigger, events(definition), definition.playbook)
}

fn events(definition: &Trigger) -> String {
    match &definition.on {
        TriggerSource::Schedule(schedule) => format!("{} {}", schedule.cron, schedule.zone),
        TriggerSource::Webhook(_) => "webhook".to_owned(),
        TriggerSource::Queue(queue) => format!("queue {}", queue.stream),
        TriggerSource::Poll(poll) => match (&poll.cron, poll.every) {
            (Some(cron), _) => format!("poll {} {cron} {}", poll.action, poll.zone),
            (None, Some(every)) => format!("poll {} every {every}", poll.action),
            (None, None) => format!("poll {}", poll.action),
        },
    }
}

/// A trigger with what has become of its events.
fn shown(entry: &TriggerEntry) -> Vec<String> {
    let TriggerEntry { definition, history, changed: (by, at), .. } = entry;
    let mut lines = vec![
        line(entry),
        format!("version {}, since {at} by {}: {}", definition.version, by.uid, by.reason),
        format!(
            "{} fired, {} missed, {} overlapped, {} left out by `when`, {} refused",
            history.fired, history.missed, history.overlapped, history.filtered, history.refused
        ),
    ];
    lines.extend(history.last.map(|last| format!("started {} last", last.peid)));
    if let Some(poll) = &entry.poll {
        lines.push(format!("asked from {} on", poll.cursor));
        lines.extend(poll.answered.map(|at| format!("answered {at} last")));
        lines.extend(poll.failing.as_ref().map(|failing| {
            format!("no answer since {}, {} times: {}", failing.since, failing.times, failing.why)
        }));
    }
    lines.extend(history.trouble.as_ref().map(|trouble| format!("refused last: {trouble}")));
    lines
}

/// What is wrong with what was asked, or with the store.
fn wrong(error: TriggerError) -> Error {
    match error {
        TriggerError::Setting(error) => quotas::wrong(error),
        error => Error::Refused(error.to_string()),
    }
}
