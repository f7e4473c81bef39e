//! How many large answers are received, and how many answers are processed outside of the shards, at once: the bound of
//! the memory for answers. Counts; reads none.

use tokio::time::{Instant, timeout_at};
use updraft_protocol::limits::{
    HTTP_FILES, HTTP_FILES_OF_TENANT, HTTP_LARGE_ANSWERS, HTTP_LARGE_ANSWERS_OF_TENANT, HTTP_PARSED_AT_ONCE,
    HTTP_PARSED_AT_ONCE_OF_TENANT,
};
use updraft_protocol::{FailureKind, TenantCode};

use super::hosts::{Hosts, Place};
use super::problem::Problem;

/// The permits for answers and files of one integration. An answer takes at most one of each of the first two kinds, in this order.
pub(crate) struct Capacity {
    large: Hosts,
    parsed: Hosts,
    files: Hosts,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            large: Hosts::new(HTTP_LARGE_ANSWERS, HTTP_LARGE_ANSWERS_OF_TENANT),
            parsed: Hosts::new(HTTP_PARSED_AT_ONCE, HTTP_PARSED_AT_ONCE_OF_TENANT),
            files: Hosts::new(HTTP_FILES, HTTP_FILES_OF_TENANT),
        }
    }
}

impl Capacity {
    /// A permit for an answer that is larger than every request may receive.
    pub(crate) async fn large(&self, tenant: &TenantCode, until: Instant) -> Result<Place, Problem> {
        place(&self.large, tenant, until).await.map_err(|()| full("large answers are read"))
    }

    /// A permit for processing an answer.
    pub(crate) async fn parsed(&self, tenant: &TenantCode, until: Instant) -> Result<Place, Problem> {
        place(&self.parsed, tenant, until).await.map_err(|()| full("large answers are read"))
    }

    /// A permit for a file that is received or sent.
    pub(crate) async fn file(&self, tenant: &TenantCode, until: Instant) -> Result<Place, Problem> {
        place(&self.files, tenant, until).await.map_err(|()| full("files are received and sent"))
    }
}

async fn place(places: &Hosts, tenant: &TenantCode, until: Instant) -> Result<Place, ()> {
    timeout_at(until, places.enter(tenant, "")).await.map_err(drop)?.map_err(drop)
}

fn full(what: &str) -> Problem {
    Problem::new(FailureKind::Timeout, format!("too many {what} at once"))
}
