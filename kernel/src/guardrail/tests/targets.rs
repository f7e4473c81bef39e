//! Spellings of targets: whatever a tool reads as a protected one is protected.

use proptest::prelude::*;
use serde_json::json;
use updraft_protocol::Value;

use super::{mistakes, planned, refusal, refusal_of};
use crate::guardrail::{CallTargets, PlannedGuardrail};

fn jewels() -> PlannedGuardrail {
    planned(json!({"protected": {
        "hosts": ["dc01.corp.example", "*.dc.corp.example", "bücher.example", "printer"],
        "ips": ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"],
        "users": ["ceo@corp.example", "CORP\\admin", "root", "jürgen@corp.example"],
    }}))
}

#[test]
fn every_spelling_of_a_protected_target_is_protected() {
    let jewels = jewels();
    for target in [
        "dc01.corp.example",
        "DC01.Corp.Example.",
        " dc01 ",
        "dc01.corp.example:445",
        "https://dc01.corp.example/share?x=1",
        "https://edr.example/hosts/dc01/isolate",
        "https://edr.example/hosts/dc01%2Ecorp%2Eexample",
        "https://edr.example/block?ip=10.1.2.3&why=x",
        "https://edr.example/users/ceo%40corp.example",
        "https://user@dc01.corp.example:8443/",
        r"\\dc01.corp.example\c$",
        r"CORP\DC01$",
        "ws-1, dc01.corp.example",
        "ws-1;dc01",
        "ws-1 dc01",
        "<dc01.corp.example>",
        "ｄｃ01.corp.example",
        "dc01。corp。example",
        "a.dc.corp.example",
        "x.y.DC.corp.example",
        "xn--bcher-kva.example",
        "BÜCHER.example",
        "bu\u{308}cher.example",
        "printer.branch.example",
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "[::ffff:a01:203]",
        "::ffff:10.1.2.3%eth0",
        "10.1.2.3:22",
        "http://10.1.2.3/",
        "0x0a010203",
        "167838211",
        "012.1.2.3",
        "10.1",
        "8.0.0.0/6",
        "192.0.2.0/24",
        "192.0.2.7/32",
        "2001:DB8:0::1",
        "[2001:db8::1]:443",
        "ceo@corp.example",
        "CEO@CORP.EXAMPLE",
        "mailto:ceo@corp.example",
        "ceo",
        r"CORP\ceo",
        "Chief <ceo@corp.example>",
        r"corp\ADMIN",
        "admin@corp.example",
        "root",
        r"ANY\root",
        "root@other.example",
        "Jürgen@corp.example",
        "ju\u{308}rgen@corp.example",
    ] {
        assert!(refusal(&jewels, target).is_some(), "{target}");
    }
}

#[test]
fn others_are_not() {
    let jewels = jewels();
    for target in [
        "ws-17",
        "dc02.corp.example",
        "dc01.other.example",
        "dc.corp.example",
        "notdc.corp.example",
        "11.0.0.1",
        "192.0.2.8",
        "::ffff:11.0.0.1",
        "2001:db9::1",
        "cfo@corp.example",
        "ceo@other.example",
        r"LAB\admin",
        "ceo2",
        "John Smith",
        "https://edr.example/hosts/ws-17/isolate?by=bo",
        "https://edr.example/ceo/desk",
    ] {
        assert_eq!(refusal(&jewels, target), None, "{target}");
    }
}

#[test]
fn what_has_no_one_spelling_is_protected_from_writes() {
    let jewels = jewels();
    let long = "x".repeat(5_000);
    for target in ["", "  ", "dc\u{200b}01", "ws\u{202e}71-sw", "a\u{0}b", long.as_str()] {
        let refused = refusal(&jewels, target).unwrap_or_else(|| panic!("{target:?} passes"));
        assert!(refused.why.contains("taken for protected"), "{refused}");
        assert!(!refused.why.chars().any(char::is_control) && refused.why.len() < 1_000, "{refused}");
    }
    for value in [Value::Bool(true), Value::Array(vec![Value::Null])] {
        assert!(refusal_of(&jewels, &CallTargets::of(Some(&value), None), |_| {}).is_some(), "{value:?}");
    }
    let hidden = CallTargets::of(Some(&Value::String("\u{200b}".into())), None);
    let read = |call: &mut crate::guardrail::GuardedCall<'_>| call.effect = updraft_protocol::Effect::Read;
    assert_eq!(refusal_of(&jewels, &hidden, read), None, "a look changes nothing");
}

#[test]
fn each_target_of_a_list_counts_and_so_does_what_is_contained() {
    let jewels = jewels();
    let list = Value::Array(vec![Value::String("ws-1".into()), Value::String("dc01".into())]);
    assert!(refusal_of(&jewels, &CallTargets::of(Some(&list), None), |_| {}).is_some());
    let other = Value::String("ws-1".into());
    assert!(refusal_of(&jewels, &CallTargets::of(Some(&other), Some("dc01")), |_| {}).is_some());
    assert!(refusal_of(&jewels, &CallTargets::of(Some(&other), None), |_| {}).is_none());
}

