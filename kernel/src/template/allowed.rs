//! What templates may use: the filters and tests, each with what its operands cost. Whatever is not here
//! is a mistake in the playbook.

/// What a filter reads of its operand, and so what is charged before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// It looks at a number or at whether there is a value.
    Nothing,
    /// It looks at the items, not into them.
    Items,
    /// It reads or copies everything, so many times.
    All(u64),
}

/// A filter that templates may use.
pub(super) struct Filter {
    /// Its name.
    pub(super) name: &'static str,
    /// What it costs.
    pub(super) cost: Cost,
    /// Whether its result is computed again at every use, unless it is made solid.
    pub(super) lazy: bool,
    /// Whether it may give nothing: the first item of an empty list.
    pub(super) partial: bool,
    /// Where the name of another filter or test stands among its arguments.
    pub(super) names: Names,
}

/// Where a filter takes the name of a filter or test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Nowhere.
    No,
    /// A filter, first.
    Filter,
    /// A test, at this place.
    Test(usize),
}

const fn filter(name: &'static str, cost: Cost) -> Filter {
    Filter { name, cost, lazy: false, partial: false, names: Names::No }
}

const fn lazy(name: &'static str) -> Filter {
    Filter { lazy: true, ..filter(name, Cost::All(1)) }
}

const fn partial(name: &'static str, cost: Cost) -> Filter {
    Filter { partial: true, ..filter(name, cost) }
}

const fn naming(name: &'static str, names: Names) -> Filter {
    Filter { names, ..filter(name, Cost::All(1)) }
}

/// Makes a value of each character or line: some 24 bytes of memory.
const SPLITTING: Cost = Cost::All(16);
/// Compares each item with some twenty others.
const SORTING: Cost = Cost::All(8);

/// The filters, by name.
pub(super) static FILTERS: &[Filter] = &[
    filter("abs", Cost::Nothing),
    partial("attr", Cost::Items),
    filter("bool", Cost::Nothing),
    filter("capitalize", Cost::All(1)),
    filter("count", Cost::Items),
    filter("d", Cost::Nothing),
    filter("default", Cost::Nothing),
    filter("dictsort", SORTING),
    partial("first", Cost::Items),
    filter("float", Cost::All(1)),
    filter("int", Cost::All(1)),
    lazy("items"),
    filter("join", Cost::All(1)),
    partial("last", Cost::Items),
    filter("length", Cost::Items),
    filter("lines", SPLITTING),
    filter("list", SPLITTING),
    filter("lower", Cost::All(1)),
    naming("map", Names::Filter),
    partial("max", Cost::All(1)),
    partial("min", Cost::All(1)),
    naming("reject", Names::Test(0)),
    naming("rejectattr", Names::Test(1)),
    filter("replace", Cost::All(1)),
    lazy("reverse"),
    filter("round", Cost::Nothing),
    naming("select", Names::Test(0)),
    naming("selectattr", Names::Test(1)),
    filter("sort", SORTING),
    filter("split", SPLITTING),
    filter("string", Cost::All(1)),
    filter("sum", Cost::All(1)),
    filter("title", Cost::All(1)),
    filter("tojson", Cost::All(1)),
    filter("trim", Cost::All(1)),
    filter("unique", SORTING),
    filter("upper", Cost::All(1)),
    filter("urlencode", Cost::All(3)),
];

/// The tests, by name.
pub(super) static TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
];

/// The keyword arguments of all filters.
pub(super) static KEYWORDS: &[&str] = &[
    "attribute",
    "base",
    "boolean",
    "by",
    "case_sensitive",
    "d",
    "default",
    "indent",
    "method",
    "precision",
    "reverse",
];

/// The filter with this name.
pub(super) fn find(name: &str) -> Option<&'static Filter> {
    FILTERS.binary_search_by_key(&name, |filter| filter.name).ok().map(|at| &FILTERS[at])
}

/// The test with this name.
pub(super) fn find_test(name: &str) -> Option<&'static str> {
    TESTS.binary_search(&name).ok().map(|at| TESTS[at])
}

/// The keyword with this name.
pub(super) fn find_keyword(name: &str) -> Option<&'static str> {
    KEYWORDS.binary_search(&name).ok().map(|at| KEYWORDS[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(FILTERS.is_sorted_by(|a, b| a.name < b.name));
        assert!(TESTS.is_sorted_by(|a, b| a < b));
        assert!(KEYWORDS.is_sorted_by(|a, b| a < b));
    }
}
