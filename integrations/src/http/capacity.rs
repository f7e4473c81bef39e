//! How many large answers are received, and how many answers are processed outside of the shards, at once: the bound of
//! the memory for answers. Counts; reads none.

use tokio::time::{Instant, timeout_at};
use updraft_protocol::limits::{
    HTTP_LARGE_ANSWERS, HTTP_LARGE_ANSWERS_OF_TENANT, HTTP_PARSED_AT_ONCE, HTTP_PARSED_AT_ONCE_OF_TENANT,
};
use updraft_protocol::{FailureKind, TenantCode};

use super::hosts::{Hosts, Place};
use super::problem::Problem;

/// The permits for answers of one integration. An answer takes at most one of each kind, the first before the second.
pub(crate) struct Capacity {
    large: Hosts,
    parsed: Hosts,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            large: Hosts::new(HTTP_LARGE_ANSWERS, HTTP_LARGE_ANSWERS_OF_TENANT),
            parsed: Hosts::new(HTTP_PARSED_AT_ONCE, HTTP_PARSED_AT_ONCE_OF_TENANT),
        }
    }
}

impl Capacity {
    /// A permit for an answer that is larger than every request may receive.
    pub(crate) async fn large(&self, tenant: &TenantCode, until: Instant) -> Result<Place, Problem> {
        place(&self.large, tenant, until).await
    }

    /// A permit for processing an answer.
    pub(crate) async fn parsed(&self, tenant: &TenantCode, until: Instant) -> Result<Place, Problem> {
        place(&self.parsed, tenant, until).await
    }
}

async fn place(places: &Hosts, tenant: &TenantCode, until: Instant) -> Result<Place, Problem> {
    let full = || Problem::new(FailureKind::Timeout, "too many large answers are read at once");
    timeout_at(until, places.enter(tenant, "")).await.map_err(|_| full())?.map_err(|_| full())
}
