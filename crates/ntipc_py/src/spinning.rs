//! How the waits of Python threads spin. The kernel's policy (`dispatch::spinning`) says how long; this module measures
//! for it, and decides what becomes of the GIL.
//!
//! A thread that spins with the GIL keeps the other threads of its program from running. A thread that gives the GIL up
//! beside a busy thread gets it back after CPython's switch interval, 5 ms. So a thread keeps the GIL only if its
//! partner usually answers within [`WITH_GIL_NS`], and only for as long as it usually takes: that delays the others by
//! a small part of the interval, and saves this thread all of it. Otherwise it gives the GIL up first and spins without
//! it, which costs the others as little as if it slept.

use crate::gil::detached;
use ntipc_kernel::dispatch::at_once::Try;
use ntipc_kernel::dispatch::partner::Rest;
use ntipc_kernel::dispatch::spinning::{Ended, Habit, Partner, Spun, WakeUp};
use ntipc_kernel::sys::clock::now_ns;
use ntipc_kernel::sys::process::processors;
use pyo3::prelude::*;
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// False while a measurement wants to see what waits cost without spinning.
static ALLOWED: AtomicBool = AtomicBool::new(true);

/// Let the threads of this process spin, or not. Returns what held before.
pub fn allow(spinning: bool) -> bool {
    ALLOWED.swap(spinning, Ordering::Relaxed)
}

/// The longest spin with the GIL.
const WITH_GIL_NS: u64 = 15_000;

/// Can anybody else run while this thread spins?
fn can_pay() -> bool {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    ALLOWED.load(Ordering::Relaxed) && *PROCESSORS.get_or_init(processors) > 1
}

/// How long a thread spins for a mutex that a running process owns, before it is queued.
const OWNER_NS: u64 = 6_000;
/// After so many such spins in vain only one in so many waits spins: the owners keep the mutex for long, or do not run.
const VAIN_MAX: u32 = 8;
const VAIN_EVERY: u32 = 16;

/// Habits of a thread. Objects whose handles fall into the same place share one.
const HABITS: usize = 16;

thread_local! {
    static VAIN: Cell<u32> = const { Cell::new(0) };
    static WAKE_UP: Cell<WakeUp> = const { Cell::new(WakeUp::UNKNOWN) };
    static HABIT: [Cell<Habit>; HABITS] = const { [const { Cell::new(Habit::UNKNOWN) }; HABITS] };
}

/// Spin for a mutex that is owned, unless the last such spins were in vain. `own` spins for up to so many nanoseconds.
/// Returns whether the mutex was abandoned; `None`: the thread does not have it, and must wait.
pub fn until_freed(own: impl FnOnce(u64) -> Try) -> Option<bool> {
    let vain = VAIN.get();
    if !can_pay() || vain >= VAIN_MAX && vain % VAIN_EVERY != 0 {
        VAIN.set(vain.wrapping_add(1));
        return None;
    }
    match own(OWNER_NS) {
        Try::Taken(abandoned) => {
            VAIN.set(0);
            Some(abandoned)
        }
        Try::Unsignalled => {
            VAIN.set(vain.wrapping_add(1));
            None
        }
        Try::Unclear => None,
    }
}

/// A wait of the calling thread, as it is measured for the policy.
pub struct Watch {
    /// The place of its habit; `None`: this process neither spins nor learns.
    place: Option<usize>,
    began_ns: u64,
    spun: Spun,
    /// When the spin ended, if it did without the GIL: to get that back is no part of the wait.
    ended_ns: Option<u64>,
}

impl Watch {
    /// A wait by that handle begins.
    pub fn begin(handle: u32) -> Watch {
        let place = can_pay().then_some(handle as usize / 4 % HABITS); // numbers of handles are multiples of four
        Watch { place, began_ns: place.map_or(0, |_| now_ns()), spun: Spun::Not, ended_ns: None }
    }

    /// Spin for as long as the habit says, and not beyond the wait's end. `look` spins for up to so many nanoseconds.
    pub fn spin<T: Send>(
        &mut self,
        py: Python<'_>,
        until_ns: u64,
        look: impl Fn(u64) -> Option<T> + Sync,
    ) -> Option<T> {
        let place = self.place?;
        let spin = HABIT.with(|habits| habits[place].get()).plan(WAKE_UP.get());
        let budget_ns = spin.longest_ns.min(until_ns.saturating_sub(self.began_ns));
        if budget_ns == 0 {
            return None;
        }
        let with_gil_ns = if spin.usual_ns <= WITH_GIL_NS { spin.usual_ns.min(budget_ns) } else { 0 };
        let mut found = if with_gil_ns > 0 { look(with_gil_ns) } else { None };
        if found.is_none() && budget_ns > with_gil_ns {
            let (late, ended_ns) = detached(py, || (look(budget_ns - with_gil_ns), now_ns()));
            self.ended_ns = Some(ended_ns);
            found = late;
        }
        self.spun = match &found {
            Some(_) => Spun::Found,
            None if budget_ns == spin.longest_ns => Spun::InVain,
            None => Spun::Not, // the time ran out first: that says nothing
        };
        found
    }

    /// The spin has found that the wait is completed. `partner` says by whom, given when the wait began.
    pub fn found(self, partner: impl FnOnce(u64) -> Option<Partner>) {
        let ended_ns = self.ended_ns;
        self.learn(|| ended_ns.unwrap_or_else(now_ns), None, partner);
    }

    /// The wait was completed after the spin, if there was any; `rest`: while the thread slept.
    pub fn slept(self, rest: Option<Rest>, partner: impl FnOnce(u64) -> Option<Partner>) {
        self.learn(|| rest.map_or_else(now_ns, |rest| rest.told_at_ns), rest.map(|rest| rest.woken_ns), partner);
    }

    /// The wait's time ran out.
    pub fn gave_up(self) {
        self.learn(now_ns, None, |_| None);
    }

    fn learn(self, end_ns: impl FnOnce() -> u64, woken_ns: Option<u64>, partner: impl FnOnce(u64) -> Option<Partner>) {
        let Some(place) = self.place else { return };
        let took_ns = end_ns().saturating_sub(self.began_ns);
        let ended = Ended { spun: self.spun, took_ns, woken_ns, partner: partner(self.began_ns) };
        HABIT.with(|habits| {
            let (mut habit, mut wake_up) = (habits[place].get(), WAKE_UP.get());
            habit.learn(&mut wake_up, ended);
            habits[place].set(habit);
            WAKE_UP.set(wake_up);
        });
    }
}
