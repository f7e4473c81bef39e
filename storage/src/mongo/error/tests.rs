//! The meaning of each code, compared with separate lists, and the messages for each reader.

use mongodb::bson::doc;
use mongodb::error::{CommandError, Error as DriverError, ErrorKind, InsertManyError};

use super::*;

/// The result of a code: in an answer for one update, and as the refusal of a whole command.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// One update is retried; a command is unavailable.
    Retry,
    /// One update is poison; a command that writes is unavailable, since it would fail with other updates too.
    Poison,
    /// The same, but the command is refused for its content.
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

/// The expected result of each code, from its documentation.
const EXPECTED: [(Expected, &[i32]); 6] = [
    (
        Expected::Retry,
        &[
            6, 7, 24, 43, 46, 50, 89, 91, 107, 112, 117, 133, 134, 150, 175, 189, 202, 208, 215, 216, 239,
            246, 249, 250, 262, 267, 272, 276, 279, 314, 342, 355, 365, 402, 407, 9001, 10058, 10107, 11600,
            11601, 11602, 12586, 12587, 13388, 13435, 13436, 16500, 46841, 50915, 91331, 10_045_600,
        ],
    ),
    (
        Expected::Poison,
        &[
            2, 9, 14, 16, 28, 30, 40, 52, 53, 54, 55, 56, 57, 61, 66, 116, 121, 171, 386, 10003, 11000,
            11001, 12582, 16755,
        ],
    ),
    (Expected::PoisonOfMessage, &[15, 22, 357, 378, 10334, 17280, 17419, 17420]),
    (Expected::Full, &[14031]),
    (
        Expected::Unavailable,
        &[
            13, 18, 20, 26, 59, 64, 71, 72, 73, 79, 94, 100, 115, 146, 166, 206, 242, 261, 264, 301, 322,
            323, 371, 391, 8000,
        ],
    ),
    (Expected::Unknown, &[-1, 1, 8, 7_999, 2_147_483_647]),
];

#[test]
fn each_code_becomes_what_is_expected_of_it() {
    for (expected, codes) in EXPECTED {
        for code in codes {
            holds(*code, &expected);
        }
    }
}

#[test]
fn what_the_driver_takes_for_retryable_is_never_poison() {
    // The driver's lists, and those of the specification of server selection.
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
    assert_eq!(reason(112, "SomethingElse"), "error 112 (SomethingElse) of the server");
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
    assert_eq!(told(&command(13, &[])), "error 13 of the server");
    let system = std::io::Error::other("Connection refused (os error 111)");
    assert_eq!(told(&system.into()), "Connection refused (os error 111)");
}
