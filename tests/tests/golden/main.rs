//! Golden files: what was written is read, content by content, and goes on to its end; what another version wrote is
//! refused with the reason. Every format version that is read has its file: a new one must bring it.
//!
//! `UPDRAFT_WRITE_GOLDEN=1 cargo test -p updraft-tests --test golden` writes those that are missing. A file that is
//! there never changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod files;
#[cfg(feature = "mongodb")]
mod mongo;
mod newer;
mod scene;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::{Update, codec};
use updraft_storage::journal::{self, Config, FileDisk, Journal};
use updraft_storage::sqlite;
use updraft_storage::write_behind::WriteBehind;
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::tool::Tool;

/// Longer than the longest wait of the scene.
const LATER: Duration = Duration::from_secs(3 * 3600);

fn expected(name: &str) -> Value {
    let text = fs::read_to_string(files::folder(name).join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The golden files with an embedded store.
fn embedded() -> Vec<String> {
    files::all().into_iter().filter(|name| name.starts_with("journal-")).collect()
}

/// The golden file of what is written today.
fn newest() -> String {
    format!("journal-{}-codec-{}-sqlite-{}", journal::FORMAT, codec::VERSION, sqlite::SCHEMA)
}

/// Writes the golden file of today's embedded formats: a store that a kill left behind its journal.
async fn write_embedded() {
    let golden = files::folder(&newest());
    if golden.exists() {
        return;
    }
    let (folder, tool, data) = (tempfile::tempdir().unwrap(), Tool::default(), golden.join("data"));
    let engine = scene::builder(folder.path(), &tool, Duration::ZERO).start().await.unwrap();
    let mut handles = scene::first_act(&engine).await;
    files::copy(folder.path(), &data, |name| ["updraft.db", "updraft.db-wal"].contains(&name));
    files::fold(&data.join("updraft.db"));
    handles.extend(scene::second_act(&engine, &tool).await);
    let documents = scene::documents(&engine, &handles).await;
    files::copy(&folder.path().join("journal"), &data.join("journal"), |name| name.ends_with(".journal"));
    fs::write(golden.join("expected.json"), format!("{documents:#}\n")).unwrap();
    let _ = engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn every_format_version_has_its_golden_file() {
    if files::are_written() {
        write_embedded().await;
        #[cfg(feature = "mongodb")]
        mongo::write().await;
    }
    assert_eq!(embedded(), [newest()], "one of today's versions: run it with UPDRAFT_WRITE_GOLDEN=1");
    let data = files::folder(&newest()).join("data");
    assert_eq!(files::schema_of(&data), sqlite::SCHEMA);
    for (path, segment) in files::segments(&data) {
        assert_eq!(segment[8], journal::FORMAT, "{}", path.display());
        for payload in files::payloads(&segment) {
            assert_eq!(segment[payload.start], codec::VERSION, "{}", path.display());
        }
    }
    #[cfg(feature = "mongodb")]
    mongo::assert_every_schema_has_one();
}

#[tokio::test]
async fn what_was_written_is_found_as_it_was() {
    for name in embedded() {
        let (data, tool) = (files::data(&name), Tool::default());
        let engine =
            scene::builder(data.path(), &tool, LATER).resume(updraft::Resume::Nothing).start().await.unwrap();
        assert!(engine.recovered().replayed > 0, "{name}: the journal has what the store has not");
        scene::assert_holds(&engine, &expected(&name)).await;
        let _ = engine.shutdown(TEST_TIMEOUT).await;
        files::fold(&data.path().join("updraft.db"));
        assert_eq!(files::schema_of(data.path()), sqlite::SCHEMA, "the store is one of today");
        assert!(tool.calls().is_empty());
    }
}

#[tokio::test]
async fn what_was_left_in_the_middle_goes_on_to_its_end() {
    for name in embedded() {
        let (data, tool) = (files::data(&name), Tool::default());
        let engine = scene::builder(data.path(), &tool, LATER).start().await.unwrap();
        scene::assert_goes_on(&engine, &tool, &expected(&name)).await;
        let _ = engine.shutdown(TEST_TIMEOUT).await;
        let again = scene::builder(data.path(), &tool, LATER).start().await.unwrap();
        assert_eq!(again.take_resumed().len(), 0, "{name}: everything has ended");
        let _ = again.shutdown(TEST_TIMEOUT).await;
    }
}

/// The groups of a journal that nobody writes.
fn groups(data: &Path) -> Vec<Vec<Update>> {
    let (writer, _queue) = WriteBehind::queue();
    let stored = DurableWatermark::new(0);
    let opened =
        Journal::open(&data.join("journal"), Config::default(), Arc::new(FileDisk), writer, stored).unwrap();
    opened.1.map(|group| group.unwrap().updates).collect()
}

#[test]
fn what_is_written_today_is_written_as_its_version_says() {
    let data = files::data(&newest());
    let segments = files::segments(data.path());
    let golden: Vec<_> = segments
        .iter()
        .flat_map(|(_, segment)| files::payloads(segment).into_iter().map(|payload| &segment[payload]))
        .collect();
    let groups = groups(data.path());
    assert_eq!(groups.len(), golden.len());
    for (updates, golden) in groups.iter().zip(golden) {
        let mut written = Vec::new();
        codec::encode_into(updates, &mut written).unwrap();
        assert!(written == golden, "the form of updates changed: it needs a codec version of its own");
    }
}
