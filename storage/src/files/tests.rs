//! Files on a real disk: whole or not there, of their execution alone, bounded, and read part by part.

use std::io::Read as _;

use updraft_kernel::item_files::ItemFiles;
use updraft_protocol::limits::{FILE_BYTES, FILE_PAGE_ITEMS};
use updraft_protocol::{FileWriter, Timestamp};

use super::*;

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

fn peid(last: u8) -> ExecutionId {
    let mut bytes = [7; 16];
    bytes[15] = last;
    ExecutionId::from_bytes(bytes)
}

/// A store in a directory that goes with it.
fn store() -> (tempfile::TempDir, FileStore) {
    let data = tempfile::tempdir().unwrap();
    let files = FileStore::open(data.path()).unwrap();
    (data, files)
}

fn written(files: &FileStore, of: (&TenantCode, ExecutionId), text: &str, media: &str) -> ExecutionFile {
    let mut file = Box::new(files.create(of, Some(media)).unwrap());
    text.as_bytes().chunks(3).for_each(|piece| file.write(piece).unwrap());
    file.finish().unwrap()
}

#[test]
fn a_file_is_read_by_its_execution_alone() {
    let (data, files) = store();
    let (acme, other) = (tenant("acme"), tenant("other"));
    let file = written(&files, (&acme, peid(1)), "some text", "text/plain");
    assert_eq!((file.bytes, file.items), (9, None));
    assert_eq!(file.sha256, "b94f6f125c79e3a5ffaa826f584c10d52ada669e6762051b826b55776d05aed2");
    let mut read = files.read((&acme, peid(1)), file.id).unwrap();
    let mut text = String::new();
    read.content.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), read.content_type.as_deref()), ("some text", Some("text/plain")));
    for of in [(&other, peid(1)), (&acme, peid(2))] {
        assert_eq!(files.read(of, file.id).unwrap_err().kind, FailureKind::InvalidArguments);
        assert!(files.count(of, file.id).is_err() && files.part(of, file.id, 0).is_err());
    }
    let listed = files.listed().unwrap();
    assert!(listed.iter().all(|found| (&found.tenant, found.peid, found.id) == (&acme, peid(1), file.id)));
    files.remove((&acme, peid(1)), file.id).unwrap();
    assert!(files.listed().unwrap().is_empty());
    assert_eq!(std::fs::read_dir(data.path().join("files/acme")).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_open_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let (data, files) = store();
    let acme = tenant("..");
    let file = written(&files, (&acme, peid(1)), "x", "text/plain");
    let folder = data.path().join("files/=..").join(peid(1).to_string());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join(file.id.to_string()))), (0o700, 0o600));
    assert_eq!(files.listed().unwrap()[0].tenant, acme);
}

#[test]
fn what_is_not_finished_is_not_there_and_does_not_stay() {
    let (data, files) = store();
    let of = (&tenant("acme"), peid(1));
    let mut dropped = files.create(of, None).unwrap();
    dropped.write(b"x").unwrap();
    let (id, unfinished) = (dropped.id(), data.path().join("files/=unfinished"));
    assert_eq!(files.read(of, id).unwrap_err().kind, FailureKind::InvalidArguments);
    drop(dropped);
    assert_eq!(std::fs::read_dir(&unfinished).unwrap().count(), 0);
    // As a crash leaves it.
    std::fs::write(unfinished.join(id.to_string()), "part").unwrap();
    let files = FileStore::open(data.path()).unwrap();
    assert!(!unfinished.exists() && files.listed().unwrap().is_empty());
}

#[test]
fn a_file_is_bounded() {
    let (_data, files) = store();
    let mut file = files.create((&tenant("acme"), peid(1)), None).unwrap();
    let block = vec![b'.'; 1 << 20];
    for _ in 0..FILE_BYTES >> 20 {
        file.write(&block).unwrap();
    }
    let failure = file.write(b".").unwrap_err();
    assert_eq!((failure.kind, failure.retryable()), (FailureKind::TooLarge, false));
}

#[test]
fn items_are_counted_as_they_come_and_read_part_by_part() {
    let (_data, files) = store();
    let of = (&tenant("acme"), peid(1));
    let count = FILE_PAGE_ITEMS * 2 + 5;
    let values: Vec<serde_json::Value> =
        (0..count).map(|number| serde_json::json!({ "n": number })).collect();
    let lines: String = values.iter().map(|value| format!("{value}\n")).collect();
    for (text, media) in [
        (serde_json::to_string_pretty(&values).unwrap(), "application/json"),
        (lines.clone(), "application/x-ndjson"),
        (lines.trim_end().to_owned(), "text/plain"),
    ] {
        let file = written(&files, of, &text, media);
        assert_eq!((file.items, files.count(of, file.id)), (Some(count as u64), Ok(count as u64)));
        let (mut read, mut place) = (Vec::new(), 0);
        loop {
            let part = files.part(of, file.id, place).unwrap();
            assert!(part.items.len() <= FILE_PAGE_ITEMS);
            if part.items.is_empty() {
                break;
            }
            (place, read) = (part.next, [read, part.items].concat());
        }
        let read: Vec<serde_json::Value> =
            read.iter().map(|(value, _)| serde_json::from_str(&value.to_string()).unwrap()).collect();
        assert_eq!(read, values, "{media}");
    }
    for (text, media) in
        [("[1, 2", "application/json"), ("[1] 2", "application/json"), ("a\nb", "text/csv"), ("%PDF", "x/y")]
    {
        let file = written(&files, of, text, media);
        assert_eq!(file.items, None, "{text}");
        assert!(files.count(of, file.id).unwrap_err().message.contains("no items"));
    }
    let lists = written(&files, of, "[1]\n[2]\n", "application/jsonl; charset=utf-8");
    assert_eq!(lists.items, Some(2));
    assert_eq!(written(&files, of, " [ ] ", "application/json").items, Some(0));
}

