//! Futexes of the model: sleepers in a table, by the place in the arena that they sleep on.
//!
//! A clock thread lets sleepers with a deadline time out: any of them, whenever the scheduler lets the clock run, so a
//! timeout may come at every moment. It sleeps itself while nobody has a deadline; if then all others sleep, a
//! wake-up was lost, and the scheduler says so.

use super::step::{self, Sleeper, is_running, me, with};
use crate::sync::AtomicU32;
use crate::sys::clock::NEVER;
use crate::sys::futex::Slept;
use std::sync::atomic::Ordering;

fn value(word: &AtomicU32) -> u32 {
    // SAFETY: the pointer comes from a reference to an atomic word that lives.
    unsafe { std::sync::atomic::AtomicU32::from_ptr(word.as_ptr()) }.load(Ordering::SeqCst)
}

/// Sleep while `word` is `expected`. `None`: no model runs.
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline_ns: u64) -> Option<Slept> {
    wait_many(&[(word, expected)], deadline_ns)
}

/// Sleep while each word is what is expected of it. `None`: no model runs.
pub(crate) fn wait_many(words: &[(&AtomicU32, u32)], deadline_ns: u64) -> Option<Slept> {
    if !is_running() {
        assert!(step::STATE.with_borrow(Option::is_none), "asleep while a model is set up or judged");
        return None;
    }
    step::switch();
    step::mortal();
    let (task, thread) = (me(), shuttle::thread::current());
    let slept = with(|state| {
        if words.iter().any(|(word, expected)| value(word) != *expected) {
            return Some(Slept::Changed);
        }
        if deadline_ns <= state.now_ns {
            return Some(Slept::TimedOut);
        }
        let places = words.iter().map(|(word, _)| state.futex_at(word.as_ptr() as usize)).collect();
        state.sleepers.push(Sleeper { task, places, deadline_ns, thread });
        None
    });
    if slept.is_some() {
        return slept;
    }
    if step::will_stop() && step::once_in(3) {
        step::stop(); // it gets no processor any more, and takes every wake-up that comes to it
    }
    if deadline_ns != NEVER
        && let Some(clock) = with(|state| state.clock.clone())
    {
        clock.unpark();
    }
    loop {
        let woken = with(|state| {
            let mut taken = |list: fn(&mut step::State) -> &mut Vec<usize>| {
                let list = list(state);
                list.iter().position(|woken| *woken == task).map(|place| list.swap_remove(place)).is_some()
            };
            match (taken(|state| &mut state.woken), taken(|state| &mut state.expired)) {
                (true, _) => Some(Slept::Woken),
                (_, true) => Some(Slept::TimedOut),
                _ => None,
            }
        });
        if let Some(slept) = woken {
            step::mortal(); // killed in its sleep, or before it took notice
            return Some(slept);
        }
        shuttle::thread::park();
    }
}

/// Wake up to `count`, the longest asleep first. `false`: no model runs.
pub(crate) fn wake(word: &AtomicU32, count: i32) -> bool {
    if !is_running() {
        return false;
    }
    step::switch();
    step::mortal();
    for _ in 0..count {
        let woken = with(|state| {
            let at = state.futex_at(word.as_ptr() as usize);
            let place = state.sleepers.iter().position(|sleeper| sleeper.places.contains(&at))?;
            let sleeper = state.sleepers.remove(place);
            state.woken.push(sleeper.task);
            Some(sleeper.thread)
        });
        match woken {
            Some(thread) => thread.unpark(),
            None => break,
        }
    }
    true
}

/// The body of the clock thread.
pub(super) fn run_clock() {
    while step::STATE.with_borrow(Option::is_some) {
        let expired = with(|state| {
            let due: Vec<usize> =
                (0..state.sleepers.len()).filter(|place| state.sleepers[*place].deadline_ns != NEVER).collect();
            if due.is_empty() {
                return None;
            }
            let sleeper = state.sleepers.remove(due[step::choose(due.len() as u64) as usize]);
            state.now_ns = state.now_ns.max(sleeper.deadline_ns);
            state.expired.push(sleeper.task);
            Some(sleeper.thread)
        });
        match expired {
            Some(thread) => {
                thread.unpark();
                shuttle::thread::yield_now();
            }
            None => shuttle::thread::park(),
        }
    }
}
