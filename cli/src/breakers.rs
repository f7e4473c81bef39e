//! `updraft breaker`: circuits of tools of which people decide, by the engine that runs there, or without one.

use serde_json::json;
use updraft::{CircuitName, ForcedBreaker, ForcedCircuit};

use crate::exit::{Ending, Error};
use crate::guardrails::{asked, no_engine};
use crate::options::{BreakerCommand, BreakerOptions, By, Circuit, ForceTo};
use crate::output::Output;
use crate::quotas::wrong;
use crate::reading::Reading;
use crate::text::clean;

/// Lists, forces or releases circuits.
pub(crate) async fn breakers(options: &BreakerOptions) -> Result<Ending, Error> {
    let place = Reading::open(&options.data).await?;
    let done = match &options.what {
        BreakerCommand::List { json } => list(&place, *json).await,
        BreakerCommand::Force { circuit, to, by } => {
            let forced = match to {
                ForceTo::Open => ForcedCircuit::Open,
                ForceTo::Closed => ForcedCircuit::Closed,
            };
            force(&place, &named(circuit), Some(forced), by).await
        }
        BreakerCommand::Release { circuit, by } => force(&place, &named(circuit), None, by).await,
    };
    place.close().await;
    done.map(|()| Ending::Completed)
}

fn named(circuit: &Circuit) -> CircuitName {
    let Circuit { integration, tenant, host } = circuit;
    CircuitName { integration: integration.clone(), tenant: tenant.clone(), host: host.clone() }
}

async fn force(
    place: &Reading,
    circuit: &CircuitName,
    forced: Option<ForcedCircuit>,
    by: &By,
) -> Result<(), Error> {
    let person = (by.uid.as_str(), by.reason.as_str());
    match (place, forced) {
        (Reading::Running(client), forced) => {
            client.force_breaker(circuit.clone(), forced, asked(by)).await?;
        }
        (Reading::Alone(engine), Some(forced)) => {
            engine.force_breaker(circuit, forced, person).await.map_err(wrong)?;
        }
        (Reading::Alone(engine), None) => engine.release_breaker(circuit, person).await.map_err(wrong)?,
        (Reading::Server(_), _) => return Err(no_engine()),
    }
    let mut output = Output::stdout();
    output.line(clean(&format!("{}  {}", told(circuit), forced.map_or("released", word))));
    output.finish()
}

async fn list(place: &Reading, json: bool) -> Result<(), Error> {
    let all = match place {
        Reading::Running(client) => client.forced_breakers().await?,
        Reading::Alone(engine) => engine.forced_breakers().await.map_err(wrong)?,
        Reading::Server(_) => return Err(no_engine()),
    };
    if json {
        let mut array = Output::stdout().array();
        all.iter().for_each(|breaker| array.item(&object(breaker)));
        return array.end();
    }
    let mut output = Output::stdout();
    for breaker in &all {
        let by = breaker.uid.as_deref().unwrap_or("nobody");
        let reason = breaker.reason.as_deref().unwrap_or_default();
        let (circuit, word) = (told(&breaker.circuit), word(breaker.forced));
        output.line(clean(&format!("{circuit}  {word}  (since {} by {by}: {reason})", breaker.since)));
    }
    output.finish()
}

fn object(breaker: &ForcedBreaker) -> serde_json::Value {
    let CircuitName { integration, tenant, host } = &breaker.circuit;
    json!({
        "integration": integration,
        "tenant": tenant,
        "host": host,
        "forced": word(breaker.forced),
        "uid": breaker.uid,
        "reason": breaker.reason,
        "since": breaker.since,
    })
}

/// The circuits that are meant.
fn told(circuit: &CircuitName) -> String {
    let tenant = circuit.tenant.as_ref().map(|tenant| format!(" of {tenant}")).unwrap_or_default();
    let host = circuit.host.as_ref().map(|host| format!(" at {host}")).unwrap_or_default();
    format!("{}{tenant}{host}", circuit.integration)
}

const fn word(forced: ForcedCircuit) -> &'static str {
    match forced {
        ForcedCircuit::Open => "open",
        ForcedCircuit::Closed => "closed",
    }
}
