//! Answers of the local socket: looked up in the engine and sent line by line. Reads no request; knows no limit but
//! that of a page.

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use updraft_protocol::limits::{DEAD_LETTER_PAGE_ROWS, LOCAL_FLUSH, LOCAL_SEND_TIME, PAGE_ROWS};
use updraft_protocol::{ApprovalAnswer, ExecutionId, TenantCode};
use updraft_storage::store::{
    ContainmentCursor, ContainmentQuery, ContainmentsOf, Cursor, Detail, ExecutionQuery, InboxCursor,
    InboxQuery,
};

use super::LocalContext;
use super::documents::lines_of;
use super::events::events;
use super::flow;
use super::guardrails::guarded;
use super::message::{Answer, Ask, Place};
use super::publications::published;
use super::triggers::triggered;
use super::work::work;
use crate::containments::Containments;
use crate::error::ControlError;
use crate::handle::{self, Handle};
use crate::health;
use crate::overdue::OverdueQuery;
use crate::reader::Reader;
use crate::snapshot;

/// The client closed the connection, or reads no more.
pub(super) struct Gone;

/// Sends the whole answer; its last line reports success or the error.
pub(super) async fn answer(
    context: &LocalContext,
    ask: Ask,
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<(), Gone> {
    let told = match guarded(context, &ask).await {
        None => flow::told(context, &ask).await,
        told => told,
    };
    let told = match told {
        None => triggered(context, &ask).await,
        told => told,
    };
    let told = match told {
        None => published(context, &ask).await,
        told => told,
    };
    if let Some(told) = told {
        let last = match told {
            Ok(lines) => {
                for line in &lines {
                    send(to, line).await?;
                }
                Answer::End { next: None }
            }
            Err(last) => last,
        };
        return send(to, &last).await;
    }
    let last = match work(context, &ask).await {
        Some(Ok(line)) => {
            send(to, &line).await?;
            Answer::End { next: None }
        }
        Some(Err(last)) => last,
        None => match tell(context, ask, to).await? {
            Ok(next) => Answer::End { next },
            Err(error) => Answer::Error { message: error.to_string(), retryable: error.retryable() },
        },
    };
    send(to, &last).await
}

/// Sends one line.
pub(super) async fn send(to: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> Result<(), Gone> {
    let mut line = serde_json::to_vec(answer).map_err(|_| Gone)?;
    line.push(b'\n');
    let sending = async {
        to.write_all(&line).await?;
        to.flush().await
    };
    match timeout(LOCAL_SEND_TIME, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

async fn tell(
    context: &LocalContext,
    ask: Ask,
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<Result<Option<Place>, ControlError>, Gone> {
    let (lines, next) = match look(context, ask).await {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    for line in &lines {
        send(to, line).await?;
    }
    Ok(Ok(next))
}

/// The lines of an answer, and where the next page begins. At most one page, which the store bounds.
async fn look(context: &LocalContext, ask: Ask) -> Result<(Vec<Answer>, Option<Place>), ControlError> {
    let reader = Reader::new(context.engine.store.clone());
    if matches!(ask, Ask::List { .. } | Ask::Inbox { .. } | Ask::Overdue { .. } | Ask::DeadLetters { .. }) {
        // The client wants to see executions that it has just started. If the store lags, the read goes ahead anyway.
        let _ = timeout(LOCAL_FLUSH, context.engine.flush()).await;
    }
    match ask {
        Ask::List { tenant, of, after, limit, whole } => {
            let detail = if whole { Detail::Whole } else { Detail::Summary };
            let (of, after) = (of.into(), after.map(Cursor::from));
            let query = ExecutionQuery { tenant, of, after, limit: limit.min(PAGE_ROWS), detail };
            let (page, next) = reader.executions(query).await?;
            Ok((page.into_iter().map(Answer::from).collect(), next.map(Place::from)))
        }
        Ask::Show { tenant, peid } => {
            let handle = Handle::stored(context.engine.clone(), tenant.clone(), peid);
            let found = match handle.entry {
                Some(_) => Some(handle.inspect().await?),
                None => reader.execution(&tenant, peid).await?,
            };
            Ok((found.into_iter().flat_map(lines_of).collect(), None))
        }
        Ask::Cancel { tenant, peid, asked } => {
            let verdict = handle::cancel(&context.engine, &tenant, peid, asked).await?;
            Ok((verdict.into_iter().map(Answer::from).collect(), None))
        }
        Ask::Inbox { tenant, of, after, limit } => {
            let query = InboxQuery { tenant, of: of.into(), after: after.map(InboxCursor::from), limit };
            let page = reader.inbox(query).await?;
            Ok((page.into_iter().map(|entry| Answer::Asked(Box::new(entry))).collect(), None))
        }
        Ask::Overdue { of, after, limit } => {
            let page = reader.overdue(OverdueQuery { of, after, limit }).await?;
            Ok((vec![Answer::Overdue(Box::new(page))], None))
        }
        Ask::Containments { tenant, target, after, limit } => {
            let of = target.map_or(ContainmentsOf::Open, ContainmentsOf::Target);
            let after = after.map(|(until, id)| ContainmentCursor { until, id });
            let query = ContainmentQuery { tenant, of, after, limit: limit.min(PAGE_ROWS) };
            let page = reader.containments(query).await?;
            Ok((page.into_iter().map(|row| Answer::Containment(Box::new(row))).collect(), None))
        }
        Ask::Contain { tenant, id, uid, ask, reason } => {
            let containments = Containments::of(context.engine.clone());
            let applied = containments.ask(&tenant, id, (&uid, &reason), ask).await?;
            Ok((vec![Answer::Contained(applied)], None))
        }
        Ask::Definition { tenant, pid } => {
            let found = reader.definition(&tenant, pid).await?;
            Ok((found.map(Answer::Definition).into_iter().collect(), None))
        }
        Ask::Events(ask) => Ok((vec![events(context, ask).await?], None)),
        Ask::Health {} => {
            let health =
                health::of(&context.engine, &context.writing, &context.submitter.triggers.failing).await;
            Ok((vec![Answer::Health(Box::new(health))], None))
        }
        Ask::Snapshot {} => {
            let snapshot =
                snapshot::of(&context.engine, &context.writing, &context.submitter.triggers.failing).await;
            Ok((vec![Answer::Snapshot(Box::new(snapshot))], None))
        }
        Ask::DeadLetters { tenant, after, limit } => {
            let limit = limit.min(DEAD_LETTER_PAGE_ROWS);
            let letters = reader.dead_letters(tenant.as_ref(), after.as_deref(), limit).await?;
            Ok((letters.into_iter().map(|letter| Answer::Letter(Box::new(letter))).collect(), None))
        }
        // The others are answered before.
        control => Ok((self::control(context, control).await?.into_iter().collect(), None)),
    }
}

/// What a control of an execution came to; `None` for another ask.
async fn control(context: &LocalContext, ask: Ask) -> Result<Option<Answer>, ControlError> {
    match ask {
        Ask::Answer { tenant, peid, task, uid, groups, choice, comment, data } => {
            let answer = ApprovalAnswer { uid, groups, choice, comment, data };
            let applied = found(context, &tenant, peid).await?.answer(task, answer).await?;
            Ok(Some(Answer::Applied(applied)))
        }
        Ask::Signal { tenant, peid, signal, asked } => {
            let applied = found(context, &tenant, peid).await?.signal(signal, asked).await?;
            Ok(Some(Answer::Applied(applied)))
        }
        Ask::Pause { tenant, peid, asked } => {
            let applied = found(context, &tenant, peid).await?.pause(asked).await?;
            Ok(Some(Answer::Applied(applied)))
        }
        Ask::Resume { tenant, peid, asked } => {
            let applied = found(context, &tenant, peid).await?.resume(asked).await?;
            Ok(Some(Answer::Applied(applied)))
        }
        Ask::Reprioritise { tenant, peid, priority, asked } => {
            let applied = found(context, &tenant, peid).await?.reprioritise(priority, asked).await?;
            Ok(Some(Answer::Applied(applied)))
        }
        Ask::Skip { tenant, peid, task, asked, may_operate } => {
            let applied = found(context, &tenant, peid).await?.skip(task, asked, may_operate).await?;
            Ok(Some(Answer::Applied(applied)))
        }
        Ask::ExtendWait { tenant, peid, task, until, asked } => {
            let applied = found(context, &tenant, peid).await?.extend_wait(task, until, asked).await?;
            Ok(Some(Answer::Applied(applied)))
        }
        _ => Ok(None),
    }
}

/// The handle of an execution, running or ended.
async fn found(
    context: &LocalContext,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Handle, ControlError> {
    Handle::find(&context.engine, tenant, peid).await?.ok_or(ControlError::NoExecution(peid))
}
