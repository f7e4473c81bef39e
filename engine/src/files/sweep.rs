//! The sweep of files: those of executions that ended long enough ago are removed, now and then while an engine runs. Which files are
//! old is said by the documents of their executions. Removes no file of an execution that goes on, or is not known.

use std::sync::Arc;
use std::time::Duration;

use updraft_actors::EngineContext;
use updraft_protocol::limits::{FILES_SWEEP, FILES_SWEEP_LEAST};
use updraft_protocol::{ExecutionDocument, ExecutionId, TenantCode, Timestamp};
use updraft_storage::files::FileStore;

/// Sweeps for as long as it is polled; never, where there are no files.
pub(crate) async fn keep_sweeping(context: &EngineContext) {
    let Some(files) = &context.files else { return std::future::pending().await };
    let every = FILES_SWEEP.min(files.kept() / 2).max(FILES_SWEEP_LEAST);
    loop {
        sweep(context, files).await;
        tokio::time::sleep(every).await;
    }
}

/// Whether the files of an execution are no longer kept.
pub(crate) fn are_over(execution: &ExecutionDocument, kept: Duration, now: Timestamp) -> bool {
    let state = &execution.state;
    state.execution_status.ended() && state.finished_date.is_some_and(|end| end.after(kept) < now)
}

async fn sweep(context: &EngineContext, files: &Arc<FileStore>) {
    let (looking, now) = (files.clone(), context.clock.now());
    let kept = u64::try_from(files.kept().as_millis()).unwrap_or(u64::MAX);
    let before = Timestamp(now.0.saturating_sub(kept));
    let found = tokio::task::spawn_blocking(move || looking.executions_before(before)).await;
    let executions = match found {
        Ok(Ok(executions)) => executions,
        Ok(Err(error)) => return tracing::warn!(%error, "the files of executions cannot be looked through"),
        Err(_) => return,
    };
    for (tenant, peid) in executions {
        remove(context, files, (tenant, peid)).await;
    }
}

async fn remove(context: &EngineContext, files: &Arc<FileStore>, (tenant, peid): (TenantCode, ExecutionId)) {
    let execution = match context.store.execution(&tenant, peid).await {
        Ok(Some(execution)) => execution,
        // What is not known has just been accepted, or is removed at the next start.
        Ok(None) => return,
        Err(error) => {
            tracing::warn!(%peid, %error, "whether the files of an execution are old is not known");
            return;
        }
    };
    if !are_over(&execution, files.kept(), context.clock.now()) {
        return;
    }
    let removing = files.clone();
    match tokio::task::spawn_blocking(move || removing.remove_all((&tenant, peid))).await {
        Ok(Ok(())) => tracing::debug!(%peid, "the files of an execution that ended long ago are removed"),
        Ok(Err(error)) => tracing::warn!(%peid, %error, "old files of an execution cannot be removed"),
        Err(_) => {}
    }
}
