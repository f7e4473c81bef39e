//! `updraft doctor`, and what is said where journal and store do not belong together.

use crate::ended::{Ended, ended, shell};
use crate::given::{files, playbook};

const END: &str = "  - {id: done, end: ok}\n";

/// What a shell makes of a command that was printed.
fn pasted(dir: &std::path::Path, command: &str) -> (i32, String) {
    let run = Ended::from(shell(dir, command).output().unwrap());
    (run.code, run.out)
}

const GO_ON: &str = "to go on without what the store had: ";

/// The command that was printed behind these words.
fn command<'a>(said: &'a Ended, after: &str) -> &'a str {
    let command = said.err.lines().find_map(|line| Some(line.split_once(after)?.1));
    command.unwrap_or_else(|| panic!("{}", said.err))
}

/// As if somebody had deleted it.
fn remove_database(data: &std::path::Path) {
    for file in std::fs::read_dir(data).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("updraft.db") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
}

#[test]
fn a_command_that_accepts_a_loss_has_all_that_the_work_was_allowed() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    std::fs::create_dir(dir.path().join("my secrets")).unwrap();
    assert_eq!(ended(dir.path(), &["run", "p.yaml"]).code, 0);
    remove_database(&dir.path().join("updraft-data"));
    let allowed = ["--allow-net", "127.0.0.1:7", "--secrets", "my secrets", "--configuration-wait", "2h"];
    let allowed = [&allowed[..], &["--durability", "os"]].concat();
    let refused =
        [&["run", "p.yaml"], &["recover"][..]].map(|start| ended(dir.path(), &[start, &allowed].concat()));
    let told = "updraft recover --data updraft-data --allow-net 127.0.0.1:7 --secrets 'my secrets' \
                --configuration-wait 2h --durability os --accept-loss store";
    assert_eq!(refused.each_ref().map(|refused| command(refused, GO_ON)), [told, told]);
    let read = ended(dir.path(), &["list"]);
    assert!(!command(&read, GO_ON).contains("updraft"), "it would run without: {}", read.err);
    assert!(command(&read, GO_ON).contains("--allow-net"), "{}", read.err);
    assert_eq!(pasted(dir.path(), told).0, 0);
}

#[test]
fn a_data_directory_in_order_is_well_and_one_without_its_database_says_what_can_be_done() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    let nothing = ended(dir.path(), &["doctor"]);
    assert!(nothing.code == 1 && nothing.out.contains("no data directory"), "{}", nothing.out);
    assert_eq!(ended(dir.path(), &["run", "p.yaml"]).code, 0);
    let well = ended(dir.path(), &["doctor"]);
    assert!(well.code == 0 && well.out.contains("nothing is wrong"), "{}", well.out);
    assert!(ended(dir.path(), &["doctor", "--json"]).json()["findings"].as_array().unwrap().is_empty());
    remove_database(&dir.path().join("updraft-data"));
    let ill = ended(dir.path(), &["doctor"]);
    assert!(ill.code == 1 && ill.out.contains("stops a start"), "{}", ill.out);
    let refused = ended(dir.path(), &["run", "p.yaml"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    let (code, told) = pasted(dir.path(), command(&refused, "to see what was found: "));
    assert_eq!((code, told), (1, ill.out));
    assert_eq!(pasted(dir.path(), command(&refused, GO_ON)).0, 0);
    assert_eq!(ended(dir.path(), &["run", "p.yaml"]).code, 0);
}
