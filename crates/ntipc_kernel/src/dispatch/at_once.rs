//! Fast paths: what needs neither the dispatcher lock nor a wait.
//!
//! Each is a loop of "look, compare-and-swap" on the one word of an object. It answers, or says [`None`] whenever the
//! lock or an error message is needed; the full call then does it all again, properly. So nothing here makes a failure.
//!
//! Invariant: a word with HAS_WAITERS is changed under the lock only, unless it is a mutant's and OFFERED (see
//! `evaluate`). A waiter sets that flag by a read-modify-write and looks at the word afterwards: a compare-and-swap
//! here came before, and is seen by that look, or fails and finds the flag. Success orders as acquire and release: what
//! was stored before a signal is seen by the thread that takes it. The generation stands in the word as well, so a
//! handle that was closed meanwhile, its object's place reused, fails the same compare-and-swap.

use super::signal::{consume, count, is_signalled, owned_once, owner, recursion};
use super::wait::Target;
use crate::arena::layout::{Object, word};
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::Entry;
use crate::object::kind::{Kind, access};
use crate::session::Session;
use crate::sync::{Ordering, Shared, spin_loop};
use crate::sys::clock::now_ns;

/// What [`Session::take_at_once`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Try {
    /// Taken; and whether it was an abandoned mutant.
    Taken(bool),
    Unsignalled,
    /// Needs the lock to tell, or is an error.
    Unclear,
}

/// May only the holder of the lock change the word of that mutant?
#[inline(always)]
fn is_kept_away(word: u64) -> bool {
    word & word::HAS_WAITERS != 0 && word & word::OFFERED == 0
}

impl Session {
    /// What a handle leads to, if it has the rights.
    #[inline(always)]
    fn glance(&self, handle: u32, rights: u32) -> Option<(Entry, &Object)> {
        let entry = self.open_entry(handle).filter(|entry| entry.access & rights == rights)?;
        Some((entry, self.arena.object(entry.object)))
    }

    /// Change the word of an object nobody waits for as `new` says; the word before.
    #[inline(always)]
    fn change(&self, entry: Entry, object: &Object, new: impl Fn(u64) -> Option<u64>) -> Option<u64> {
        let mut seen = object.word.load(Ordering::Relaxed);
        loop {
            if seen & word::HAS_WAITERS != 0 || word::generation(seen) != entry.generation {
                return None;
            }
            match object.word.compare_exchange_weak(seen, new(seen)?, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(seen),
                Err(now) => seen = now,
            }
        }
    }

    /// Take one object (W1 of `wait`).
    #[inline]
    pub fn take_at_once(&self, target: Target) -> Try {
        let Some((entry, object)) = self.glance(target.handle, access::SYNCHRONIZE) else { return Try::Unclear };
        match Kind::of(object) {
            Some(Kind::Mutant) => self.own_apart(target.handle),
            Some(kind) if kind.is_end() => self.look_at_end(target),
            Some(kind) => self.take(entry, object, kind, target.channel),
            None => Try::Unclear,
        }
    }

    /// Take one unit of a semaphore.
    #[inline(always)]
    pub fn take_unit_at_once(&self, handle: u32) -> Try {
        match self.glance(handle, access::SYNCHRONIZE) {
            Some((entry, object)) if Kind::of(object) == Some(Kind::Semaphore) => {
                self.take(entry, object, Kind::Semaphore, 0)
            }
            _ => Try::Unclear,
        }
    }

    /// Own a mutant.
    #[inline(always)]
    pub fn own_at_once(&self, handle: u32) -> Try {
        match self.glance(handle, access::SYNCHRONIZE) {
            Some((entry, object)) if Kind::of(object) == Some(Kind::Mutant) => self.own(entry, object),
            _ => Try::Unclear,
        }
    }

