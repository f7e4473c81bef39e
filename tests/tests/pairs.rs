//! A journal and a database that are found beside each other: missing, older, cut or another's, it is named, and nothing
//! runs until a person decides; what a crash or a shutdown leaves starts by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use updraft::{
    Builder, Diagnosis, Engine, ExecutionStatus, Finding, Loss, Mismatch, Playbook, Shutdown, StartError,
    StoreAddress, StoreError, Submission, Whose, doctor,
};
use updraft_tests::{Harness, playbook, soon, tenant, timeouts::TEST_TIMEOUT, until};

fn echo() -> Playbook {
    playbook("steps:\n  - {id: echo, action: tool.echo}\n")
}

fn on(harness: &Harness, data: &Path) -> Builder {
    harness.builder().data(data).start_standstill(Duration::from_secs(2))
}

/// Runs so many executions to their end in this engine.
async fn work(harness: &Harness, engine: &Engine, executions: usize) {
    let pid = harness.put(engine, &echo()).await;
    for _ in 0..executions {
        let handle = soon(engine.submit(Submission::new(tenant("acme"), pid))).await.unwrap();
        assert_eq!(harness.end(engine, &handle, &echo()).await.status(), ExecutionStatus::Completed);
    }
}

/// An engine that runs so many and is closed in order.
async fn closed(harness: &Harness, data: &Path, executions: usize) {
    let engine = soon(on(harness, data).start()).await.unwrap();
    work(harness, &engine, executions).await;
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, Shutdown::Stored);
}

/// What a kill leaves of an engine that has run so many, of which the database has noted some; nothing moves any more.
async fn left(harness: &Harness, data: &Path, executions: usize) {
    let engine = soon(on(harness, data).start()).await.unwrap();
    let before = taken(data);
    work(harness, &engine, executions).await;
    until(async || taken(data) > before).await;
    let image = tempfile::tempdir().unwrap();
    copy(data, image.path());
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
    drop(engine);
    fs::remove_dir_all(data).unwrap();
    copy(image.path(), data);
}

/// How far the database says that it has come.
fn taken(data: &Path) -> i64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(data.join("updraft.db"), flags).unwrap();
    connection.query_row("SELECT value FROM meta WHERE key = 'taken'", [], |row| row.get(0)).unwrap()
}

async fn refused(harness: &Harness, data: &Path) -> Mismatch {
    match soon(on(harness, data).start()).await {
        Err(error @ StartError::Mismatch { mismatch, .. }) => {
            assert!(!error.retryable() && error.to_string().contains(data.to_str().unwrap()), "{error}");
            mismatch
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it started"),
    }
}

/// It starts where this loss is accepted, and not where the other is; from then on, by itself.
async fn goes_on(harness: &Harness, data: &Path, loss: Loss) {
    let other = if loss == Loss::OfStore { Loss::OfJournal } else { Loss::OfStore };
    let wrong = soon(on(harness, data).accept_loss(other).start()).await;
    assert!(matches!(wrong, Err(StartError::Mismatch { .. })));
    let engine = soon(on(harness, data).accept_loss(loss).start()).await.unwrap();
    work(harness, &engine, 2).await;
    let _ = soon(engine.shutdown(Duration::ZERO)).await;
    drop(engine);
    closed(harness, data, 1).await;
    closed(harness, data, 1).await;
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else if entry.path().is_file() {
            // An engine that runs has a socket there, which is no file.
            assert!(fs::copy(entry.path(), to).is_ok());
        }
    }
}

fn remove_database(data: &Path) {
    for name in ["updraft.db", "updraft.db-wal", "updraft.db-shm"] {
        let _ = fs::remove_file(data.join(name));
    }
}

/// Puts the database of one directory into another.
fn take_database(from: &Path, to: &Path) {
    remove_database(to);
    for name in ["updraft.db", "updraft.db-wal", "updraft.db-shm"] {
        let _ = fs::copy(from.join(name), to.join(name));
    }
}

