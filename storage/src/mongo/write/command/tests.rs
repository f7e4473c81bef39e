//! Answers of servers, including inconsistent ones, and the result for each operation.

use mongodb::bson::{Bson, doc};

use super::*;

fn written() -> Answer {
    Answer::Done(WriteOutcome::Written)
}

fn lost() -> Answer {
    Answer::Done(Answer::lost())
}

fn errors(codes: &[(i32, i32)]) -> Bson {
    codes
        .iter()
        .map(|(at, code)| doc! { "index": at, "code": code, "errmsg": "dup key: { ssn: 1 }" })
        .collect()
}

fn inserted(reply: Document, sent: usize) -> Vec<Answer> {
    answers(reply, sent, true).unwrap()
}

fn changed(reply: Document, sent: usize) -> Vec<Answer> {
    answers(reply, sent, false).unwrap()
}

fn kind(answer: &Answer) -> String {
    let shown = format!("{answer:?}");
    assert!(!shown.contains("ssn"), "{shown}");
    shown.split(['"', ')']).next().unwrap().to_owned()
}

#[test]
fn inserts_that_were_not_refused_are_written() {
    assert_eq!(inserted(doc! { "ok": 1.0, "n": 3 }, 3), vec![written(); 3]);
    let told = inserted(doc! { "n": 1_i64, "writeErrors": errors(&[(0, 11000), (2, 121), (3, 112)]) }, 4);
    assert_eq!((&told[0], &told[1]), (&Answer::Exists, &written()));
    assert_eq!(kind(&told[2]), "Done(Poison(");
    assert_eq!(kind(&told[3]), "Done(Retry(");
}

#[test]
fn inserts_that_the_server_did_not_come_to_are_tried_again() {
    let told = inserted(doc! { "n": 1, "writeErrors": errors(&[(1, 13388)]) }, 4);
    assert_eq!((&told[0], &told[2], &told[3]), (&lost(), &lost(), &lost()));
}

#[test]
fn changes_are_known_where_all_or_none_matched() {
    assert_eq!(changed(doc! { "n": 2, "nModified": 2 }, 2), vec![written(); 2]);
    // A change without effect still matched.
    assert_eq!(changed(doc! { "n": 2, "nModified": 0 }, 2), vec![written(); 2]);
    assert_eq!(changed(doc! { "n": 0 }, 2), vec![Answer::Unmatched; 2]);
    assert_eq!(changed(doc! { "n": 1 }, 2), vec![Answer::Unsure; 2]);
    let told = changed(doc! { "n": 2, "writeErrors": errors(&[(1, 17419)]) }, 3);
    assert_eq!((&told[0], &told[2]), (&written(), &written()));
    assert_eq!(kind(&told[1]), "Done(Poison(");
}

#[test]
fn a_change_that_takes_a_key_of_another_document_is_poison() {
    let told = changed(doc! { "n": 0, "writeErrors": errors(&[(0, 11000)]) }, 1);
    assert_eq!(kind(&told[0]), "Done(Poison(");
}

#[test]
fn a_code_that_nobody_knows_is_told_as_such() {
    let told = changed(doc! { "n": 0, "writeErrors": errors(&[(0, 7_999)]) }, 1);
    assert!(matches!(&told[0], Answer::Done(WriteOutcome::Unknown(why)) if why.contains("7999")));
}

#[test]
fn a_refused_operation_that_tells_of_the_server_makes_all_unknown() {
    for code in [13, 14031, 79] {
        let reply = doc! { "n": 1, "writeErrors": errors(&[(1, code)]) };
        assert!(answers(reply, 2, true).unwrap_err().retryable(), "{code}");
    }
}

#[test]
fn an_unmet_write_concern_makes_all_unknown_though_the_command_is_ok() {
    for concern in [doc! { "code": 64, "errmsg": "waiting for replication timed out" }, doc! {}] {
        let reply = doc! { "ok": 1, "n": 2, "writeConcernError": concern };
        assert!(matches!(answers(reply.clone(), 2, true), Err(Error::Unavailable(_))));
        assert!(matches!(answers(reply.clone(), 2, false), Err(Error::Unavailable(_))));
    }
    let full = doc! { "n": 2, "writeConcernError": { "code": 14031 } };
    assert!(matches!(answers(full, 2, false), Err(Error::Full(_))));
}

#[test]
fn an_answer_that_does_not_add_up_makes_all_unknown() {
    let unreadable = [
        doc! { "ok": 1 },
        doc! { "n": "2" },
        doc! { "n": -1 },
        doc! { "n": 0.5 },
        doc! { "n": 0, "writeErrors": 1 },
        doc! { "n": 0, "writeErrors": [1] },
        doc! { "n": 0, "writeErrors": [{ "index": 0 }] },
        doc! { "n": 0, "writeErrors": [{ "index": -1, "code": 1 }] },
    ];
    for reply in unreadable {
        assert!(matches!(answers(reply.clone(), 1, true), Err(Error::Unavailable(_))), "{reply}");
    }
    let wrong = [
        doc! { "n": 3 },
        doc! { "n": 2, "writeErrors": errors(&[(0, 112)]) },
        doc! { "n": 0, "writeErrors": errors(&[(2, 112)]) },
        doc! { "n": 0, "writeErrors": errors(&[(0, 112), (0, 112), (1, 112)]) },
    ];
    for reply in wrong {
        assert!(matches!(answers(reply.clone(), 2, true), Err(Error::Unavailable(_))), "{reply}");
        assert!(matches!(answers(reply.clone(), 2, false), Err(Error::Unavailable(_))), "{reply}");
    }
}
