//! The playbooks in the documents are valid, and so are the examples.

use std::path::Path;

use updraft::integrations::HttpIntegration;
use updraft::{Catalogue, Engine, Plan, Playbook};

fn read(path: &str) -> std::io::Result<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
}

/// The YAML blocks of a document.
fn blocks(document: &str) -> Vec<String> {
    let parts = document.split("```yaml\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// A block that is a list of steps, as a playbook.
fn playbook(block: &str) -> String {
    if block.starts_with("- ") {
        format!("format: 1\nname: piece\nversion: 1\nsteps:\n{block}")
    } else {
        block.to_owned()
    }
}

/// The tools that the program has.
fn tools() -> Result<Catalogue, Box<dyn std::error::Error>> {
    let http = HttpIntegration::builder().build()?;
    Ok(Engine::builder().integration("http", http).catalogue()?)
}

fn mistakes(text: &str, tools: &Catalogue) -> Vec<String> {
    match Playbook::parse(text.as_bytes()) {
        Ok(playbook) => match Plan::check(&playbook, tools) {
            Ok(_) => Vec::new(),
            Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
        },
        Err(error) => vec![error.to_string()],
    }
}

#[test]
fn the_playbooks_of_the_documents_are_valid() {
    let tools = tools().unwrap();
    for document in ["README.md", "docs/playbooks.md", "docs/coming-from.md"] {
        let blocks = blocks(&read(document).unwrap());
        assert!(!blocks.is_empty(), "{document} shows a playbook");
        for block in blocks {
            assert_eq!(mistakes(&playbook(&block), &tools), Vec::<String>::new(), "{document}: {block}");
        }
    }
}

#[test]
fn the_examples_are_valid() {
    let tools = tools().unwrap();
    for example in ["indicator-sweep", "phishing-triage", "ransomware-containment"] {
        let text = read(&format!("examples/{example}/playbook.yaml")).unwrap();
        assert_eq!(mistakes(&text, &tools), Vec::<String>::new(), "{example}");
    }
}

#[test]
fn a_playbook_with_a_mistake_would_be_found() {
    let text = read("examples/phishing-triage/playbook.yaml").unwrap().replace("arguments:", "argumnets:");
    assert_eq!(mistakes(&text, &tools().unwrap()).len(), 1);
}
