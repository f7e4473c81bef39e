//! Dead letters: kept once, under the tenant of their execution. Never decides what is one.

use rusqlite::{Connection, params};
use updraft_protocol::DeadLetter;

use super::{fault, write};
use crate::store::Error;

const BURY: &str = "
INSERT INTO dead_letter (_id, tenant_code, peid, reason, updated_date, letter)
VALUES (
    ?1, coalesce(?2, (SELECT tenant_code FROM playbook_execution_collection WHERE _id = ?3)), ?3, ?4, ?5, ?6)
ON CONFLICT (_id) DO NOTHING";

/// Keeps letters, all of them or none.
pub(super) fn keep(connection: &mut Connection, letters: &[DeadLetter]) -> Result<(), Error> {
    let keep = |connection: &mut Connection| {
        let transaction = write::begin(connection)?;
        let mut statement = transaction.prepare_cached(BURY)?;
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
