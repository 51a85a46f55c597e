//! Timers: a function of the clock. No thread fires them; a thread that looks at one ([`Locked::tick`]) finds out
//! whether it is due, and its waiters sleep no longer than until then. (NtSetTimer, NtCancelTimer, NtQueryTimer)
//!
//! `a` is the due time (absolute nanoseconds, 0 = not running), `b` the period (0 = once).

use crate::arena::layout::{BLOCKS, word};
use crate::fault::fault;
use crate::object::kind::{Kind, Type, access};
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::NtResult;
use crate::sync::{Ordering, Shared};
use crate::sys::clock::now_ns;
use std::sync::Arc;

#[derive(Clone, Copy, Debug)]
pub struct TimerState {
    pub signalled: bool,
    /// Absolute nanoseconds; 0 = not running.
    pub due_ns: u64,
    pub period_ns: u64,
}

impl Session {
    /// Start a timer, unsignalled, whatever it did before. The state before.
    pub fn set_timer(self: &Arc<Self>, handle: u32, due_ns: u64, period_ns: u64) -> NtResult<bool> {
        let mut locked = self.lock()?;
        let (entry, _) = self.entry_of(handle, Type::Timer, access::MODIFY)?;
        let object = self.arena.object(entry.object);
        locked.tick(entry.object);
        object.quantity.put(0); // a death in between leaves a timer that does not run
        let before = object.word.fetch_and(!1, Ordering::SeqCst);
        object.detail.put(period_ns);
        fault!(TimerSet);
        object.quantity.put(due_ns.max(1));
        fault!(TimerStarted); // from here on recovery tells the waiters
        locked.tick(entry.object);
        if before & word::HAS_WAITERS != 0 {
            locked.tell_waiters_to_look(entry.object);
        }
        self.whole().map(|()| before & 1 != 0)
    }

    /// Stop a timer; its state stays as it is. Whether it was running.
    pub fn cancel_timer(self: &Arc<Self>, handle: u32) -> NtResult<bool> {
        let mut locked = self.lock()?;
        let (entry, _) = self.entry_of(handle, Type::Timer, access::MODIFY)?;
        locked.tick(entry.object);
        let object = self.arena.object(entry.object);
        let was_running = object.quantity.get() != 0;
        object.quantity.put(0);
        object.detail.put(0);
        self.whole().map(|()| was_running)
    }

    pub fn query_timer(self: &Arc<Self>, handle: u32) -> NtResult<TimerState> {
        let mut locked = self.lock()?;
        let (entry, _) = self.entry_of(handle, Type::Timer, access::QUERY)?;
        locked.tick(entry.object);
        let object = self.arena.object(entry.object);
        Ok(TimerState {
            signalled: object.word.get() & 1 != 0,
            due_ns: object.quantity.get(),
            period_ns: object.detail.get(),
        })
    }
}

impl Locked<'_> {
    /// Let a timer that is due fire. Periods that nobody looked at count once.
    pub fn tick(&mut self, object: u32) {
        let record = self.session.arena.object(object);
        let due = record.quantity.get();
        if due == 0 {
            return;
        }
        let now = now_ns();
        if now < due {
            return;
        }
        // Signal first: a death before the next due time is stored repeats a signal that nobody can have taken yet.
        let before = record.word.fetch_or(1, Ordering::SeqCst);
        fault!(TimerTicked);
        let period = record.detail.get();
        record.quantity.put(match period {
            0 => 0,
            _ => due.saturating_add(((now - due) / period).saturating_add(1).saturating_mul(period)),
        });
        if before & word::HAS_WAITERS != 0 {
            self.evaluate(object);
        }
    }

    /// Let the timers of a wait fire.
    pub fn tick_all(&mut self, slot: u32) {
        for place in 0..self.block_count(slot) {
            let object = self.block_of(slot, place).object.get();
            if Kind::of(self.session.arena.object(object)).is_some_and(Kind::is_timer) {
                self.tick(object);
            }
        }
    }

    /// Every waiter of the object works out again how long to sleep.
    pub fn tell_waiters_to_look(&mut self, object: u32) {
        let arena = &self.session.arena;
        let (mut next, now) = (arena.object(object).head.get(), now_ns());
        // A wait can name a timer several times, so there may be more blocks than threads.
        for _ in 0..=arena.threads() * BLOCKS {
            let Some(number) = next.checked_sub(1) else { return };
            if !self.is_waiting_for(object, number) {
                self.session.damaged("a wait list leads to a thread that does not wait for the object");
                return;
            }
            next = arena.block(number).next.get();
            self.offer(number / BLOCKS, now);
        }
        self.session.damaged("a wait list runs in a circle");
    }
}
