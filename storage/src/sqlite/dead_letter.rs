//! Dead letters: kept once, under the tenant of their execution. Never decides which update is one.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use updraft_protocol::{DeadLetter, TenantCode};

use super::{SqliteStore, fault, query, read, row, write};
use crate::store::{DeadLetterStore, Error};

const KEEP: &str = "
INSERT INTO dead_letter (_id, tenant_code, peid, reason, updated_date, letter)
VALUES (
    ?1, coalesce(?2, (SELECT tenant_code FROM playbook_execution_collection WHERE _id = ?3)), ?3, ?4, ?5, ?6)
ON CONFLICT (_id) DO NOTHING";

/// Keeps letters, all of them or none.
pub(super) fn keep(connection: &mut Connection, letters: &[DeadLetter]) -> Result<(), Error> {
    let keep = |connection: &mut Connection| {
        let transaction = write::begin(connection)?;
        let mut statement = transaction.prepare_cached(KEEP)?;
        for letter in letters {
            statement.execute(params![
                letter.key,
                letter.tenant_code.as_ref().map(|tenant| tenant.as_str()),
                letter.peid.as_bytes(),
                letter.reason,
                i64::try_from(letter.updated_date.0).unwrap_or(i64::MAX),
                letter.update.as_ref().map(|update| update.as_str()),
            ])?;
        }
        drop(statement);
        transaction.commit()
    };
    keep(connection).map_err(fault::store_error)
}

#[async_trait]
impl DeadLetterStore for SqliteStore {
    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<(), Error> {
        super::count_round_trip();
        self.change_durably(move |connection| keep(connection, &letters)).await
    }

    async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        let (tenant, after) = (tenant.cloned(), after.map(str::to_owned));
        self.read(move |connection| {
            let (after, limit) = (after.unwrap_or_default(), read::rows(limit));
            match tenant {
                Some(tenant) => {
                    let values = params![after, limit, tenant.as_str()];
                    read::many(connection, query::DEAD_LETTERS_OF_TENANT, values, row::dead_letter)
                }
                None => read::many(connection, query::DEAD_LETTERS, params![after, limit], row::dead_letter),
            }
        })
        .await
    }
}
