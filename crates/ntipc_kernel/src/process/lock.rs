//! The dispatcher lock: one for the session, as the Windows kernel had one dispatcher database lock.
//!
//! State: a word that names its owner and counts its acquisitions (`lock_word`). The owner's number is a thread slot +
//! 1, or [`HELPERS`] + process slot for a helper thread.
//!
//! Invariant: while the word names an owner, only that thread changes what the lock protects; if the owner's life word
//! says that it died, the thread that replaces its name by its own, in one compare-and-swap, inherits the duty to
//! recover first.
//! Invariant: nobody takes the lock from an owner that lives and is inside. L3 and L5 compare the very acquisition
//! whose owner they looked up; an owner that left and came again meanwhile has another one.
//!
//!   L1 compare-and-swap free -> me                 U1 compare-and-swap me -> free
//!   L2 spin a little, L1 again                     U2 was CONTENDED? wake one
//!   L3 owner dead? compare-and-swap owner -> me + CONTENDED, recover
//!   L4 set CONTENDED, sleep while unchanged (at most some ms, then L3 again)
//!   L5 the same acquisition for long, and its owner sleeps where no holder of the lock ever does: as if it were dead
//!
//! L1, L3 Acquire pairs with U1 Release: the new owner sees all that the old one wrote. After L3 the dead owner's
//! stores are visible because the kernel of Linux marked its life word after the last of them, and L3 read the mark
//! (Acquire).
//! Crash: between U1 and U2 a sleeper misses its wake; the bounded sleep of L4 finds the word free. A death in recovery
//! leaves a dead owner again, so the next one recovers again: recovery is restartable. The owner word, unlike a robust
//! mutex of the C library, has no list pointers in shared memory that anybody could scribble on.
//! Proof: `tests/models/locks.rs`, `tests/orderings.rs`, and every model in `tests/models/deaths.rs` goes through it.
//! L5 is for a word that was scribbled on: it names somebody alive who does not hold the lock, ourselves perhaps. A
//! holder sleeps in no system call that waits for others. An owner that is stopped, or runs, keeps the lock.

use super::caretaker::GROWTH;
use super::lock_word::{Acquisition, LockWord, OWNER_MAX, Seen};
use crate::arena::Arena;
use crate::arena::layout::{PROCESSES, THREADS, progress};
use crate::fault::fault;
use crate::queue::Losses;
use crate::session::Session;
use crate::sync::{AtomicU32, Ordering, Shared, spin_loop};
use crate::sys::clock::now_ns;
use crate::sys::namespaces::is_own_pid_namespace;
use crate::sys::process::{is_no_thread, waits_for_others};
use crate::sys::robust::{OWNER_DIED, TID_MASK};
use crate::sys::{files, futex};
use smallvec::SmallVec;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

/// Owners above this are helper threads.
pub const HELPERS: u32 = THREADS + 1;
const _: () = assert!(HELPERS + PROCESSES <= OWNER_MAX); // OWNER_MAX itself is nobody's

/// To be woken: no thread, but all who wait for pages of the pool.
pub(crate) const FOR_PAGES: u32 = u32::MAX;

/// The first sleep on the lock. A longer wait means that the owner does not run.
pub(crate) const FIRST_PATIENCE_NS: u64 = 1_000_000;

/// Runs its argument, which sleeps, beside whatever else the process has to do.
type Beside = fn(&mut dyn FnMut());
static BESIDE: OnceLock<Beside> = OnceLock::new();

/// How this process lets its other threads run while one of them waits long for the lock: a holder that is stopped must
/// not stop more than those who need the lock.
pub fn let_others_run_by(beside: Beside) {
    let _ = BESIDE.set(beside);
}

/// Sleep on a lock for so long, beside the rest of the process if it is not the first sleep.
pub(crate) fn sleep_for(patience_ns: u64, sleep: &mut dyn FnMut()) {
    match BESIDE.get() {
        Some(beside) if patience_ns > FIRST_PATIENCE_NS => beside(sleep),
        _ => sleep(),
    }
}

const SPINS: u32 = if cfg!(feature = "models") { 1 } else { 100 };

/// After so long with one owner, look what the owner does.
const STUCK_NS: u64 = 250_000_000;

/// The dispatcher lock, held. Wakes gathered under it are sent after it is dropped.
pub struct Locked<'a> {
    pub session: &'a Session,
    owner: u32,
    held: Acquisition,
    wakes: SmallVec<[u32; 16]>,
    /// Descriptors whose closing may take long (the last one of a large section).
    closing: SmallVec<[OwnedFd; 2]>,
    pub(crate) losses: Losses,
}

