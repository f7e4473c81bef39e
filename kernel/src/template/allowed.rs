//! The filters and tests of the language, each with its parameters. Any other is a mistake in the playbook.

use super::checks;
use super::filters::{addresses, codes, dates, indicators, lists, maps, matches, numbers, texts};
use super::pattern::Search;
use super::value::Operand;
use crate::meter::{Meter, Result};

/// A parameter of a filter or test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) required: bool,
    /// Whether it may be positional; otherwise it must be named.
    pub(super) by_place: bool,
}

/// A filter that works on values: it gets its operand, and for each parameter a value, undefined if the author gave
/// none. It charges the meter before it works.
pub(super) type OnValues = fn(&Meter, &Operand, &[Operand]) -> Result<Operand>;

/// A filter that searches by a pattern, which the author writes out before the other arguments.
pub(super) type OnMatches = fn(&Meter, &Search, &Operand, &[Operand]) -> Result<Operand>;

/// A filter. Its parameters leave out the pattern.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) work: Work,
}

/// What a filter does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    Values(OnValues),
    Search(OnMatches),
}

/// A test. It gets its operand and arguments as a filter does.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) run: fn(&Meter, &Operand, &[Operand]) -> Result<bool>,
}

const fn needs(name: &'static str) -> Parameter {
    Parameter { name, required: true, by_place: true }
}

const fn takes(name: &'static str) -> Parameter {
    Parameter { name, required: false, by_place: true }
}

const fn named(name: &'static str) -> Parameter {
    Parameter { name, required: false, by_place: false }
}

const fn filter(name: &'static str, parameters: &'static [Parameter], run: OnValues) -> Filter {
    Filter { name, parameters, work: Work::Values(run) }
}

const fn search(name: &'static str, parameters: &'static [Parameter], run: OnMatches) -> Filter {
    Filter { name, parameters, work: Work::Search(run) }
}

const fn test(
    name: &'static str,
    parameters: &'static [Parameter],
    run: fn(&Meter, &Operand, &[Operand]) -> Result<bool>,
) -> Test {
    Test { name, parameters, run }
}

/// The statements, including printing.
pub(super) static STATEMENTS: &[&str] = &["for", "if", "print", "set", "with"];

/// The operators.
pub(super) static OPERATORS: &[&str] = &[
    "!=", "%", "*", "+", "-", "/", "//", "<", "<=", "==", ">", ">=", "[:]", "[]", "[…]", "and", "if else",
    "in", "not", "not in", "or", "{…}", "~",
];

const DEFAULT: &[Parameter] = &[takes("default_value"), takes("boolean")];
const EXTREME: &[Parameter] = &[named("case_sensitive"), named("attribute")];

/// The filters, by name, except those of [`EACH`].
pub(super) static FILTERS: &[Filter] = &[
    filter("abs", &[], numbers::abs),
    filter("attr", &[needs("name")], maps::attr),
    filter("base64", &[named("url")], codes::base64),
    filter("base64_decode", &[takes("charset")], codes::base64_decode),
    filter("bool", &[], numbers::bool),
    filter("capitalize", &[], texts::capitalize),
    filter("count", &[], lists::length),
    filter("d", DEFAULT, maps::default),
    filter("date", &[takes("form"), named("zone")], dates::date),
    filter("date_add", &[needs("span")], dates::date_add),
    filter("date_diff", &[needs("from"), takes("unit")], dates::date_diff),
    filter("date_format", &[takes("pattern"), named("zone")], dates::date_format),
    filter("defang", &[], indicators::defang),
    filter("default", DEFAULT, maps::default),
    filter("dictsort", &[named("case_sensitive"), named("by"), named("reverse")], maps::dictsort),
    filter("email_domain", &[], addresses::email_domain),
    filter("email_user", &[], addresses::email_user),
    filter("epoch", &[takes("unit")], dates::epoch),
    filter("extract_iocs", &[], indicators::extract_iocs),
    search("find", &[takes("group")], matches::find),
    search("find_all", &[takes("group")], matches::find_all),
    filter("first", &[], lists::first),
    filter("float", &[takes("default")], numbers::float),
    filter("hash_kind", &[], indicators::hash_kind),
    filter("hex", &[], codes::hex),
    filter("hex_decode", &[takes("charset")], codes::hex_decode),
    filter("int", &[takes("default"), takes("base")], numbers::int),
    filter("ip_version", &[], addresses::ip_version),
    filter("items", &[], maps::items),
    filter("join", &[takes("d"), named("attribute")], texts::join),
    filter("last", &[], lists::last),
    filter("length", &[], lists::length),
    filter("lines", &[], texts::lines),
    filter("list", &[], lists::list),
    filter("lower", &[], texts::lower),
    filter("max", EXTREME, lists::max),
    filter("md5", &[], codes::md5),
    filter("min", EXTREME, lists::min),
    filter("parse_json", &[takes("default")], texts::parse_json),
    filter("refang", &[], indicators::refang),
    filter("registered_domain", &[], addresses::registered_domain),
    filter("replace", &[needs("from"), needs("to")], texts::replace),
    search("replace_regex", &[needs("to")], matches::replace_regex),
    filter("reverse", &[], lists::reverse),
    filter("round", &[takes("precision"), takes("method")], numbers::round),
    filter("sha1", &[], codes::sha1),
    filter("sha256", &[], codes::sha256),
    filter("sort", &[named("reverse"), named("case_sensitive"), named("attribute")], lists::sort),
    filter("split", &[takes("sep"), takes("maxsplit")], texts::split),
    filter("string", &[], texts::string),
    filter("sum", &[named("attribute")], lists::sum),
    filter("title", &[], texts::title),
    filter("to_json", &[takes("indent")], texts::to_json),
    filter("tojson", &[takes("indent")], texts::to_json),
    filter("trim", &[takes("chars")], texts::trim),
    filter("unique", &[named("case_sensitive"), named("attribute")], lists::unique),
    filter("upper", &[], texts::upper),
    filter("url_host", &[], addresses::url_host),
    filter("url_path", &[], addresses::url_path),
    filter("url_port", &[], addresses::url_port),
    filter("url_query", &[], addresses::url_query),
    filter("url_scheme", &[], addresses::url_scheme),
    filter("urlencode", &[], texts::urlencode),
];

