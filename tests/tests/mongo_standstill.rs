//! The program with a MongoDB server, when its process stands still for longer than its lease and another takes the database.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use updraft_storage::mongo::testing::{Server, ServerOptions};
use updraft_tests::program;
use updraft_tests::timeouts::TEST_TIMEOUT;

/// A tool that is asked over HTTP: what was asked, and where the answer is to go.
fn tool() -> (u16, Receiver<(String, TcpStream)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, asked) = sync_channel(100);
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().and_then(Result::ok).unwrap_or_default();
            let _ = lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
            let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
            if told.send((path, stream)).is_err() {
                break;
            }
        }
    });
    (port, asked)
}

fn answer(mut stream: &TcpStream) {
    let text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    stream.write_all(text.as_bytes()).unwrap();
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_stood_still_while_another_took_its_database_calls_nothing_more() {
    let server = Server::start(ServerOptions::default()).await;
    let (port, asked) = tool();
    let (uri, dir) = (format!("{}soar", server.uri()), tempfile::tempdir().unwrap());
    let step = |id: &str| {
        format!(
            "  - {{id: {id}, action: http.request, timeout: 1h, \
             arguments: {{url: 'http://127.0.0.1:{port}/{id}'}}}}\n"
        )
    };
    let steps = step("a") + &step("b");
    let playbook = format!("format: 1\nname: test\nversion: 1\nsteps:\n{steps}");
    std::fs::write(dir.path().join("p.yaml"), playbook).unwrap();
    let begin = |arguments: &[&str]| {
        let mut command = Command::new(program());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("UPDRAFT_"))
        {
            command.env_remove(name);
        }
        command.current_dir(dir.path()).args(arguments).args(["--store", &uri]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let next = |path: &str| {
        let (found, stream) = asked.recv_timeout(TEST_TIMEOUT).expect(path);
        assert_eq!(found, path);
        stream
    };
    let allow = ["--allow-net", &format!("127.0.0.1:{port}")];
    let first = begin(&[&["run", "p.yaml", "--data", "first"], &allow[..]].concat());
    let first_a = next("/a");
    // What another can take over is in the database.
    loop {
        let listed = begin(&["list", "--json"]).wait_with_output().unwrap();
        if String::from_utf8(listed.stdout).unwrap().contains("executing") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    signal(&first, "-STOP");
    let second = begin(&[&["recover", "--data", "second", "--accept-loss", "journal"], &allow[..]].concat());
    let second_a = next("/a");
    answer(&first_a);
    signal(&first, "-CONT");
    let first = first.wait_with_output().unwrap();
    let said = String::from_utf8(first.stderr).unwrap();
    assert!(!first.status.success() && said.contains("another engine has taken the database"), "{said}");
    answer(&second_a);
    answer(&next("/b"));
    let second = second.wait_with_output().unwrap();
    assert!(second.status.success(), "{}", String::from_utf8(second.stderr).unwrap());
    assert!(asked.try_recv().is_err(), "the second step was called once");
}
