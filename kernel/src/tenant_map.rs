//! What is kept for each tenant where a call looks it up several times on its way. Hashed by foldhash, which takes a tenth of the time
//! that the hash of the standard library takes for such short names, and is seeded in each process.

use std::collections::HashMap;

use updraft_protocol::TenantCode;

/// Values by tenant.
pub(crate) type TenantMap<V> = HashMap<TenantCode, V, foldhash::fast::RandomState>;