    #[inline(always)]
    fn take(&self, entry: Entry, object: &Object, kind: Kind, channel: u32) -> Try {
        if kind.is_timer() || matches!(kind, Kind::Section | Kind::BadgedEnd) {
            return Try::Unclear; // a timer may be due: that takes the lock
        }
        loop {
            let seen = object.word.load(Ordering::Acquire);
            if seen & word::HAS_WAITERS != 0 || word::generation(seen) != entry.generation {
                return Try::Unclear;
            }
            if !is_signalled(kind, seen, 0, channel) {
                return Try::Unsignalled;
            }
            if matches!(kind, Kind::NotificationEvent | Kind::Process | Kind::Thread) {
                return Try::Taken(false);
            }
            let (new, _) = consume(kind, seen, 0, channel);
            if object.word.compare_exchange_weak(seen, new, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                fault!(FastSemaphore);
                return Try::Taken(false);
            }
        }
    }

    /// Nothing is taken of an end of a queue. Finds it once more, so that the paths of the others have nothing to keep
    /// for it.
    #[cold]
    fn look_at_end(&self, target: Target) -> Try {
        let Target { handle, channel } = target;
        let Some((entry, object)) = self.glance(handle, access::SYNCHRONIZE) else { return Try::Unclear };
        let Some(kind) = Kind::of(object).filter(|kind| kind.is_end()) else { return Try::Unclear };
        let seen = object.word.load(Ordering::Acquire);
        if seen & word::HAS_WAITERS != 0 || word::generation(seen) != entry.generation {
            return Try::Unclear;
        }
        let me = self.known_thread_slot().map_or(0, |slot| slot + 1);
        let state = self.arena.signal_of(object, kind, me, channel);
        if is_signalled(kind, state, me, channel) { Try::Taken(false) } else { Try::Unsignalled }
    }

    /// As `own_at_once`. Apart, so that the paths of other kinds have nothing to keep for it.
    #[inline(never)]
    fn own_apart(&self, handle: u32) -> Try {
        self.own_at_once(handle)
    }

    /// Own a mutant, once more if it is ours.
    #[inline(always)]
    fn own(&self, entry: Entry, object: &Object) -> Try {
        let Some(slot) = self.known_thread_slot() else { return Try::Unclear };
        let free = u64::from(entry.generation) << word::GENERATION_SHIFT;
        if object.word.load(Ordering::Relaxed) == free && self.own_free(entry, object, slot, free) {
            return Try::Taken(false);
        }
        self.own_any(entry, object, slot)
    }

