//! What a crash or an interruption left: no other run takes it up, and the command that is told for it does.

use std::io::BufReader;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use updraft::limits::HTTP_OPEN_PER_HOST_OF_TENANT;

use crate::ended::{Ended, ended, paste, read_until, signal, updraft};
use crate::given::{files, playbook, two_requests};
use crate::tools::Tool;

const END: &str = "  - {id: done, end: ok}\n";
/// A directory that only a quoted command finds.
const DATA: &str = "it's my $HOME data";

/// A directory in which a crash left an execution with its first request under way.
struct Crashed {
    dir: TempDir,
    tool: Tool,
}

impl Crashed {
    fn of(arguments: &[&str]) -> Self {
        let dir =
            files(&[("two.yaml", &two_requests()), ("p.yaml", &playbook(END).replace("test", "other"))]);
        let tool = Tool::listen();
        let (place, allow) = (format!("tools=http://{}", tool.address), tool.address.to_string());
        let run = ["run", "two.yaml", "--data", DATA, "--endpoint", &place, "--allow-net", &allow];
        let mut child = updraft(dir.path(), &[&run[..], arguments].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let held = tool.asked();
        child.kill().unwrap();
        child.wait().unwrap();
        drop(held);
        Self { dir, tool }
    }

    /// Answers both requests of a command, and waits for its end.
    fn answered(&self, command: &mut Command) -> Ended {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        for request in ["first", "second"] {
            let (line, stream) = self.tool.asked();
            assert_eq!(line, format!("GET /{request} HTTP/1.1"));
            Tool::answer(stream);
        }
        child.wait_with_output().unwrap().into()
    }
}

#[test]
fn a_run_takes_up_nothing_that_a_crash_left_and_tells_the_command_that_does() {
    let crashed = Crashed::of(&[]);
    let dir = crashed.dir.path();
    let allow = crashed.tool.address.to_string();
    let arguments = ["--data", DATA, "--allow-net", &allow, "--durability", "os"];
    let other = ended(dir, &[&["run", "p.yaml"], &arguments[..]].concat());
    assert_eq!(other.code, 0, "{}", other.err);
    assert!(other.err.contains("one other unfinished execution is there"), "{}", other.err);
    assert_eq!(crashed.tool.waiting(), None, "it called nothing");
    let left = ended(dir, &["list", "--data", DATA, "--status", "executing", "--json"]).json();
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    assert!(other.err.contains("--durability os"), "{}", other.err);
    let recovered = crashed.answered(&mut paste(dir, &other.err));
    assert_eq!(recovered.code, 0, "{}{}", recovered.out, recovered.err);
    assert!(recovered.out.contains("test version 1  completed"), "{}", recovered.out);
    let alone = ended(dir, &["run", "p.yaml", "--data", DATA]);
    assert!(!alone.err.contains("unfinished"), "nothing is left: {}", alone.err);
}

#[test]
fn the_key_of_an_execution_that_a_crash_left_takes_up_that_one_and_no_other() {
    let crashed = Crashed::of(&["--key", "k"]);
    let dir = crashed.dir.path();
    let wait = playbook("  - {id: wait, delay: 1h}\n").replace("test", "third");
    std::fs::write(dir.join("wait.yaml"), wait).unwrap();
    let mut other = updraft(dir, &["run", "wait.yaml", "--data", DATA, "--json"]);
    let mut other = other.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    read_until(&mut BufReader::new(other.stderr.take().unwrap()), "wait  executing");
    other.kill().unwrap();
    other.wait().unwrap();

    let (place, allow) = (format!("tools=http://{}", crashed.tool.address), crashed.tool.address.to_string());
    let run = ["run", "two.yaml", "--data", DATA, "--endpoint", &place, "--allow-net", &allow, "--key", "k"];
    let run = crashed.answered(&mut updraft(dir, &run));
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.err.contains("has this key; nothing is run anew"), "{}", run.err);
    assert!(run.err.contains("one other unfinished execution is there"), "{}", run.err);
    let left = ended(dir, &["list", "--data", DATA, "--status", "executing", "--json"]).json();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["playbook_name"]), (1, &"third".into()));
}

