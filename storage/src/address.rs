//! The address of a store: the one text by which operators choose it. Opens nothing; shows no credentials.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::mongo::{self, MongoStore, Uri};

/// Where executions are kept: `embedded`, or on a MongoDB server (`mongodb://…`, `mongodb+srv://…`).
#[derive(Clone, PartialEq, Eq, Default)]
pub enum StoreAddress {
    /// In the data directory.
    #[default]
    Embedded,
    /// On a MongoDB server.
    MongoDb(MongoAddress),
}

/// The address of a database on a MongoDB server, that was checked.
#[derive(Clone, PartialEq, Eq)]
pub struct MongoAddress(Arc<Uri>);

/// Why a text is no address of a store. It does not repeat the text: a mistake is often made in a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// It is of no store that is known.
    #[error("a store is `embedded`, `mongodb://…` or `mongodb+srv://…`")]
    Unknown,
    /// It is not as addresses of MongoDB are.
    #[error("not an address of MongoDB: {0}")]
    MongoDb(String),
}

impl AddressError {
    /// Whether the same text can be an address another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl MongoAddress {
    /// The database that it names; `updraft` is taken where it names none.
    pub fn database(&self) -> Option<&str> {
        self.0.database()
    }

    /// Scheme, hosts and database, whoever logs in: two addresses with the same place are of one store.
    pub fn place(&self) -> &str {
        self.0.place()
    }

    /// What to connect with.
    pub fn builder(&self) -> mongo::Builder {
        mongo::Builder::at(Ok(Uri::clone(&self.0)))
    }

    /// Connects with every default.
    ///
    /// # Errors
    /// As [`mongo::Builder::connect`].
    pub async fn connect(&self) -> Result<MongoStore, crate::Error> {
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
        let uri = Uri::parse(text).map_err(AddressError::MongoDb)?;
        Ok(Self::MongoDb(MongoAddress(Arc::new(uri))))
    }
}

impl fmt::Display for StoreAddress {
    /// Without credentials and options.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::MongoDb(address) => address.fmt(f),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for MongoAddress {
    /// Without credentials and options.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MongoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_which_store() {
        assert_eq!("embedded".parse(), Ok(StoreAddress::Embedded));
        let address: StoreAddress = "mongodb://soar:s3cr%40t@a:1,b:2/alerts?w=1".parse().unwrap();
        let StoreAddress::MongoDb(mongo) = &address else { panic!("{address}") };
        assert_eq!(mongo.database(), Some("alerts"));
        let srv: StoreAddress = "mongodb+srv://cluster.example.net".parse().unwrap();
        assert_eq!(srv.to_string(), "mongodb+srv://cluster.example.net");
    }

    #[test]
    fn no_way_of_showing_it_shows_credentials() {
        let address: StoreAddress = "mongodb://soar:s3cr%40t@a:1,b:2/alerts?w=1".parse().unwrap();
        let StoreAddress::MongoDb(mongo) = &address else { panic!("{address}") };
        let shown = [
            address.to_string(),
            format!("{address:?}"),
            format!("{address:#?}"),
            mongo.to_string(),
            format!("{mongo:?}"),
            format!("{:?}", mongo.builder().database("x")),
        ];
        for shown in shown {
            assert!(!shown.contains("soar") && !shown.contains("s3cr"), "{shown}");
            assert!(shown.contains("mongodb://***@a:1,b:2/alerts"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_its_words() {
        for text in ["", "Embedded", "sqlite:///s3cr", "redis://u:s3cr@h", "/var/s3cr", "MONGODB://u:s3cr@h"]
        {
            let error = text.parse::<StoreAddress>().unwrap_err();
            assert_eq!(error, AddressError::Unknown, "{text}");
            assert!(!error.to_string().contains("s3cr") && error.to_string().contains("embedded"));
        }
        for text in ["mongodb:/h", "mongodb:u:s3cr@h", "mongodb://u:s3cr@@h", "mongodb://h/admin"] {
            let error = text.parse::<StoreAddress>().unwrap_err();
            assert!(matches!(error, AddressError::MongoDb(_)), "{text}");
            assert!(!error.to_string().contains("s3cr"), "{error}");
            assert!(error.to_string().starts_with("not an address of MongoDB: "), "{error}");
        }
    }
}
