//! `updraft doctor`, and what is said where journal and store do not belong together.

use crate::ended::{Ended, ended, shell};
use crate::given::{files, playbook};

const END: &str = "  - {id: done, type: end, output: ok}\n";

/// What a shell makes of a command that was printed.
fn pasted(dir: &std::path::Path, command: &str) -> (i32, String) {
    let run = Ended::from(shell(dir, command).output().unwrap());
    (run.code, run.out)
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
    let data = dir.path().join("updraft-data");
    for file in std::fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("updraft.db") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let ill = ended(dir.path(), &["doctor"]);
    assert!(ill.code == 1 && ill.out.contains("stops a start"), "{}", ill.out);
    let refused = ended(dir.path(), &["run", "p.yaml"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    let command = |after: &str| {
        let line = refused.err.lines().find_map(|line| line.split_once(after)).map(|(_, command)| command);
        line.unwrap_or_else(|| panic!("{}", refused.err)).to_owned()
    };
    let (code, told) = pasted(dir.path(), &command("to see what was found: "));
    assert_eq!((code, told), (1, ill.out));
    assert_eq!(pasted(dir.path(), &command("to go on without what the store had: ")).0, 0);
    assert_eq!(ended(dir.path(), &["run", "p.yaml"]).code, 0);
}