/// The filters that apply a named filter or test to each item.
pub(super) static EACH: &[&str] = &["map", "reject", "rejectattr", "select", "selectattr"];

/// The tests, by name, except [`MATCHING`].
pub(super) static TESTS: &[Test] = &[
    test("boolean", &[], checks::is_boolean),
    test("defined", &[], checks::is_defined),
    test("divisibleby", &[needs("by")], checks::is_divisible_by),
    test("endingwith", &[needs("end")], checks::is_ending_with),
    test("eq", &[needs("other")], checks::is_equal),
    test("equalto", &[needs("other")], checks::is_equal),
    test("even", &[], checks::is_even),
    test("false", &[], checks::is_false),
    test("float", &[], checks::is_float),
    test("ge", &[needs("other")], checks::is_greater_or_equal),
    test("gt", &[needs("other")], checks::is_greater),
    test("in", &[needs("where")], checks::is_in),
    test("in_network", &[needs("networks")], addresses::is_in_network),
    test("integer", &[], checks::is_integer),
    test("ip", &[], addresses::is_ip),
    test("iterable", &[], checks::is_iterable),
    test("le", &[needs("other")], checks::is_less_or_equal),
    test("lt", &[needs("other")], checks::is_less),
    test("mapping", &[], checks::is_mapping),
    test("ne", &[needs("other")], checks::is_unequal),
    test("none", &[], checks::is_none),
    test("number", &[], checks::is_number),
    test("odd", &[], checks::is_odd),
    test("private", &[], addresses::is_private),
    test("sequence", &[], checks::is_sequence),
    test("startingwith", &[needs("start")], checks::is_starting_with),
    test("string", &[], checks::is_string),
    test("true", &[], checks::is_true),
    test("undefined", &[], checks::is_undefined),
];

/// The test whose argument is a pattern.
pub(super) const MATCHING: &str = "matching";

/// The filter with this name.
pub(super) fn filter_named(name: &str) -> Option<&'static Filter> {
    FILTERS.binary_search_by_key(&name, |filter| filter.name).ok().and_then(|at| FILTERS.get(at))
}

/// The test with this name.
pub(super) fn test_named(name: &str) -> Option<&'static Test> {
    TESTS.binary_search_by_key(&name, |test| test.name).ok().and_then(|at| TESTS.get(at))
}

/// The names of all filters.
pub(super) fn filter_names() -> Vec<&'static str> {
    let mut names: Vec<_> = FILTERS.iter().map(|filter| filter.name).chain(EACH.iter().copied()).collect();
    names.sort_unstable();
    names
}

/// The names of all tests.
pub(super) fn test_names() -> Vec<&'static str> {
    let mut names: Vec<_> = TESTS.iter().map(|test| test.name).chain([MATCHING]).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(FILTERS.is_sorted_by(|a, b| a.name < b.name));
        assert!(TESTS.is_sorted_by(|a, b| a.name < b.name));
    }
}
