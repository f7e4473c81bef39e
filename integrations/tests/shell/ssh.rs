//! `ssh`: which machines are reached, as whom, and what is known of a command that ran there.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tempfile::TempDir;
use updraft_integrations::SshIntegration;
use updraft_integrations::shell::Error;
use updraft_protocol::limits::SHELL_OUTPUT_BYTES;
use updraft_protocol::{Failure, FailureKind, Integration};

use crate::server::Server;
use crate::{call_of, given, run, told, until};

/// The arguments of a command on the server.
fn on(server: &Server, command: &str) -> Value {
    json!({"host": "127.0.0.1", "port": server.port, "command": command})
}

/// With the operator's key.
fn ssh(server: &Server) -> SshIntegration {
    server.ssh().key(server.path("key")).build().unwrap()
}

#[track_caller]
fn is_not_reached(failure: &Failure, retryable: bool, message: &str) {
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Unreachable, false), "{failure}");
    assert_eq!(failure.retryable(), retryable, "{failure}");
    assert!(failure.message.contains(message), "{failure}");
}

#[tokio::test]
async fn a_command_runs_over_there_and_its_exit_code_is_its_own() {
    let server = Server::start();
    let ssh = ssh(&server);
    let output =
        run(&ssh, on(&server, "echo \"$SSH_CONNECTION\" | wc -w; cat; echo problem >&2")).await.unwrap();
    assert_eq!(output, json!({"exit_code": 0, "stdout": "4\n", "stderr": "problem\n"}));
    for code in [1, 3, 127, 255] {
        let failure = run(&ssh, on(&server, &format!("echo no >&2; exit {code}"))).await.unwrap_err();
        assert_eq!(
            (failure.kind, failure.may_have_acted(), failure.retryable()),
            (FailureKind::Status, true, false)
        );
        let machine = format!("ssh 127.0.0.1:{}", server.port);
        assert_eq!(failure.message, format!("{machine}: exit code {code}: no"));
    }
    let mut bare = on(&server, "echo $0; cat");
    bare["shell"] = json!("none");
    assert!(run(&ssh, bare).await.unwrap()["stdout"].as_str().unwrap().ends_with("sh\n"));
    let long = format!("printf '%s' '{}' | wc -c", "a\\\n".repeat(30_000));
    assert_eq!(run(&ssh, on(&server, &long)).await.unwrap()["stdout"], "90000\n");
    let output = run(&ssh, on(&server, "head -c 3000000 /dev/zero | tr '\\0' a")).await.unwrap();
    assert_eq!(output["stdout"].as_str().unwrap().len(), SHELL_OUTPUT_BYTES);
}

#[tokio::test]
async fn commands_share_a_connection_one_after_the_other_and_at_once() {
    let server = Server::start();
    let ssh = ssh(&server);
    let connection =
        || async { run(&ssh, on(&server, "echo $SSH_CONNECTION")).await.unwrap()["stdout"].clone() };
    let first = connection().await;
    let others = [
        connection(),
        connection(),
        connection(),
        connection(),
        connection(),
        connection(),
        connection(),
        connection(),
        connection(),
        connection(),
        connection(),
        connection(),
    ];
    for other in futures_util::future::join_all(others).await {
        assert_eq!(other, first);
    }
}

#[tokio::test]
async fn a_key_of_a_step_logs_in_and_no_file_of_it_is_left() {
    let server = Server::start();
    let ssh = server.ssh().build().unwrap();
    let of = |key: String| {
        let mut call = call_of(on(&server, "echo in"));
        call.arguments =
            json!({"host": "127.0.0.1", "port": server.port, "command": "echo in", "key": null}).into();
        call.secrets = vec![given("/key", &key)];
        call
    };
    let key = server.key("key");
    for text in [key.clone(), key.trim_end().to_owned(), key.replace('\n', "\r\n")] {
        assert_eq!(ssh.call(of(text)).await.unwrap().value()["stdout"].as_str(), Some("in\n"));
    }
    let left = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let folders = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("updraft-ssh-"));
    for entry in folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten()) {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        assert!(!text.contains(key.lines().nth(2).unwrap()), "{}", entry.path().display());
    }
    is_not_reached(&ssh.call(of(server.key("other"))).await.unwrap_err(), false, "the key is not accepted");
    is_not_reached(
        &ssh.call(of("no key at all".to_owned())).await.unwrap_err(),
        false,
        "the key is not accepted",
    );
    let failure = run(&ssh, on(&server, "echo in")).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::NotConfigured, false), "{failure}");
}

