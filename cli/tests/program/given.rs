//! What the program is given: playbooks and the directories that they lie in. Owns no claim.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The phishing-triage example.
pub(crate) fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/phishing-triage").join(file)
}

/// A directory with these files.
pub(crate) fn files(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// A playbook with these steps.
pub(crate) fn playbook(steps: &str) -> String {
    format!(
        "format: 1\nname: test\nversion: 1\nvariables: {{tools: 'http://127.0.0.1:9', n: 1}}\nsteps:\n{steps}"
    )
}

/// A playbook that asks the tool twice, one after the other.
pub(crate) fn two_requests() -> String {
    let step = |id: &str| {
        format!(
            "  - id: {id}\n    action: http.request\n    arguments: \
             {{url: '{{{{ variables.tools }}}}/{id}'}}\n    retry: {{attempts: 1}}\n"
        )
    };
    playbook(&(step("first") + &step("second")))
}
