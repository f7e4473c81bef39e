//! `--store`: which addresses are taken, where they may stand, and what is told of them where nobody answers.
//! What a server stores is tested with servers, in the end-to-end suites.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::ended::{Ended, ended, signal, updraft};
use crate::given::{files, playbook};
use crate::waits::{TEST_TIMEOUT, end, spawn};

const END: &str = "  - {id: done, end: ok}\n";
const PEID: &str = "01a1fc56-3693-726d-b211-11b21cd582cc";

/// Every command that opens a store.
fn commands() -> [Vec<&'static str>; 7] {
    [
        vec!["run", "p.yaml"],
        vec!["recover"],
        vec!["list"],
        vec!["show", PEID],
        vec!["dead-letters"],
        vec!["demo"],
        vec!["stress", "--executions", "20"],
    ]
}

#[test]
fn an_address_that_is_none_is_refused_by_every_command_without_its_words() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    for command in commands() {
        for (store, said) in [
            ("redis://bob:s3cret@h", "a store is `embedded`, `mongodb://…` or `mongodb+srv://…`"),
            ("", "a store is `embedded`"),
            ("mongodb://bob:s3cr@et@h/x", "percent-encoded"),
            ("mongodb://bob:s3cret@h/admin", "databases of the server"),
            ("mongodb://bob:s3cret@h/x?speed=s3cret", "speed"),
        ] {
            let run = ended(dir.path(), &[command.clone(), vec!["--store", store]].concat());
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{command:?} {store}: {}", run.err);
            assert!(
                run.err.contains(said) && run.err.contains("--store"),
                "{command:?} {store}: {}",
                run.err
            );
            assert!(!run.err.contains("s3cr") && !run.err.contains("bob"), "{command:?}: {}", run.err);
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is made");
}

#[test]
fn an_address_in_the_wrong_place_is_refused_without_its_login() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    for command in commands() {
        let run =
            ended(dir.path(), &[command.clone(), vec!["--stores", "mongodb://bob:s3cr@et@h/x"]].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{command:?}: {}", run.err);
        let run = ended(dir.path(), &[vec!["mongodb://bob:s3cr@et@h/x"], command.clone()].concat());
        assert_eq!(run.code, 2, "{command:?}: {}", run.err);
        assert!(run.err.contains("'mongodb://***@h/x'"), "{command:?}: {}", run.err);
    }
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    let run: Ended =
        updraft(dir.path(), &["run", "p.yaml"]).env("UPDRAFT_STORE", "").output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn a_server_that_is_not_there_is_told_with_its_address_and_the_cause() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    // Port 1 is given to nobody who asks for any port, so that no other test listens there; and seven programs
    // that start at once beside other tests may need seconds before they have tried to connect.
    let store = "mongodb://bob:s3cret@127.0.0.1:1/soar?serverSelectionTimeoutMS=10000";
    // Beside each other: each waits as long as it may.
    let begun = commands().map(|command| {
        let mut program = updraft(dir.path(), &command);
        program.env("UPDRAFT_STORE", store).stdout(Stdio::piped()).stderr(Stdio::piped());
        (command, program.spawn().unwrap())
    });
    for (command, child) in begun {
        let run: Ended = child.wait_with_output().unwrap().into();
        assert_eq!(run.code, 2, "{command:?}: {}", run.err);
        let told = "mongodb://127.0.0.1:1/soar: not reached within 10000 ms";
        assert!(run.err.contains(told), "{command:?}: {}", run.err);
        assert!(run.err.to_lowercase().contains("connection refused"), "{command:?}: {}", run.err);
        assert!(!run.err.contains("s3cret") && !run.out.contains("s3cret"), "{}", run.err);
    }
}

#[test]
fn the_option_goes_before_the_environment_and_the_help_shows_no_value() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    let mut program = updraft(dir.path(), &["run", "p.yaml", "--store", "embedded"]);
    let run: Ended = program.env("UPDRAFT_STORE", "mongodb://bob:s3cret@h/admin").output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.err);
    let mut program = updraft(dir.path(), &["list", "--help"]);
    let help: Ended = program.env("UPDRAFT_STORE", "mongodb://bob:s3cret@h/x").output().unwrap().into();
    assert!(help.out.contains("--store") && help.out.contains("UPDRAFT_STORE"), "{}", help.out);
    assert!(!help.out.contains("s3cret"), "{}", help.out);
}

#[test]
fn a_journal_that_waits_for_one_store_is_not_given_to_another() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    assert_eq!(ended(dir.path(), &["run", "p.yaml"]).code, 0);
    let noted = dir.path().join("updraft-data/store");
    assert!(std::fs::read_to_string(&noted).unwrap().starts_with("embedded\n"));
    // As if this directory had worked for a server: its journal is empty, so it may change hands.
    std::fs::write(&noted, "mongodb://127.0.0.1:1/soar\n").unwrap();
    assert_eq!(ended(dir.path(), &["list"]).code, 0);
    assert!(std::fs::read_to_string(&noted).unwrap().starts_with("embedded\n"));
}

/// A server that accepts, and never says anything; told of each connection.
fn silent() -> (u16, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (accepted, heard) = sync_channel(1_000);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            held.push(stream);
            if accepted.send(()).is_err() {
                return;
            }
        }
    });
    (port, heard)
}

#[test]
fn a_server_that_never_answers_is_not_waited_for_beyond_a_signal() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    std::fs::create_dir_all(dir.path().join("updraft-data/journal")).unwrap();
    for (command, code) in [
        (vec!["run", "p.yaml"], 4),
        (vec!["recover"], 4),
        (vec!["demo"], 4),
        (vec!["stress", "--executions", "20"], 4),
        // Those that change nothing are ended by the signal itself.
        (vec!["list"], -1),
        (vec!["show", PEID], -1),
        (vec!["dead-letters"], -1),
        (vec!["cancel", PEID, "--uid", "ana", "--reason", "a test"], -1),
    ] {
        let (port, heard) = silent();
        let store = format!(
            "mongodb://127.0.0.1:{port}/soar?serverSelectionTimeoutMS=300000&connectTimeoutMS=300000"
        );
        let child = spawn(updraft(dir.path(), &command).env("UPDRAFT_STORE", &store));
        heard.recv_timeout(TEST_TIMEOUT).expect("it asks the server");
        signal(&child, "TERM");
        let run = end(child);
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{command:?}: {}", run.err);
    }
}
