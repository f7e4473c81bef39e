//! The pacer against stores that keep up, slow down, push back and come back.

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

const ADAPTIVE: Pace = Pace::Adaptive {
    operations_min: 100,
    operations_max: 1_000,
    batches_max: 4,
    latency: Duration::from_millis(200),
};

/// Sends full batches, as many at once as may be, each answered by `answer(operations, in flight)`; gives the
/// pace after each.
fn drive(
    pacer: &mut Pacer,
    batches: usize,
    mut answer: impl FnMut(usize, usize) -> Answer,
) -> Vec<(usize, usize)> {
    let mut flying = std::collections::VecDeque::new();
    let mut seen = Vec::new();
    for _ in 0..batches {
        while flying.len() < pacer.batches() {
            let operations = pacer.operations();
            flying.push_back((operations, pacer.sent(operations, flying.len() + 1)));
        }
        let at_once = flying.len();
        let (operations, sent) = flying.pop_front().unwrap();
        pacer.landed(sent, answer(operations, at_once));
        seen.push((pacer.operations(), pacer.batches()));
    }
    seen
}

/// A server that does so many operations in a millisecond, all batches together, and takes 5 ms besides.
fn server(per_ms: usize) -> impl FnMut(usize, usize) -> Answer {
    move |operations, at_once| {
        let work = u32::try_from(operations * at_once / per_ms).unwrap();
        Answer::Taken(MS * (work + 5))
    }
}

#[test]
fn a_fixed_pace_stays_whatever_happens() {
    let mut pacer = Pacer::new(Pace::Fixed { operations: 500, batches: 2 });
    for answer in [Answer::Taken(MS), Answer::Taken(MS * 90_000), Answer::Pushback, Answer::Pushback] {
        let seen = drive(&mut pacer, 20, |_, _| answer);
        assert!(seen.iter().all(|pace| *pace == (500, 2)), "{answer:?}");
    }
}

#[test]
fn a_quick_store_is_soon_given_the_most() {
    let mut pacer = Pacer::new(ADAPTIVE);
    assert_eq!((pacer.operations(), pacer.batches()), (100, 1));
    let seen = drive(&mut pacer, 60, server(1_000));
    assert_eq!(seen[..4], [(200, 1), (400, 1), (800, 1), (1_000, 1)], "the size first");
    assert_eq!(seen.last(), Some(&(1_000, 4)));
}

#[test]
fn once_it_was_too_much_the_pace_grows_in_steps() {
    let mut pacer = Pacer::new(ADAPTIVE);
    drive(&mut pacer, 1, |_, _| Answer::Pushback);
    let seen = drive(&mut pacer, 60, server(1_000));
    let steps = seen.windows(2).map(|pair| (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1));
    assert!(steps.into_iter().all(|(operations, batches)| operations <= 90 && batches <= 1), "{seen:?}");
    assert_eq!(seen[8], (910, 1));
    assert_eq!(seen.last(), Some(&(1_000, 4)));
}

#[test]
fn pushback_halves_the_batches_at_once_then_their_size() {
    let mut pacer = Pacer::new(ADAPTIVE);
    drive(&mut pacer, 100, server(1_000));
    let seen: Vec<_> = (0..8).map(|_| drive(&mut pacer, 1, |_, _| Answer::Pushback)[0]).collect();
    assert_eq!(seen[..6], [(1_000, 2), (1_000, 1), (500, 1), (250, 1), (125, 1), (100, 1)]);
    assert_eq!(seen[7], (100, 1), "never below the floor");
    let seen = drive(&mut pacer, 60, server(1_000));
    assert_eq!(seen.last(), Some(&(1_000, 4)), "it recovers");
}

#[test]
fn what_was_sent_together_and_fails_together_counts_once() {
    let mut pacer = Pacer::new(ADAPTIVE);
    drive(&mut pacer, 100, server(1_000));
    let flying = [1, 2, 3, 4].map(|at_once| pacer.sent(1_000, at_once));
    for sent in flying {
        pacer.landed(sent, Answer::Pushback);
    }
    assert_eq!((pacer.operations(), pacer.batches()), (1_000, 2));
}

#[test]
fn what_was_sent_before_a_fall_raises_nothing() {
    let mut pacer = Pacer::new(ADAPTIVE);
    let early = pacer.sent(100, 1);
    let failed = pacer.sent(100, 2);
    pacer.landed(failed, Answer::Pushback);
    pacer.landed(early, Answer::Taken(MS));
    assert_eq!((pacer.operations(), pacer.batches()), (100, 1));
}

#[test]
fn a_store_with_little_to_do_is_given_no_more() {
    let mut pacer = Pacer::new(ADAPTIVE);
    for _ in 0..100 {
        let sent = pacer.sent(7, 0);
        pacer.landed(sent, Answer::Taken(MS));
    }
    assert_eq!((pacer.operations(), pacer.batches()), (100, 1));
}

#[test]
fn a_slow_store_is_given_less_until_it_answers_in_time() {
    // A thousand operations take it a second, and all beyond one batch only wait in line.
    let mut pacer = Pacer::new(ADAPTIVE);
    let seen = drive(&mut pacer, 400, server(1));
    let (least, most) = seen[200..].iter().fold((usize::MAX, 0), |(least, most), (operations, batches)| {
        (least.min(operations * batches), most.max(operations * batches))
    });
    // The 100 of the floor take 105 ms, and 200 ms more are allowed.
    assert!((200..=300).contains(&least) && (300..=400).contains(&most), "{least} to {most}");
}

