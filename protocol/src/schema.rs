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
}
