//! The append that makes a submission's execution accepted, and how long it is waited for. Decides nothing of where it begins.

use std::sync::{Arc, OnceLock};

use updraft_actors::{Lost, RegistryEntry};
use updraft_protocol::Update;
use updraft_storage::log::{self, Append, Need, Revocable, Revoke};

use super::{OrElse, SubmitDeadline};
use crate::engine::Submitter;
use crate::error::Refusal;
use crate::reservation::Reservation;

impl Submitter {
    /// Makes the first writes of a registered execution durable; `accepted` runs on the journal's thread, with their position.
    pub(super) async fn append(
        &self,
        (entry, mut reservation): (&Arc<RegistryEntry>, Reservation<'_>),
        (writes, accepted): (Vec<Update>, Box<dyn FnOnce(u64) + Send>),
        deadline: SubmitDeadline,
    ) -> Result<(), Refusal> {
        let (context, own) = (self.context.clone(), entry.clone());
        let no_space: Arc<OnceLock<String>> = Arc::default();
        let told = Arc::clone(&no_space);
        let done = Box::new(move |appended: Result<u64, log::Error>| match appended {
            Ok(lsn) => accepted(lsn),
            Err(error @ log::Error::NoSpace { .. }) => {
                // Set before the failure is reported, which does not contain the reason.
                let _ = told.set(error.to_string());
                context.lose(&own, Lost::ShutDown);
            }
            Err(log::Error::Closed) => context.lose(&own, Lost::ShutDown),
            Err(error) => {
                context.lose(&own, Lost::Engine(error.to_string().into()));
                context.fail(error.to_string());
            }
        });
        let (append, claim) = Append::new(writes, Need::Durable, done).revocable();
        let appended = match self.context.log.append(append) {
            Err(refused)
                if deadline.or_else != OrElse::Refuse && matches!(refused.error, log::Error::Full) =>
            {
                let appending = self.context.log.append_waiting(refused.append);
                self.context.timer.until(deadline.until, appending).await.map_err(|_| Refusal::JournalFull)?
            }
            appended => appended,
        };
        appended.map_err(|refused| match refused.error {
            log::Error::Full => Refusal::JournalFull,
            error => failed(&error),
        })?;
        reservation.appending(claim.clone());
        let accepted = self.durable(entry, &claim, deadline).await?;
        reservation.keep();
        accepted.map_err(|lost| match no_space.get() {
            Some(cause) => Refusal::StoreFull { cause: cause.clone() },
            None => lost.into(),
        })
    }

    /// The result of a queued append. If the journal does not reach it in time, it is withdrawn.
    async fn durable(
        &self,
        entry: &RegistryEntry,
        claim: &Revocable,
        deadline: SubmitDeadline,
    ) -> Result<Result<(), Lost>, Refusal> {
        match self.context.timer.until(deadline.for_answer(), entry.accepted()).await {
            Ok(accepted) => Ok(accepted),
            Err(_) if claim.revoke() == Revoke::InTime => Err(Refusal::JournalFull),
            // It is just being written.
            Err(_) => Ok(entry.accepted().await),
        }
    }
}

fn failed(error: &log::Error) -> Refusal {
    match error {
        log::Error::Closed => Refusal::ShuttingDown,
        log::Error::NoSpace { .. } => Refusal::StoreFull { cause: error.to_string() },
        log::Error::Encode(error) => Refusal::TooLarge { cause: error.to_string() },
        error => Refusal::Failed(Lost::Engine(error.to_string().into())),
    }
}