#[test]
fn a_store_that_is_far_away_is_given_the_most() {
    // The way there takes longer than any batch may take more: smaller batches would help nobody.
    let mut pacer = Pacer::new(ADAPTIVE);
    let seen = drive(&mut pacer, 60, |_, _| Answer::Taken(MS * 3_000));
    assert_eq!(seen.last(), Some(&(1_000, 4)));
}

#[test]
fn a_store_that_goes_further_away_is_given_the_most_again() {
    let mut pacer = Pacer::new(ADAPTIVE);
    drive(&mut pacer, 100, server(1_000));
    let seen = drive(&mut pacer, 200, |_, _| Answer::Taken(MS * 1_000));
    assert!(seen.contains(&(100, 1)), "it was less that was tried first");
    assert_eq!(seen.last(), Some(&(1_000, 4)));
}

#[test]
fn a_pace_out_of_bounds_is_named() {
    let fixed = |operations, batches| Pace::Fixed { operations, batches }.check();
    assert_eq!(fixed(4_000, 64), Ok(()));
    assert_eq!(fixed(0, 1).unwrap_err(), "pace: operations of a batch: 0 is not within 1 to 4000");
    assert!(fixed(4_001, 1).is_err() && fixed(1, 0).is_err() && fixed(1, 65).is_err());
    let floor = |operations_min, operations_max| {
        Pace::Adaptive { operations_min, operations_max, batches_max: 1, latency: MS }.check()
    };
    assert!(floor(1, 1).is_ok() && floor(0, 1).is_err() && floor(2, 1).is_err());
    assert_eq!((Pace::EMBEDDED.check(), Pace::SERVER.check()), (Ok(()), Ok(())));
}

#[test]
fn a_pace_that_makes_no_sense_still_moves() {
    let nothing =
        Pace::Adaptive { operations_min: 9, operations_max: 0, batches_max: 0, latency: Duration::ZERO };
    for pace in [nothing, Pace::Fixed { operations: 0, batches: 0 }] {
        let mut pacer = Pacer::new(pace);
        drive(&mut pacer, 50, server(1));
        drive(&mut pacer, 50, |_, _| Answer::Pushback);
        assert_eq!((pacer.operations(), pacer.batches()), (1, 1));
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        5 => (0_u32..2_000).prop_map(|took| Answer::Taken(MS * took)),
        1 => Just(Answer::Taken(Duration::MAX)),
        2 => Just(Answer::Pushback),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_never_leaves_its_bounds_and_recovers_from_everything(
        answers in prop::collection::vec(answer(), 0..200),
        sizes in prop::collection::vec((1_usize..2_000, 1_usize..9), 1..40),
        operations_min in 1_usize..400,
        room in 0_usize..1_000,
        batches_max in 1_usize..9,
    ) {
        let operations_max = operations_min + room;
        let latency = MS * 200;
        let mut pacer = Pacer::new(Pace::Adaptive { operations_min, operations_max, batches_max, latency });
        let mut flying = Vec::new();
        for (answer, (operations, at_once)) in answers.into_iter().zip(sizes.into_iter().cycle()) {
            flying.push(pacer.sent(operations, at_once));
            // Some land late, in another order.
            let landed = flying.swap_remove(operations % flying.len());
            let (before, fallen) = ((pacer.operations(), pacer.batches()), pacer.falls > 0);
            pacer.landed(landed, answer);
            let after = (pacer.operations(), pacer.batches());
            prop_assert!((operations_min..=operations_max).contains(&after.0));
            prop_assert!((1..=batches_max).contains(&after.1));
            if answer == Answer::Pushback {
                prop_assert!(after.0 <= before.0 && after.1 <= before.1);
            } else {
                let step = if fallen { room.div_ceil(STEPS) } else { before.0 };
                prop_assert!(after.0 <= before.0 + step && after.1 <= before.1 + 1);
            }
            if operations % 3 == 0 {
                flying.push(pacer.sent(operations, at_once));
            }
        }
        let enough = 2 * STEPS + STEADY * batches_max * batches_max + 20;
        let seen = drive(&mut pacer, enough, |_, _| Answer::Taken(MS));
        prop_assert_eq!(seen.last(), Some(&(operations_max, batches_max)));
    }

    #[test]
    fn with_a_steady_store_it_settles_near_what_the_store_does_in_time(per_ms in 1_usize..20) {
        let mut pacer = Pacer::new(ADAPTIVE);
        let seen = drive(&mut pacer, 1_000, server(per_ms));
        // What takes the time that is allowed, within what the pace may be at all.
        let fits = (200 * per_ms).clamp(100, 4_000);
        let settled: Vec<_> = seen[500..].iter().map(|(operations, batches)| operations * batches).collect();
        let average = settled.iter().sum::<usize>() / settled.len();
        prop_assert!(average * 10 >= fits * 5 && average <= fits * 2, "{} of {}", average, fits);
        let least = settled.iter().min().copied().unwrap_or(0);
        prop_assert!(least * 4 >= fits || least >= 1_000, "{} of {}", least, fits);
    }
}
