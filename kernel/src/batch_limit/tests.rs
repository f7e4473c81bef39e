//! The limiter against stores that keep up, slow down, push back and recover.

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

const ADAPTIVE: BatchLimit = BatchLimit::Adaptive {
    operations_min: 100,
    operations_max: 1_000,
    batches_max: 4,
    latency: Duration::from_millis(200),
};

/// Sends full batches, as many at once as allowed, each answered by `answer(operations, in flight)`; returns the limit
/// after each.
fn drive(
    limiter: &mut BatchLimiter,
    batches: usize,
    mut answer: impl FnMut(usize, usize) -> BatchAnswer,
) -> Vec<(usize, usize)> {
    let mut flying = std::collections::VecDeque::new();
    let mut seen = Vec::new();
    for _ in 0..batches {
        while flying.len() < limiter.batches() {
            let operations = limiter.operations();
            flying.push_back((operations, limiter.sent(operations, flying.len() + 1)));
        }
        let at_once = flying.len();
        let (operations, sent) = flying.pop_front().unwrap();
        limiter.landed(sent, answer(operations, at_once));
        seen.push((limiter.operations(), limiter.batches()));
    }
    seen
}

/// A server that does so many operations in a millisecond, over all batches together, and takes 5 ms besides.
fn server(per_ms: usize) -> impl FnMut(usize, usize) -> BatchAnswer {
    move |operations, at_once| {
        let work = u32::try_from(operations * at_once / per_ms).unwrap();
        BatchAnswer::Taken(MS * (work + 5))
    }
}

#[test]
fn a_fixed_pace_stays_whatever_happens() {
    let mut limiter = BatchLimiter::new(BatchLimit::Fixed { operations: 500, batches: 2 });
    for answer in [
        BatchAnswer::Taken(MS),
        BatchAnswer::Taken(MS * 90_000),
        BatchAnswer::Pushback,
        BatchAnswer::Pushback,
    ] {
        let seen = drive(&mut limiter, 20, |_, _| answer);
        assert!(seen.iter().all(|pace| *pace == (500, 2)), "{answer:?}");
    }
}

#[test]
fn a_quick_store_is_soon_given_the_most() {
    let mut limiter = BatchLimiter::new(ADAPTIVE);
    assert_eq!((limiter.operations(), limiter.batches()), (100, 1));
    let seen = drive(&mut limiter, 60, server(1_000));
    assert_eq!(seen[..4], [(200, 1), (400, 1), (800, 1), (1_000, 1)], "the size first");
    assert_eq!(seen.last(), Some(&(1_000, 4)));
}

#[test]
fn once_it_was_too_much_the_pace_grows_in_steps() {
    let mut limiter = BatchLimiter::new(ADAPTIVE);
    drive(&mut limiter, 1, |_, _| BatchAnswer::Pushback);
    let seen = drive(&mut limiter, 60, server(1_000));
    let steps = seen.windows(2).map(|pair| (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1));
    assert!(steps.into_iter().all(|(operations, batches)| operations <= 90 && batches <= 1), "{seen:?}");
    assert_eq!(seen[8], (910, 1));
    assert_eq!(seen.last(), Some(&(1_000, 4)));
}

#[test]
fn pushback_halves_the_batches_at_once_then_their_size() {
    let mut limiter = BatchLimiter::new(ADAPTIVE);
    drive(&mut limiter, 100, server(1_000));
    let seen: Vec<_> = (0..8).map(|_| drive(&mut limiter, 1, |_, _| BatchAnswer::Pushback)[0]).collect();
    assert_eq!(seen[..6], [(1_000, 2), (1_000, 1), (500, 1), (250, 1), (125, 1), (100, 1)]);
    assert_eq!(seen[7], (100, 1), "never below the floor");
    let seen = drive(&mut limiter, 60, server(1_000));
    assert_eq!(seen.last(), Some(&(1_000, 4)), "it recovers");
}

#[test]
fn what_was_sent_together_and_fails_together_counts_once() {
    let mut limiter = BatchLimiter::new(ADAPTIVE);
    drive(&mut limiter, 100, server(1_000));
    let flying = [1, 2, 3, 4].map(|at_once| limiter.sent(1_000, at_once));
    for sent in flying {
        limiter.landed(sent, BatchAnswer::Pushback);
    }
    assert_eq!((limiter.operations(), limiter.batches()), (1_000, 2));
}

#[test]
fn what_was_sent_before_a_fall_raises_nothing() {
    let mut limiter = BatchLimiter::new(ADAPTIVE);
    let early = limiter.sent(100, 1);
    let failed = limiter.sent(100, 2);
    limiter.landed(failed, BatchAnswer::Pushback);
    limiter.landed(early, BatchAnswer::Taken(MS));
    assert_eq!((limiter.operations(), limiter.batches()), (100, 1));
}

#[test]
fn a_store_with_little_to_do_is_given_no_more() {
    let mut limiter = BatchLimiter::new(ADAPTIVE);
    for _ in 0..100 {
        let sent = limiter.sent(7, 0);
        limiter.landed(sent, BatchAnswer::Taken(MS));
    }
    assert_eq!((limiter.operations(), limiter.batches()), (100, 1));
}