fn remove_journal(data: &Path) {
    fs::remove_dir_all(data.join("journal")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_starts_by_itself_however_it_was_left() {
    let (harness, place) = (Harness::default(), tempfile::tempdir().unwrap());
    for millis in [0, 60_000, 0, 0, 5, 60_000, 60_000, 1] {
        let engine = soon(on(&harness, place.path()).start()).await.unwrap();
        work(&harness, &engine, 3).await;
        let _ = soon(engine.shutdown(Duration::from_millis(millis))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_missing_is_named_whether_or_not_the_journal_has_updates_for_it() {
    let harness = Harness::default();
    for in_order in [true, false] {
        let place = tempfile::tempdir().unwrap();
        if in_order {
            closed(&harness, place.path(), 3).await
        } else {
            left(&harness, place.path(), 3).await
        }
        remove_database(place.path());
        for _ in 0..2 {
            let mismatch = refused(&harness, place.path()).await;
            assert!(matches!(mismatch, Mismatch::StoreMissing { .. }), "{mismatch:?}");
        }
        goes_on(&harness, place.path(), Loss::OfStore).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_older_than_the_journal_is_named() {
    let (harness, place, backup) =
        (Harness::default(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    closed(&harness, place.path(), 3).await;
    take_database(place.path(), backup.path());
    closed(&harness, place.path(), 3).await;
    take_database(backup.path(), place.path());
    // What is not synced may go with power, so it is not refused.
    let synced = place.path().join("store");
    assert!(fs::read_to_string(&synced).unwrap().contains("synced no"));
    fs::write(&synced, fs::read_to_string(&synced).unwrap().replace("synced no", "synced yes")).unwrap();
    let mismatch = refused(&harness, place.path()).await;
    assert!(matches!(mismatch, Mismatch::StoreOlder { taken, begins } if taken + 1 < begins), "{mismatch:?}");
    goes_on(&harness, place.path(), Loss::OfStore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_missing_is_named_unless_both_were_closed_in_order() {
    let (harness, place) = (Harness::default(), tempfile::tempdir().unwrap());
    left(&harness, place.path(), 3).await;
    remove_journal(place.path());
    for _ in 0..2 {
        let mismatch = refused(&harness, place.path()).await;
        assert!(matches!(mismatch, Mismatch::JournalMissing { taken } if taken > 0), "{mismatch:?}");
    }
    fs::remove_file(place.path().join("store")).unwrap();
    let mismatch = refused(&harness, place.path()).await;
    assert!(matches!(mismatch, Mismatch::JournalMissing { .. }), "{mismatch:?}");
    goes_on(&harness, place.path(), Loss::OfJournal).await;
    remove_journal(place.path());
    closed(&harness, place.path(), 1).await;
}

/// Its segment was synced when it was made, and nothing that was written to it since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_of_which_power_took_all_that_was_not_synced_goes_on() {
    let (harness, place) = (Harness::default(), tempfile::tempdir().unwrap());
    left(&harness, place.path(), 3).await;
    let segments = fs::read_dir(place.path().join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let segments: Vec<_> =
        segments.filter(|path| path.extension().is_some_and(|end| end == "journal")).collect();
    assert_eq!(segments.len(), 1, "{segments:?}");
    fs::File::options().write(true).open(&segments[0]).unwrap().set_len(40).unwrap();
    closed(&harness, place.path(), 2).await;
    closed(&harness, place.path(), 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_older_than_the_database_or_cut_is_named() {
    let harness = Harness::default();
    for cut in [false, true] {
        let (place, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        closed(&harness, place.path(), 3).await;
        copy(&place.path().join("journal"), &backup.path().join("journal"));
        left(&harness, place.path(), 3).await;
        if cut {
            for segment in fs::read_dir(place.path().join("journal")).unwrap() {
                let segment = segment.unwrap().path();
                if segment.extension().is_some_and(|end| end == "journal") {
                    fs::File::options().write(true).open(segment).unwrap().set_len(40).unwrap();
                }
            }
        } else {
            remove_journal(place.path());
            copy(&backup.path().join("journal"), &place.path().join("journal"));
        }
        let noted = place.path().join("store");
        fs::write(&noted, fs::read_to_string(&noted).unwrap().replace("synced no", "synced yes")).unwrap();
        let mismatch = refused(&harness, place.path()).await;
        assert!(matches!(mismatch, Mismatch::JournalOlder { ends, taken } if ends < taken), "{mismatch:?}");
        goes_on(&harness, place.path(), Loss::OfJournal).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_with_updates_is_brought_to_no_other_database() {
    let (harness, one, other) =
        (Harness::default(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    left(&harness, one.path(), 3).await;
    left(&harness, other.path(), 3).await;
    take_database(other.path(), one.path());
    assert_eq!(refused(&harness, one.path()).await, Mismatch::OtherStore);
    for loss in [Loss::OfStore, Loss::OfJournal] {
        assert!(soon(on(&harness, one.path()).accept_loss(loss).start()).await.is_err(), "{loss:?}");
    }
    // With the journal moved away, the database's own is what is missing.
    remove_journal(one.path());
    let mismatch = refused(&harness, one.path()).await;
    assert!(matches!(mismatch, Mismatch::OtherJournal { pending: false, .. }), "{mismatch:?}");
    goes_on(&harness, one.path(), Loss::OfJournal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_whose_database_went_to_another_is_moved_away_as_the_error_says() {
    for in_order in [true, false] {
        let (harness, one, other) =
            (Harness::default(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        left(&harness, one.path(), 3).await;
        take_database(one.path(), other.path());
        goes_on(&harness, other.path(), Loss::OfJournal).await;
        if !in_order {
            left(&harness, other.path(), 2).await;
        }
        take_database(other.path(), one.path());
        let mismatch = refused(&harness, one.path()).await;
        assert!(matches!(mismatch, Mismatch::OtherJournal { pending: true, .. }), "{mismatch:?}");
        let said = mismatch.to_string();
        assert!(said.contains("Move the folder `journal` out") && !said.contains("accept"), "{said}");
        for loss in [Loss::OfStore, Loss::OfJournal] {
            assert!(soon(on(&harness, one.path()).accept_loss(loss).start()).await.is_err(), "{loss:?}");
        }
        fs::rename(one.path().join("journal"), other.path().join("moved")).unwrap();
        if !in_order {
            let mismatch = refused(&harness, one.path()).await;
            assert!(matches!(mismatch, Mismatch::OtherJournal { pending: false, .. }), "{mismatch:?}");
            let said = mismatch.to_string();
            assert!(said.contains("was not closed in order") && said.contains("accept the loss"), "{said}");
            goes_on(&harness, one.path(), Loss::OfJournal).await;
        }
        closed(&harness, one.path(), 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_cut_short_is_an_error_of_the_start_and_no_wait() {
    let harness = Harness::default();
    for part in [2, 3, 8] {
        let place = tempfile::tempdir().unwrap();
        closed(&harness, place.path(), 60).await;
        // What lies in the WAL alone is little of it.
        left(&harness, place.path(), 2).await;
        let file = fs::File::options().write(true).open(place.path().join("updraft.db")).unwrap();
        file.set_len(file.metadata().unwrap().len() / part).unwrap();
        let error = soon(on(&harness, place.path()).start()).await.err().unwrap();
        assert!(
            matches!(error, StartError::Store(StoreError::Corrupt(_)) | StartError::Standstill(_)),
            "{error}"
        );
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_made_in_a_data_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    fn check(folder: &Path) -> usize {
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    return check(&path);
                }
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                1
            })
            .sum()
    }
    let (harness, place) = (Harness::default(), tempfile::tempdir().unwrap());
    let data = place.path().join("made/data");
    let engine = soon(on(&harness, &data).start()).await.unwrap();
    work(&harness, &engine, 2).await;
    assert!(
        check(&place.path().join("made")) >= 6,
        "database, its WAL and its index, locks, a segment, the note"
    );
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
    check(&place.path().join("made"));
}

async fn diagnosed(data: &Path) -> Diagnosis {
    soon(doctor(data, &StoreAddress::Embedded)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_what_a_start_would_meet_and_changes_nothing() {
    let (harness, place) = (Harness::default(), tempfile::tempdir().unwrap());
    let data = place.path().join("data");
    let missing = diagnosed(&data).await;
    assert!(matches!(&missing.findings[..], [Finding::NoDirectory { .. }]), "{missing}");
    assert!(!data.exists());

    let engine = soon(on(&harness, &data).start()).await.unwrap();
    let used = diagnosed(&data).await;
    assert!(
        matches!(&used.findings[..], [Finding::InUse { .. }]) && used.findings[0].stops_a_start(),
        "{used}"
    );
    work(&harness, &engine, 3).await;
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
    drop(engine);
    let well = diagnosed(&data).await;
    assert!(well.is_well() && well.taken.is_some_and(|taken| taken > 0), "{well}");
    assert!(well.to_string().contains("nothing is wrong"), "{well}");

    left(&harness, &data, 3).await;
    fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let well = diagnosed(&data).await;
    assert!(well.is_well() && well.journal.is_some(), "{well}");
    let (backup, before) = (tempfile::tempdir().unwrap(), fs::read(data.join("store")).unwrap());
    copy(&data, backup.path());
    remove_database(&data);
    let found = diagnosed(&data).await;
    assert!(
        matches!(&found.findings[..], [Finding::Mismatch { acceptable: Some(Whose::Store), .. }]),
        "{found}"
    );
    assert!(!data.join("updraft.db").exists() && fs::read(data.join("store")).unwrap() == before);
    assert!(found.to_string().contains("the database is missing"), "{found}");

    copy(backup.path(), &data);
    remove_journal(&data);
    let found = diagnosed(&data).await;
    assert!(
        matches!(&found.findings[..], [Finding::Mismatch { acceptable: Some(Whose::Journal), .. }]),
        "{found}"
    );
    copy(backup.path(), &data);
    fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let found = diagnosed(&data).await;
    assert!(matches!(&found.findings[..], [Finding::OpenToOthers { mode }] if mode == "055"), "{found}");
    fs::write(data.join("store"), [0xff]).unwrap();
    let found = diagnosed(&data).await;
    assert!(matches!(&found.findings[..], [_, Finding::Note { .. }]), "{found}");
    assert!(found.findings[1].stops_a_start(), "{found}");
    let error = soon(on(&harness, &data).start()).await.err().unwrap();
    assert!(matches!(error, StartError::Directory { .. }), "{error}");
    fs::write(data.join("store"), before).unwrap();
    let segment = fs::read_dir(data.join("journal")).unwrap().map(|file| file.unwrap().path());
    for segment in segment.filter(|path| path.extension().is_some_and(|end| end == "journal")) {
        let mut bytes = fs::read(&segment).unwrap();
        bytes[60] ^= 1;
        fs::write(&segment, bytes).unwrap();
    }
    let found = diagnosed(&data).await;
    assert!(found.findings.iter().any(|finding| matches!(finding, Finding::Journal { .. })), "{found}");
    assert_eq!(serde_json::to_value(&found).unwrap()["findings"][1]["kind"], "journal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_of_another_directory_is_noticed() {
    let (harness, place) = (Harness::default(), tempfile::tempdir().unwrap());
    let (data, other) = (place.path().join("data"), place.path().join("other"));
    left(&harness, &data, 3).await;
    left(&harness, &other, 3).await;
    remove_journal(&data);
    copy(&other.join("journal"), &data.join("journal"));
    let found = refused(&harness, &data).await;
    assert!(matches!(found, Mismatch::OtherStore | Mismatch::OtherJournal { .. }), "{found}");
}
