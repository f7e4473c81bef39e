//! `updraft guardrail`: what an operator lets playbooks do, by the engine that runs there, or without one.

use std::path::Path;

use updraft::limits::{GUARDRAIL_FILE_BYTES, PAGE_ROWS};
use updraft::{
    Asked, AuditQuery, AuditRecord, ControlError, Guardrail, GuardrailEntry, GuardrailError, GuardrailFile,
    PlannedGuardrail, parse,
};

use crate::exit::{Ending, Error};
use crate::input;
use crate::options::{By, GuardrailCommand, GuardrailOptions};
use crate::output::{self, Output};
use crate::reading::Reading;

/// Lists, sets or clears guardrails, or lists the audit.
pub(crate) async fn guardrails(options: &GuardrailOptions) -> Result<Ending, Error> {
    let file = match &options.what {
        GuardrailCommand::Set { file, .. } => read(file)?,
        _ => Vec::new(),
    };
    let place = Reading::open(&options.data).await?;
    let done = match &options.what {
        GuardrailCommand::List { json } => list(&place, *json).await,
        GuardrailCommand::Set { by, .. } => set(&place, file, asked(by)).await,
        GuardrailCommand::Clear { name, by } => clear(&place, name, asked(by)).await,
        GuardrailCommand::Audit { tenant, limit, json } => {
            audit(&place, AuditQuery { tenant: tenant.clone(), after: None, limit: *limit }, *json).await
        }
    };
    place.close().await;
    done.map(|()| Ending::Completed)
}

/// The guardrails of a file, each checked by itself; the tools that they name are known to the engine.
///
/// # Errors
/// Its mistakes, each with line and column.
pub(crate) fn read(path: &Path) -> Result<Vec<Guardrail>, Error> {
    let refused = |why: &dyn std::fmt::Display| Error::Refused(format!("{}: {why}", path.display()));
    let bytes = input::bytes(path, GUARDRAIL_FILE_BYTES).map_err(|error| refused(&error))?;
    let file = GuardrailFile::parse(&bytes).map_err(|error| refused(&error))?;
    let mut mistakes: Vec<(String, String)> = Vec::new();
    for (at, guardrail) in file.guardrails.iter().enumerate() {
        let place = format!("guardrails[{at}]");
        if file.guardrails[..at].iter().any(|other| other.name == guardrail.name) {
            mistakes.push((format!("{place}.name"), "there are two of this name".to_owned()));
        }
        for mistake in PlannedGuardrail::checked(guardrail.clone(), None).err().into_iter().flatten() {
            let dot = if mistake.place.is_empty() { "" } else { "." };
            mistakes.push((format!("{place}{dot}{}", mistake.place), mistake.message));
        }
    }
    if mistakes.is_empty() {
        return Ok(file.guardrails);
    }
    let places = parse::places_in(&bytes, mistakes.iter().map(|(place, _)| place.as_str()));
    let told = mistakes.iter().zip(places).map(|((path, message), place)| match place {
        Some(place) => refused(&format_args!("{place}: {message}")).to_string(),
        None => refused(&format_args!("{path}: {message}")).to_string(),
    });
    Err(Error::Refused(told.collect::<Vec<_>>().join("\n")))
}

/// Who asks, and why.
pub(crate) fn asked(by: &By) -> Asked {
    Asked { uid: by.uid.as_str().into(), reason: by.reason.as_str().into() }
}

async fn set(place: &Reading, guardrails: Vec<Guardrail>, asked: Asked) -> Result<(), Error> {
    let names: Vec<String> = guardrails.iter().map(|guardrail| guardrail.name.to_string()).collect();
    match place {
        Reading::Running(client) => client.set_guardrails(guardrails, asked).await?,
        Reading::Alone(engine) => engine.guardrails().set_all(guardrails, asked).await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    }
    let mut output = Output::stdout();
    names.iter().for_each(|name| output.line(format_args!("{name}  set")));
    output.finish()
}

