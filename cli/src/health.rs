//! `updraft health`: how the engine fares that runs on a data directory. Starts none, and mends nothing.

use std::path::Path;

use serde::Serialize;
use updraft::local::{Client, Error as LocalError};
use updraft::{EngineHealth, EngineTrouble, Finding, StoreAddress};

use crate::exit::{Ending, Error};
use crate::options::Health;
use crate::output::Output;
use crate::playbook::with_way;

/// What is told as JSON.
#[derive(Serialize)]
struct Told<'a> {
    /// Whether an engine runs there.
    running: bool,
    /// Whether it does, and nothing is wrong.
    well: bool,
    #[serde(flatten)]
    health: Option<&'a EngineHealth>,
}

/// Tells all that the engine says of itself.
pub(crate) async fn health(options: &Health) -> Result<Ending, Error> {
    let health = match Client::new(&options.data).health().await {
        Ok(health) => Some(health),
        Err(LocalError::NoEngine { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let held = health.is_none() && is_held(&options.data).await;
    let data = options.data.display();
    let well = health.as_ref().is_some_and(EngineHealth::is_well);
    let mut output = Output::stdout();
    if options.json {
        output.json(&Told { running: held || health.is_some(), well, health: health.as_ref() });
    } else {
        match &health {
            Some(health) => lines(health).iter().for_each(|line| output.line(line)),
            None if held => output.line(format_args!(
                "an engine has {data}, and cannot be asked: its socket is not there, and its log says why"
            )),
            None => output.line(format_args!("no engine runs on {data}")),
        }
    }
    output.finish().map(|()| if well { Ending::Completed } else { Ending::Failed })
}

/// Whether an engine has the directory.
async fn is_held(data: &Path) -> bool {
    let looked = updraft::doctor(data, &StoreAddress::Embedded).await;
    looked.is_ok_and(|found| found.findings.iter().any(|found| matches!(found, Finding::InUse { .. })))
}

/// How it fares, for people.
fn lines(health: &EngineHealth) -> Vec<String> {
    let EngineHealth { troubles, store, pending, behind, segments } = health;
    let mut lines = vec![if health.is_well() { "well".to_owned() } else { "not well".to_owned() }];
    lines.extend(troubles.iter().map(|trouble| match trouble {
        EngineTrouble::NotConfigured { .. } => format!("trouble   {}", with_way(&trouble.to_string())),
        _ => format!("trouble   {trouble}"),
    }));
    lines.extend(store.troubles.iter().map(|trouble| format!("trouble   {trouble}")));
    lines.push(format!("waiting   {} documents, {} bytes for the store", pending.documents, pending.bytes));
    lines.push(format!("behind    {behind} groups of updates are durable, and not in the store yet"));
    lines.push(format!("journal   {segments} segments"));
    if let Some(pool) = &store.pool {
        lines.push(format!(
            "pool      {} connections open, {} in use, {} idle; {} callers wait, {} waited in vain",
            pool.open, pool.in_use, pool.idle, pool.waiting, pool.timeouts_total
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use updraft::{EngineTrouble, Health as StoreHealth, Pending, PoolStatistics, Trouble};

    #[test]
    fn all_that_is_wrong_is_told_and_the_pool_where_there_is_one() {
        let pool = PoolStatistics { open: 4, in_use: 3, idle: 1, waiting: 2, ..PoolStatistics::default() };
        let store =
            StoreHealth { troubles: vec![Trouble::Full { cause: "no space".to_owned() }], pool: Some(pool) };
        let troubles = vec![EngineTrouble::JournalPoisoned { cause: "a sync failed".to_owned() }];
        let pending = Pending { documents: 7, bytes: 900 };
        let health = EngineHealth { troubles, store, pending, behind: 5, segments: 2 };
        let told = lines(&health).join("\n");
        for part in [
            "not well\n",
            "trouble   the journal is poisoned: a sync failed",
            "no space",
            "7 documents, 900 bytes",
            "5 groups",
            "2 segments",
            "4 connections open, 3 in use, 1 idle; 2 callers wait",
        ] {
            assert!(told.contains(part), "{told}");
        }
        let json = serde_json::to_value(Told { running: true, well: false, health: Some(&health) }).unwrap();
        assert_eq!((&json["troubles"][0]["kind"], &json["behind"]), (&"journal_poisoned".into(), &5.into()));
        let missing = |count: usize, what: &str| {
            let task = serde_json::json!({"tenant": "acme", "peid": "01a1fc56-3693-726d-b211-11b21cd582cc", "step": "s",
                "what": what, "since": 1_767_225_600_000_u64, "until": 1_767_312_000_000_u64});
            let trouble = serde_json::json!({"kind": "not_configured", "tasks": vec![task; count]});
            let troubles = vec![serde_json::from_value(trouble).unwrap()];
            lines(&EngineHealth { troubles, ..health.clone() })[1].clone()
        };
        let permission = missing(1, "GET 10.0.0.1:80: missing here: permission to reach 10.0.0.1:80");
        assert!(
            permission.starts_with("trouble   1 task waits for configuration; step s of"),
            "{permission}"
        );
        assert!(permission.ends_with("; `--allow-net 10.0.0.1:80` gives it"), "{permission}");
        let secret = missing(2, "missing here: secret `edr` of tenant acme: the tenant has no such secret");
        assert!(
            secret.starts_with("trouble   2 tasks wait") && secret.contains("UPDRAFT_SECRET_EDR"),
            "{secret}"
        );
        let none = serde_json::to_value(Told { running: false, well: false, health: None }).unwrap();
        assert_eq!(none, serde_json::json!({"running": false, "well": false}));
    }
}
