//! What another version wrote: refused with the version found and the one known, and left as it was.

use std::fs;
use std::path::Path;

use updraft::{StartError, StoreError};
use updraft_protocol::codec;
use updraft_storage::{journal, sqlite};
use updraft_tests::tool::Tool;

use super::{LATER, files, newest, scene};

/// The newest golden file, with a change; the error of a start on it, which must change nothing.
async fn refused(change: impl Fn(&Path)) -> StartError {
    let data = files::data(&newest());
    change(data.path());
    let before = files::contents(data.path());
    let error = scene::builder(data.path(), &Tool::default(), LATER).start().await.err().unwrap();
    assert!(!error.retryable(), "{error}");
    let after = files::contents(data.path());
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    let changed: Vec<_> =
        before.iter().filter(|(path, bytes)| after[*path] != **bytes).map(|(path, _)| path).collect();
    assert!(changed.is_empty(), "{error}: changed {changed:?}");
    error
}

fn change_segment(data: &Path, change: impl Fn(&mut [u8])) {
    let (path, mut segment) = files::segments(data).remove(0);
    change(&mut segment);
    fs::write(path, segment).unwrap();
}

#[tokio::test]
async fn a_journal_of_a_newer_format_is_refused_and_left_as_it_was() {
    let error = refused(|data| change_segment(data, |segment| segment[8] = journal::FORMAT + 1)).await;
    let found = journal::FORMAT + 1;
    assert!(
        matches!(&error, StartError::Journal(journal::Error::Format { found: said, known: journal::FORMAT, .. }) if *said == found),
        "{error}"
    );
    assert!(error.to_string().contains(&format!("journal format {found}")), "{error}");
}

#[tokio::test]
async fn updates_of_another_codec_anywhere_in_a_journal_are_refused_before_any_is_replayed() {
    for other in [codec::VERSION + 1, codec::VERSION - 1] {
        let last = |segment: &mut [u8]| {
            let payload = files::payloads(segment).pop().unwrap();
            segment[payload.start] = other;
            files::seal(segment, payload);
        };
        let error = refused(|data| change_segment(data, last)).await;
        let StartError::Journal(journal::Error::Codec { found, known, offset, .. }) = &error else {
            panic!("{error}")
        };
        assert_eq!((*found, *known), (other, codec::VERSION));
        let told = format!(
            "at byte {offset} was written by another version of Updraft: its updates are of codec version {other}; this \
             one reads version {}",
            codec::VERSION
        );
        assert!(*offset > 40 && error.to_string().ends_with(&told), "{error}");
    }
}

#[tokio::test]
async fn a_store_of_another_schema_is_refused_and_left_as_it_was() {
    for other in [sqlite::SCHEMA + 1, sqlite::SCHEMA - 1] {
        let error = refused(|data| {
            let connection = rusqlite::Connection::open(data.join("updraft.db")).unwrap();
            connection.pragma_update(None, "user_version", other).unwrap();
        })
        .await;
        let StartError::Store(StoreError::Schema { found, known, .. }) = error else { panic!("{error}") };
        assert_eq!((found, known), (other, sqlite::SCHEMA));
    }
}
