//! Fair queues: turns by weight, priorities with an end, leaving, and a model by which all of it is checked.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn tenant(code: &str) -> TenantCode {
    TenantCode::new(code).unwrap()
}

const NORMAL: (u32, Priority) = (1, Priority::Normal);

fn drained(queue: &mut FairQueue<&'static str>) -> Vec<&'static str> {
    std::iter::from_fn(|| queue.pop(|_, _| true)).map(|(_, entry)| entry).collect()
}

#[test]
fn who_floods_waits_behind_itself() {
    let mut queue = FairQueue::default();
    for _ in 0..5 {
        queue.push(&tenant("flood"), NORMAL, "flood", Duration::ZERO);
    }
    queue.push(&tenant("quiet"), NORMAL, "quiet", Duration::ZERO);
    assert_eq!(drained(&mut queue), ["flood", "quiet", "flood", "flood", "flood", "flood"]);
}

#[test]
fn turns_go_by_weight() {
    let mut queue = FairQueue::default();
    for _ in 0..6 {
        queue.push(&tenant("heavy"), (3, Priority::Normal), "h", Duration::ZERO);
        queue.push(&tenant("light"), NORMAL, "l", Duration::ZERO);
    }
    assert_eq!(drained(&mut queue).concat(), "hhhlhhhlllll");
}

#[test]
fn a_higher_priority_overtakes_for_a_time_and_not_for_ever() {
    let mut queue = FairQueue::default();
    let mut push = |priority, entry, at| queue.push(&tenant("a"), (1, priority), entry, at);
    push(Priority::Normal, "normal", Duration::ZERO);
    push(Priority::Low, "low", Duration::ZERO);
    push(Priority::High, "high, in time", PRIORITY_STEP - Duration::from_millis(1));
    push(Priority::High, "high, too late", PRIORITY_STEP + Duration::from_millis(1));
    push(Priority::Critical, "critical", PRIORITY_STEP * 2 - Duration::from_millis(1));
    let order = ["high, in time", "critical", "normal", "high, too late", "low"];
    // Adjusted: normal 2, low 3, high 2 - ε and 2 + ε, critical 2 - ε steps.
    assert_eq!(drained(&mut queue), order);
}

#[test]
fn a_tenant_that_may_not_is_passed_over_until_it_is_readmitted() {
    let mut queue = FairQueue::default();
    let (a, b) = (tenant("a"), tenant("b"));
    let first = queue.push(&a, NORMAL, "a", Duration::ZERO);
    queue.push(&b, NORMAL, "b", Duration::ZERO);
    assert_eq!(queue.pop(|tenant, _| *tenant != a).map(|(_, entry)| entry), Some("b"));
    assert!(queue.pop(|_, _| true).is_none() && !queue.has_turn() && !queue.is_empty() && queue.is_sound());
    queue.push(&a, NORMAL, "a later", Duration::ZERO);
    assert!(queue.pop(|_, _| true).is_none(), "another entry does not readmit it");
    queue.readmit(&a);
    queue.readmit(&a);
    assert!(queue.is_sound());
    assert_eq!(queue.remove(&first), Some("a"));
    assert_eq!(drained(&mut queue), ["a later"]);
    assert_eq!(queue.remove(&first), None);
}

#[test]
fn what_is_wanted_comes_first_and_the_others_keep_their_turns() {
    let mut queue = FairQueue::default();
    for (of, entry) in [("a", "a1"), ("b", "b1"), ("b", "b2"), ("c", "c1")] {
        queue.push(&tenant(of), NORMAL, entry, Duration::ZERO);
    }
    let wanted = |entry: &&str| entry.starts_with('b');
    assert_eq!(queue.pop_wanted(wanted).map(|(_, entry)| entry), Some("b1"));
    assert_eq!(queue.pop_wanted(|entry| *entry == "b9").map(|(_, entry)| entry), None);
    assert!(queue.is_sound());
    assert_eq!(drained(&mut queue), ["a1", "c1", "b2"], "it has had its turn");
    queue.push(&tenant("a"), NORMAL, "a1", Duration::ZERO);
    assert_eq!(queue.pop_wanted(|_| true).map(|(_, entry)| entry), Some("a1"));
    assert!(queue.is_empty() && queue.is_sound());
}

#[derive(Debug, Clone)]
enum Move {
    Push(u8, u32, Priority),
    Pop,
    Remove(usize),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let priority = prop::sample::select(Priority::ALL.to_vec());
    let one = prop_oneof![
        3 => (0_u8..4, 1_u32..4, priority).prop_map(|(who, weight, priority)| Move::Push(who, weight, priority)),
        2 => Just(Move::Pop),
        1 => any::<usize>().prop_map(Move::Remove),
    ];
    prop::collection::vec(one, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Claim: nothing is lost or given twice, and between two turns of a tenant that waits throughout every other has at
    /// most as many as its largest weight.
    #[test]
    fn everybody_who_waits_has_a_turn_in_each_round(moves in moves()) {
        let mut queue = FairQueue::default();
        let mut waiting: Vec<(QueueTicket, u64)> = Vec::new();
        let (mut at, mut since): (u64, HashMap<TenantCode, HashMap<TenantCode, u32>>) = (0, HashMap::new());
        for one in moves {
            at += 1;
            match one {
                Move::Push(who, weight, priority) => {
                    let who = tenant(&format!("t{who}"));
                    let ticket = queue.push(&who, (weight, priority), at, Duration::from_secs(at));
                    since.entry(who).or_default();
                    waiting.push((ticket, at));
                }
                Move::Pop => {
                    let popped = queue.pop(|_, _| true);
                    prop_assert_eq!(popped.is_none(), waiting.is_empty());
                    if let Some((ticket, entry)) = popped {
                        let found = waiting.iter().position(|known| *known == (ticket.clone(), entry));
                        waiting.swap_remove(found.unwrap());
                        let served = ticket.tenant().clone();
                        since.remove(&served);
                        for others in since.values_mut() {
                            let turns = others.entry(served.clone()).or_default();
                            *turns += 1;
                            prop_assert!(*turns <= 3, "{served:?} has more than its turns");
                        }
                        if queue.waiting_of(&served) > 0 {
                            since.insert(served, HashMap::new());
                        }
                    }
                }
                Move::Remove(which) => {
                    if !waiting.is_empty() {
                        let (ticket, entry) = waiting.swap_remove(which % waiting.len());
                        prop_assert_eq!(queue.remove(&ticket), Some(entry));
                        if queue.waiting_of(ticket.tenant()) == 0 {
                            since.remove(ticket.tenant());
                        }
                    }
                }
            }
            prop_assert!(queue.is_sound());
            prop_assert_eq!(queue.len(), waiting.len());
        }
    }
}