/// The lock was taken from somebody who still had it.
struct Inherited {
    /// Not from a death, as far as can be told: the word was scribbled on, and notes need not be those of its owner.
    everything: bool,
}

/// Life word and generation of an owner's slot, if there can be such an owner.
fn slot_of(arena: &Arena, number: u32) -> Option<(&AtomicU32, &AtomicU32)> {
    match number {
        1..=THREADS => {
            let thread = arena.thread(number - 1);
            Some((&thread.life.word, &thread.generation))
        }
        _ if (HELPERS..HELPERS + PROCESSES).contains(&number) => {
            let process = arena.process(number - HELPERS);
            Some((&process.life.word, &process.generation))
        }
        _ => None,
    }
}

/// The thread that may hold the lock by that number, for as long as there is anybody: its number and the generation of
/// its slot. Never comes again within 2^32 uses of a slot.
pub(crate) fn identity(arena: &Arena, number: u32) -> u64 {
    let generation = slot_of(arena, number).map_or(0, |(_, generation)| generation.load(Ordering::Acquire));
    u64::from(generation) << 32 | u64::from(number)
}

/// Can the thread of that identity run no instruction any more?
pub(crate) fn is_dead(arena: &Arena, identity_seen: u64) -> bool {
    let number = identity_seen as u32;
    owner_is_dead(arena, number) || identity(arena, number) != identity_seen
}

/// Can the owner of that number run no instruction any more?
pub(crate) fn owner_is_dead(arena: &Arena, number: u32) -> bool {
    slot_of(arena, number).is_none_or(|(life, _)| {
        let life = life.load(Ordering::Acquire);
        life & OWNER_DIED != 0 || life & TID_MASK == 0
    })
}

/// Does the owner of that number wait for something, as no holder of the lock does? Or is there no such thread at all,
/// whatever its life word says?
pub(crate) fn owner_is_elsewhere(arena: &Arena, number: u32) -> bool {
    #[cfg(feature = "models")]
    if let Some(elsewhere) = crate::models::step::is_elsewhere(number) {
        return elsewhere;
    }
    let (process, tid) = match number {
        1..=THREADS => {
            let thread = arena.thread(number - 1);
            let process = thread.process_slot().map(|slot| arena.process(slot));
            match process.filter(|process| process.life.word.get() != 0) {
                Some(process) => (process, thread.tid.get()),
                // Somebody who only looks, or is about to be gone; if it is anybody.
                None => {
                    return arena.counts_here(thread.pid_namespace.get())
                        && is_no_thread(None, thread.life.word.get() & TID_MASK);
                }
            }
        }
        _ => {
            let process = arena.process(number.wrapping_sub(HELPERS));
            (process, process.life.word.get() & TID_MASK)
        }
    };
    let pid = process.pid.get();
    is_own_pid_namespace(process.pid_namespace.get())
        && (waits_for_others(pid, tid, progress::SLEEP) || is_no_thread(Some(pid), tid))
}

impl Session {
    /// Take the dispatcher lock as `owner`, recovering first if its last owner died in it.
    pub(crate) fn lock_as(&self, owner: u32) -> Locked<'_> {
        let word = &self.arena.header().lock;
        let (held, inherited) = match word.try_acquire(owner) {
            Some(held) => (held, None), // L1
            None => self.lock_slow(word, owner),
        };
        let mut locked = Locked {
            session: self,
            owner,
            held,
            wakes: SmallVec::new(),
            closing: SmallVec::new(),
            losses: Losses::default(),
        };
        fault!(LockTaken);
        if let Some(Inherited { everything }) = inherited {
            locked.recover(everything);
        }
        locked
    }

    #[cold]
    fn lock_slow(&self, word: &LockWord, owner: u32) -> (Acquisition, Option<Inherited>) {
        for _ in 0..SPINS {
            // L2
            if let Some(held) = word.try_acquire(owner) {
                return (held, None);
            }
            spin_loop();
        }
        let mut patience_ns = FIRST_PATIENCE_NS;
        let mut stuck = Stuck::default();
        loop {
            let seen = word.read();
            let inherits = if seen.is_free() {
                None
            } else if owner_is_dead(&self.arena, seen.owner()) {
                Some(Inherited { everything: slot_of(&self.arena, seen.owner()).is_none() }) // L3
            } else if stuck.is_stuck(seen, owner, || owner_is_elsewhere(&self.arena, seen.owner())) {
                Some(Inherited { everything: true }) // L5
            } else {
                if word.mark_contended(seen) {
                    sleep_for(patience_ns, &mut || word.sleep(seen, now_ns() + patience_ns)); // L4
                    patience_ns = (patience_ns * 2).min(20_000_000);
                }
                continue;
            };
            if let Some(held) = word.acquire_from(seen, owner) {
                return (held, inherits);
            }
        }
    }
}

