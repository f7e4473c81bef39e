//! Each code's meaning, held against a list of its own, and what reaches whom in words.

use std::collections::BTreeSet;

use mongodb::bson::doc;
use mongodb::error::{CommandError, Error as DriverError, ErrorKind, InsertManyError};

use super::table::TABLE;
use super::*;

/// What a code becomes: in an answer for one update, and as the refusal of a whole command.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// One update is tried again; a command is unavailable.
    Retry,
    /// One update is poison; a command that writes is unavailable, for it would fare no better with others.
    Poison,
    /// The same, but the command is refused for what it holds.
    PoisonOfMessage,
    Full,
    Unavailable,
    Unknown,
}

fn command(code: i32, labels: &[&str]) -> DriverError {
    let secret = "E11000 dup key: { ssn: \"078-05-1120\" }";
    let told: CommandError =
        mongodb::bson::deserialize_from_document(doc! { "code": code, "codeName": "", "errmsg": secret })
            .unwrap();
    let mut error = DriverError::from(ErrorKind::Command(told));
    for label in labels {
        error = labelled(error, label);
    }
    error
}

/// Labels are only taken over from a write concern error.
fn labelled(error: DriverError, label: &str) -> DriverError {
    let code = code(&error).unwrap();
    let told: InsertManyError = mongodb::bson::deserialize_from_document(
        doc! { "writeErrors": null, "writeConcernError": { "code": code, "errmsg": "", "errorLabels": [label] } },
    )
    .unwrap();
    DriverError::from(ErrorKind::InsertMany(told))
}

fn holds(code: i32, expected: &Expected) {
    let secrets = ["ssn", "078", "dup key"];
    let one = outcome(code);
    let whole = batch_error(command(code, &[]));
    let as_expected = match expected {
        Expected::Retry => {
            matches!((&one, &whole), (Ok(WriteOutcome::Retry(_)), Error::Unavailable(_)))
        }
        Expected::Poison => matches!((&one, &whole), (Ok(WriteOutcome::Poison(_)), Error::Unavailable(_))),
        Expected::PoisonOfMessage => {
            matches!((&one, &whole), (Ok(WriteOutcome::Poison(_)), Error::Refused(_)))
        }
        Expected::Full => matches!((&one, &whole), (Err(Error::Full(_)), Error::Full(_))),
        Expected::Unavailable => {
            matches!((&one, &whole), (Err(Error::Unavailable(_)), Error::Unavailable(_)))
        }
        Expected::Unknown => matches!((&one, &whole), (Ok(WriteOutcome::Unknown(_)), Error::Unavailable(_))),
    };
    assert!(as_expected, "{code}: {one:?}, {whole:?}");
    for text in [format!("{one:?}"), whole.to_string()] {
        assert!(text.contains(&code.to_string()), "{text}");
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    }
}

macro_rules! codes {
    ($($name:ident $code:literal $expected:ident,)+) => {
        $(#[test]
        fn $name() {
            holds($code, &Expected::$expected);
        })+

        #[test]
        fn no_row_of_the_table_is_without_a_test() {
            let tested = BTreeSet::from([$($code),+]);
            let untested: Vec<_> = TABLE.iter().filter(|row| !tested.contains(&row.0)).collect();
            assert!(untested.is_empty(), "{untested:?}");
        }
    };
}

