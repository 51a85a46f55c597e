//! The policy of spinning, simulated: two partners that answer each other, on machines with several figures; waiters
//! whom nobody answers soon. Time is a number here, so every run is the same.
#![allow(clippy::panic, reason = "a failed expectation fails the test")]

use ntipc_kernel::dispatch::spinning::{
    ENOUGH, Ended, Habit, LONGEST_NS, MEMORY, PAUSE, Partner, Spin, Spun, TRIES, WakeUp,
};

const US: u64 = 1_000;
const MS: u64 = 1_000_000;
/// Wake-ups across processors, as measured on several machines.
const WAKE_UPS: [u64; 4] = [1_200, 7 * US, 36 * US, 40 * US];
const TURNS: [u64; 5] = [2 * US, 5 * US, 10 * US, 20 * US, 50 * US];
/// What it costs to wake somebody, and until a waiter that spins has seen the completion.
const WAKING_NS: u64 = 2 * US;
const SEEN_NS: u64 = 200;
/// A spin is given up after so many waits that are long.
const GIVEN_UP: usize = (MEMORY - ENOUGH + 1) as usize;

/// A thread that waits for its partner, works, and completes the partner's wait.
#[derive(Clone, Copy)]
struct Side {
    habit: Habit,
    wake_up: WakeUp,
    since_ns: u64,
    spin: Spin,
    /// Its last wake-up, and when that was over.
    woken_ns: u64,
    woken_at_ns: u64,
}

impl Side {
    const NEW: Side = Side {
        habit: Habit::UNKNOWN,
        wake_up: WakeUp::UNKNOWN,
        since_ns: 0,
        spin: Spin { usual_ns: 0, longest_ns: 0 },
        woken_ns: 0,
        woken_at_ns: 0,
    };

    fn begin(&mut self, now_ns: u64) {
        self.since_ns = now_ns;
        self.spin = self.habit.plan(self.wake_up);
    }

    /// Wait once for a partner that is elsewhere and completes the wait `took_ns` after its beginning. For how long it
    /// spun.
    fn wait(&mut self, took_ns: u64, wake_up_ns: u64, partner_woken_ns: u64) -> u64 {
        let Spin { longest_ns, .. } = self.habit.plan(self.wake_up);
        let spun = spun(longest_ns, took_ns);
        let woken_ns = (spun != Spun::Found).then_some(wake_up_ns);
        let partner = Some(Partner { beside: false, woken_ns: partner_woken_ns });
        self.habit.learn(&mut self.wake_up, Ended { spun, took_ns, woken_ns, partner });
        longest_ns.min(took_ns)
    }

    /// One that has only had long waits, for partners that it did not find asleep.
    fn idle(wake_up_ns: u64) -> Side {
        let mut side = Side::NEW;
        (0..20).for_each(|_| _ = side.wait(10 * MS, wake_up_ns, 0));
        side
    }

    /// One whose partners have slept whatever it did.
    fn forsaken(wake_up_ns: u64) -> Side {
        let mut side = Side::NEW;
        (0..20).for_each(|_| _ = side.wait(3 * wake_up_ns + 10 * US, wake_up_ns, wake_up_ns));
        side
    }
}

fn spun(longest_ns: u64, took_ns: u64) -> Spun {
    match longest_ns {
        0 => Spun::Not,
        _ if took_ns <= longest_ns => Spun::Found,
        _ => Spun::InVain,
    }
}

/// How a wait went.
#[derive(Clone, Copy, Debug)]
struct Seen {
    spun: Spun,
    spun_ns: u64,
}

struct Game {
    sides: [Side; 2],
    active: usize,
    now_ns: u64,
    processors: u32,
    /// Of each side: how long its wake-ups take.
    wake_ups_ns: [u64; 2],
}

impl Game {
    fn new(sides: [Side; 2], wake_up_ns: u64) -> Game {
        let mut game = Game { sides, active: 0, now_ns: 0, processors: 2, wake_ups_ns: [wake_up_ns; 2] };
        game.sides[1].begin(0);
        game
    }

