//! The table of indexes: which there are, and how each must be. Asks no server.

use mongodb::bson::{Bson, Document, doc};

use crate::mongo::{DEAD_LETTERS, EXECUTIONS, PLAYBOOKS, TASKS};

/// An index that a query needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::mongo) struct Index {
    pub(in crate::mongo) collection: &'static str,
    pub(in crate::mongo) name: &'static str,
    /// Fields and directions. `_id` ends those of lists, so that rows of one millisecond have an order too.
    keys: &'static [(&'static str, i32)],
    unique: bool,
    /// A field without which a document is left out. It is the first: some servers find nothing by it elsewhere.
    only_with: Option<&'static str>,
}

pub(in crate::mongo) const PLAYBOOKS_BY_NAME: Index = Index {
    collection: PLAYBOOKS,
    name: "playbooks_by_name",
    keys: &[("tenant_code", 1), ("name", 1), ("version", 1)],
    unique: true,
    only_with: None,
};

pub(in crate::mongo) const PLAYBOOKS_BY_CATEGORY: Index = Index {
    collection: PLAYBOOKS,
    name: "playbooks_by_category",
    keys: &[("tenant_code", 1), ("status", 1), ("category_id", 1), ("name", 1), ("version", 1)],
    unique: false,
    only_with: None,
};

pub(in crate::mongo) const EXECUTIONS_BY_STATUS: Index = Index {
    collection: EXECUTIONS,
    name: "executions_by_status",
    keys: &[("tenant_code", 1), ("execution_status", 1), ("createddate", -1), ("_id", -1)],
    unique: false,
    only_with: None,
};

pub(in crate::mongo) const EXECUTIONS_BY_USER: Index = Index {
    collection: EXECUTIONS,
    name: "executions_by_user",
    keys: &[("uid", 1), ("createddate", -1), ("_id", -1)],
    unique: false,
    only_with: Some("uid"),
};

pub(in crate::mongo) const EXECUTIONS_BY_RUNTIME: Index = Index {
    collection: EXECUTIONS,
    name: "executions_by_runtime",
    keys: &[("execution_status", 1), ("createddate", -1), ("pid", 1), ("playbook_runtime", 1)],
    unique: false,
    only_with: None,
};

pub(in crate::mongo) const EXECUTIONS_BY_KEY: Index = Index {
    collection: EXECUTIONS,
    name: "executions_by_key",
    keys: &[("idempotency_key", 1), ("tenant_code", 1), ("playbook_name", 1)],
    unique: true,
    only_with: Some("idempotency_key"),
};

pub(in crate::mongo) const TASKS_BY_EXECUTION: Index = Index {
    collection: TASKS,
    name: "tasks_by_execution",
    keys: &[("peid", 1), ("task_seq", 1)],
    unique: false,
    only_with: None,
};

pub(in crate::mongo) const TASKS_BY_ALERT: Index = Index {
    collection: TASKS,
    name: "tasks_by_alert",
    keys: &[("tenant_code", 1), ("alert_id", 1), ("status", 1), ("_id", 1)],
    unique: false,
    only_with: None,
};

pub(in crate::mongo) const DEAD_LETTERS_BY_TENANT: Index = Index {
    collection: DEAD_LETTERS,
    name: "dead_letters_by_tenant",
    keys: &[("tenant_code", 1), ("_id", 1)],
    unique: false,
    only_with: None,
};

/// Every index.
pub(in crate::mongo) const ALL: &[Index] = &[
    PLAYBOOKS_BY_NAME,
    PLAYBOOKS_BY_CATEGORY,
    EXECUTIONS_BY_STATUS,
    EXECUTIONS_BY_USER,
    EXECUTIONS_BY_RUNTIME,
    EXECUTIONS_BY_KEY,
    TASKS_BY_EXECUTION,
    TASKS_BY_ALERT,
    DEAD_LETTERS_BY_TENANT,
];

impl Index {
    /// Its fields and directions: what names it wherever it has another name.
    pub(in crate::mongo) fn key(&self) -> Document {
        self.keys.iter().map(|(field, direction)| ((*field).to_owned(), (*direction).into())).collect()
    }

    /// As servers describe it, its name last.
    pub(in crate::mongo) fn description(&self) -> Document {
        let mut description = doc! { "key": self.key() };
        description.extend(self.options());
        description.insert("name", self.name);
        description
    }

    pub(super) fn options(&self) -> Document {
        let mut options = Document::new();
        if self.unique {
            options.insert("unique", true);
        }
        if let Some(field) = self.only_with {
            options.insert("partialFilterExpression", doc! { field: { "$exists": true } });
        }
        options
    }

    pub(super) fn has_keys(&self, keys: &Document) -> bool {
        let same = |((field, direction), (name, value)): (&(&str, i32), (&String, &Bson))| {
            field == name && number(value) == Some(f64::from(*direction))
        };
        keys.len() == self.keys.len() && self.keys.iter().zip(keys).all(same)
    }
}

fn number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => Some(*number as f64),
        Bson::Double(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_leaves_documents_out_begins_with_what_they_lack() {
        let partial: Vec<_> = ALL.iter().filter_map(|index| Some((index.only_with?, index.keys))).collect();
        assert!(partial.iter().all(|(field, keys)| keys.first().is_some_and(|(first, _)| first == field)));
        assert_eq!(partial.len(), 2);
    }
}