#[test]
fn an_unknown_target_is_protected_unless_the_guardrail_lets_it_pass() {
    let unknown = CallTargets::unknown();
    assert!(refusal_of(&jewels(), &unknown, |_| {}).is_some());
    let lenient = planned(json!({"protected": {"hosts": ["dc01"], "unknown": "allow"}}));
    assert_eq!(refusal_of(&lenient, &unknown, |_| {}), None);
}

#[test]
fn lists_that_make_no_sense_are_refused_with_their_place() {
    let told = mistakes(json!({"protected": {
        "hosts": ["10.0.0.1", "a b", "*.", "x*.example"], "ips": ["10.0.0.0/33", "dc01"], "users": ["", "\u{200b}"],
    }}));
    let places: Vec<&str> = told.iter().filter_map(|told| told.split(": ").next()).collect();
    let wrong =
        |kind: &str, at: &[usize]| at.iter().map(|at| format!("protected.{kind}[{at}]")).collect::<Vec<_>>();
    let expected = [wrong("hosts", &[0, 1, 2, 3]), wrong("ips", &[0, 1]), wrong("users", &[0, 1])].concat();
    assert_eq!(places, expected, "{told:?}");
    assert!(mistakes(json!({"protected": {}}))[0].contains("names no"));
}

proptest! {
    /// The oracle: an address as four numbers is in a network if its first bits are those of the network.
    #[test]
    fn an_address_is_protected_exactly_in_the_network(
        network in any::<u32>(), bits in 0_u32..=32, address in any::<u32>(), near in any::<bool>(), spelling in 0_usize..6,
    ) {
        let mask = if bits == 0 { 0 } else { u32::MAX << (32 - bits) };
        let address = if near { (network & mask) | (address & !mask) } else { address };
        let of = |number: u32| std::net::Ipv4Addr::from(number);
        let guardrail = planned(json!({"protected": {"ips": [format!("{}/{bits}", of(network))]}}));
        let text = match spelling {
            0 => of(address).to_string(),
            1 => of(address).to_ipv6_mapped().to_string(),
            2 => format!("[{}]:443", of(address).to_ipv6_mapped()),
            3 => format!("{}:22", of(address)),
            4 => format!("http://{:#x}/x", address),
            _ => format!("  {} ", of(address)),
        };
        let expected = address & mask == network & mask;
        prop_assert_eq!(refusal(&guardrail, &text).is_some(), expected, "{}", text);
    }

    /// The oracle: names are compared label by label, in small letters; one label alone is the first of any.
    #[test]
    fn a_host_is_protected_exactly_by_its_labels(
        protected in "[a-c]{1,2}(\\.[a-b]){0,2}", host in "[a-cA-C]{1,2}(\\.[a-bA-B]){0,2}\\.?", below in any::<bool>(),
    ) {
        let written = if below { format!("*.{protected}") } else { protected.clone() };
        let guardrail = planned(json!({"protected": {"hosts": [written]}}));
        let lower = host.trim_end_matches('.').to_lowercase();
        let (ours, theirs): (Vec<&str>, Vec<&str>) = (protected.split('.').collect(), lower.split('.').collect());
        let expected = if below {
            theirs.len() > ours.len() && theirs.ends_with(&ours)
        } else {
            ours == theirs || ((ours.len() == 1 || theirs.len() == 1) && ours[0] == theirs[0])
        };
        prop_assert_eq!(refusal(&guardrail, &host).is_some(), expected, "{}", host);
    }

    /// The oracle: names are equal in small letters, and domains of the same kind are.
    #[test]
    fn a_user_is_protected_exactly_by_name_and_domain(
        protected in "[ab]{1,2}", kind in 0..3, domain in "[cd]", value in "[abAB]{1,2}", of in 0..3, other in "[cdCD]",
    ) {
        let written = |kind: i32, name: &str, domain: &str| match kind {
            0 => name.to_owned(),
            1 => format!("{domain}\\{name}"),
            _ => format!("{name}@{domain}.example"),
        };
        let guardrail = planned(json!({"protected": {"users": [written(kind, &protected, &domain)]}}));
        let text = written(of, &value, &other);
        let same_name = value.to_lowercase() == protected;
        let same_domain = kind == 0 || of == 0 || kind != of || domain == other.to_lowercase();
        prop_assert_eq!(refusal(&guardrail, &text).is_some(), same_name && same_domain, "{}", text);
    }

    #[test]
    fn no_text_panics_and_what_is_told_is_short(text in ".{0,80}", list in "[ -~]{0,60}") {
        for text in [text, list] {
            if let Some(refusal) = refusal(&jewels(), &text) {
                prop_assert!(refusal.to_string().len() < 1_200);
            }
        }
    }
}