    /// The active side works for so long, completes the other's wait, and waits itself.
    fn turn(&mut self, turn_ns: u64) -> Seen {
        let (me, other) = (self.active, 1 - self.active);
        let Side { since_ns, spin, .. } = self.sides[other];
        let alone = self.processors == 1;
        let start_ns = if alone { self.now_ns.max(since_ns + spin.longest_ns) } else { self.now_ns };
        let done_ns = start_ns + turn_ns;
        let took_ns = done_ns - since_ns;
        let spun = match spun(spin.longest_ns, took_ns) {
            Spun::Found if alone => panic!("on one processor nobody is found by spinning"),
            spun => spun,
        };
        let wake_up_ns = if alone { US } else { self.wake_ups_ns[other] };
        let woken_in_it = self.sides[me].woken_at_ns >= since_ns;
        let partner = Partner { beside: alone, woken_ns: if woken_in_it { self.sides[me].woken_ns } else { 0 } };
        let woken_ns = (spun != Spun::Found).then_some(wake_up_ns);
        let waiter = &mut self.sides[other];
        waiter.habit.learn(&mut waiter.wake_up, Ended { spun, took_ns, woken_ns, partner: Some(partner) });
        let (resumed_ns, waited_ns) = match spun {
            Spun::Found => (done_ns + SEEN_NS, done_ns),
            _ => (done_ns + wake_up_ns, done_ns + WAKING_NS),
        };
        if spun != Spun::Found {
            (waiter.woken_ns, waiter.woken_at_ns) = (wake_up_ns, resumed_ns);
        }
        self.sides[me].begin(waited_ns);
        (self.active, self.now_ns) = (other, resumed_ns);
        Seen { spun, spun_ns: spin.longest_ns.min(took_ns) }
    }

    /// So many rounds of a turn each; the two waits of each.
    fn play(&mut self, rounds: usize, mut turns_ns: impl FnMut(usize) -> [u64; 2]) -> Vec<[Seen; 2]> {
        let round = |number| turns_ns(number).map(|turn_ns| self.turn(turn_ns));
        (0..rounds).map(round).collect()
    }
}

fn both_found(round: &[Seen; 2]) -> bool {
    round.iter().all(|seen| seen.spun == Spun::Found)
}

/// The first round from which on both find each other by spinning. Later a thread may sleep now and then, to measure a
/// wake-up.
fn settled(rounds: &[[Seen; 2]]) -> usize {
    let settled = rounds.windows(8).position(|few| few.iter().all(both_found)).unwrap_or(rounds.len());
    let rest = &rounds[settled..];
    let found = rest.iter().filter(|round| both_found(round)).count();
    assert!(found * 100 >= rest.len() * 98, "{found} of {} rounds found after round {settled}", rest.len());
    settled
}

fn spun_ns(rounds: &[[Seen; 2]]) -> u64 {
    rounds.iter().flatten().map(|seen| seen.spun_ns).sum()
}

/// Turn-arounds for which spinning pays where a wake-up takes so long.
fn is_short(turn_ns: u64, wake_up_ns: u64) -> bool {
    turn_ns + SEEN_NS + WAKING_NS <= 3 * wake_up_ns + 5 * US
}

/// Each pair of turn-arounds with each wake-up.
fn machines() -> impl Iterator<Item = (u64, [u64; 2])> {
    let turns = TURNS.into_iter().flat_map(|one| TURNS.map(|other| [one, other]));
    turns.flat_map(|turns| WAKE_UPS.map(|wake_up| (wake_up, turns)))
}

#[test]
fn partners_on_two_processors_come_to_spin_within_a_few_rounds_and_stay() {
    let mut tried = 0;
    for (wake_up, turns) in machines().filter(|(wake_up, turns)| turns.iter().all(|turn| is_short(*turn, *wake_up))) {
        let [new, idle] = [Side::NEW, Side::idle(wake_up)];
        for sides in [[new, new], [idle, idle], [new, idle], [idle, new]] {
            let rounds = Game::new(sides, wake_up).play(3_000, |_| turns);
            let settled = settled(&rounds);
            assert!(settled <= 6, "wake-up {wake_up} ns, turns {turns:?} ns: found from round {settled} on");
            tried += 1;
        }
    }
    assert!(tried > 100, "only {tried} machines");
}

#[test]
fn partners_whose_wake_ups_differ_come_to_spin() {
    let mut game = Game::new([Side::idle(7 * US), Side::idle(40 * US)], 0);
    game.wake_ups_ns = [7 * US, 40 * US];
    let settled = settled(&game.play(3_000, |_| [5 * US, 8 * US]));
    assert!(settled <= 6, "found from round {settled} on");
}

