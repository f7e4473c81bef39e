//! Kill switches, hours, the calls that pass at all, and which calls a guardrail concerns.

use proptest::prelude::*;
use serde_json::json;
use updraft_protocol::{Effect, Timestamp};

use super::{mistakes, name, planned, refusal_of, tenant};
use crate::guardrail::{CallTargets, GuardedCall, GuardrailRule};

const MINUTE: u64 = 60_000;

#[test]
fn a_kill_switch_stops_the_calls_that_it_names_and_undos_only_if_it_says_so() {
    let targets = CallTargets::unknown();
    let rule = |guardrail: &_, change: fn(&mut GuardedCall<'_>)| {
        refusal_of(guardrail, &targets, change).map(|refusal| refusal.rule)
    };
    let (stopped, undo) = (Some(GuardrailRule::KillSwitch), |call: &mut GuardedCall<'_>| call.is_undo = true);
    for scope in [json!([]), json!(["edr"]), json!(["edr.isolate"]), json!(["other", "edr.isolate"])] {
        let guardrail = planned(json!({"kill_switch": true, "for": scope}));
        assert_eq!(rule(&guardrail, |_| {}), stopped);
        assert_eq!(rule(&guardrail, undo), None);
    }
    let also_undo = planned(json!({"kill_switch": true, "stops_undo": true}));
    assert_eq!(rule(&also_undo, undo), stopped);
    let others = planned(json!({"kill_switch": true, "for": ["edr.release", "edrx", "edr.isolate2"]}));
    assert_eq!(rule(&others, |_| {}), None);
    let reads = planned(json!({"kill_switch": true, "effect": "read"}));
    assert_eq!(rule(&reads, |_| {}), None);
    assert_eq!(rule(&reads, |call| call.effect = Effect::Read), stopped);
    let of_tenant = planned(json!({"kill_switch": true, "tenants": ["globex"]}));
    assert_eq!(rule(&of_tenant, |_| {}), None);
    let globex = tenant("globex");
    let told = refusal_of(&of_tenant, &targets, |call| {
        // The call outlives the change by nothing: the tenant is leaked into its own scope.
        call.tenant = Box::leak(Box::new(globex.clone()));
    });
    assert_eq!(told.unwrap().to_string(), "guardrail \"g\" (kill_switch): no such call is made");
}

#[test]
fn a_tool_that_can_do_everything_is_limited_to_reads_or_hosts_for_undos_too() {
    let targets = CallTargets::unknown();
    let reads = planned(json!({"only": {"reads": true}}));
    assert!(refusal_of(&reads, &targets, |_| {}).is_some());
    assert!(refusal_of(&reads, &targets, |call| call.is_undo = true).is_some());
    assert!(refusal_of(&reads, &targets, |call| call.effect = Effect::Read).is_none());
    let hosts =
        planned(json!({"only": {"hosts": ["api.example", "*.vendor.example", "10.0.0.1:8443", "[::1]"]}}));
    let passes = |places: &[&str]| {
        // The call outlives the change by nothing: its places are leaked into its own scope.
        let places: &[String] = places.iter().map(|place| (*place).to_owned()).collect::<Vec<_>>().leak();
        refusal_of(&hosts, &targets, |call| call.hosts = Some(places)).is_none()
    };
    for host in ["api.example:443", "API.example.:80", "a.vendor.example:443", "10.0.0.1:8443", "[::1]:80"] {
        assert!(passes(&[host]), "{host}");
    }
    for host in ["vendor.example:443", "xapi.example:443", "api.example.evil:443", "10.0.0.1:443", "[::2]:80"]
    {
        assert!(!passes(&[host]), "{host}");
    }
    assert!(refusal_of(&hosts, &targets, |_| {}).is_some(), "where it leads is not known");
    assert!(passes(&["api.example:443", "a.vendor.example:443"]));
    assert!(!passes(&["api.example:443", "token.evil:443"]), "its token would come from elsewhere");
}

#[test]
fn a_guardrail_that_makes_no_sense_is_refused_with_every_place() {
    for (written, place) in [
        (json!({}), "it says nothing"),
        (
            json!({"stops_undo": true, "hours": {"zone": "UTC", "open": [{"from": "08:00", "to": "09:00"}]}}),
            "stops_undo",
        ),
        (json!({"kill_switch": true, "for": ["a b"]}), "for[0]"),
        (json!({"cap": {}}), "cap: "),
        (json!({"cap": {"calls": 5}}), "cap.per"),
        (json!({"cap": {"per": "1h", "active": 3}}), "cap.calls"),
        (json!({"cap": {"calls": 5, "per": "1ms"}}), "cap.per"),
        (json!({"cap": {"calls": 5, "per": "40d"}}), "cap.per"),
        (json!({"cap": {"calls": 5000, "per": "1h"}}), "cap.calls"),
        (json!({"cap": {"active": 5, "over": "ask", "wait": "1h"}}), "cap.wait"),
        (json!({"cap": {"active": 5, "ask": {"group": "soc"}}}), "cap.ask"),
        (
            json!({"cap": {"active": 5, "over": "ask", "ask": {"assignees": ["ana"], "quorum": 2}}}),
            "cap.ask.quorum",
        ),
        (json!({"cap": {"active": 5, "over": "ask", "ask": {"assignees": [" "]}}}), "cap.ask.assignees[0]"),
        (
            json!({"hours": {"zone": "Mars/Olympus", "open": [{"from": "08:00", "to": "09:00"}]}}),
            "hours.zone",
        ),
        (json!({"hours": {"zone": "UTC", "open": []}}), "hours.open"),
        (json!({"hours": {"zone": "UTC", "open": [{"from": "08:00", "to": "08:00"}]}}), "hours.open[0].to"),
        (json!({"only": {}}), "only: "),
        (json!({"only": {"hosts": ["a b"]}}), "only.hosts[0]"),
    ] {
        let told = mistakes(written.clone());
        assert!(told.iter().all(|told| told.starts_with(place)), "{written}: {told:?}");
    }
}

#[test]
fn tools_that_are_not_there_are_told_with_those_that_are() {
    use updraft_protocol::Catalogue;
    let mut catalogue = Catalogue::default();
    catalogue.add_names(name("edr"), &["isolate", "release"]);
    catalogue.add_names(name("vendor.tool"), &["look"]);
    let told = |calls: serde_json::Value| {
        let form = super::form(json!({"kill_switch": true, "for": calls}));
        let checked = crate::guardrail::PlannedGuardrail::checked(form, Some(&catalogue));
        checked.map(|_| ()).map_err(|mistakes| mistakes[0].to_string())
    };
    assert_eq!(told(json!(["edr", "edr.isolate", "vendor.tool"])), Ok(()));
    let near = told(json!(["edr.isolat"])).unwrap_err();
    assert_eq!(near, "for[0]: \"edr\" has no action \"isolat\"; did you mean \"isolate\"?");
    assert_eq!(told(json!(["edr2"])).unwrap_err(), "for[0]: no integration \"edr2\"; did you mean \"edr\"?");
}

proptest! {
    /// The oracle: the minutes of a week that are open, marked one by one, for a zone without a summer time.
    #[test]
    fn hours_are_open_exactly_in_their_minutes(
        days in proptest::collection::btree_set(0_usize..7, 0..4),
        from in 0_u64..1_440, to in 1_u64..=1_440, at in 0_u64..(7 * 1_440),
    ) {
        const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        // Monday, 2026-01-05T00:00 in UTC+2.
        const MONDAY: u64 = 1_767_571_200_000 - 120 * MINUTE;
        prop_assume!(from != to);
        let text = |minutes: u64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let named: Vec<&str> = days.iter().map(|day| NAMES[*day]).collect();
        let guardrail = planned(json!({"hours": {
            "zone": "Etc/GMT-2", "open": [{"days": named, "from": text(from), "to": text(to)}],
        }}));
        let mut week = vec![false; 7 * 1_440];
        for day in (0..7).filter(|day| days.is_empty() || days.contains(day)) {
            let length = if from < to { to - from } else { to + 1_440 - from };
            for minute in from..from + length {
                let at = (day as u64 * 1_440 + minute) % (7 * 1_440);
                week[at as usize] = true;
            }
        }
        let now = Timestamp(MONDAY + at * MINUTE + 59_999);
        let (integration, action, acme, targets) = (name("edr"), name("isolate"), tenant("acme"), CallTargets::unknown());
        let call = GuardedCall {
            tenant: &acme, integration: &integration, action: &action, effect: Effect::Write,
            is_undo: false, targets: &targets, hosts: None,
        };
        prop_assert_eq!(guardrail.refusal(&call, now).is_none(), week[at as usize]);
        let undo = GuardedCall { is_undo: true, ..call };
        prop_assert_eq!(guardrail.refusal(&undo, now), None);
    }
}

#[test]
fn hours_follow_the_summer_time_of_their_zone() {
    let guardrail = planned(json!({"hours": {
        "zone": "Europe/Berlin", "open": [{"from": "08:00", "to": "09:00"}],
    }}));
    let passes = |instant: &str| {
        let targets = CallTargets::unknown();
        let (integration, action, acme) = (name("edr"), name("isolate"), tenant("acme"));
        let call = GuardedCall {
            tenant: &acme,
            integration: &integration,
            action: &action,
            effect: Effect::Read,
            is_undo: false,
            targets: &targets,
            hosts: None,
        };
        guardrail.refusal(&call, instant.parse().unwrap()).is_none()
    };
    assert!(passes("2026-01-05T07:30:00Z") && !passes("2026-01-05T06:30:00Z"));
    assert!(passes("2026-07-06T06:30:00Z") && !passes("2026-07-06T07:30:00Z"));
}
