//! The example as a reader runs it: it ends well, and a second run in the same directory does too.

use std::process::Command;

#[test]
fn the_example_tells_how_its_execution_went_however_often_it_runs() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let run =
            Command::new(env!("CARGO_BIN_EXE_updraft-example-embed")).arg(data.path()).output().unwrap();
        let told = String::from_utf8(run.stdout).unwrap();
        assert!(run.status.success(), "{told}{}", String::from_utf8_lossy(&run.stderr));
        assert!(told.contains("lookup completed"), "{told}");
        assert!(told.contains(r#"output {"score":97,"verdict":"block 203.0.113.9"}"#), "{told}");
        assert!(told.ends_with("shutdown Stored\n"), "{told}");
    }
}
