//! `updraft inbox`: the approvals of a tenant that wait for people, the one whose time is over first first.

use updraft::limits::PAGE_ROWS;
use updraft::{Clock, Inbox, InboxEntry, InboxQuery, SystemClock, Timestamp};

use crate::exit::{Ending, Error};
use crate::options::ShowInbox;
use crate::output::Output;
use crate::reading::Reading;
use crate::text::{clean, duration};

/// Lists; nothing is resumed by it.
pub(crate) async fn inbox(options: &ShowInbox) -> Result<Ending, Error> {
    let stored = Reading::open(&options.data).await?;
    let listed = print(&stored, options).await;
    stored.close().await;
    listed.map(|()| Ending::Completed)
}

/// The approvals that the options ask for.
fn of(options: &ShowInbox) -> Result<Inbox, Error> {
    match (&options.person, &options.groups[..]) {
        (Some(uid), groups) => Ok(Inbox::Person { uid: uid.clone(), groups: groups.to_vec() }),
        (None, []) => Ok(Inbox::All),
        (None, [group]) => Ok(Inbox::Group(group.clone())),
        (None, _) => Err(Error::refused("--group", "several groups are those of a --person")),
    }
}

async fn print(stored: &Reading, options: &ShowInbox) -> Result<(), Error> {
    let mut left = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let mut query = InboxQuery { tenant: options.tenant.clone(), of: of(options)?, after: None, limit: 0 };
    let now = SystemClock.now();
    let mut array = options.json.then(|| Output::stdout().array());
    let mut table = Output::stdout();
    if array.is_none() {
        table.line(line("LEFT", "PEID", "TASK", "CHOICES", "QUESTION"));
    }
    while left > 0 {
        query.limit = left.min(PAGE_ROWS);
        let page = stored.inbox(query.clone()).await?;
        let Some(last) = page.last() else { break };
        query.after = Some(last.cursor());
        left -= page.len();
        for entry in &page {
            match &mut array {
                Some(array) => array.item(entry),
                None => table.line(row(entry, now)),
            }
        }
        if array.as_ref().map_or_else(|| table.closed(), |array| array.closed()) {
            break;
        }
    }
    match array {
        Some(array) => array.end(),
        None => table.finish(),
    }
}

fn row(entry: &InboxEntry, now: Timestamp) -> String {
    let choices: Vec<&str> = entry.gate.choices.iter().map(|choice| choice.as_str()).collect();
    let (peid, task) = (entry.peid.to_string(), entry.task.to_string());
    line(&duration(entry.left(now)), &peid, &task, &choices.join("|"), &clean(&entry.question))
}

fn line(left: &str, peid: &str, task: &str, choices: &str, question: &str) -> String {
    format!("{left:>8}  {peid:36}  {task:36}  {choices:16}  {question}").trim_end().to_owned()
}
