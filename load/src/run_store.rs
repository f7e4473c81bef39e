//! The store under load: the embedded one, or a database on a server. A database that nobody named is made for
//! the run, and removed at its end.

use std::path::Path;
use std::sync::Arc;
#[cfg(feature = "mongodb")]
use std::time::Duration;

use updraft::{Builder, Durability, SqliteStore, Store, StoreAddress, StoreError};
#[cfg(feature = "mongodb")]
use updraft::{MongoStore, StartError};
#[cfg(feature = "mongodb")]
use uuid::Uuid;

use crate::Say;
use crate::error::Error;

/// How long the database of a run may take to be removed.
#[cfg(feature = "mongodb")]
const LEAVE: Duration = Duration::from_secs(10);

/// Where the run's executions are stored.
pub enum RunStore {
    /// In the data directory of the run.
    Embedded,
    /// In memory, with a journal that is kept nowhere.
    Memory,
    /// On a server.
    #[cfg(feature = "mongodb")]
    MongoDb {
        /// The store.
        store: Box<MongoStore>,
        /// The database, where it was made for the run.
        own: Option<String>,
    },
}

impl RunStore {
    /// Reaches it.
    pub async fn open(address: &StoreAddress) -> Result<Self, Error> {
        match address {
            StoreAddress::Embedded => Ok(Self::Embedded),
            #[cfg(feature = "mongodb")]
            StoreAddress::MongoDb(address) => {
                // A name that no other run has.
                let name = || format!("updraft_stress_{}", Uuid::now_v7().simple());
                let own = address.database().is_none().then(name);
                let builder = own.iter().fold(address.builder(), |builder, name| builder.database(name));
                let store = builder.connect().await.map_err(StartError::from)?;
                Ok(Self::MongoDb { store: Box::new(store), own })
            }
        }
    }

    /// The configuration of an engine that stores here.
    pub(crate) fn apply(&self, builder: Builder) -> Builder {
        match self {
            Self::Embedded => builder,
            Self::Memory => builder.in_memory(),
            #[cfg(feature = "mongodb")]
            Self::MongoDb { store, .. } => builder.store(Arc::new(MongoStore::clone(store))),
        }
    }

    /// Whether others load it too.
    pub(crate) fn is_server(&self) -> bool {
        !matches!(self, Self::Embedded)
    }

    /// The same store without an engine: the embedded one in a directory of its own, which is made.
    pub(crate) fn bare(
        &self,
        directory: &Path,
        durability: Durability,
    ) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            #[cfg(feature = "mongodb")]
            Self::MongoDb { store, .. } => Ok(Arc::new(MongoStore::clone(store))),
            _ => Ok(Arc::new(SqliteStore::open(directory, durability)?)),
        }
    }

    /// Removes what was made for the run outside of its directory.
    pub async fn leave(self, say: &Say) {
        #[cfg(feature = "mongodb")]
        if let Self::MongoDb { store, own: Some(name) } = self {
            let why = match tokio::time::timeout(LEAVE, store.drop_database()).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the server does not answer".to_owned(),
            };
            say(&format!("the database {name} of this run is left: {why}"));
        }
        #[cfg(not(feature = "mongodb"))]
        let _ = (self, say);
    }
}
