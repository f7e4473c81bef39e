//! The JSON Schema of playbooks, made from the types that read them.

use crate::playbook::Playbook;

/// The schema, as it is committed in `docs/playbook.schema.json`.
pub fn playbook_schema() -> serde_json::Value {
    schemars::schema_for!(Playbook).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/playbook.schema.json");
        let text = format!("{:#}\n", playbook_schema());
        if std::env::var_os("UPDRAFT_WRITE_SCHEMA").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(committed, text, "run the test with UPDRAFT_WRITE_SCHEMA=1 and commit the file");
    }

    fn example(name: &str) -> serde_json::Value {
        let path = format!("{}/../examples/{name}/playbook.yaml", env!("CARGO_MANIFEST_DIR"));
        let playbook = Playbook::parse(&std::fs::read(path).unwrap()).unwrap();
        serde_json::to_value(playbook).unwrap()
    }

    #[test]
    fn the_schema_accepts_the_examples() {
        let schema = jsonschema::validator_for(&playbook_schema()).unwrap();
        for name in ["indicator-sweep", "phishing-triage", "ransomware-containment"] {
            let mistakes: Vec<String> = schema.iter_errors(&example(name)).map(|e| e.to_string()).collect();
            assert_eq!(mistakes, Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn the_schema_refuses_what_the_parser_refuses() {
        let schema = jsonschema::validator_for(&playbook_schema()).unwrap();
        for (field, value) in [
            ("branches", serde_json::json!({"b": [{"end": null}]})),
            ("on_failure", serde_json::json!([{"actoin": "http.request"}])),
            ("id", serde_json::json!("two words")),
            ("timeout", serde_json::json!(5)),
            ("on_succes", serde_json::json!("next")),
            ("then", serde_json::json!([])),
        ] {
            let mut playbook = serde_json::json!({
                "format": 1, "name": "p", "version": 1,
                "steps": [{"id": "a", "action": "http.request"}],
            });
            assert!(schema.is_valid(&playbook) && Playbook::parse(playbook.to_string().as_bytes()).is_ok());
            playbook["steps"][0][field] = value;
            assert!(!schema.is_valid(&playbook), "{field}");
            assert!(Playbook::parse(playbook.to_string().as_bytes()).is_err(), "{field}");
        }
    }
}
