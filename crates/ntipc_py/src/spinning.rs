//! How long a thread spins before it sleeps: as long as its own recent waits say that it pays.
//!
//! A partner on another processor answers a spinning thread within a microsecond or two, a sleeping one costs both a wake-up of
//! 7 to 30 µs. On one processor spinning only keeps the partner from answering: whoever completes a wait leaves word where it
//! ran, and a thread that was told from its own processor does not spin. Otherwise spinning needs credit, which success
//! earns and failure costs. A thread without credit spins long now and then, the more seldom the more often in vain, to
//! find out whether its partner is awake by now; a wait that is satisfied before the thread is asleep shows the same.

use ntipc_kernel::dispatch::at_once::Try;
use ntipc_kernel::sys::process::processors;
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// False where a measurement wants to see what waits cost without it.
static ALLOWED: AtomicBool = AtomicBool::new(true);

/// Let the threads of this process spin, or not. Returns what held before.
pub fn allow(spinning: bool) -> bool {
    ALLOWED.swap(spinning, Ordering::Relaxed)
}

/// The part of a spin that keeps the GIL: getting it back beside a busy thread would cost milliseconds.
pub const WITH_GIL_NS: u64 = 6_000;
/// The longest spin: what it takes to wake a partner that sleeps.
const LONGEST_NS: u64 = 60_000;
/// Without credit, one of so many waits spins.
const PROBE_EVERY: u32 = 64;
const PROBE_EVERY_MAX: u32 = 1024;
const CREDIT_MAX: u32 = 16;

/// Is anybody else running while this thread spins?
fn can_pay() -> bool {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    ALLOWED.load(Ordering::Relaxed) && *PROCESSORS.get_or_init(processors) > 1
}

/// So long a thread spins for a mutex whose owner runs and is about to free it, before it is queued.
const OWNER_NS: u64 = WITH_GIL_NS;
/// After so many spins in vain a thread spins seldom: its mutexes are held for long, or by who does not run.
const VAIN_MAX: u32 = 8;
const VAIN_EVERY: u32 = 16;

thread_local! {
    static VAIN: Cell<u32> = const { Cell::new(0) };
}

/// Spin for a mutex that somebody owns, unless that was in vain for long. `own` spins for up to so many nanoseconds. Whether it was
/// abandoned; `None`: wait for it.
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

#[derive(Clone, Copy)]
pub struct Spinning {
    credit: u32,
    /// Waits until the next probe.
    until_probe: u32,
    probe_every: u32,
    worth_ns: u64,
    /// The partner was on this processor when it last completed a wait.
    together: bool,
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// While spinning, after so many nanoseconds.
    Spinning(u64),
    /// On the way to sleep: a short spin would have done.
    Awake,
    Asleep,
}

impl Spinning {
    pub const NEW: Spinning = Spinning {
        credit: CREDIT_MAX / 4,
        until_probe: PROBE_EVERY,
        probe_every: PROBE_EVERY,
        worth_ns: WITH_GIL_NS,
        together: false,
    };

    /// How long to spin in this wait; 0 = not at all.
    pub fn budget_ns(&mut self) -> u64 {
        if self.together || !can_pay() {
            return 0;
        }
        if self.credit > 0 {
            return self.worth_ns;
        }
        self.until_probe = self.until_probe.saturating_sub(1);
        if self.until_probe > 0 {
            return 0;
        }
        self.until_probe = self.probe_every;
        LONGEST_NS
    }

    /// A wait was satisfied; `together`: by somebody on this processor.
    pub fn satisfied(&mut self, found: Found, together: bool) {
        if together {
            self.together = true;
            self.credit = 0;
            return;
        }
        if std::mem::replace(&mut self.together, false) {
            self.credit = 1; // apart from now on: see whether it pays
        }
        let took_ns = match found {
            Found::Spinning(took_ns) => took_ns,
            Found::Awake => 0,
            Found::Asleep => return,
        };
        self.credit = (self.credit + 2).min(CREDIT_MAX);
        self.worth_ns = (took_ns * 2).clamp(WITH_GIL_NS, LONGEST_NS);
        self.probe_every = PROBE_EVERY;
    }

    /// Spun in vain.
    pub fn failed(&mut self, spun_ns: u64) {
        if self.credit == 0 {
            self.probe_every = (self.probe_every * 2).min(PROBE_EVERY_MAX);
        }
        self.credit = self.credit.saturating_sub(if spun_ns > WITH_GIL_NS { 4 } else { 1 });
    }
}
