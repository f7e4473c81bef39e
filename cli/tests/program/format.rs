//! `updraft fmt`: which files it changes, what it says, and what it leaves alone.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use crate::ended::{Ended, ended, updraft};
use crate::given::{files, playbook};

const ODD: &str = "format: 1\nname:   odd # why\nversion: 1\nsteps:\n- {id: done,end: null}\n";
const LAID_OUT: &str = "format: 1\nname: odd # why\nversion: 1\nsteps:\n  - {id: done, end: null}\n";

fn piped(dir: &Path, arguments: &[&str], text: &str) -> Ended {
    let mut command = updraft(dir, arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn the_examples_are_in_their_layout() {
    let checked = ended(Path::new(env!("CARGO_MANIFEST_DIR")), &["fmt", "--check", "../examples"]);
    assert_eq!((checked.code, &*checked.out), (0, ""), "{}", checked.err);
}

#[test]
fn a_file_is_brought_into_its_layout_once() {
    let dir = files(&[("odd.yaml", ODD)]);
    let path = dir.path().join("odd.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("odd.yaml", dir.path().join("link.yaml")).unwrap();
    let checked = ended(dir.path(), &["fmt", "--check", "odd.yaml"]);
    assert_eq!((checked.code, &*checked.out), (1, "odd.yaml\n"), "{}", checked.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), ODD);
    // By a link, the file that it leads to.
    let first = ended(dir.path(), &["fmt", "link.yaml"]);
    assert_eq!((first.code, &*first.out), (0, "link.yaml\n"), "{}", first.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), LAID_OUT);
    assert!(fs::symlink_metadata(dir.path().join("link.yaml")).unwrap().is_symlink());
    let meta = fs::metadata(&path).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o640);
    let second = ended(dir.path(), &["fmt", "odd.yaml"]);
    assert_eq!((second.code, &*second.out), (0, ""), "{}", second.err);
    let same = fs::metadata(&path).unwrap();
    assert_eq!((meta.ino(), meta.mtime_nsec()), (same.ino(), same.mtime_nsec()), "it is not written");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside it");
}

#[test]
fn a_file_that_cannot_be_read_is_told_of_and_the_others_are_laid_out() {
    let broken = "format: 1\nname: {{ x }}\n";
    let dir = files(&[("a.yaml", broken), ("b.yaml", ODD), ("list.yaml", "- 1\n")]);
    let run = ended(dir.path(), &["fmt", "a.yaml", "gone.yaml", "list.yaml", "b.yaml"]);
    assert_eq!((run.code, &*run.out), (2, "b.yaml\n"), "{}", run.err);
    let validated = ended(dir.path(), &["validate", "a.yaml"]);
    let mistake = validated.out.lines().next().unwrap();
    assert!(mistake.starts_with("a.yaml: line 2, column 7, name: a template needs quotes"), "{mistake}");
    assert!(run.err.contains(mistake), "{}", run.err);
    assert!(run.err.contains("updraft: gone.yaml: No such file"), "{}", run.err);
    assert!(run.err.contains("updraft: list.yaml: a map of fields is needed"), "{}", run.err);
    assert_eq!(fs::read_to_string(dir.path().join("a.yaml")).unwrap(), broken);
    assert_eq!(fs::read_to_string(dir.path().join("b.yaml")).unwrap(), LAID_OUT);
}

#[test]
fn of_a_folder_only_playbooks_and_test_cases_are_laid_out() {
    let cases = "playbook:   odd.yaml\ncases: []\n";
    let cacao = include_str!("../../../cacao/tests/playbooks/two-firewalls.json");
    let compact: serde_json::Value = serde_json::from_str(cacao).unwrap();
    let nearly = "name:   build\nsteps:\n- script: make\n";
    let dir = files(&[
        ("odd.yaml", ODD),
        ("odd.test.yaml", cases),
        ("cacao.json", &compact.to_string()),
        ("alert.json", "{\"a\":1}"),
        ("compose.yml", "services:   {}\n"),
        ("pipeline.yml", nearly),
        ("notes.txt", ODD),
        ("broken.json", "{"),
    ]);
    for folder in ["sub", ".hidden", "target"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
        fs::write(dir.path().join(folder).join("p.yml"), ODD).unwrap();
    }
    let run = ended(dir.path(), &["fmt", "."]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.out, "./cacao.json\n./odd.test.yaml\n./odd.yaml\n./sub/p.yml\n");
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!((&*read("odd.yaml"), &*read("sub/p.yml")), (LAID_OUT, LAID_OUT));
    assert_eq!(read("odd.test.yaml"), "playbook: odd.yaml\ncases: []\n");
    assert!(read("cacao.json").starts_with("{\n  \""), "{}", read("cacao.json"));
    assert_eq!((&*read("pipeline.yml"), &*read("notes.txt")), (nearly, ODD));
    assert!(run.err.contains("./pipeline.yml: left as it is"), "{}", run.err);
    let none = ended(&dir.path().join("target"), &["fmt", "../.hidden", "p.yml"]);
    assert_eq!((none.code, &*none.out), (0, "../.hidden/p.yml\np.yml\n"), "{}", none.err);
    fs::create_dir(dir.path().join("empty")).unwrap();
    let empty = ended(dir.path(), &["fmt", "empty"]);
    assert_eq!(empty.code, 2);
    assert!(empty.err.contains("empty: no playbook and no test case there"), "{}", empty.err);
}

#[test]
fn standard_input_comes_back_in_its_layout() {
    let dir = files(&[]);
    let run = piped(dir.path(), &["fmt", "-"], ODD);
    assert_eq!((run.code, &*run.out), (0, LAID_OUT), "{}", run.err);
    let text = "name: \"a\tb\u{202e}\"\r\n";
    assert_eq!(piped(dir.path(), &["fmt", "-"], text).out, "name: \"a\tb\u{202e}\"\n", "it is no terminal");
    let run = piped(dir.path(), &["fmt", "--check", "-"], ODD);
    assert_eq!((run.code, &*run.out), (1, "standard input\n"), "{}", run.err);
    assert_eq!(piped(dir.path(), &["fmt", "--check", "-"], LAID_OUT).code, 0);
    let run = piped(dir.path(), &["fmt", "-"], "a: [1\n");
    assert_eq!((run.code, &*run.out), (2, ""), "{}", run.err);
    assert!(run.err.starts_with("updraft: standard input: line 1, column 4"), "{}", run.err);
    assert_eq!(piped(dir.path(), &["fmt", "-", "x.yaml"], "").code, 2);
}

#[test]
fn a_file_that_nobody_may_write_stays_as_it_is() {
    let dir = files(&[("odd.yaml", ODD), ("p.yaml", &playbook("  - {id: done, end: null}\n"))]);
    let path = dir.path().join("odd.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    // Who may do all things writes it all the same.
    let may = fs::OpenOptions::new().write(true).open(&path).is_ok();
    let run = ended(dir.path(), &["fmt", "odd.yaml", "p.yaml"]);
    assert_eq!(run.code, if may { 0 } else { 2 }, "{}", run.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), if may { LAID_OUT } else { ODD });
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o440);
}
