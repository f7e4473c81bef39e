//! The table of the server's codes: each with its name and its meaning for an update. Knows no replies.
//!
//! The codes are those of the server's `error_codes.yml`, those that the driver treats as retryable, those that only
//! old or foreign servers send (11001, 12582, 16500 and 8000), and the bare numbers of some assertions.

/// The meaning of a code for one update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(in crate::mongo) enum Verdict {
    /// Refused for the moment; nothing changed.
    Retry,
    /// A unique key is taken. An insert has met its own document, or another one; an update cannot get this code.
    Exists,
    /// The content of the update will always be refused.
    Poison,
    /// There is no space.
    Full,
    /// The server or its configuration is at fault, whatever the update contains.
    Unavailable,
    /// This version does not know the code.
    Unknown,
}

use Verdict::{Exists, Full, Poison, Retry, Unavailable};

/// Ordered by code.
pub(super) const TABLE: &[(i32, &str, Verdict)] = &[
    (2, "BadValue", Poison),
    (6, "HostUnreachable", Retry),
    (7, "HostNotFound", Retry),
    (9, "FailedToParse", Poison),
    (13, "Unauthorized", Unavailable),
    (14, "TypeMismatch", Poison),
    (15, "Overflow", Poison),
    (16, "InvalidLength", Poison),
    (18, "AuthenticationFailed", Unavailable),
    (20, "IllegalOperation", Unavailable),
    (22, "InvalidBSON", Poison),
    (24, "LockTimeout", Retry),
    (26, "NamespaceNotFound", Unavailable),
    (28, "PathNotViable", Poison),
    (30, "InvalidPath", Poison),
    (40, "ConflictingUpdateOperators", Poison),
    (43, "CursorNotFound", Retry),
    (46, "LockBusy", Retry),
    (50, "MaxTimeMSExpired", Retry),
    (52, "DollarPrefixedFieldName", Poison),
    (53, "InvalidIdField", Poison),
    (54, "NotSingleValueField", Poison),
    (55, "InvalidDBRef", Poison),
    (56, "EmptyFieldName", Poison),
    (57, "DottedFieldName", Poison),
    (59, "CommandNotFound", Unavailable),
    (61, "ShardKeyNotFound", Poison),
    (64, "WriteConcernTimeout", Unavailable),
    (66, "ImmutableField", Poison),
    (71, "ReplicaSetNotFound", Unavailable),
    (72, "InvalidOptions", Unavailable),
    (73, "InvalidNamespace", Unavailable),
    (79, "UnknownReplWriteConcern", Unavailable),
    (89, "NetworkTimeout", Retry),
    (91, "ShutdownInProgress", Retry),
    (94, "NotYetInitialized", Unavailable),
    (100, "UnsatisfiableWriteConcern", Unavailable),
    (107, "LockFailed", Retry),
    (112, "WriteConflict", Retry),
    (115, "CommandNotSupported", Unavailable),
    (116, "DocTooLargeForCapped", Poison),
    (117, "ConflictingOperationInProgress", Retry),
    (121, "DocumentValidationFailure", Poison),
    (133, "FailedToSatisfyReadPreference", Retry),
    (134, "ReadConcernMajorityNotAvailableYet", Retry),
    (146, "ExceededMemoryLimit", Unavailable),
    (150, "StaleEpoch", Retry),
    (166, "CommandNotSupportedOnView", Unavailable),
    (171, "CannotIndexParallelArrays", Poison),
    (175, "QueryPlanKilled", Retry),
    (189, "PrimarySteppedDown", Retry),
    (202, "NetworkInterfaceExceededTimeLimit", Retry),
    (206, "NoSuchSession", Unavailable),
    (208, "TooManyLocks", Retry),
    (215, "DatabaseDropPending", Retry),
    (216, "ElectionInProgress", Retry),
    (239, "SnapshotTooOld", Retry),
    (242, "CannotCreateCollection", Unavailable),
    (246, "SnapshotUnavailable", Retry),
    (249, "StaleDbVersion", Retry),
    (250, "StaleChunkHistory", Retry),
    (261, "TooManyLogicalSessions", Unavailable),
    (262, "ExceededTimeLimit", Retry),
    (264, "TooManyFilesOpen", Unavailable),
    (267, "PreparedTransactionInProgress", Retry),
    (272, "MigrationConflict", Retry),
    (276, "IndexBuildAborted", Retry),
    (279, "ClientDisconnect", Retry),
    (301, "DataCorruptionDetected", Unavailable),
    (314, "ObjectIsBusy", Retry),
    (322, "APIVersionError", Unavailable),
    (323, "APIStrictError", Unavailable),
    (342, "ReshardingCriticalSectionTimeout", Retry),
    (355, "InterruptedDueToStorageChange", Retry),
    (357, "InvalidBSONType", Poison),
    (365, "TemporarilyUnavailable", Retry),
    (371, "UserWritesBlocked", Unavailable),
    (378, "NonConformantBSON", Poison),
    (386, "DuplicateKeyId", Exists),
    (391, "ReauthenticationRequired", Unavailable),
    (402, "ResourceExhausted", Retry),
    (407, "PooledConnectionAcquisitionExceededTimeLimit", Retry),
    (8000, "AtlasError", Unavailable),
    (9001, "SocketException", Retry),
    (10003, "CannotGrowDocumentInCappedNamespace", Poison),
    (10058, "LegacyNotPrimary", Retry),
    (10107, "NotWritablePrimary", Retry),
    (10334, "BSONObjectTooLarge", Poison),
    (11000, "DuplicateKey", Exists),
    (11001, "LegacyDuplicateKey", Exists),
    (11600, "InterruptedAtShutdown", Retry),
    (11601, "Interrupted", Retry),
    (11602, "InterruptedDueToReplStateChange", Retry),
    (12582, "LegacyDuplicateKeyOfUpdate", Exists),
    (12586, "BackgroundOperationInProgressForDatabase", Retry),
    (12587, "BackgroundOperationInProgressForNamespace", Retry),
    (13388, "StaleConfig", Retry),
    (13435, "NotPrimaryNoSecondaryOk", Retry),
    (13436, "NotPrimaryOrSecondary", Retry),
    (14031, "OutOfDiskSpace", Full),
    (16500, "RequestRateTooLarge", Retry),
    (16755, "GeoKeysNotExtracted", Poison),
    (17280, "KeyTooLong", Poison),
    (17419, "ResultTooLarge", Poison),
    (17420, "ResultTooLargeInPlace", Poison),
    (46841, "ClientMarkedKilled", Retry),
    (50915, "BackupCursorOpenConflictWithCheckpoint", Retry),
    (91331, "RetriableRemoteCommandFailure", Retry),
    (10_045_600, "InterruptedDueToFCVChange", Retry),
];

fn row(code: i32) -> Option<&'static (i32, &'static str, Verdict)> {
    TABLE.binary_search_by_key(&code, |row| row.0).ok().and_then(|at| TABLE.get(at))
}

/// The meaning of a code for one update.
pub(in crate::mongo) fn verdict(code: i32) -> Verdict {
    row(code).map_or(Verdict::Unknown, |row| row.2)
}

/// The name of a known code.
pub(super) fn name(code: i32) -> Option<&'static str> {
    row(code).map(|row| row.1)
}
