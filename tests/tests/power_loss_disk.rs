//! The power-loss disk as a real file system: what survives, what may, and what does not.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;

use updraft_tests::power_loss_disk::{DiskFault, PowerLossDisk};

fn power_loss_disk(seed: u64) -> Option<PowerLossDisk> {
    PowerLossDisk::new(env!("CARGO_BIN_EXE_power-loss-disk"), seed)
        .map_err(|reason| println!("SKIPPED: nothing can be mounted here: {reason}"))
        .ok()
}

fn synced(path: &std::path::Path, bytes: &[u8]) {
    let mut file = File::create(path).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_data().unwrap();
    File::open(path.parent().unwrap()).unwrap().sync_all().unwrap();
}

#[test]
fn what_was_synced_survives_and_what_was_not_is_gone_torn_or_there() {
    let mut lengths = BTreeSet::new();
    for seed in 0..24 {
        let Some(mut power_loss_disk) = power_loss_disk(seed) else { return };
        let path = power_loss_disk.path().join("a");
        synced(&path, &[1; 1_000]);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(&[2; 3_000]).unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), 4_000, "who reads it sees all of it");
        power_loss_disk.lose_power();
        let left = fs::read(power_loss_disk.path().join("a")).unwrap();
        assert_eq!(left[..1_000], [1; 1_000], "seed {seed}");
        assert!(left[1_000..].iter().all(|byte| [0, 2].contains(byte)));
        lengths.insert(left.len());
    }
    assert!(lengths.contains(&1_000) && lengths.contains(&4_000) && lengths.len() > 4, "{lengths:?}");
}

#[test]
fn a_name_survives_the_sync_of_its_folder_and_not_that_of_its_file() {
    let mut seen = BTreeSet::new();
    for seed in 0..12 {
        let Some(mut power_loss_disk) = power_loss_disk(seed) else { return };
        let root = power_loss_disk.path().to_owned();
        synced(&root.join("kept"), b"1");
        synced(&root.join("removed"), b"2");
        fs::remove_file(root.join("removed")).unwrap();
        File::create(root.join("new")).unwrap().sync_all().unwrap();
        power_loss_disk.lose_power();
        let names = fs::read_dir(power_loss_disk.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        assert!(names.contains(&"kept".to_owned()));
        assert!(!names.contains(&"new".to_owned()) || !names.contains(&"removed".to_owned()), "in order");
        seen.insert((names.contains(&"removed".to_owned()), names.contains(&"new".to_owned())));
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn what_a_failed_sync_dropped_no_later_sync_makes_durable() {
    let mut lost = 0;
    for seed in 0..12 {
        let Some(mut power_loss_disk) = power_loss_disk(seed) else { return };
        let path = power_loss_disk.path().join("a");
        synced(&path, &[1; 600]);
        power_loss_disk.strike("a", 0, DiskFault::Sync);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[2; 600], 600).unwrap();
        assert!(file.sync_data().is_err());
        assert!(power_loss_disk.synced_again().is_empty());
        file.sync_data().unwrap();
        assert_eq!(power_loss_disk.synced_again(), ["a"]);
        assert_eq!(fs::read(&path).unwrap()[600..], [2; 600], "who reads it still sees it");
        power_loss_disk.lose_power();
        lost +=
            usize::from(fs::read(power_loss_disk.path().join("a")).unwrap() != [[1; 600], [2; 600]].concat());
    }
    assert!(lost > 2, "{lost}");
}

#[test]
fn a_write_is_cut_short_and_then_fails_and_a_full_disk_says_so() {
    let Some(power_loss_disk) = power_loss_disk(1) else { return };
    let path = power_loss_disk.path().join("a");
    synced(&path, b"before");
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    power_loss_disk.strike("a", 1, DiskFault::Write(3));
    file.write_all(b"-one-").unwrap();
    assert!(file.write_all(b"-two-").is_err());
    assert_eq!(fs::read(&path).unwrap(), b"before-one--tw");
    power_loss_disk.fill(true);
    assert_eq!(file.write_all(b"more").unwrap_err().kind(), ErrorKind::StorageFull);
    power_loss_disk.mend();
    file.write_all(b"more").unwrap();
    power_loss_disk.strike("a", 0, DiskFault::Remove);
    assert!(fs::remove_file(&path).is_err());
    power_loss_disk.strike("", 0, DiskFault::SyncFolder);
    assert!(File::open(power_loss_disk.path()).unwrap().sync_all().is_err());
    assert_eq!(power_loss_disk.met(), 3);
    fs::rename(&path, power_loss_disk.path().join("b")).unwrap();
    assert_eq!(fs::read(power_loss_disk.path().join("b")).unwrap(), b"before-one--twmore");
}
