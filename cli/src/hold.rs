//! `updraft pause-all`, `resume-all` and `paused`: all executions of a tenant or playbook, by the engine that runs there, or without one.

use serde_json::json;

use crate::exit::{Ending, Error};
use crate::guardrails::{asked, no_engine};
use crate::options::{HoldScope, ListHeld};
use crate::output::Output;
use crate::quotas::wrong;
use crate::reading::Reading;
use crate::text::clean;

/// Pauses all executions of a scope, or lets them go on.
pub(crate) async fn hold(options: &HoldScope, is_paused: bool) -> Result<Ending, Error> {
    let place = Reading::open(&options.data).await?;
    let done = change(&place, options, is_paused).await;
    place.close().await;
    let (held, word) = (done?, if is_paused { "paused" } else { "resumed" });
    let mut output = Output::stdout();
    output.line(format_args!("{}  {word}, {held} that ran", options.scope));
    output.finish().map(|()| Ending::Completed)
}

async fn change(place: &Reading, options: &HoldScope, is_paused: bool) -> Result<usize, Error> {
    let (scope, asked) = (options.scope.clone(), asked(&options.by));
    match place {
        Reading::Running(client) => Ok(client.pause_all(scope, is_paused, asked).await?),
        Reading::Alone(engine) if is_paused => engine.pause_all(scope, asked).await.map_err(wrong),
        Reading::Alone(engine) => engine.resume_all(scope, asked).await.map_err(wrong),
        Reading::Server(_) => Err(no_engine()),
    }
}

/// Lists what is paused as a whole.
pub(crate) async fn held(options: &ListHeld) -> Result<Ending, Error> {
    let place = Reading::open(&options.data).await?;
    let read = match &place {
        Reading::Running(client) => client.paused_scopes().await.map_err(Error::from),
        Reading::Alone(engine) => Ok(engine.paused_scopes()),
        Reading::Server(_) => Err(no_engine()),
    };
    place.close().await;
    let all = read?;
    if options.json {
        let mut array = Output::stdout().array();
        for (scope, asked) in &all {
            let (tenant, playbook) = (&scope.tenant, &scope.playbook);
            array.item(
                &json!({ "tenant": tenant, "playbook": playbook, "uid": asked.uid, "reason": asked.reason }),
            );
        }
        return array.end().map(|()| Ending::Completed);
    }
    let mut output = Output::stdout();
    for (scope, asked) in &all {
        output.line(clean(&format!("{scope}  paused by {}: {}", asked.uid, asked.reason)));
    }
    output.finish().map(|()| Ending::Completed)
}
