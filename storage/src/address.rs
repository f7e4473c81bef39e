//! The address of a store: the text by which operators choose it. Never shows a login or an option.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

#[cfg(feature = "mongodb")]
use crate::mongo::{MongoBuilder, MongoStore, Uri};
use crate::store::{self, Store};

/// The place of executions: `embedded`, or a MongoDB server (`mongodb://…`, `mongodb+srv://…`).
#[derive(Clone, PartialEq, Eq, Default)]
pub enum StoreAddress {
    /// In the data directory.
    #[default]
    Embedded,
    /// On a MongoDB server.
    #[cfg(feature = "mongodb")]
    MongoDb(MongoAddress),
}

/// The checked address of a database on a MongoDB server.
#[cfg(feature = "mongodb")]
#[derive(Clone, PartialEq, Eq)]
pub struct MongoAddress(Arc<Uri>);

/// Why a text is no address of a store. It does not repeat the text: a mistake is often made in a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// It is for no known store.
    #[error("a store is `embedded`, `mongodb://…` or `mongodb+srv://…`")]
    Unknown,
    /// It is not a valid address of MongoDB.
    #[error("not an address of MongoDB: {0}")]
    MongoDb(String),
    /// This program was built without MongoDB.
    #[error("this program was built without MongoDB (its feature `mongodb`)")]
    LeftOut,
}

impl AddressError {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl StoreAddress {
    /// Whether it is in the data directory.
    pub fn is_embedded(&self) -> bool {
        *self == Self::Embedded
    }

    /// Connects to a store on a server, with every default; `None` for the embedded store. A store that is opened to be
    /// read changes nothing.
    ///
    /// # Errors
    /// The server is not reached, or refuses.
    pub async fn connect(&self, read_only: bool) -> Result<Option<Arc<dyn Store>>, store::Error> {
        // Used for a store on a server only.
        #[cfg(not(feature = "mongodb"))]
        let _ = read_only;
        match self {
            Self::Embedded => Ok(None),
            #[cfg(feature = "mongodb")]
            Self::MongoDb(address) => {
                Ok(Some(Arc::new(address.builder().read_only(read_only).connect().await?)))
            }
        }
    }
}

#[cfg(feature = "mongodb")]
impl MongoAddress {
    /// The database that it names; without one, `updraft` is used.
    pub fn database(&self) -> Option<&str> {
        self.0.database()
    }

    /// The configuration of a connection to it.
    pub fn builder(&self) -> MongoBuilder {
        MongoBuilder::at(Ok(Uri::clone(&self.0)))
    }

    /// Connects with every default.
    ///
    /// # Errors
    /// As [`MongoBuilder::connect`].
    pub async fn connect(&self) -> Result<MongoStore, store::Error> {
        self.builder().connect().await
    }
}

impl FromStr for StoreAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        if !["mongodb:", "mongodb+srv:"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(AddressError::Unknown);
        }
        #[cfg(feature = "mongodb")]
        return Uri::parse(text)
            .map(|uri| Self::MongoDb(MongoAddress(Arc::new(uri))))
            .map_err(AddressError::MongoDb);
        #[cfg(not(feature = "mongodb"))]
        Err(AddressError::LeftOut)
    }
}

impl fmt::Display for StoreAddress {
    /// `embedded`, or scheme, hosts and database: two addresses that look the same are of one store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            #[cfg(feature = "mongodb")]
            Self::MongoDb(address) => fmt::Display::fmt(address, f),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "mongodb")]
impl fmt::Display for MongoAddress {
    /// Scheme, hosts and database.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(feature = "mongodb")]
impl fmt::Debug for MongoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests;
