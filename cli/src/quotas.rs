//! `updraft quota`: what tenants have of an engine, by the one that runs there, or without one.

use serde_json::json;
use updraft::{Engine, Quota, SettingError, SubmissionRate, TenantCode};

use crate::exit::{Ending, Error};
use crate::guardrails::{asked, no_engine};
use crate::options::{QuotaCommand, QuotaFields, QuotaOptions};
use crate::output::Output;
use crate::reading::Reading;

/// Lists, sets or clears quotas.
pub(crate) async fn quotas(options: &QuotaOptions) -> Result<Ending, Error> {
    let place = Reading::open(&options.data).await?;
    let done = match &options.what {
        QuotaCommand::List { json } => list(&place, *json).await,
        QuotaCommand::Set { tenant, quota, by } => set(&place, tenant, Some(meant(quota)), asked(by)).await,
        QuotaCommand::Clear { tenant, by } => set(&place, tenant, None, asked(by)).await,
    };
    place.close().await;
    done.map(|()| Ending::Completed)
}

fn meant(fields: &QuotaFields) -> Quota {
    let QuotaFields { in_flight, tasks_at_once, queued, per_second, burst, weight } = *fields;
    let submissions =
        per_second.map(|per_second| SubmissionRate { per_second, burst: burst.unwrap_or(per_second) });
    Quota { in_flight, tasks_at_once, queued, submissions, weight }
}

async fn set(
    place: &Reading,
    tenant: &TenantCode,
    quota: Option<Quota>,
    asked: updraft::Asked,
) -> Result<(), Error> {
    match (place, quota) {
        (Reading::Running(client), quota) => client.set_quota(tenant.clone(), quota, asked).await?,
        (Reading::Alone(engine), Some(quota)) => {
            engine.set_quota(tenant, quota, asked).await.map_err(wrong)?;
        }
        (Reading::Alone(engine), None) => engine.clear_quota(tenant, asked).await.map_err(wrong)?,
        (Reading::Server(_), _) => return Err(no_engine()),
    }
    let mut output = Output::stdout();
    output.line(format_args!("{tenant}  {}", if quota.is_some() { "set" } else { "cleared" }));
    output.finish()
}

async fn list(place: &Reading, json: bool) -> Result<(), Error> {
    let all = match place {
        Reading::Running(client) => client.quotas().await?,
        Reading::Alone(engine) => Engine::quotas(engine),
        Reading::Server(_) => return Err(no_engine()),
    };
    if json {
        let mut array = Output::stdout().array();
        all.iter().for_each(|(tenant, quota)| array.item(&json!({ "tenant": tenant, "quota": quota })));
        return array.end();
    }
    let mut output = Output::stdout();
    all.iter().for_each(|(tenant, quota)| output.line(format_args!("{tenant}  {}", says(quota))));
    output.finish()
}

/// A quota in words.
fn says(quota: &Quota) -> String {
    let submissions = quota
        .submissions
        .map(|rate| format!("{} submissions a second, {} together", rate.per_second, rate.burst));
    let parts = [
        quota.in_flight.map(|executions| format!("{executions} in flight")),
        quota.tasks_at_once.map(|tasks| format!("{tasks} tasks at once")),
        quota.queued.map(|executions| format!("{executions} queued")),
        submissions,
        quota.weight.map(|weight| format!("weight {weight}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "no bound".to_owned() } else { parts.join(", ") }
}

/// What is wrong with what was asked, or with the store.
pub(crate) fn wrong(error: SettingError) -> Error {
    match error {
        SettingError::Store(error) => error.into(),
        error => Error::Refused(error.to_string()),
    }
}