async fn clear(place: &Reading, name: &updraft::Name, asked: Asked) -> Result<(), Error> {
    match place {
        Reading::Running(client) => client.clear_guardrail(name.clone(), asked).await?,
        Reading::Alone(engine) => engine.guardrails().clear(name, asked).await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    }
    let mut output = Output::stdout();
    output.line(format_args!("{name}  cleared"));
    output.finish()
}

async fn list(place: &Reading, json: bool) -> Result<(), Error> {
    let entries = match place {
        Reading::Running(client) => client.guardrails().await?,
        Reading::Alone(engine) => engine.guardrails().list().await?,
        Reading::Server(_) => return Err(no_engine()),
    };
    output::list(&entries, json, line)
}

/// A guardrail in one line: what it says, of which calls, and who set it.
fn line(entry: &GuardrailEntry) -> String {
    let what = entry.guardrail.as_ref().map_or_else(|| "cleared".to_owned(), says);
    let by = match &entry.set {
        Some(set) => format!("set {} by {}: {}", set.at, set.uid, set.reason),
        None => "declared".to_owned(),
    };
    format!("{}  {what}  ({by})", entry.name)
}

/// What a guardrail says, and of which calls.
pub(crate) fn says(guardrail: &Guardrail) -> String {
    let cap = |cap: &updraft::Cap| {
        let calls = cap.calls.zip(cap.per).map(|(calls, per)| format!("{calls} in {per}"));
        let active = cap.active.map(|active| format!("{active} at once"));
        format!("cap {}", [calls, active].into_iter().flatten().collect::<Vec<_>>().join(", "))
    };
    let rules = [
        guardrail.kill_switch.then(|| "kill switch".to_owned()),
        guardrail.cap.as_ref().map(cap),
        guardrail.protected.as_ref().map(|_| "protected targets".to_owned()),
        guardrail.hours.as_ref().map(|hours| format!("hours in {}", hours.zone)),
        guardrail
            .only
            .as_ref()
            .map(|only| if only.reads { "reads only" } else { "some hosts only" }.to_owned()),
    ];
    let rules: Vec<String> = rules.into_iter().flatten().collect();
    let calls = if guardrail.calls.is_empty() { "all calls".to_owned() } else { guardrail.calls.join(", ") };
    let tenants: Vec<&str> = guardrail.tenants.iter().map(updraft::TenantCode::as_str).collect();
    let tenants = if tenants.is_empty() { String::new() } else { format!(" for {}", tenants.join(", ")) };
    format!("{}: {calls}{tenants}", rules.join(", "))
}

async fn audit(place: &Reading, mut query: AuditQuery, json: bool) -> Result<(), Error> {
    let (mut rows, most) = (Vec::new(), query.limit);
    while rows.len() < most {
        query.limit = (most - rows.len()).min(PAGE_ROWS);
        let page = match place {
            Reading::Running(client) => client.audit(query.clone()).await?,
            Reading::Alone(engine) => engine.guardrails().audit(query.clone()).await?,
            Reading::Server(_) => return Err(no_engine()),
        };
        let Some(last) = page.last() else { break };
        query.after = Some(last.id);
        rows.extend(page);
    }
    output::list(&rows, json, told)
}

fn told(row: &AuditRecord) -> String {
    let uid = row.uid.as_deref().unwrap_or("the engine");
    let tenant = row.tenant_code.as_ref().map(|tenant| format!(" {tenant}")).unwrap_or_default();
    let reason = row.reason.as_deref().unwrap_or_default();
    format!("{}  {} {}{tenant}  {} by {uid}: {reason}", row.at, row.what, row.subject, row.outcome)
}

fn wrong(error: GuardrailError) -> Error {
    match error {
        GuardrailError::Read(error) => ControlError::from(error).into(),
        other => Error::Refused(other.to_string()),
    }
}

/// What an operator decides is no matter of a program that only reads a server's store.
pub(crate) fn no_engine() -> Error {
    Error::Failed("no engine runs here: ask where the data directory is".to_owned())
}