#[test]
fn partners_that_were_left_asleep_by_others_come_to_spin_after_a_pause() {
    for wake_up in WAKE_UPS {
        let sides = [Side::forsaken(wake_up); 2];
        let rounds = Game::new(sides, wake_up).play(3_000, |_| [6 * US, 4 * US]);
        let settled = settled(&rounds);
        assert!(settled <= usize::from(PAUSE) + 12, "wake-up {wake_up} ns: found from round {settled} on");
    }
}

#[test]
fn turn_arounds_that_are_long_beside_a_wake_up_are_not_spun_for() {
    let mut tried = 0;
    for (wake_up, turns) in machines() {
        let rounds = Game::new([Side::NEW; 2], wake_up).play(1_000, |_| turns);
        // The first of the two turns ends the first of the two waits.
        for side in [0, 1].into_iter().filter(|side| !is_short(turns[*side], wake_up)) {
            let later: u64 = rounds[20..].iter().map(|round| round[side].spun_ns).sum();
            assert_eq!(later, 0, "wake-up {wake_up} ns, turns {turns:?} ns, turn {side}");
            tried += 1;
        }
    }
    assert!(tried > 30, "only {tried} waits");
}

#[test]
fn a_partner_that_is_slow_now_and_then_is_spun_for_again_at_once() {
    for wake_up in [7 * US, 36 * US, 40 * US] {
        for seldom in [5, 10, 100] {
            let slow = |round: usize| round % seldom == seldom - 1;
            let turns = |round| if slow(round) { [5 * US, 2 * MS] } else { [5 * US, 5 * US] };
            let rounds = Game::new([Side::NEW; 2], wake_up).play(10_000, turns);
            let (mut found, mut late) = (0, 0);
            for (number, round) in rounds.iter().enumerate().skip(20) {
                found += usize::from(both_found(round));
                // Both fell asleep in a slow round: the next one may be needed to wake up in.
                late += usize::from(!both_found(round) && !slow(number) && !slow(number - 1));
            }
            assert_eq!(late, 0, "wake-up {wake_up} ns, slow every {seldom} rounds: {found} of 10,000 found");
        }
    }
}

#[test]
fn a_partner_that_is_mostly_slow_is_not_spun_for() {
    let turns = |round: usize| if round % 4 == 0 { [5 * US, 5 * US] } else { [5 * US, 2 * MS] };
    let rounds = Game::new([Side::NEW; 2], 36 * US).play(10_000, turns);
    let waits = rounds[100..].iter().map(|round| round[1]);
    assert_eq!(waits.map(|seen| seen.spun_ns).sum::<u64>(), 0);
}

#[test]
fn sharing_one_processor_costs_nothing() {
    for (wake_up, turns) in machines() {
        for sides in [[Side::NEW; 2], [Side::NEW, Side::idle(wake_up)], [Side::idle(wake_up); 2]] {
            let mut game = Game::new(sides, wake_up);
            game.processors = 1;
            let rounds = game.play(1_000, |_| turns);
            assert_eq!(spun_ns(&rounds), 0, "wake-up {wake_up} ns, turns {turns:?} ns");
        }
    }
}

#[test]
fn partners_that_the_scheduler_moves_together_and_apart_learn_it_at_once() {
    let mut game = Game::new([Side::NEW; 2], 36 * US);
    for processors in [2, 1, 2, 1, 2] {
        game.processors = processors;
        let rounds = game.play(1_000, |_| [5 * US, 3 * US]);
        match processors {
            1 => assert_eq!(spun_ns(&rounds[1..]), 0),
            _ => assert!(settled(&rounds) <= 4, "found from round {} on", settled(&rounds)),
        }
    }
}

#[test]
fn an_idle_waiter_spins_a_few_times_and_never_again() {
    for wake_up in WAKE_UPS {
        let mut busy = Side::NEW;
        (0..100).for_each(|_| _ = busy.wait(3 * US, wake_up, 0));
        for mut side in [Side::NEW, busy] {
            let spun: Vec<u64> = (0..100_000).map(|_| side.wait(MS, wake_up, 0)).collect();
            assert!(spun[..GIVEN_UP].iter().sum::<u64>() <= GIVEN_UP as u64 * LONGEST_NS);
            assert_eq!(spun[GIVEN_UP..].iter().sum::<u64>(), 0, "wake-up {wake_up} ns");
        }
    }
}