#[test]
fn a_slow_store_is_given_less_until_it_answers_in_time() {
    // A thousand operations take it a second, and further batches only wait.
    let mut limiter = BatchLimiter::new(ADAPTIVE);
    let seen = drive(&mut limiter, 400, server(1));
    let (least, most) = seen[200..].iter().fold((usize::MAX, 0), |(least, most), (operations, batches)| {
        (least.min(operations * batches), most.max(operations * batches))
    });
    // The 100 operations of the minimum take 105 ms, and 200 ms more are allowed.
    assert!((200..=300).contains(&least) && (300..=400).contains(&most), "{least} to {most}");
}

#[test]
fn a_store_that_is_far_away_is_given_the_most() {
    // The network takes longer than the allowed delay: smaller batches would not help.
    let mut limiter = BatchLimiter::new(ADAPTIVE);
    let seen = drive(&mut limiter, 60, |_, _| BatchAnswer::Taken(MS * 3_000));
    assert_eq!(seen.last(), Some(&(1_000, 4)));
}

#[test]
fn a_store_that_goes_further_away_is_given_the_most_again() {
    let mut limiter = BatchLimiter::new(ADAPTIVE);
    drive(&mut limiter, 100, server(1_000));
    let seen = drive(&mut limiter, 200, |_, _| BatchAnswer::Taken(MS * 1_000));
    assert!(seen.contains(&(100, 1)), "it was less that was tried first");
    assert_eq!(seen.last(), Some(&(1_000, 4)));
}

#[test]
fn a_batch_limit_out_of_bounds_is_named() {
    let fixed = |operations, batches| BatchLimit::Fixed { operations, batches }.check();
    assert_eq!(fixed(4_000, 64), Ok(()));
    assert_eq!(fixed(0, 1).unwrap_err(), "batch limit: operations of a batch: 0 is not within 1 to 4000");
    assert!(fixed(4_001, 1).is_err() && fixed(1, 0).is_err() && fixed(1, 65).is_err());
    let floor = |operations_min, operations_max| {
        BatchLimit::Adaptive { operations_min, operations_max, batches_max: 1, latency: MS }.check()
    };
    assert!(floor(1, 1).is_ok() && floor(0, 1).is_err() && floor(2, 1).is_err());
    assert_eq!((BatchLimit::EMBEDDED.check(), BatchLimit::SERVER.check()), (Ok(()), Ok(())));
}

#[test]
fn a_pace_that_makes_no_sense_still_moves() {
    let nothing = BatchLimit::Adaptive {
        operations_min: 9,
        operations_max: 0,
        batches_max: 0,
        latency: Duration::ZERO,
    };
    for pace in [nothing, BatchLimit::Fixed { operations: 0, batches: 0 }] {
        let mut limiter = BatchLimiter::new(pace);
        drive(&mut limiter, 50, server(1));
        drive(&mut limiter, 50, |_, _| BatchAnswer::Pushback);
        assert_eq!((limiter.operations(), limiter.batches()), (1, 1));
    }
}

fn answer() -> impl Strategy<Value = BatchAnswer> {
    prop_oneof![
        5 => (0_u32..2_000).prop_map(|took| BatchAnswer::Taken(MS * took)),
        1 => Just(BatchAnswer::Taken(Duration::MAX)),
        2 => Just(BatchAnswer::Pushback),
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
        let mut limiter = BatchLimiter::new(BatchLimit::Adaptive { operations_min, operations_max, batches_max, latency });
        let mut flying = Vec::new();
        for (answer, (operations, at_once)) in answers.into_iter().zip(sizes.into_iter().cycle()) {
            flying.push(limiter.sent(operations, at_once));
            // Some results arrive late, in another order.
            let landed = flying.swap_remove(operations % flying.len());
            let (before, fallen) = ((limiter.operations(), limiter.batches()), limiter.falls > 0);
            limiter.landed(landed, answer);
            let after = (limiter.operations(), limiter.batches());
            prop_assert!((operations_min..=operations_max).contains(&after.0));
            prop_assert!((1..=batches_max).contains(&after.1));
            if answer == BatchAnswer::Pushback {
                prop_assert!(after.0 <= before.0 && after.1 <= before.1);
            } else {
                let step = if fallen { room.div_ceil(STEPS) } else { before.0 };
                prop_assert!(after.0 <= before.0 + step && after.1 <= before.1 + 1);
            }
            if operations % 3 == 0 {
                flying.push(limiter.sent(operations, at_once));
            }
        }
        let enough = 2 * STEPS + STEADY * batches_max * batches_max + 20;
        let seen = drive(&mut limiter, enough, |_, _| BatchAnswer::Taken(MS));
        prop_assert_eq!(seen.last(), Some(&(operations_max, batches_max)));
    }

    #[test]
    fn with_a_steady_store_it_settles_near_what_the_store_does_in_time(per_ms in 1_usize..20) {
        let mut limiter = BatchLimiter::new(ADAPTIVE);
        let seen = drive(&mut limiter, 1_000, server(per_ms));
        // The size that takes the allowed time, within the bounds of the limit.
        let fits = (200 * per_ms).clamp(100, 4_000);
        let settled: Vec<_> = seen[500..].iter().map(|(operations, batches)| operations * batches).collect();
        let average = settled.iter().sum::<usize>() / settled.len();
        prop_assert!(average * 10 >= fits * 5 && average <= fits * 2, "{} of {}", average, fits);
        let least = settled.iter().min().copied().unwrap_or(0);
        prop_assert!(least * 4 >= fits || least >= 1_000, "{} of {}", least, fits);
    }
}
