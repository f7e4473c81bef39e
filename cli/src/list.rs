//! `updraft list`: a tenant's executions, newest first, as they are read.

use std::pin::pin;

use futures_util::{Stream, StreamExt};
use updraft::limits::PAGE_ROWS;
use updraft::{Detail, ExecutionDocument, ExecutionQuery, ExecutionsOf};

use crate::exit::{Ending, Error};
use crate::options::List;
use crate::output::Output;
use crate::reading::Reading;
use crate::text::{clean, duration};

/// Lists; nothing is resumed by it.
pub(crate) async fn list(options: &List) -> Result<Ending, Error> {
    let stored = Reading::open(&options.data).await?;
    let listed = print(&stored, options).await;
    stored.close().await;
    listed.map(|()| Ending::Completed)
}

async fn print(stored: &Reading, options: &List) -> Result<(), Error> {
    let most = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let of = options.status.map_or(ExecutionsOf::Any, ExecutionsOf::Status);
    let limit = most.min(PAGE_ROWS);
    // A table shows nothing of what may be large.
    let detail = if options.json { Detail::Whole } else { Detail::Summary };
    let query = ExecutionQuery { tenant: options.tenant.clone(), of, after: None, limit, detail };
    let executions = pin!(stored.executions(query).take(most));
    if options.json { as_json(executions).await } else { as_table(executions).await }
}

async fn as_json(
    mut executions: impl Stream<Item = Result<ExecutionDocument, Error>> + Unpin,
) -> Result<(), Error> {
    let mut array = Output::stdout().array();
    while let Some(execution) = executions.next().await {
        array.item(&execution?);
        if array.closed() {
            break;
        }
    }
    array.end()
}

async fn as_table(
    mut executions: impl Stream<Item = Result<ExecutionDocument, Error>> + Unpin,
) -> Result<(), Error> {
    let mut output = Output::stdout();
    let header = ("PEID", "STATUS", "CREATED", "RUNTIME", "PLAYBOOK", "ALERT");
    output.line(line(header.0, header.1, header.2, header.3, header.4, header.5));
    while let Some(execution) = executions.next().await {
        let execution = execution?;
        let (head, state) = (&execution.head, &execution.state);
        output.line(line(
            &execution.peid.to_string(),
            state.execution_status.as_str(),
            &head.createddate.to_string(),
            &state.playbook_runtime.map(duration).unwrap_or_default(),
            &format!("{} {}", head.playbook_name, head.playbook_version),
            &clean(head.alert_id.as_deref().unwrap_or_default()),
        ));
        if output.closed() {
            break;
        }
    }
    output.finish()
}

fn line(peid: &str, status: &str, created: &str, runtime: &str, playbook: &str, alert: &str) -> String {
    let line = format!("{peid:36}  {status:9}  {created:24}  {runtime:>8}  {playbook:24}  {alert}");
    line.trim_end().to_owned()
}
