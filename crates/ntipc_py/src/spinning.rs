//! How long a thread spins before it sleeps: as long as its own recent waits say that it pays.
//!
//! A partner on another processor answers a spinning thread within a microsecond or two, a sleeping one costs both a wake-up of
//! 7 to 30 µs. On one processor spinning only keeps the partner from answering. So spinning needs credit, which success earns and
//! failure costs. A thread without credit spins long in one of [`PROBE_EVERY`] waits, to find out whether its partner is awake by
//! now; a wait that is satisfied before the thread is asleep shows the same.

use ntipc_kernel::sys::process::processors;
use std::sync::OnceLock;

/// The part of a spin that keeps the GIL: getting it back beside a busy thread would cost milliseconds.
pub const WITH_GIL_NS: u64 = 6_000;
/// The longest spin: what it takes to wake a partner that sleeps.
const LONGEST_NS: u64 = 60_000;
const PROBE_EVERY: u32 = 64;
const CREDIT_MAX: u32 = 16;

#[derive(Clone, Copy)]
pub struct Spinning {
    credit: u32,
    waits: u32,
    worth_ns: u64,
}

impl Spinning {
    pub const NEW: Spinning = Spinning { credit: CREDIT_MAX / 4, waits: 0, worth_ns: WITH_GIL_NS };

    /// How long to spin in this wait; 0 = not at all.
    pub fn budget_ns(&mut self) -> u64 {
        static PROCESSORS: OnceLock<usize> = OnceLock::new();
        if *PROCESSORS.get_or_init(processors) == 1 {
            return 0;
        }
        if self.credit > 0 {
            return self.worth_ns;
        }
        self.waits = (self.waits + 1) % PROBE_EVERY;
        if self.waits == 0 { LONGEST_NS } else { 0 }
    }

    /// Satisfied after spinning so long.
    pub fn paid(&mut self, took_ns: u64) {
        self.credit = (self.credit + 2).min(CREDIT_MAX);
        self.worth_ns = (took_ns * 2).clamp(WITH_GIL_NS, LONGEST_NS);
    }

    /// Spun in vain.
    pub fn failed(&mut self, spun_ns: u64) {
        self.credit = self.credit.saturating_sub(if spun_ns > WITH_GIL_NS { 4 } else { 1 });
    }

    /// Satisfied on the way to sleep: a short spin would have done.
    pub fn would_have_paid(&mut self) {
        self.paid(0);
    }
}