/// Whether an owner keeps a word for so long that somebody else should look what it does.
#[derive(Default)]
pub(crate) struct Stuck {
    acquisition: Option<Acquisition>,
    since_ns: u64,
}

impl Stuck {
    /// Has the word been scribbled on, so that it names an owner who does not hold it? It says `seen`, and names the
    /// caller itself, `me`; or it names somebody for long who `is_elsewhere`. True twice at least of the same
    /// acquisition, or never.
    pub fn is_stuck(&mut self, seen: Seen, me: u32, is_elsewhere: impl FnOnce() -> bool) -> bool {
        let now = now_ns();
        if self.acquisition != Some(seen.acquisition()) {
            *self = Stuck { acquisition: Some(seen.acquisition()), since_ns: now };
            return false;
        }
        if seen.owner() == me {
            return true;
        }
        #[cfg(feature = "models")]
        let now = crate::models::step::longer_if_owners_are_suspected(now);
        if now - self.since_ns < STUCK_NS {
            return false;
        }
        self.since_ns = now;
        is_elsewhere()
    }
}

impl Locked<'_> {
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// The owner, told apart from everybody who has its number before and after it.
    pub(crate) fn identity(&self) -> u64 {
        identity(&self.session.arena, self.owner)
    }

    /// Wake that thread once the lock is dropped.
    pub fn wake_later(&mut self, thread: u32) {
        self.wakes.push(thread);
    }

    pub fn close_later(&mut self, fd: OwnedFd) {
        self.closing.push(fd);
    }

    /// Remove a file of the session; its memory goes once the lock is dropped.
    pub fn unlink_later(&mut self, name: &std::ffi::CStr) {
        let Ok(directory) = self.session.directory() else { return };
        if let Ok(fd) = files::open_at(&directory, name, libc::O_RDONLY, 0) {
            self.close_later(fd);
        }
        files::unlink_at(&directory, name);
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[cfg(feature = "models")]
            return; // killed by the model, whose other threads go on
            #[cfg(not(feature = "models"))]
            std::process::abort(); // half a step must look like the death it is, so that it is recovered from
        }
        self.forget_changes();
        fault!(LockBeforeRelease);
        #[cfg(feature = "models")]
        crate::models::step::set_wakes(true);
        let word = &self.session.arena.header().lock;
        let contended = word.release(self.held); // U1
        fault!(LockReleased);
        if contended {
            word.wake(1); // U2
        }
        if self.session.arena.has_grown_by(GROWTH) {
            self.session.arena_has_grown();
        }
        for thread in &self.wakes {
            match *thread {
                FOR_PAGES => futex::wake(&self.session.arena.header().pages_given, i32::MAX),
                thread => futex::wake(&self.session.arena.thread(thread).progress, 1),
            }
            fault!(BetweenWakes);
        }
        #[cfg(feature = "models")]
        crate::models::step::set_wakes(false);
        if !self.losses.later.is_empty() {
            self.session.go_on_draining(self.owner, &mut self.losses.later);
        }
    }
}

/// Helper threads lock by the number of their process slot.
pub fn helper_owner(slot: u32) -> u32 {
    HELPERS + slot
}

/// The lock, held by somebody who only looks.
pub(crate) struct Watching<'a> {
    word: &'a LockWord,
    held: Acquisition,
}

/// Take the lock to look at what it protects, as `owner`. Never from the dead: that would be a duty to repair.
/// `None`: it did not come free in time.
pub(crate) fn lock_to_look(arena: &Arena, owner: u32, deadline_ns: u64) -> Option<Watching<'_>> {
    let word = &arena.header().lock;
    loop {
        let seen = word.read();
        if seen.is_free() {
            // Marked as contended: others may sleep on it.
            match word.acquire_from(seen, owner) {
                Some(held) => return Some(Watching { word, held }),
                None => continue,
            }
        }
        let now = now_ns();
        if now >= deadline_ns {
            return None;
        }
        if word.mark_contended(seen) {
            word.sleep(seen, (now + 2_000_000).min(deadline_ns));
        }
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        if self.word.release(self.held) {
            self.word.wake(1);
        }
    }
}

/// The holder of the lock, for people: process slot and tid.
pub fn holder(session_arena: &crate::arena::Arena) -> Option<(u32, u32)> {
    match session_arena.header().lock.read().owner() {
        0 => None,
        owner @ 1..=THREADS => {
            let thread = session_arena.thread(owner - 1);
            Some((thread.process_slot()?, thread.tid.get()))
        }
        owner => Some((owner.wrapping_sub(HELPERS), 0)),
    }
}
