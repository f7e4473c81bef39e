//! `updraft why` without an execution: what takes long, of all tenants. Changes nothing.

use updraft::limits::PAGE_ROWS;
use updraft::{Clock, Overdue, OverdueQuery, OverdueRow, Span, SystemClock, Timestamp};

use crate::exit::Error;
use crate::options::AskWhy;
use crate::output::Output;
use crate::reading::Reading;
use crate::text::clean;
use crate::why::line;

/// Lists it, page by page.
pub(crate) async fn overdue(stored: &Reading, options: &AskWhy) -> Result<(), Error> {
    let now = SystemClock.now();
    let mut left = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let mut query = OverdueQuery { of: of(options, now), after: None, limit: 0 };
    let mut array = options.json.then(|| Output::stdout().array());
    let mut lines = Output::stdout();
    while left > 0 {
        query.limit = left.min(PAGE_ROWS);
        let page = stored.overdue(query).await?;
        left = left.saturating_sub(page.rows.len());
        for row in &page.rows {
            match &mut array {
                Some(array) => array.item(row),
                None => lines.line(clean(&told(row, now))),
            }
        }
        query.after = page.next;
        let is_closed = array.as_ref().map_or_else(|| lines.closed(), |array| array.closed());
        if page.next.is_none() || is_closed {
            break;
        }
    }
    match array {
        Some(array) => array.end(),
        None => lines.finish(),
    }
}

/// What the options ask for.
fn of(options: &AskWhy, now: Timestamp) -> Overdue {
    let longer = u64::try_from(options.older.0.as_millis()).unwrap_or(u64::MAX);
    match (options.overdue.waiting, options.overdue.retries) {
        (Some(kind), _) => Overdue::Waits { kind, before: Timestamp(now.0.saturating_sub(longer)) },
        (None, Some(at_least)) => Overdue::Retries { at_least },
        (None, None) => Overdue::Slow { now },
    }
}

fn told(row: &OverdueRow, now: Timestamp) -> String {
    match row {
        OverdueRow::Task { tenant, peid, wait } => format!("{tenant}  {peid}  {}", line(wait)),
        OverdueRow::Execution { tenant, peid, playbook, version, status, since, usual_ms } => {
            let [runs, usual] = [now.since(*since), *usual_ms].map(|ms| Span::millis(ms).to_string());
            format!(
                "{tenant}  {peid}  {playbook} v{version} is {status} since {since}, for {runs}; usually up to {usual}"
            )
        }
    }
}
