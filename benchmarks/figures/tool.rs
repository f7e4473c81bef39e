//! The tools of the figures: one that answers at once, one that takes a time, one that answers when it may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use updraft::{Answer, Call, Integration, Json};

/// What the tool does.
#[derive(Clone)]
pub(crate) enum Tool {
    /// Answers at once.
    Nothing,
    /// Answers after a while.
    Takes(Duration),
    /// Answers never; counts who asked.
    Waits(Arc<Waiting>),
}

#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) asked: AtomicUsize,
    never: Notify,
}

impl Integration for Tool {
    fn actions(&self) -> &[&str] {
        &["act"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        match self {
            Self::Nothing => Box::pin(std::future::ready(Ok(Json::null()))),
            Self::Takes(time) => Box::pin(async move {
                tokio::time::sleep(*time).await;
                Ok(Json::null())
            }),
            Self::Waits(waiting) => Box::pin(async move {
                waiting.asked.fetch_add(1, Ordering::AcqRel);
                waiting.never.notified().await;
                Ok(Json::null())
            }),
        }
    }
}
