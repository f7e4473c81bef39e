//! Dead letters: what the store will never take, read page by page. Buries nothing; that is the write-behind's.

use futures_util::stream::{self, Stream, StreamExt};
use updraft_protocol::limits::DEAD_LETTER_PAGE_ROWS;
use updraft_protocol::{DeadLetter, TenantCode};

use crate::error::ReadError;
use crate::reader::Reader;

impl Reader {
    /// One page of what the store will never take, in order of the key, after `after`: of one tenant, or of all,
    /// which is the operator's question, never a tenant's. `limit` at most, and
    /// [`DEAD_LETTER_PAGE_ROWS`](crate::limits::DEAD_LETTER_PAGE_ROWS) at most.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ReadError> {
        let limit = limit.clamp(1, DEAD_LETTER_PAGE_ROWS);
        Ok(self.store.dead_letters(tenant, after, limit).await?)
    }

    /// All that the store will never take, of one tenant or of all, read page by page.
    pub fn dead_letters_stream(
        &self,
        tenant: Option<TenantCode>,
    ) -> impl Stream<Item = Result<DeadLetter, ReadError>> + Send + use<> {
        let reader = self.clone();
        let pages = stream::unfold(Some(None::<String>), move |after| {
            let (reader, tenant) = (reader.clone(), tenant.clone());
            async move {
                match reader.dead_letters(tenant.as_ref(), after?.as_deref(), DEAD_LETTER_PAGE_ROWS).await {
                    Ok(page) => {
                        let last = page.last()?.key.clone();
                        Some((page.into_iter().map(Ok).collect::<Vec<_>>(), Some(Some(last))))
                    }
                    Err(error) => Some((vec![Err(error)], None)),
                }
            }
        });
        pages.flat_map(stream::iter)
    }
}
