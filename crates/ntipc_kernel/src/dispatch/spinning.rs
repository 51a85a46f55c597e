//! How long a waiting thread spins before it sleeps: the policy. It reads no clock and no shared memory. Its caller
//! measures; `tests/spinning.rs` simulates.
//!
//! A waiter that sleeps goes on late: 1 to 40 µs after its partner has completed the wait, depending on the machine. A
//! waiter that spins on another processor goes on at once, and burns the time until then. So spinning pays if a wait is
//! short beside a wake-up.
//!
//! * The caller measures every wait from its beginning to its completion, even if the waiter slept: a partner that
//!   wakes a sleeper notes the time. So a thread that sleeps learns what spinning would have cost, and needs no trial
//!   spins.
//! * A partner that had to be woken itself completes the wait later by its own wake-up, and says so. The rest is its
//!   *turn-around*: what the wait takes once the partner spins as well. Two partners that both sleep see short
//!   turn-arounds in the same rounds. So they begin to spin in the same round, and spin for long enough to bridge each
//!   other's last wake-up.
//! * A partner that goes on sleeping although the waiter spins does not follow. After [`TRIES`] such spins its wake-ups
//!   count as part of its turn-around, and the waiter tries again only after [`PAUSE`] waits, then after twice as many,
//!   and so on.
//! * What a wake-up costs is measured as well. A thread sleeps in its first wait, and once in [`STALE`] waits, to
//!   measure it.
//! * A partner on the waiter's own processor, or in its own process, cannot answer a waiter that spins. Such a waiter
//!   sleeps at once until it is told from elsewhere.
//! * A spin in vain counts against spinning, whatever was measured. A thread whose waits become long gives up after
//!   [`MEMORY`] - [`ENOUGH`] + 1 spins. It then sleeps at once until [`ENOUGH`] of its waits have been short again.

/// The last so many waits decide.
pub const MEMORY: u32 = u8::BITS;
/// A thread spins if so many of them were short.
pub const ENOUGH: u32 = 4;
/// What a thread assumes of the waits before its first: just enough of them were short.
const ASSUMED: u8 = (1 << ENOUGH) - 1;
/// Spins for a partner that sleeps, before its wake-ups count against it.
pub const TRIES: u8 = 4;
/// Waits until the next such tries, at first and at most.
pub const PAUSE: u16 = 64;
const LONGEST_PAUSE: u16 = 4096;

const LEAST_NS: u32 = 1_000;
/// A wake-up that takes longer tells of the scheduler, not of the machine.
const MOST_NS: u32 = 60_000;
/// A thread that has spun so often since it last saw a wake-up sleeps once to see another, if that may change anything.
pub const STALE: u16 = 256;

/// A wait for a partner that follows is short if it takes no longer than so many wake-ups. A sleep delays the waiter by
/// one, and costs both sides about another in processor time. And a waiter that goes on late makes its partner wait
/// longer, and sleep as well.
const SHORT_WAKE_UPS: u64 = 3;
/// What a sleep costs even where wake-ups cost nothing: two system calls, and the way through the dispatcher lock.
const SLEEP_NS: u64 = 5_000;
/// For a partner that takes a little longer than usual.
const SLACK_NS: u64 = 3_000;
/// No spin is longer.
pub const LONGEST_NS: u64 = 250_000;

/// What it costs on this machine to wake a thread on another processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WakeUp {
    /// 0: none was measured.
    ns: u32,
    /// Successful spins since the last measurement.
    spins: u16,
}

impl WakeUp {
    pub const UNKNOWN: WakeUp = WakeUp { ns: 0, spins: 0 };

    pub fn ns(self) -> u64 {
        u64::from(self.ns)
    }

    /// Learn from a wake-up. Falls quickly and rises slowly: what keeps a thread from running once it is awake only
    /// adds.
    pub fn measure(&mut self, took_ns: u64) {
        let took = narrow(took_ns).clamp(LEAST_NS, MOST_NS);
        self.ns = match took > self.ns {
            _ if self.ns == 0 => took,
            true => self.ns + (took - self.ns).min(self.ns) / 8,
            false => self.ns - (self.ns - took) / 2,
        };
        self.spins = 0;
    }

    /// Has no wake-up been measured yet, or none for long?
    fn is_stale(self, turn_ns: u64) -> bool {
        self.ns == 0 || self.spins >= STALE && turn_ns > SLEEP_NS
    }

    /// The longest turn-around that is short, of a partner that follows.
    pub fn short_ns(self) -> u64 {
        SHORT_WAKE_UPS * self.ns() + SLEEP_NS
    }

    /// The longest wait that is short for a partner that does not follow: nothing is saved but the waiter's own sleep.
    fn short_alone_ns(self) -> u64 {
        self.ns() + SLEEP_NS
    }
}

/// Who completed a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partner {
    /// It cannot run while the waiter spins: it shares the processor; or the process, where the waiter may hold a lock
    /// of the program, as that of an interpreter.
    pub beside: bool,
    /// How long the partner itself took to wake up during this wait; 0: it was awake.
    pub woken_ns: u64,
}

