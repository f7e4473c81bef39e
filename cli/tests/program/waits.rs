//! Ways out: whatever a command waits for, one signal ends it, and what a killed one left goes.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::ended::{Ended, read_until, signal, updraft};
use crate::given::{files, playbook};

const WAIT: &str = "  - {id: wait, delay: 1h}\n";
/// Far less than after what a program is ended that found no way out itself.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is looked whether it has.
const LOOKS: u32 = 12_000;

/// Waits for the end of a program that was told to end.
pub(crate) fn end(mut child: Child) -> Ended {
    for _ in 0..LOOKS {
        if child.try_wait().unwrap().is_some() {
            return child.wait_with_output().unwrap().into();
        }
        std::thread::sleep(TEST_TIMEOUT / LOOKS);
    }
    child.kill().unwrap();
    panic!("one signal did not end it: {:?}", Ended::from(child.wait_with_output().unwrap()).err);
}

pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn an_input_that_never_comes_is_not_waited_for_beyond_a_signal() {
    let dir = files(&[("p.yaml", &playbook(WAIT))]);
    let mut command = updraft(dir.path(), &["run", "p.yaml", "--input", "-"]);
    let mut child = spawn(command.stdin(Stdio::piped()));
    let held = child.stdin.take();
    // Not SIGINT: a shell starts what it runs in the background with that one ignored, which the program keeps.
    signal(&child, "TERM");
    let run = end(child);
    assert_eq!(run.code, -1, "{}", run.err);
    assert!(!dir.path().join("updraft-data").exists());
    drop(held);
}

/// A mounted file system of so many KiB, where this process may have one.
#[cfg(target_os = "linux")]
struct Small(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl Small {
    fn mount(kib: usize) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "updraft-test"])
            .arg(place.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(place))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_holds_no_command_beyond_a_signal() {
    let end_at_once = playbook("  - {id: done, end: null}\n");
    let many = |step| format!("  - {{id: s{step}, delay: 1ms}}\n");
    let many = playbook(&((0..200).map(many).collect::<String>() + "  - {id: s200, end: null}\n"));
    let books = [("wait.yaml", playbook(WAIT)), ("end.yaml", end_at_once), ("many.yaml", many)];
    let dir = files(&books.each_ref().map(|(name, text)| (*name, text.as_str())));
    let waits = [
        "execution executing",
        "the store does not have the end yet",
        "nothing is told of it until the store takes more",
        "starting takes long",
        "waiting for room on the disk",
    ];
    for (kib, (book, _)) in
        [64, 128, 256, 512].into_iter().flat_map(|kib| books.each_ref().map(|book| (kib, book)))
    {
        // Elsewhere than as root there is nothing to fill.
        let Some(disk) = Small::mount(kib) else { return };
        let data = disk.0.path().join("data");
        let arguments = ["run", book, "--json", "--durability", "os", "--data", data.to_str().unwrap()];
        let mut child = spawn(&mut updraft(dir.path(), &arguments));
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while errors.read_line(&mut said).unwrap() > 0 && !waits.iter().any(|wait| said.contains(wait)) {}
        signal(&child, "TERM");
        let reading = std::thread::spawn(move || errors.read_to_string(&mut said).map(|_| said));
        let run = end(child);
        let said = reading.join().unwrap().unwrap();
        assert!([0, 1, 2, 4].contains(&run.code), "{kib} {book}: {} {said}", run.code);
        assert!(
            run.code != 4 || said.contains("go on with: updraft recover") || said.contains("nothing was"),
            "{said}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_accepted_goes_on_when_a_full_disk_has_room_again() {
    // The database that was closed in order has no index, for which there is no room then.
    ["KILL", "TERM"].into_iter().for_each(goes_on_when_there_is_room);
}

#[cfg(target_os = "linux")]
fn goes_on_when_there_is_room(ended_by: &str) {
    // Elsewhere than as root there is nothing to fill.
    let Some(disk) = Small::mount(4 << 10) else { return };
    let dir = files(&[("p.yaml", &playbook(&WAIT.replace("1h", "3s")))]);
    let data = disk.0.path().join("data");
    let data = data.to_str().unwrap();
    let mut child = spawn(&mut updraft(dir.path(), &["run", "p.yaml", "--json", "--data", data]));
    read_until(&mut BufReader::new(child.stderr.take().unwrap()), "wait  executing");
    signal(&child, ended_by);
    child.wait().unwrap();
    let filler = disk.0.path().join("filler");
    assert!(std::fs::write(&filler, vec![0; 8 << 20]).is_err(), "the disk is full");
    let mut child = spawn(&mut updraft(dir.path(), &["recover", "--json", "--data", data]));
    read_until(&mut BufReader::new(child.stderr.take().unwrap()), "waiting for room on the disk");
    std::fs::remove_file(&filler).unwrap();
    let recovered = end(child);
    assert_eq!(recovered.code, 0, "{}", recovered.out);
    assert_eq!(recovered.json()[0]["execution"]["execution_status"], "completed");
}

/// As if a file were many years old.
fn age(path: &Path) {
    std::fs::File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

#[test]
fn what_a_killed_demonstration_left_goes_a_day_later_with_the_next() {
    let (dir, temporary) = (files(&[]), tempfile::tempdir().unwrap());
    let scratch = || -> Vec<std::path::PathBuf> {
        std::fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    for command in [&["demo"][..], &["stress", "--executions", "20"]] {
        let with = |program: &mut Command| -> Ended {
            program.env("TMPDIR", temporary.path()).output().unwrap().into()
        };
        let mut killed = updraft(dir.path(), command);
        let mut child = spawn(killed.env("TMPDIR", temporary.path()));
        while scratch().first().is_none_or(|left| !left.join("updraft.held").exists()) {
            assert!(child.try_wait().unwrap().is_none(), "it made none");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let left = scratch();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(with(&mut updraft(dir.path(), command)).code, 0);
        assert_eq!(scratch(), left, "a young one stays");
        age(&left[0].join("updraft.held"));
        assert_eq!(with(&mut updraft(dir.path(), command)).code, 0);
        assert_eq!(scratch().len(), 0);
    }
}