codes! {
    internal_error 1 Unknown,
    bad_value 2 Poison,
    host_unreachable 6 Retry,
    host_not_found 7 Retry,
    unknown_error 8 Unknown,
    failed_to_parse 9 Poison,
    unauthorized 13 Unavailable,
    type_mismatch 14 Poison,
    overflow 15 PoisonOfMessage,
    invalid_length 16 Poison,
    authentication_failed 18 Unavailable,
    illegal_operation 20 Unavailable,
    invalid_bson 22 PoisonOfMessage,
    lock_timeout 24 Retry,
    namespace_not_found 26 Unavailable,
    path_not_viable 28 Poison,
    invalid_path 30 Poison,
    conflicting_update_operators 40 Poison,
    cursor_not_found 43 Retry,
    lock_busy 46 Retry,
    max_time_expired 50 Retry,
    dollar_prefixed_field_name 52 Poison,
    invalid_id_field 53 Poison,
    not_single_value_field 54 Poison,
    invalid_db_ref 55 Poison,
    empty_field_name 56 Poison,
    dotted_field_name 57 Poison,
    command_not_found 59 Unavailable,
    shard_key_not_found 61 Poison,
    write_concern_timeout 64 Unavailable,
    immutable_field 66 Poison,
    replica_set_not_found 71 Unavailable,
    invalid_options 72 Unavailable,
    invalid_namespace 73 Unavailable,
    unknown_repl_write_concern 79 Unavailable,
    network_timeout 89 Retry,
    shutdown_in_progress 91 Retry,
    not_yet_initialized 94 Unavailable,
    unsatisfiable_write_concern 100 Unavailable,
    lock_failed 107 Retry,
    write_conflict 112 Retry,
    command_not_supported 115 Unavailable,
    doc_too_large_for_capped 116 Poison,
    conflicting_operation_in_progress 117 Retry,
    document_validation_failure 121 Poison,
    failed_to_satisfy_read_preference 133 Retry,
    read_concern_majority_not_available_yet 134 Retry,
    exceeded_memory_limit 146 Unavailable,
    stale_epoch 150 Retry,
    command_not_supported_on_view 166 Unavailable,
    cannot_index_parallel_arrays 171 Poison,
    query_plan_killed 175 Retry,
    primary_stepped_down 189 Retry,
    network_interface_exceeded_time_limit 202 Retry,
    no_such_session 206 Unavailable,
    too_many_locks 208 Retry,
    database_drop_pending 215 Retry,
    election_in_progress 216 Retry,
    snapshot_too_old 239 Retry,
    cannot_create_collection 242 Unavailable,
    snapshot_unavailable 246 Retry,
    stale_db_version 249 Retry,
    stale_chunk_history 250 Retry,
    too_many_logical_sessions 261 Unavailable,
    exceeded_time_limit 262 Retry,
    too_many_files_open 264 Unavailable,
    prepared_transaction_in_progress 267 Retry,
    migration_conflict 272 Retry,
    index_build_aborted 276 Retry,
    client_disconnect 279 Retry,
    data_corruption_detected 301 Unavailable,
    object_is_busy 314 Retry,
    api_version_error 322 Unavailable,
    api_strict_error 323 Unavailable,
    resharding_critical_section_timeout 342 Retry,
    interrupted_due_to_storage_change 355 Retry,
    invalid_bson_type 357 PoisonOfMessage,
    temporarily_unavailable 365 Retry,
    user_writes_blocked 371 Unavailable,
    non_conformant_bson 378 PoisonOfMessage,
    duplicate_key_id 386 Poison,
    reauthentication_required 391 Unavailable,
    resource_exhausted 402 Retry,
    pooled_connection_acquisition_exceeded_time_limit 407 Retry,
    a_code_of_the_future 7_999 Unknown,
    atlas_error 8000 Unavailable,
    socket_exception 9001 Retry,
    cannot_grow_document_in_capped_namespace 10003 Poison,
    legacy_not_primary 10058 Retry,
    not_writable_primary 10107 Retry,
    bson_object_too_large 10334 PoisonOfMessage,
    duplicate_key 11000 Poison,
    legacy_duplicate_key 11001 Poison,
    interrupted_at_shutdown 11600 Retry,
    interrupted 11601 Retry,
    interrupted_due_to_repl_state_change 11602 Retry,
    legacy_duplicate_key_of_update 12582 Poison,
    background_operation_in_progress_for_database 12586 Retry,
    background_operation_in_progress_for_namespace 12587 Retry,
    stale_config 13388 Retry,
    not_primary_no_secondary_ok 13435 Retry,
    not_primary_or_secondary 13436 Retry,
    out_of_disk_space 14031 Full,
    request_rate_too_large 16500 Retry,
    geo_keys_not_extracted 16755 Poison,
    key_too_long 17280 PoisonOfMessage,
    result_too_large 17419 PoisonOfMessage,
    result_too_large_in_place 17420 PoisonOfMessage,
    client_marked_killed 46841 Retry,
    backup_cursor_open_conflict_with_checkpoint 50915 Retry,
    retriable_remote_command_failure 91331 Retry,
    interrupted_due_to_fcv_change 10_045_600 Retry,
    a_code_beyond_all 2_147_483_647 Unknown,
    a_code_below_all -1 Unknown,
}