#[test]
fn what_an_execution_shares_stays_when_its_own_are_removed() {
    let (_data, files) = store();
    let (acme, other) = (tenant("acme"), tenant("other"));
    let named = written(&files, (&acme, peid(1)), "[1, 2]", "application/json").id;
    let unnamed = written(&files, (&acme, peid(1)), "x", "text/plain").id;
    let missing = FileId::new(uuid::Uuid::from_bytes([9; 16]));
    let share = |from, to| files.share(&acme, (from, to), &[named, missing].into());
    for (from, to) in [(1, 2), (1, 2), (2, 3)] {
        share(peid(from), peid(to)).unwrap();
    }
    files.remove((&acme, peid(1)), named).unwrap();
    files.remove((&acme, peid(2)), named).unwrap();
    assert_eq!(files.count((&acme, peid(3)), named), Ok(2));
    for (of, id) in [((&acme, peid(3)), unnamed), ((&acme, peid(1)), named), ((&other, peid(3)), named)] {
        assert_eq!(files.read(of, id).unwrap_err().kind, FailureKind::InvalidArguments);
    }
    share(peid(5), peid(6)).unwrap();
    assert!(files.listed().unwrap().iter().all(|found| found.peid != peid(6)));
}

#[test]
fn those_that_write_at_once_do_not_exceed_the_bound_of_their_tenant_together() {
    let data = tempfile::tempdir().unwrap();
    let policy = FilePolicy { of_tenant: 100_000, ..FilePolicy::default() };
    let files = FileStore::open(data.path()).unwrap().with(policy);
    let (acme, other) = (tenant("acme"), tenant("other"));
    let kept = written(&files, (&acme, peid(9)), &"k".repeat(10_000), "text/plain").id;
    // Another process has written that.
    let files = FileStore::open(data.path()).unwrap().with(policy);
    let mut open: Vec<_> = (1..=4).map(|last| files.create((&acme, peid(last)), None).unwrap()).collect();
    let mut whole = 0;
    let refused = loop {
        let written =
            open.iter_mut().try_for_each(|file| file.write(&[b'.'; 1_000]).map(|()| whole += 1_000));
        if let Err(refused) = written {
            break refused;
        }
    };
    // 10,000 are there, and what is known of those.
    assert_eq!(whole, 89_000);
    assert_eq!((refused.kind, refused.retryable()), (FailureKind::TooLarge, false));
    assert!(refused.message.contains("of this tenant") && refused.message.contains("100000"), "{refused}");
    files.create((&other, peid(1)), None).unwrap().write(&[b'.'; 100_000]).unwrap();
    // What is not finished leaves its room, and so does what is removed.
    drop(open);
    let mut next = files.create((&acme, peid(1)), None).unwrap();
    assert!(next.write(&[b'.'; 80_000]).is_ok() && next.write(&[b'.'; 10_000]).is_err());
    files.remove((&acme, peid(9)), kept).unwrap();
    next.write(&[b'.'; 10_000]).unwrap();
    let next = Box::new(next).finish().unwrap();
    // One that two executions have counts once.
    files.share(&acme, (peid(1), peid(2)), &[next.id].into()).unwrap();
    let mut last = files.create((&acme, peid(2)), None).unwrap();
    last.write(&[b'.'; 9_000]).unwrap();
    drop(last);
    files.remove_all((&acme, peid(1))).unwrap();
    assert!(files.create((&acme, peid(3)), None).unwrap().write(&[b'.'; 20_000]).is_err());
    files.remove_all((&acme, peid(2))).unwrap();
    files.create((&acme, peid(3)), None).unwrap().write(&[b'.'; 100_000]).unwrap();
}

#[test]
fn the_files_of_old_executions_are_found_and_removed() {
    let (data, files) = store();
    let acme = tenant("acme");
    let file = written(&files, (&acme, peid(1)), "x", "text/plain");
    assert_eq!(files.executions_before(Timestamp(1)).unwrap(), []);
    let far = Timestamp(u64::MAX);
    assert_eq!(files.executions_before(far).unwrap(), [(acme.clone(), peid(1))]);
    files.remove_all((&acme, peid(1))).unwrap();
    assert!(
        files.read((&acme, peid(1)), file.id).is_err() && files.executions_before(far).unwrap().is_empty()
    );
    assert_eq!(std::fs::read_dir(data.path().join("files/acme")).unwrap().count(), 0);
}
