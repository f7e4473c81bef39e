//! The port for dead letters: updates that the store refuses for good.

use async_trait::async_trait;
use updraft_protocol::{DeadLetter, TenantCode};

use super::Error;

/// Dead letters.
#[async_trait]
pub trait DeadLetterStore: Send + Sync + 'static {
    /// Keeps updates that the store refuses for good, with the reason, durably. A letter with an existing key is
    /// ignored. A letter without a tenant gets that of its execution, if the store has the execution.
    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<(), Error>;

    /// Dead letters in order of their key, after `after`; at most `limit`. Of one tenant, or of all if `None`, which is
    /// for operators, never for a tenant.
    async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error>;
}