#[test]
fn the_table_is_in_order_and_names_every_code_once() {
    assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(TABLE.iter().all(|row| row.1.len() <= NAME_BYTES && verdict(row.0) == row.2));
}

#[test]
fn what_the_driver_takes_for_retryable_is_never_poison() {
    // Its lists, and those of its specification of server selection.
    for code in [6, 7, 89, 91, 134, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436] {
        assert_eq!(verdict(code), Verdict::Retry, "{code}");
    }
}

#[test]
fn a_taken_key_sends_an_insert_to_the_guard() {
    for code in [11000, 11001, 12582, 386] {
        assert_eq!(verdict(code), Verdict::Exists, "{code}");
    }
}

#[test]
fn a_label_that_says_it_passes_goes_before_the_code() {
    for label in
        ["RetryableWriteError", "TransientTransactionError", "RetryableError", "SystemOverloadedError"]
    {
        for code in [2, 10334, 11000, 14031] {
            let error = batch_error(command(code, &[label]));
            assert!(matches!(error, Error::Unavailable(_)), "{label}, {code}: {error:?}");
        }
    }
    assert!(matches!(batch_error(command(10334, &["AnotherLabel"])), Error::Refused(_)));
}

#[test]
fn a_read_that_makes_no_sense_is_refused_and_a_batch_is_not() {
    assert!(matches!(store_error(command(2, &[])), Error::Refused(_)));
    assert!(matches!(batch_error(command(2, &[])), Error::Unavailable(_)));
}

#[test]
fn an_error_of_the_connection_means_that_nobody_knows() {
    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    assert!(matches!(batch_error(reset.into()), Error::Unavailable(why) if why.contains("reset")));
    let slow = std::io::Error::from(std::io::ErrorKind::TimedOut);
    assert!(matches!(batch_error(slow.into()), Error::Unavailable(_)));
    assert!(matches!(batch_error(DriverError::custom("driver")), Error::Unavailable(_)));
}

#[test]
fn what_is_written_but_not_confirmed_is_not_known() {
    for code in [64, 79, 91, 100, 10107, 0] {
        assert!(matches!(unconfirmed(code), Error::Unavailable(why) if why.contains("not confirmed")));
    }
    assert!(matches!(unconfirmed(14031), Error::Full(_)));
}

#[test]
fn a_name_from_a_server_is_repeated_where_it_is_a_name() {
    assert_eq!(reason(7_999, "NewTrouble"), "error 7999 (NewTrouble) of the server");
    assert_eq!(reason(7_999, "key: {a: 1}"), "error 7999 of the server");
    assert_eq!(reason(7_999, &"x".repeat(65)), "error 7999 of the server");
    assert_eq!(reason(112, "SomethingElse"), "error 112 (WriteConflict) of the server");
}

#[test]
fn at_a_start_a_login_that_does_not_suffice_and_a_view_are_refusals_and_what_passes_is_not() {
    for code in [13, 18, 166] {
        let error = start_error(command(code, &[]));
        assert!(matches!(error, Error::Refused(_)) && !error.retryable(), "{code}: {error}");
        let later = store_error(command(code, &[]));
        assert!(matches!(later, Error::Unavailable(_)) && later.retryable(), "{code}: {later}");
        let passing = start_error(command(code, &[RETRYABLE_ERROR]));
        assert!(matches!(passing, Error::Unavailable(_)), "{code}: {passing}");
    }
    for code in [91, 11600, 64] {
        assert!(matches!(start_error(command(code, &[])), Error::Unavailable(_)), "{code}");
    }
    assert!(matches!(start_error(command(14031, &[])), Error::Full(_)));
}

#[test]
fn words_of_the_driver_and_of_the_server_are_not_repeated() {
    let argument = mongodb::options::ConnectionString::parse("mongodb://h/?speed=s3cr").unwrap_err();
    assert_eq!(told(&argument), "one of its options is not as it must be");
    assert_eq!(told(&command(13, &[])), "error 13 (Unauthorized) of the server");
    let system = std::io::Error::other("Connection refused (os error 111)");
    assert_eq!(told(&system.into()), "Connection refused (os error 111)");
}
