//! The properties of a server, and whether it is suitable.

use mongodb::bson::{Document, deserialize_from_document};
use serde::Deserialize;
use updraft_protocol::limits::MONGO_DOCUMENT_BYTES;

/// MongoDB 5.0: documents may have fields that begin with `$` or contain dots.
const WIRE_VERSION_NEEDED: i32 = 13;
/// What the protocol allows.
const BATCH_OPERATIONS: usize = 100_000;

/// The properties that a server reports when it is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Server {
    /// The newest protocol that it speaks.
    #[serde(rename = "maxWireVersion")]
    pub(super) wire_version: i32,
    /// The largest document that it accepts.
    #[serde(rename = "maxBsonObjectSize")]
    pub(super) document_bytes: usize,
    /// The most operations in one command.
    #[serde(rename = "maxWriteBatchSize")]
    pub(super) batch_operations: usize,
}

impl Server {
    /// Reads its answer to `hello`.
    ///
    /// # Errors
    /// Why the server is not suitable.
    pub(super) fn of(hello: Document) -> Result<Self, String> {
        let said: Self = deserialize_from_document(hello)
            .map_err(|_| "it does not say what it is, as MongoDB 5.0 does".to_owned())?;
        let version = said.wire_version;
        if version < WIRE_VERSION_NEEDED {
            return Err(format!(
                "it is too old: it speaks wire version {version}, and version {WIRE_VERSION_NEEDED} (MongoDB 5.0) is needed"
            ));
        }
        Ok(Self {
            document_bytes: said.document_bytes.clamp(1, MONGO_DOCUMENT_BYTES),
            batch_operations: said.batch_operations.clamp(1, BATCH_OPERATIONS),
            ..said
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::doc;

    fn hello(version: i32, bytes: i64, operations: i64) -> Document {
        doc! { "maxWireVersion": version, "maxBsonObjectSize": bytes, "maxWriteBatchSize": operations, "ok": 1.0 }
    }

    #[test]
    fn a_server_older_than_5_0_is_refused_with_its_version() {
        for hello in [hello(12, 1, 1), doc! {"ok": 1}, doc! {"maxWireVersion": "99"}] {
            assert!(Server::of(hello.clone()).unwrap_err().contains("MongoDB 5.0"), "{hello}");
        }
        assert_eq!(Server::of(hello(13, 1, 1)).unwrap().wire_version, 13);
    }

    #[test]
    fn limits_are_those_that_it_says_and_never_beyond_those_of_the_protocol() {
        let server = Server::of(hello(27, 1_000, i64::MAX)).unwrap();
        assert_eq!((server.document_bytes, server.batch_operations), (1_000, BATCH_OPERATIONS));
        assert_eq!(Server::of(hello(27, i64::MAX, 0)).unwrap().document_bytes, MONGO_DOCUMENT_BYTES);
    }
}
