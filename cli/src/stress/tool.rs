//! The tool in process: an integration that takes its time, fails as often as asked, and acts on nothing.

use tokio::sync::watch;
use updraft::{Answer, Call, Failure, FailureKind, Integration, Json};

use crate::stress::chance::Chance;
use crate::stress::latency::Latency;

/// What each call of a tool meets.
#[derive(Debug)]
pub(crate) struct Fate {
    latency: Latency,
    failure_rate: f64,
    chance: Chance,
    /// Whether tools answer at all.
    open: watch::Receiver<bool>,
}

impl Fate {
    pub(crate) fn new(latency: Latency, failure_rate: f64, seed: u64, open: watch::Receiver<bool>) -> Self {
        Self { latency, failure_rate, chance: Chance::new(seed, 1), open }
    }

    /// Takes its time, and says whether the call succeeds.
    pub(crate) async fn meet(&self) -> bool {
        if !*self.open.borrow() {
            // Who holds the gate dropped it: the run is over.
            let _ = self.open.clone().wait_for(|open| *open).await;
        }
        let time = self.latency.draw(&self.chance);
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        self.failure_rate == 0.0 || self.chance.share() >= self.failure_rate
    }
}

/// The tool.
pub(crate) struct Tool(pub(crate) Fate);

impl Integration for Tool {
    fn actions(&self) -> &[&str] {
        &["act"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(async move {
            if self.0.meet().await {
                return Ok(Json::null());
            }
            Err(Failure::new(FailureKind::Unreachable, "the stubbed tool fails").with_retryable(true))
        })
    }
}
