//! What people read of an object: its name and its description, as the description of what it becomes. Owns that the first line
//! is the name.

/// The description of a native step or playbook: the name on the first line, and what else is said below it.
pub(crate) fn joined(name: Option<&str>, description: Option<&str>) -> Option<String> {
    let name = name.map(one_line).filter(|name| !name.is_empty());
    match (name, description) {
        (Some(name), Some(more)) => Some(format!("{name}\n{more}")),
        (name, more) => name.or(more.map(str::to_owned)),
    }
}

/// The name, and what else is said.
pub(crate) fn parted(text: &str) -> (&str, Option<&str>) {
    match text.split_once('\n') {
        Some((name, more)) => (name, Some(more)),
        None => (text, None),
    }
}

fn one_line(name: &str) -> String {
    name.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_first_line_and_is_read_from_there() {
        let joined = |name, more| joined(name, more).unwrap_or_default();
        assert_eq!(
            joined(Some("Step 1: isolate"), Some("Cuts: the host\noff.")),
            "Step 1: isolate\nCuts: the host\noff."
        );
        assert_eq!(
            parted("Step 1: isolate\nCuts: the host\noff."),
            ("Step 1: isolate", Some("Cuts: the host\noff."))
        );
        assert_eq!(joined(Some(" two\r\nlines "), None), "two lines");
        assert_eq!(parted("two lines"), ("two lines", None));
        assert_eq!((joined(Some(""), Some("more")), joined(None, None)), ("more".to_owned(), String::new()));
    }
}
