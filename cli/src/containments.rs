//! `updraft containments`: what is contained, until when, by whom; and what people ask of it, by the engine that runs there.

use updraft::limits::PAGE_ROWS;
use updraft::{
    Clock, ContainmentApplied, ContainmentAsk, ContainmentCursor, ContainmentDocument, ContainmentQuery,
    ContainmentsOf, SystemClock,
};

use crate::exit::{Ending, Error};
use crate::options::{AskedContainment, ContainmentCommand, Containments};
use crate::output::Output;
use crate::reading::Reading;
use crate::text::clean;

/// Lists containments, or asks something of one.
pub(crate) async fn containments(options: &Containments) -> Result<Ending, Error> {
    let place = Reading::open(&options.data).await?;
    let done = match &options.what {
        None => list(options, &place).await,
        Some(ContainmentCommand::Extend { of, lasts }) => {
            let until = SystemClock.now().after(lasts.0);
            ask(options, &place, of, ContainmentAsk::Extend(until)).await
        }
        Some(ContainmentCommand::Keep { of }) => ask(options, &place, of, ContainmentAsk::Keep).await,
        Some(ContainmentCommand::Undo { of }) => ask(options, &place, of, ContainmentAsk::Undo).await,
    };
    place.close().await;
    done.map(|()| Ending::Completed)
}

async fn ask(
    options: &Containments,
    place: &Reading,
    of: &AskedContainment,
    ask: ContainmentAsk,
) -> Result<(), Error> {
    let (tenant, by) = (&options.tenant, (of.uid.as_str(), of.reason.as_str()));
    let is_undo = matches!(ask, ContainmentAsk::Undo);
    let applied = match place {
        Reading::Running(client) => client.contain(tenant, of.id, by, ask).await?,
        Reading::Alone(engine) => {
            let asked = engine.containments().ask(tenant, of.id, by, ask).await;
            asked.map_err(updraft::ControlError::from)?
        }
        Reading::Server(_) => return Err(Error::Failed("no engine runs here".to_owned())),
    };
    let mut output = Output::stdout();
    output.line(format_args!("{}  {}", of.id, told(applied, is_undo, matches!(place, Reading::Running(_)))));
    output.finish()
}

/// What came of it. An undo is made by an engine, and not by this command; `runs` is whether one is there.
fn told(applied: ContainmentApplied, is_undo: bool, runs: bool) -> &'static str {
    match (applied, is_undo, runs) {
        (ContainmentApplied::Unchanged, ..) => "was so before",
        (ContainmentApplied::Changed, true, true) => "is due now: the engine undoes it",
        (ContainmentApplied::Changed, true, false) => {
            "is due now: the next engine here, or `updraft recover`, undoes it"
        }
        (ContainmentApplied::Changed, false, _) => "done",
    }
}

async fn list(options: &Containments, place: &Reading) -> Result<(), Error> {
    let of = options.target.clone().map_or(ContainmentsOf::Open, ContainmentsOf::Target);
    let (mut rows, mut after) = (Vec::new(), None);
    while rows.len() < options.limit {
        let limit = (options.limit - rows.len()).min(PAGE_ROWS);
        let query = ContainmentQuery { tenant: options.tenant.clone(), of: of.clone(), after, limit };
        let page = place.containments(query).await?;
        let Some(last) = page.last() else { break };
        after = Some(ContainmentCursor::of(last));
        rows.extend(page);
    }
    if options.json {
        let mut array = Output::stdout().array();
        rows.iter().for_each(|row| array.item(row));
        return array.end();
    }
    let mut output = Output::stdout();
    output.line(line(["ID", "STATUS", "UNTIL", "HOLDERS", "TARGET"]));
    for row in &rows {
        let held = row.details.holders.iter().filter(|holder| holder.ended.is_none()).count();
        let target = match &row.details.reason {
            Some(reason) => format!("{}  ({})", clean(&row.target), clean(reason)),
            None => clean(&row.target).into_owned(),
        };
        output.line(line([&row.id.to_string(), row.status.as_str(), &next(row), &held.to_string(), &target]));
    }
    output.finish()
}

/// Until when it lasts, or when its undo is tried next.
fn next(row: &ContainmentDocument) -> String {
    row.due.map_or_else(String::new, |due| due.max(row.until).to_string())
}

fn line([id, status, until, holders, target]: [&str; 5]) -> String {
    format!("{id:36}  {status:11}  {until:24}  {holders:>7}  {target}").trim_end().to_owned()
}
