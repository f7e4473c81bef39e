//! The controls of the local client: what a person or a program asks of an execution through the engine that runs on a data
//! directory.

use updraft_protocol::{
    Applied, ApprovalAnswer, Asked, ExecutionId, Priority, Signal, TaskId, TenantCode, Timestamp,
};

use super::client::{Client, Error};
use super::message::{Answer, Ask};
use crate::rerun::Rerun;

impl Client {
    /// Answers an approval; as [`Engine::answer`](crate::Engine::answer).
    ///
    /// # Errors
    /// The answer is refused, no engine runs there, or it does not answer: then it may have counted.
    pub async fn answer(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        task: TaskId,
        answer: ApprovalAnswer,
    ) -> Result<Applied, Error> {
        let ApprovalAnswer { uid, groups, choice, comment, data } = answer;
        let tenant = tenant.clone();
        self.apply(Ask::Answer { tenant, peid, task, uid, groups, choice, comment, data }).await
    }

    /// Gives an execution a signal; as [`Engine::signal`](crate::Engine::signal).
    ///
    /// # Errors
    /// The signal is refused, no engine runs there, or it does not answer: then it may have been applied.
    pub async fn signal(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        signal: Signal,
        asked: Asked,
    ) -> Result<Applied, Error> {
        self.apply(Ask::Signal { tenant: tenant.clone(), peid, signal, asked }).await
    }

    /// Pauses an execution; as [`Engine::pause`](crate::Engine::pause).
    ///
    /// # Errors
    /// The pause is refused, no engine runs there, or it does not answer: then it may have been applied.
    pub async fn pause(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        asked: Asked,
    ) -> Result<Applied, Error> {
        self.apply(Ask::Pause { tenant: tenant.clone(), peid, asked }).await
    }

    /// Lets a paused execution go on; as [`Engine::resume`](crate::Engine::resume).
    ///
    /// # Errors
    /// It is refused, no engine runs there, or it does not answer: then it may have been applied.
    pub async fn resume(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        asked: Asked,
    ) -> Result<Applied, Error> {
        self.apply(Ask::Resume { tenant: tenant.clone(), peid, asked }).await
    }

    /// Gives a queued execution another priority; as [`Engine::reprioritise`](crate::Engine::reprioritise).
    ///
    /// # Errors
    /// It is refused, no engine runs there, or it does not answer: then it may have been applied.
    pub async fn reprioritise(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        priority: Priority,
        asked: Asked,
    ) -> Result<Applied, Error> {
        self.apply(Ask::Reprioritise { tenant: tenant.clone(), peid, priority, asked }).await
    }

    /// Skips the wait of a task; as [`Engine::skip`](crate::Engine::skip).
    ///
    /// # Errors
    /// The skip is refused, no engine runs there, or it does not answer: then it may have been applied.
    pub async fn skip(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        task: TaskId,
        asked: Asked,
        may_operate: bool,
    ) -> Result<Applied, Error> {
        self.apply(Ask::Skip { tenant: tenant.clone(), peid, task, asked, may_operate }).await
    }

    /// Changes when the wait of a task ends; as [`Engine::extend_wait`](crate::Engine::extend_wait).
    ///
    /// # Errors
    /// It is refused, no engine runs there, or it does not answer: then it may have been applied.
    pub async fn extend_wait(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        task: TaskId,
        until: Timestamp,
        asked: Asked,
    ) -> Result<Applied, Error> {
        self.apply(Ask::ExtendWait { tenant: tenant.clone(), peid, task, until, asked }).await
    }

    /// Runs an execution again; as [`Engine::rerun`](crate::Engine::rerun). Gives the new execution.
    ///
    /// # Errors
    /// The rerun is refused, no engine runs there, or it does not answer: then it may have begun.
    pub async fn rerun(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        rerun: Rerun,
    ) -> Result<ExecutionId, Error> {
        let ask = Ask::Rerun { tenant: tenant.clone(), peid, rerun: Box::new(rerun.into()) };
        match self.ask(ask).await?.next().await? {
            Answer::Rerun(rerun) => Ok(rerun),
            other => Err(self.beside(&other)),
        }
    }

    async fn apply(&self, ask: Ask) -> Result<Applied, Error> {
        match self.ask(ask).await?.next().await? {
            Answer::Applied(applied) => Ok(applied),
            other => Err(self.beside(&other)),
        }
    }
}