/// A run that waits, and has said so.
fn waiting(dir: &TempDir, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command = updraft(dir.path(), &[&["run", "wait.yaml", "--json"], arguments].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, "wait  executing");
    (child, errors)
}

#[test]
fn the_command_that_an_interruption_tells_goes_on_wherever_the_data_is() {
    let steps = "  - {id: wait, delay: 2s}\n  - {id: done, end: null}\n";
    for data in [DATA, "-data", "\u{1b}[2J\u{9b}\u{202e}\ndata"] {
        let dir = files(&[("wait.yaml", &playbook(steps))]);
        let (mut child, mut errors) = waiting(&dir, &[&format!("--data={data}"), "--durability", "os"]);
        signal(&child, "INT");
        let said = read_until(&mut errors, "go on with: ");
        assert_eq!(child.wait().unwrap().code(), Some(4));
        let bare = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!said.contains(bare), "{said:?}");
        let recovered: Ended = paste(dir.path(), &said).output().unwrap().into();
        assert_eq!(recovered.code, 0, "{said}{}", recovered.err);
        assert!(recovered.out.contains("completed in"), "{}", recovered.out);
    }
}

#[test]
fn a_second_signal_tells_how_the_rest_goes_on() {
    let crashed = Crashed::of(&[]);
    let dir = crashed.dir.path();
    let allow = crashed.tool.address.to_string();
    let mut command = updraft(dir, &["recover", "--data", DATA, "--allow-net", &allow]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (_, held) = crashed.tool.asked();
    signal(&child, "TERM");
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, "interrupted: ");
    signal(&child, "TERM");
    let said = read_until(&mut errors, "go on with: ");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(held);
    let recovered = crashed.answered(&mut paste(dir, &said));
    assert_eq!(recovered.code, 0, "{}", recovered.err);
}

#[test]
fn a_crash_leaves_a_call_that_stands_in_line_to_be_made_although_it_acts_at_most_once() {
    const PLACES: usize = HTTP_OPEN_PER_HOST_OF_TENANT;
    let mut steps = "  - id: all\n    parallel: all\n    branches:\n".to_owned();
    for step in 0..=PLACES {
        steps += &format!(
            "      s{step}: [{{id: s{step}, action: http.request, at_most_once: true, arguments: \
             {{method: POST, url: '{{{{ variables.tools }}}}/s{step}'}}}}]\n"
        );
    }
    let steps = playbook(&steps).replace("steps:", "tasks_at_once: 100\nsteps:");
    let (dir, tool) = (files(&[("p.yaml", &steps)]), Tool::listen());
    let (place, allow) = (format!("tools=http://{}", tool.address), tool.address.to_string());
    let run = ["run", "p.yaml", "--endpoint", &place, "--allow-net", &allow, "--key", "k", "--json"];
    let mut child = updraft(dir.path(), &run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let held: Vec<_> = (0..PLACES).map(|_| tool.asked()).collect();
    assert_eq!(tool.waiting(), None, "all places are taken");
    child.kill().unwrap();
    child.wait().unwrap();
    let asked: Vec<String> = held.into_iter().map(|(line, _)| line).collect();

    let again = updraft(dir.path(), &run).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let (line, stream) = tool.asked();
    assert!(!asked.contains(&line), "{line}");
    Tool::answer(stream);
    again.unwrap().wait().unwrap();
    assert_eq!(tool.waiting(), None, "it is asked once, and the others never again");
    let peid = ended(dir.path(), &["list", "--json"]).json()[0]["peid"].as_str().unwrap().to_owned();
    let shown = ended(dir.path(), &["show", &peid, "--json"]).json();
    let tasks = shown["tasks"].as_array().unwrap();
    let with = |status: &str| tasks.iter().filter(|task| task["status"] == status).count();
    assert_eq!((with("completed"), with("unknown")), (1, PLACES));
}
