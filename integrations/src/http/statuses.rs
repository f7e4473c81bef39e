//! Sets of HTTP statuses in the notation of playbooks: `[200, "2xx", "500-504"]`.

use std::ops::RangeInclusive;

use updraft_protocol::limits::HTTP_STATUSES;
use updraft_protocol::{Effect, Value};

/// A set of statuses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// The default of `expect`: 200 to 299; after a write also 303, which leads to the result.
    pub(crate) fn success(effect: Effect) -> Self {
        match effect {
            Effect::Read => Self(vec![200..=299]),
            Effect::Write => Self(vec![200..=299, 303..=303]),
        }
    }

    /// The default of `retry_on`: statuses of temporary faults.
    pub(crate) fn passing() -> Self {
        Self([408, 425, 429, 500, 502, 503, 504].map(|status| status..=status).to_vec())
    }

    /// Whether this status is one of them.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }

    /// Reads a list.
    ///
    /// # Errors
    /// The index in the list of the first mistake, if it has one, and what is needed.
    pub fn read(value: &Value) -> Result<Self, (Option<usize>, &'static str)> {
        let Value::Array(items) = value else { return Err((None, "a list of statuses is needed")) };
        if items.len() > HTTP_STATUSES {
            return Err((None, "too many entries"));
        }
        let range = |(index, item)| {
            range(item).ok_or((Some(index), "a status such as 200, \"2xx\" or \"200-204\" is needed"))
        };
        items.iter().enumerate().map(range).collect::<Result<_, _>>().map(Self)
    }

    /// Whether no status is one of them.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn range(item: &Value) -> Option<RangeInclusive<u16>> {
    let text = match item {
        Value::Number(number) => return status(&number.to_string()).map(|one| one..=one),
        Value::String(text) => text,
        _ => return None,
    };
    if let Some(class) = text.strip_suffix("xx") {
        let first = status(&format!("{class}00"))?;
        return Some(first..=first + 99);
    }
    match text.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (status(first)?, status(last)?);
            (first <= last).then_some(first..=last)
        }
        None => status(text).map(|one| one..=one),
    }
}

/// Three digits, as in HTTP.
fn status(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (100..=999).contains(number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(list: serde_json::Value) -> Result<Statuses, (Option<usize>, &'static str)> {
        Statuses::read(&list.into())
    }

    #[test]
    fn statuses_classes_and_ranges_are_read() {
        let set = read(json!([200, "3xx", "404", "500-504"])).unwrap();
        for (status, inside) in
            [(200, true), (201, false), (300, true), (399, true), (404, true), (504, true), (505, false)]
        {
            assert_eq!(set.contains(status), inside, "{status}");
        }
        assert!(read(json!([])).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_status_is_refused_with_its_place() {
        for item in [
            json!(99),
            json!(1000),
            json!(200.5),
            json!(-200),
            json!("2x"),
            json!("xx"),
            json!("204-200"),
            json!(null),
        ] {
            let (place, _) = read(json!([200, item.clone()])).unwrap_err();
            assert_eq!(place, Some(1), "{item}");
        }
        assert_eq!(read(json!("2xx")).unwrap_err().0, None);
        assert!(read(json!(vec![200; HTTP_STATUSES + 1])).is_err());
    }
}
