//! The port for dead letters: updates that the store will never take elsewhere.

use async_trait::async_trait;
use updraft_protocol::{DeadLetter, TenantCode};

use super::Error;

/// Dead letters.
#[async_trait]
pub trait DeadLetterStore: Send + Sync + 'static {
    /// Keeps updates that it will never take elsewhere, with the reason, durably. A letter that it has under the
    /// same key is left as it is. Where a letter names no tenant, that of its execution is put in, if the store
    /// has that.
    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<(), Error>;

    /// Dead letters in order of their key, after `after`; `limit` at most. Of one tenant; none asks for all,
    /// which is the operator's question, never a tenant's.
    async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error>;
}
