//! Dead letters: updates that the store refuses for good, read page by page. Writes none; the write-behind does.

use futures_util::stream::{self, Stream, StreamExt};
use updraft_protocol::limits::DEAD_LETTER_PAGE_ROWS;
use updraft_protocol::{DeadLetter, TenantCode};

use crate::error::ReadError;
use crate::reader::Reader;

impl Reader {
    /// One page of dead letters, in order of the key, after `after`: of one tenant, or of all, which is for operators,
    /// never for a tenant. At most `limit`, and at most
    /// [`DEAD_LETTER_PAGE_ROWS`](crate::limits::DEAD_LETTER_PAGE_ROWS).
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

    /// All dead letters of one tenant or of all, read page by page.
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