    /// Own a mutant that is free, as `seen` says.
    #[inline(always)]
    fn own_free(&self, entry: Entry, object: &Object, slot: u32, seen: u64) -> bool {
        if !without!(Intent) {
            self.note(slot, entry.object);
        }
        fault!(FastNoted);
        let taken = owned_once(seen, slot + 1);
        // AcqRel: the note stays before it, the critical section after it.
        let done = object.word.compare_exchange(seen, taken, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if done {
            fault!(FastOwned);
            if without!(Intent) {
                self.note(slot, entry.object); // too late
            }
        }
        done
    }

    /// The same for a mutant in whatever state. Apart, so that one that is free and that nobody waits for costs one
    /// comparison.
    #[cold]
    #[inline(never)]
    fn own_any(&self, entry: Entry, object: &Object, slot: u32) -> Try {
        let me = slot + 1;
        loop {
            let seen = object.word.load(Ordering::Relaxed);
            if is_kept_away(seen) || word::generation(seen) != entry.generation {
                return Try::Unclear;
            }
            if owner(seen) == 0 {
                if self.own_free(entry, object, slot, seen) {
                    return Try::Taken(seen & word::ABANDONED != 0);
                }
            } else if owner(seen) != me {
                return Try::Unsignalled;
            } else if u64::from(recursion(seen)) == word::RECURSION_MASK {
                return Try::Unclear;
            } else {
                // It may have been handed over to a wait that a signal handler, which we are in, has interrupted:
                // nobody has noted it.
                self.note(slot, entry.object);
                if object.word.compare_exchange_weak(seen, seen + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    return Try::Taken(false);
                }
            }
        }
    }

    /// Spin for up to `budget_ns` until a mutant that somebody of another process owns can be owned, rather than be
    /// queued at once. Its owner most likely runs, and frees it sooner than a queue with a waiter in it could tell.
    ///
    /// A thread that gets the mutant this way passes the queued waiters, as does any thread that finds a mutant free
    /// which was offered to one of them. A waiter that has waited for long gets the mutant handed over. The caller does
    /// not spin for an owner in its own process, which may need something that the calling thread has.
    #[cold]
    pub fn own_soon(&self, handle: u32, budget_ns: u64) -> Try {
        let Some((_, object)) = self.glance(handle, access::SYNCHRONIZE) else { return Try::Unclear };
        let end = now_ns() + budget_ns;
        while Kind::of(object) == Some(Kind::Mutant) {
            match owner(object.word.load(Ordering::Relaxed)).checked_sub(1) {
                Some(slot) if self.arena.thread(slot).process_slot() == Some(self.slot()) => return Try::Unclear,
                Some(_) => {}
                None => match self.own_at_once(handle) {
                    Try::Unsignalled => {}
                    found => return found, // if unclear it is free, and to be had under the lock
                },
            }
            if now_ns() >= end {
                return Try::Unsignalled;
            }
            for _ in 0..10 {
                spin_loop();
            }
        }
        Try::Unclear
    }

    /// Release a mutant once. Needs no right: who owns it may release it through any handle.
    #[inline(always)]
    pub fn release_mutant_at_once(&self, handle: u32) -> Option<()> {
        let slot = self.known_thread_slot()?;
        let (entry, object) = self.glance(handle, 0)?;
        if Kind::of(object) != Some(Kind::Mutant) {
            return None;
        }
        let free = u64::from(entry.generation) << word::GENERATION_SHIFT;
        let owned = owned_once(free, slot + 1);
        if object.word.load(Ordering::Relaxed) != owned
            || object.word.compare_exchange(owned, free, Ordering::AcqRel, Ordering::Relaxed).is_err()
        {
            self.release_any(entry, object, slot)?;
        }
        fault!(FastReleased);
        Some(())
    }

    /// The same for a mutant in whatever state.
    #[cold]
    #[inline(never)]
    fn release_any(&self, entry: Entry, object: &Object, slot: u32) -> Option<()> {
        let mut seen = object.word.load(Ordering::Relaxed);
        loop {
            if word::generation(seen) != entry.generation || owner(seen) != slot + 1 || is_kept_away(seen) {
                return None;
            }
            let new = match recursion(seen) > 1 {
                true => seen - 1,
                false if seen & word::HAS_WAITERS == 0 => seen & word::GENERATION_MASK,
                // The last release that was offered goes through the lock.
                false if seen & word::OFFERED > word::ONE_OFFER => (seen & word::KEPT) - word::ONE_OFFER,
                false => return None,
            };
            match object.word.compare_exchange_weak(seen, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(()),
                Err(now) => seen = now,
            }
        }
    }

    /// Set one bit of an event or event pair; the bit before. Always a read-modify-write, even when it is set already:
    /// the caller's earlier stores must be visible to the thread that takes the event.
    #[inline(always)]
    pub(super) fn signal_at_once(&self, handle: u32, is_kind: fn(Kind) -> bool, rights: u32, bit: u32) -> Option<bool> {
        let (entry, object) = self.glance(handle, rights)?;
        Kind::of(object).filter(|kind| is_kind(*kind))?;
        let before = self.change(entry, object, |seen| Some(seen | 1 << bit))?;
        fault!(FastEventSet);
        Some(before >> bit & 1 != 0)
    }

    /// Clear an event; the state before.
    #[inline(always)]
    pub(super) fn clear_at_once(&self, handle: u32) -> Option<bool> {
        let (entry, object) = self.glance(handle, access::MODIFY)?;
        Kind::of(object).filter(|kind| kind.is_event())?;
        self.change(entry, object, |seen| Some(seen & !1)).map(|before| before & 1 != 0)
    }

    /// Add units to a semaphore; the count before.
    #[inline(always)]
    pub(super) fn add_at_once(&self, handle: u32, units: u32) -> Option<u32> {
        let (entry, object) = self.glance(handle, access::MODIFY)?;
        if Kind::of(object) != Some(Kind::Semaphore) || units == 0 || units > i32::MAX as u32 {
            return None;
        }
        let before = self.change(entry, object, |seen| {
            let total = count(seen).checked_add(units)?;
            (total <= object.limit.get()).then_some(seen + u64::from(units))
        })?;
        Some(count(before))
    }
}
