//! The step `switch`: its planned form, the checks of its cases, and where its outcome leads.

use std::collections::BTreeMap;

use updraft_protocol::limits::SWITCH_CASES;
use updraft_protocol::playbook::{Switch, SwitchCase};
use updraft_protocol::{InputHash, Json, Value};

use super::choice::condition;
use super::end::expression;
use super::{Draft, Steps};
use crate::condition::Condition;
use crate::plan::exits::Follows;
use crate::template::Template;

/// A choice between several bodies.
#[derive(Debug)]
pub struct PlannedSwitch {
    /// The value that cases are compared with.
    pub value: Option<Template>,
    /// The cases, tried in order.
    pub cases: Vec<PlannedCase>,
    starts: Vec<Follows>,
    default: Follows,
}

/// When a case fits.
#[derive(Debug)]
pub enum PlannedCase {
    /// If the value has one of these hashes. Compared by hash, so that a large value is read once, however many cases
    /// there are.
    Is(Vec<InputHash>),
    /// If the condition holds.
    When(Condition),
}

impl PlannedSwitch {
    /// Where the output of its task leads: `{"case": 2}`, from 0; `null` for the default.
    pub(in crate::plan) fn follows(&self, response: Option<&Json>) -> Follows {
        let case = response.and_then(|response| response.value()["case"].as_u64());
        let case = case.and_then(|case| usize::try_from(case).ok());
        case.and_then(|case| self.starts.get(case).copied()).unwrap_or(self.default)
    }

    /// About how many bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let case = |case: &PlannedCase| match case {
            PlannedCase::Is(hashes) => size_of_val(hashes.as_slice()),
            PlannedCase::When(condition) => condition.bytes(),
        };
        self.value.as_ref().map_or(0, Template::bytes) + self.cases.iter().map(case).sum::<usize>()
    }

    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, switch: &Switch) -> Option<Self> {
        let count = switch.cases.len();
        if count == 0 || count > SWITCH_CASES {
            let message = format!("{count} cases; 1 to {SWITCH_CASES} are allowed");
            steps.mistakes.step(draft.at, "cases", message);
        }
        let starts = (0..count).map(|case| draft.body(steps, Some(case), "cases")).collect();
        let default = draft.body(steps, switch.default.as_ref().map(|_| count), "default");
        let value = match &switch.value {
            Some(source) => Some(expression(steps, draft, "switch", source)?),
            None => None,
        };
        let cases: Vec<_> =
            (0..).zip(&switch.cases).map(|(at, case)| planned(steps, draft, switch, at, case)).collect();
        check_values(steps, draft, &switch.cases, &cases);
        Some(Self { value, cases: cases.into_iter().collect::<Option<_>>()?, starts, default })
    }
}

/// A value that an earlier case has already never comes to the later one.
fn check_values(steps: &mut Steps<'_>, draft: &Draft, written: &[SwitchCase], cases: &[Option<PlannedCase>]) {
    let mut known: BTreeMap<InputHash, usize> = BTreeMap::new();
    for (at, (case, written)) in cases.iter().zip(written).enumerate() {
        let (Some(PlannedCase::Is(values)), Some(is)) = (case, &written.is) else { continue };
        let (mut twice, mut first) = (Vec::new(), at);
        for (number, value) in values.iter().enumerate() {
            let earlier = *known.entry(*value).or_insert(at);
            if earlier != at {
                first = first.min(earlier);
                twice.push(is.as_array().and_then(|values| values.get(number)).unwrap_or(is).to_string());
            }
        }
        let field = format!("cases[{at}].is");
        let message = match &twice[..] {
            [] => continue,
            _ if twice.len() == values.len() => {
                "earlier cases have all of its values, so that it is never reached".to_owned()
            }
            [value, ..] => format!("{value} stands in cases[{first}] too, which takes it"),
        };
        steps.mistakes.step(draft.at, &field, message);
    }
}

fn planned(
    steps: &mut Steps<'_>,
    draft: &mut Draft,
    switch: &Switch,
    at: usize,
    case: &SwitchCase,
) -> Option<PlannedCase> {
    let mut mistake = |field: &str, message: &str| {
        steps.mistakes.step(draft.at, &format!("cases[{at}]{field}"), message);
        None
    };
    match (&case.is, &case.when) {
        (Some(_), Some(_)) => mistake(".when", "a case has either `is` or `when`"),
        (None, None) => mistake("", "a case needs `is`, a value, or `when`, a condition"),
        (Some(_), None) if switch.value.is_none() => {
            mistake(".is", "is compared with nothing: `switch: EXPRESSION` is missing")
        }
        (Some(Value::Array(values)), None) => {
            Some(PlannedCase::Is(values.iter().map(InputHash::of_value).collect()))
        }
        (Some(value), None) => Some(PlannedCase::Is(vec![InputHash::of_value(value)])),
        (None, Some(when)) => {
            condition(steps, draft, ("cases", &format!("cases[{at}].when")), when).map(PlannedCase::When)
        }
    }
}
