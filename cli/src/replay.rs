//! `updraft replay`: past executions run through another version of their playbook, without a network. Owns which are meant, and
//! the table; what differs is found by `updraft_replay`.

use std::pin::pin;

use console::{StyledObject, style};
use futures_util::StreamExt;
use serde::Serialize;
use updraft::limits::{BULK_EXECUTIONS, PAGE_ROWS};
use updraft::{Clock, Detail, ExecutionDocument, ExecutionId, ExecutionQuery, ExecutionsOf, SystemClock};
use updraft_replay::compare::{ReplayComparison, ReplayVerdict};
use updraft_replay::plans::RunPlans;

use crate::declared::declared;
use crate::dry_run::recording;
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::{Fit, Replay};
use crate::output::Output;
use crate::playbook;
use crate::reading::Reading;
use crate::text::clean;

/// Characters of one word of the table.
const TOLD_CHARACTERS: usize = 160;

/// An execution with what differs.
#[derive(Serialize)]
struct Told {
    peid: ExecutionId,
    #[serde(flatten)]
    comparison: ReplayComparison,
}

/// How many came to what.
#[derive(Debug, Default)]
struct Totals {
    same: usize,
    differs: usize,
    needs_answer: usize,
    failed: usize,
}

impl Totals {
    fn count(&mut self, verdict: &ReplayVerdict) {
        *match verdict {
            ReplayVerdict::Same => &mut self.same,
            ReplayVerdict::Differs { .. } => &mut self.differs,
            ReplayVerdict::NeedsAnswer { .. } => &mut self.needs_answer,
            ReplayVerdict::Failed { .. } => &mut self.failed,
        } += 1;
    }
}

/// Replays them one after the other, and tells of each.
pub(crate) async fn replay(options: Replay, screen: &Screen) -> Result<Ending, Error> {
    let mut interrupt = Interrupt::listen(screen)?;
    let tools = declared(&options.data, &options.connectors, options.integrations.as_deref())?;
    let plans = playbook::plans(&options.playbook, &options.sub, &tools).await;
    let (playbook, mut plans) = plans.map_err(|mistakes| Error::Refused(mistakes.join("\n")))?;
    for given in &options.var {
        let name = plans.names().native_variable(&given.name).to_owned();
        if !playbook.variables.contains_key(&name) {
            let name = &given.name;
            return Err(Error::Refused(format!("--var {name}: the playbook has no such variable")));
        }
        plans.set_variable(&name, given.value.clone());
    }
    let reading = Reading::open(&options.data).await?;
    let told = interrupt.unless(replay_all(&reading, &plans, &options)).await;
    reading.close().await;
    match told {
        Some(told) => told,
        None => Ok(Ending::Interrupted),
    }
}

async fn replay_all(reading: &Reading, plans: &RunPlans, options: &Replay) -> Result<Ending, Error> {
    let peids = meant(reading, plans, options).await?;
    let (mut totals, mut output) = (Totals::default(), Output::stdout());
    let mut array = options.json.then(|| Output::stdout().array());
    for peid in peids {
        let keeps = options.keep_variables;
        let comparison = match recording(reading, &options.tenant, peid, plans).await? {
            Some(found) => {
                tokio::task::block_in_place(|| updraft_replay::compare::replay(&found, plans, keeps))
            }
            // It may have been removed since it was found; the others are replayed all the same.
            None => ReplayComparison::failed(
                "nowhere",
                format!("tenant {} has no such execution", options.tenant),
            ),
        };
        totals.count(&comparison.verdict);
        match &mut array {
            Some(array) => array.item(&Told { peid, comparison }),
            None => print(peid, &comparison, options.verbose, &mut output),
        }
    }
    let Totals { same, differs, needs_answer, failed } = totals;
    match array {
        Some(array) => array.end()?,
        None => {
            let all = same + differs + needs_answer + failed;
            output.line(format_args!(
                "{all} executions: {same} same, {differs} differ, {needs_answer} need an answer, {failed} failed"
            ));
            output.finish()?;
        }
    }
    Ok(if failed == 0 { Ending::Completed } else { Ending::Failed })
}

/// The executions that are meant, the oldest first where a filter finds them.
async fn meant(reading: &Reading, plans: &RunPlans, options: &Replay) -> Result<Vec<ExecutionId>, Error> {
    if options.fits.is_empty() {
        return Ok(options.peids.clone());
    }
    let status = options.fits.iter().find_map(|fit| match fit {
        Fit::Status(status) => Some(*status),
        _ => None,
    });
    let of = status.map_or(ExecutionsOf::Any, ExecutionsOf::Status);
    let query = ExecutionQuery {
        tenant: options.tenant.clone(),
        of,
        after: None,
        limit: PAGE_ROWS,
        detail: Detail::Summary,
    };
    let now = SystemClock.now();
    let names_playbook = options.fits.iter().any(|fit| matches!(fit, Fit::Playbook(_)));
    let fits = |document: &ExecutionDocument| {
        let age = std::time::Duration::from_millis(now.since(document.head.createddate));
        let own = plans.main().is_none_or(|main| main.plan.name == document.head.playbook_name);
        let all = options.fits.iter().all(|fit| match fit {
            Fit::All => true,
            Fit::Status(status) => *status == document.state.execution_status,
            Fit::Playbook(name) => *name == document.head.playbook_name,
            Fit::Since(span) => age <= *span,
            Fit::Until(span) => age >= *span,
        });
        // Of other playbooks only those that are asked for by name.
        all && (own || names_playbook) && document.state.execution_status.ended()
    };
    let mut found = Vec::new();
    let mut executions = pin!(reading.executions(query));
    while let Some(document) = executions.next().await {
        let document = document?;
        if fits(&document) {
            found.push(document.peid);
        }
        if found.len() > BULK_EXECUTIONS {
            let why = format!("more than {BULK_EXECUTIONS} executions fit; `since=` and `until=` name fewer");
            return Err(Error::refused("--where", why));
        }
    }
    found.reverse();
    Ok(found)
}

fn print(peid: ExecutionId, comparison: &ReplayComparison, verbose: bool, output: &mut Output) {
    let (word, rest): (StyledObject<&str>, String) = match &comparison.verdict {
        ReplayVerdict::Same => (style("same").green(), String::new()),
        ReplayVerdict::Differs { step, old, new } => {
            (style("differs").yellow(), format!("at {step} ({} → {})", cut(old), cut(new)))
        }
        ReplayVerdict::NeedsAnswer { step, asked } => {
            (style("needs answer").yellow(), format!("{step} ({})", cut(asked)))
        }
        ReplayVerdict::Failed { why } => (style("failed").red(), cut(why)),
    };
    let (old, new) = (&comparison.old_status, &comparison.new_status);
    let ends = if old == new { old.clone() } else { format!("{old} → {new}") };
    output.styled(format_args!("{peid}  {word:12}  {ends}  {}", clean(&rest)));
    if !verbose {
        return;
    }
    let lists = [
        ("new call", &comparison.new_calls),
        ("gone call", &comparison.gone_calls),
        ("other arguments", &comparison.other_arguments),
    ];
    for (name, calls) in lists {
        calls.iter().for_each(|call| output.line(clean(&format!("    {name}: {call}"))));
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TOLD_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
