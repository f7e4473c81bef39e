//! The examples of filters in the documents, which give what stands beside them.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/playbooks.md");
    std::fs::read_to_string(path).unwrap()
}

/// The expressions in the last column of tables, and their values.
fn examples(document: &str) -> Vec<(String, String)> {
    let rows = document.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| {
        let (left, right) = row.rsplit_once("` → `")?;
        let (_, expression) = left.rsplit_once(" | `")?;
        Some((expression.replace("\\|", "|"), right.strip_suffix("` |")?.to_owned()))
    })
    .collect()
}

#[test]
fn each_example_gives_what_is_written_beside_it() {
    let document = document();
    let examples = examples(&document);
    for (expression, value) in &examples {
        let template = compile(&format!("{{{{ {expression} }}}}")).expect(expression);
        let rendered = template.render(&Data::new(json!({}))).map_err(|failure| failure.message);
        let expected = updraft_protocol::Value::parse(value).expect(value);
        assert_eq!(rendered.expect(expression).get("x"), Some(&expected), "{expression}");
    }
    assert!(examples.len() > 30, "{}", examples.len());
}

#[test]
fn each_filter_and_test_is_in_the_document() {
    let document = document();
    let names: BTreeSet<&str> =
        document.split('`').flat_map(|code| code.split([' ', '(', '|', ')'])).collect();
    let language = language();
    let missing: Vec<_> =
        language.filters.iter().chain(&language.tests).filter(|name| !names.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