#[test]
fn a_waiter_whose_time_runs_out_spins_a_few_times_and_never_again() {
    let (mut habit, mut wake_up) = (Habit::UNKNOWN, WakeUp::UNKNOWN);
    wake_up.measure(36 * US);
    let mut spins = 0;
    for _ in 0..100_000 {
        let spun = spun(habit.plan(wake_up).longest_ns, MS);
        spins += usize::from(spun != Spun::Not);
        habit.learn(&mut wake_up, Ended { spun, took_ns: MS, woken_ns: None, partner: None });
    }
    assert_eq!(spins, GIVEN_UP);
}

#[test]
fn polls_that_end_before_a_sleep_would_say_nothing() {
    let (mut habit, mut wake_up) = (Habit::UNKNOWN, WakeUp::UNKNOWN);
    for _ in 0..100 {
        habit.learn(&mut wake_up, Ended { spun: Spun::Not, took_ns: US, woken_ns: None, partner: None });
    }
    assert_eq!(habit, Habit::UNKNOWN);
}

/// A server that others keep asleep: a client that asks it now and then waits for its wake-up each time.
#[test]
fn a_partner_that_does_not_follow_is_tried_ever_more_seldom() {
    for wake_up in [7 * US, 36 * US, 40 * US] {
        let mut client = Side::NEW;
        let waits: Vec<u64> = (0..20_000).map(|_| client.wait(wake_up + 15 * US, wake_up, wake_up)).collect();
        let spins = |from: usize, to: usize| waits[from..to].iter().filter(|spun_ns| **spun_ns > 0).count();
        let (first, last) = (spins(0, 1_000), spins(10_000, 20_000));
        assert!((usize::from(TRIES)..100).contains(&first), "wake-up {wake_up} ns: {first} spins at first");
        assert!(last <= 50, "wake-up {wake_up} ns: {last} spins in 10,000 waits");
    }
}

#[test]
fn the_cost_of_a_wake_up_is_that_of_the_machine_and_not_of_its_scheduler() {
    for machine in WAKE_UPS {
        let mut wake_up = WakeUp::UNKNOWN;
        for number in 0..1_000 {
            let late = if number % 20 == 19 { 4 * MS } else { 0 };
            wake_up.measure(machine + number % 7 * machine / 20 + late);
        }
        assert!((machine..2 * machine + 2 * US).contains(&wake_up.ns()), "{machine} ns: {wake_up:?}");
    }
}

/// A first wake-up that was unusual is found out, though both spin and would never see another.
#[test]
fn a_wake_up_that_was_measured_wrong_is_measured_again() {
    let mut side = Side::NEW;
    side.wake_up.measure(60 * US);
    let rounds = Game::new([side; 2], 1_200).play(10_000, |_| [20 * US, 20 * US]);
    assert!(spun_ns(&rounds[..100]) > 0);
    assert_eq!(spun_ns(&rounds[9_000..]), 0);
}

#[test]
fn a_partner_that_spins_is_usually_as_quick_as_it_was_and_one_that_sleeps_is_not() {
    let mut side = Side::NEW;
    assert_eq!(side.habit.plan(side.wake_up).usual_ns, 0);
    (0..20).for_each(|_| _ = side.wait(4 * US, 36 * US, 0));
    let spin = side.habit.plan(side.wake_up);
    assert!((4 * US..10 * US).contains(&spin.usual_ns), "{spin:?}");
    side.wait(40 * US, 36 * US, 36 * US);
    let spin = side.habit.plan(side.wake_up);
    assert!(spin.usual_ns == 0 && spin.longest_ns > 40 * US, "{spin:?}");
}

#[test]
fn no_figures_make_a_spin_longer_than_the_longest() {
    let figures = [0, 1, US, MS, u64::from(u32::MAX) + 5, u64::MAX];
    let (mut habit, mut wake_up) = (Habit::UNKNOWN, WakeUp::UNKNOWN);
    for (number, took_ns) in figures.iter().cycle().take(10_000).enumerate() {
        let woken = figures[number / 7 % figures.len()];
        let partner = Some(Partner { beside: false, woken_ns: woken });
        let spun = [Spun::Not, Spun::Found, Spun::InVain][number % 3];
        habit.learn(&mut wake_up, Ended { spun, took_ns: *took_ns, woken_ns: Some(woken), partner });
        let spin = habit.plan(wake_up);
        assert!(spin.longest_ns <= LONGEST_NS, "{spin:?}");
    }
}
