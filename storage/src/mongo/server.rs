//! The properties of a server, and whether it is suitable.

use mongodb::bson::Document;

use super::document;

/// MongoDB 5.0: documents may have fields that begin with `$` or contain dots.
const WIRE_VERSION_NEEDED: i32 = 13;
/// The default limit for servers that report none.
const DOCUMENT_BYTES: usize = 16 << 20;
const MESSAGE_BYTES: usize = 48_000_000;
const BATCH_OPERATIONS: usize = 100_000;

/// The properties that a server reports when it is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server {
    /// The newest protocol that it speaks.
    pub(super) wire_version: i32,
    /// The largest document that it accepts.
    pub(super) document_bytes: usize,
    /// The largest message.
    pub(super) message_bytes: usize,
    /// The most operations in one command.
    pub(super) batch_operations: usize,
}

impl Server {
    /// Reads its answer to `hello`.
    ///
    /// # Errors
    /// Why the server is not suitable.
    pub(super) fn of(hello: &Document) -> Result<Self, String> {
        let number = |name: &str| hello.get(name).and_then(document::whole);
        let wire_version =
            number("maxWireVersion").and_then(|version| i32::try_from(version).ok()).unwrap_or(0);
        if wire_version < WIRE_VERSION_NEEDED {
            return Err(format!(
                "it is too old: it speaks wire version {wire_version}, and version {WIRE_VERSION_NEEDED} (MongoDB 5.0) is needed"
            ));
        }
        let size = |name: &str, most: usize| {
            let said = number(name).and_then(|size| usize::try_from(size).ok());
            said.filter(|size| *size > 0).map_or(most, |size| size.min(most))
        };
        Ok(Self {
            wire_version,
            document_bytes: size("maxBsonObjectSize", DOCUMENT_BYTES),
            message_bytes: size("maxMessageSizeBytes", MESSAGE_BYTES),
            batch_operations: size("maxWriteBatchSize", BATCH_OPERATIONS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::doc;

    #[test]
    fn a_server_older_than_5_0_is_refused_with_its_version() {
        for hello in [doc! {"maxWireVersion": 12}, doc! {"ok": 1}, doc! {"maxWireVersion": "99"}] {
            assert!(Server::of(&hello).unwrap_err().contains("MongoDB 5.0"), "{hello}");
        }
        assert_eq!(Server::of(&doc! {"maxWireVersion": 13_i64}).unwrap().wire_version, 13);
    }

    #[test]
    fn limits_are_those_that_it_says_and_never_beyond_those_of_the_protocol() {
        let hello = doc! {"maxWireVersion": 27, "maxBsonObjectSize": 1_000, "maxMessageSizeBytes": i64::MAX, "maxWriteBatchSize": 0};
        let server = Server::of(&hello).unwrap();
        assert_eq!(server.document_bytes, 1_000);
        assert_eq!((server.message_bytes, server.batch_operations), (MESSAGE_BYTES, BATCH_OPERATIONS));
    }
}
