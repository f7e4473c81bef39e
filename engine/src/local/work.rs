//! Answers about work on executions as they are stored: reruns, and what bulk work is to be done on. Owns which refusals a client
//! waits after; sends nothing.

use updraft_protocol::{ExecutionId, TenantCode};

use super::LocalContext;
use super::message::{Answer, Ask};
use crate::bulk::{BulkError, Counted, count_cancels, count_reruns};
use crate::rerun::AskedRerun;

/// What a rerun or a count comes to, or the last line in its place; `None` for another ask.
pub(super) async fn work(context: &LocalContext, ask: &Ask) -> Option<Result<Answer, Answer>> {
    let (engine, stored) = (&context.engine, context.submitter.stored());
    Some(match ask.clone() {
        Ask::Rerun { tenant, peid, rerun } => rerun_one(context, &tenant, peid, *rerun).await,
        Ask::CountReruns { filter, rerun } => {
            counted(count_reruns(engine, stored, *filter, (*rerun).into()).await)
        }
        Ask::CountCancels { filter, asked } => counted(count_cancels(engine, stored, *filter, asked).await),
        _ => return None,
    })
}

async fn rerun_one(
    context: &LocalContext,
    tenant: &TenantCode,
    peid: ExecutionId,
    rerun: AskedRerun,
) -> Result<Answer, Answer> {
    match context.submitter.rerun(tenant, peid, rerun.into()).await {
        Ok(handle) => Ok(Answer::Rerun(handle.peid())),
        Err(error) if error.has_no_place() => Err(Answer::NoPlace { message: error.to_string() }),
        Err(error) => Err(Answer::Error { message: error.to_string(), retryable: error.retryable() }),
    }
}

fn counted<W>(counted: Result<Counted<W>, BulkError>) -> Result<Answer, Answer> {
    match counted {
        Ok(counted) => Ok(Answer::Counted(counted.found)),
        Err(error) => Err(Answer::Error { message: error.to_string(), retryable: error.retryable() }),
    }
}
