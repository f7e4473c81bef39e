//! The audit in the embedded store. Decides nothing.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use updraft_protocol::{AuditRecord, Fields};

use super::write::{self, Fault, Row};
use super::{SqliteStore, fault, query, read, row};
use crate::store::{AuditQuery, AuditStore, Error};

const ADD: &str = "
INSERT INTO audit_collection (_id, tenant_code, at, uid, what, subject, outcome, reason, details)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (_id) DO NOTHING";

fn add(connection: &mut Connection, records: &[AuditRecord]) -> Result<(), Fault> {
    let transaction = write::begin(connection)?;
    for record in records {
        let mut statement = transaction.prepare_cached(ADD)?;
        let mut row = Row::new(&mut statement);
        record.write_fields(&mut row)?;
        row.execute()?;
    }
    transaction.commit()?;
    Ok(())
}

#[async_trait]
impl AuditStore for SqliteStore {
    async fn add_audit(&self, records: Vec<AuditRecord>) -> Result<(), Error> {
        self.change_durably(move |connection| {
            add(connection, &records).map_err(|fault| match fault {
                Fault::Poison(reason) => Error::Refused(reason),
                Fault::Sqlite(error) => fault::store_error(error),
            })
        })
        .await
    }

    async fn audit(&self, asked: AuditQuery) -> Result<Vec<AuditRecord>, Error> {
        self.read(move |connection| {
            // After every id, so that the first page begins with the newest.
            let after = asked.after.map_or(vec![0xff; 17], |after| after.as_bytes().to_vec());
            let limit = read::rows(asked.limit);
            match &asked.tenant {
                Some(tenant) => {
                    let values = params![after, limit, tenant.as_str()];
                    read::list(connection, query::AUDIT_OF_TENANT, values, row::audit)
                }
                None => read::list(connection, query::AUDIT, params![after, limit], row::audit),
            }
        })
        .await
    }
}