#[tokio::test]
async fn a_machine_that_is_not_the_known_one_gets_nothing() {
    let server = Server::start();
    server.know("other");
    let (call, begun) = told(on(&server, "echo in"));
    let failure = ssh(&server).call(call).await.unwrap_err();
    is_not_reached(&failure, false, "its key is another than the one among the known hosts");
    assert!(!begun.load(Ordering::SeqCst), "nothing was said to be sent");
    std::fs::write(server.path("known"), "").unwrap();
    let failure = run(&ssh(&server), on(&server, "echo in")).await.unwrap_err();
    is_not_reached(&failure, false, "its key is not among the known hosts");
}

#[tokio::test]
async fn only_machines_that_the_operator_allows_are_reached() {
    let server = Server::start();
    let ssh = ssh(&server);
    let with = |host: &str, port: Value| json!({"host": host, "port": port, "command": "true"});
    for (host, port) in
        [("127.0.0.1", json!(22)), ("127.0.0.2", json!(server.port)), ("localhost", json!(server.port))]
    {
        let failure = run(&ssh, with(host, port)).await.unwrap_err();
        assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Forbidden, false), "{failure}");
    }
    for host in ["-oProxyCommand=touch /tmp/x", "root@127.0.0.1", "127.0.0.1 x", "ssh://127.0.0.1", ""] {
        let failure = run(&ssh, with(host, json!(server.port))).await.unwrap_err();
        assert_eq!(
            (failure.kind, failure.may_have_acted()),
            (FailureKind::InvalidArguments, false),
            "{failure}"
        );
    }
    let told = |arguments: Value| {
        let flaws = ssh.check("run", &arguments.into());
        flaws.into_iter().map(|flaw| format!("{}: {}", flaw.place, flaw.message)).collect::<Vec<_>>()
    };
    let missing = ["host: missing here: permission to run commands on 10.0.0.1:22"];
    assert_eq!(told(json!({"host": "10.0.0.1", "command": "ls"})), missing);
    assert!(told(json!({"host": null, "port": null, "user": null, "command": null})).is_empty());
    let bare = told(json!({"host": null, "command": null, "shell": "none"}));
    assert!(bare[0].starts_with("command: for `shell: none` it is written out"), "{bare:?}");
    assert!(told(json!({"host": "127.0.0.1", "port": server.port, "command": "ls"})).is_empty());
    let wrong = told(json!({"host": "-x", "port": 0, "user": "a b", "command": "ls"}));
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    let keyless = server.ssh().build().unwrap().check("run", &on(&server, "ls").into());
    assert_eq!(
        (keyless[0].place.as_str(), keyless[0].message.as_str()),
        ("key", "missing here: a key for ssh")
    );
}

#[tokio::test]
async fn a_machine_that_is_away_has_not_acted_and_is_tried_again() {
    let server = Server::start();
    let (ssh, arguments) = (ssh(&server), on(&server, "true"));
    drop(server);
    is_not_reached(&run(&ssh, arguments).await.unwrap_err(), true, "Connection refused");
}

#[tokio::test]
async fn a_command_whose_connection_is_lost_may_have_acted() {
    let server = Server::start();
    let ssh = ssh(&server);
    let mark = server.path("mark");
    // The server's process of this connection, which is the parent of the command's shell.
    let command = format!("touch '{}'; kill -9 $PPID; sleep 20", mark.display());
    let failure = run(&ssh, on(&server, &command)).await.unwrap_err();
    assert!(mark.exists());
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Interrupted, true), "{failure}");
    let output = run(&ssh, on(&server, "echo again")).await.unwrap();
    assert_eq!(output["stdout"], "again\n", "the next one has a connection of its own");
}

#[tokio::test]
async fn what_is_dropped_leaves_no_process_of_ssh_behind() {
    let server = Server::start();
    let mark = server.path("mark");
    {
        let ssh = ssh(&server);
        let command = format!("touch '{}'; sleep 20", mark.display());
        let call = ssh.call(call_of(on(&server, &command)));
        tokio::select! {
            _ = call => panic!("it does not end"),
            () = until(|| mark.exists()) => {}
        }
        assert!(processes(server.port) > 0, "the connection is kept");
    }
    until(|| processes(server.port) == 0).await;
}

/// How many clients of this server there are.
fn processes(port: u16) -> usize {
    let (name, port) = ("ssh\0".to_owned(), format!("\0-p\0{port}\0"));
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.starts_with(&name) && line.contains(&port)).count()
}

#[test]
fn a_configuration_without_known_hosts_is_refused() {
    assert!(matches!(SshIntegration::builder().build(), Err(Error::NoKnownHosts)));
    let dir = TempDir::new().unwrap();
    let missing = SshIntegration::builder().known_hosts(dir.path().join("none")).build();
    assert!(matches!(missing, Err(Error::File { .. })));
    let odd = dir.path().join("known hosts");
    std::fs::write(&odd, "").unwrap();
    assert!(matches!(SshIntegration::builder().known_hosts(&odd).build(), Err(Error::Path(_))));
}