/// Whether a waiter spun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spun {
    /// It slept at once.
    Not,
    /// Until the wait was completed.
    Found,
    InVain,
}

/// A wait that has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    pub spun: Spun,
    /// From its beginning until it was completed, or until the waiter gave up.
    pub took_ns: u64,
    /// The waiter's own wake-up, if it slept: from the completion until it ran.
    pub woken_ns: Option<u64>,
    /// `None`: nobody completed the wait. Its time ran out, or a timer was due.
    pub partner: Option<Partner>,
}

/// How long to spin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spin {
    /// What the partner usually takes; 0: it sleeps, and takes a wake-up more.
    pub usual_ns: u64,
    /// 0: sleep at once.
    pub longest_ns: u64,
}

/// What a thread has learned from its waits for one object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Habit {
    /// A bit for each of the last waits, the newest lowest: it was short.
    recent: u8,
    /// Spins that the thread still tries for a partner that sleeps. At 0 `pause` counts the waits until it has some
    /// again.
    tries: u8,
    pause: u16,
    next_pause: u16,
    beside: bool,
    partner_slept: bool,
    /// Turn-arounds of short waits, and wake-ups of the partner, smoothed.
    turn_ns: u32,
    partner_woken_ns: u32,
}

impl Habit {
    pub const UNKNOWN: Habit = Habit {
        recent: ASSUMED,
        tries: TRIES,
        pause: 0,
        next_pause: PAUSE,
        beside: false,
        partner_slept: true,
        turn_ns: 0,
        partner_woken_ns: 0,
    };

    /// How long to spin in the wait that begins.
    pub fn plan(&self, wake_up: WakeUp) -> Spin {
        let turn_ns = u64::from(self.turn_ns);
        if self.beside || self.recent.count_ones() < ENOUGH || wake_up.is_stale(turn_ns) {
            return Spin::default();
        }
        let woken_ns = match self.partner_slept {
            true => wake_up.ns().max(self.partner_woken_ns.into()) * 3 / 2,
            // It may have just fallen asleep. Once the usual time is over, as much again as a sleep costs is not
            // wasted.
            false => wake_up.ns(),
        };
        Spin {
            usual_ns: if self.partner_slept { 0 } else { turn_ns + SLACK_NS },
            longest_ns: (2 * turn_ns + SLACK_NS + woken_ns).min(LONGEST_NS),
        }
    }

    /// Learn from a wait, and from the wake-ups in it.
    pub fn learn(&mut self, wake_up: &mut WakeUp, ended: Ended) {
        let in_vain = ended.spun == Spun::InVain;
        let Some(partner) = ended.partner else {
            if in_vain || ended.took_ns > wake_up.short_ns() {
                self.note(false);
            }
            return;
        };
        self.beside = partner.beside;
        if partner.beside {
            if in_vain {
                self.note(false);
            }
            return;
        }
        match ended.woken_ns {
            Some(woken_ns) => wake_up.measure(woken_ns),
            None if ended.spun == Spun::Found => wake_up.spins = wake_up.spins.saturating_add(1),
            None => {}
        }
        self.partner_slept = partner.woken_ns > 0;
        if self.partner_slept {
            wake_up.measure(partner.woken_ns);
            smooth(&mut self.partner_woken_ns, partner.woken_ns);
        }
        let follows = self.follows(ended.spun);
        let (turn_ns, limit_ns) = match follows {
            true => (ended.took_ns.saturating_sub(partner.woken_ns), wake_up.short_ns()),
            false => (ended.took_ns, wake_up.short_alone_ns()),
        };
        let short = turn_ns <= limit_ns;
        if short {
            smooth(&mut self.turn_ns, turn_ns);
        }
        self.note(short && !in_vain);
    }

    /// Does the partner stay awake if the waiter does, as far as is known after a wait?
    fn follows(&mut self, spun: Spun) -> bool {
        if !self.partner_slept {
            (self.tries, self.next_pause) = (TRIES, PAUSE);
        } else if self.tries > 0 {
            if spun != Spun::Not {
                self.tries -= 1;
            }
            if self.tries == 0 {
                self.pause = self.next_pause;
                self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
            }
        } else {
            self.pause = self.pause.saturating_sub(1);
            if self.pause == 0 {
                self.tries = TRIES;
            }
        }
        self.tries > 0
    }

    fn note(&mut self, short: bool) {
        self.recent = self.recent << 1 | u8::from(short);
    }
}

/// Rises quickly and falls slowly, so that the value suffices for most of what comes.
fn smooth(value: &mut u32, new_ns: u64) {
    let new = narrow(new_ns);
    *value = match new > *value {
        true => *value + (new - *value) / 2,
        false => *value - (*value - new) / 8,
    };
}

fn narrow(ns: u64) -> u32 {
    u32::try_from(ns).unwrap_or(u32::MAX)
}
