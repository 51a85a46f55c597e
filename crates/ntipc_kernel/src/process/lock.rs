//! The dispatcher lock: one for the session, as the Windows kernel had one dispatcher database lock.
//!
//! State: 0 free, else the owner: bits 0 to 13 its number (thread slot + 1, or [`HELPERS`] + process slot for a helper
//! thread), bits 14 to 30 of the generation of that slot, bit 31 [`CONTENDED`] when somebody may sleep on it.
//!
//! Invariant: while the word names an owner, only that thread changes what the lock protects; if the owner's life word
//! says that it died, whoever replaces its name by its own, in one compare-and-swap, inherits the duty to recover first.
//!
//!   L1 compare-and-swap 0 -> me                    U1 swap -> 0
//!   L2 spin a little, L1 again                     U2 was CONTENDED? wake one
//!   L3 owner dead? compare-and-swap owner -> me + CONTENDED, recover
//!   L4 set CONTENDED, sleep while unchanged (at most some ms, then L3 again)
//!   L5 the same owner for long, and it sleeps where nobody does who holds the lock: as if it were dead
//!
//! L1, L3 Acquire pairs with U1 Release: the new owner sees all that the old one wrote. After L3 the dead owner's stores
//! are visible because the kernel of Linux marked its life word after the last of them, and L3 read the mark (Acquire).
//! Crash: between U1 and U2 a sleeper misses its wake; the bounded sleep of L4 finds the word free. A death in recovery leaves
//! a dead owner again, so the next one recovers again: recovery is restartable. The owner word, unlike a robust
//! mutex of the C library, has no list pointers in shared memory that anybody could scribble on.
//! Proof: `tests/orderings.rs`, and every model in `tests/models/deaths.rs` goes through it.
//! L5 is for a word that was scribbled on: it names somebody alive who does not hold the lock, ourselves perhaps. Who holds it sleeps
//! in no system call that waits for others. An owner that is stopped, or runs, keeps the lock.

use crate::arena::Arena;
use crate::arena::layout::{PROCESSES, THREADS, progress};
use crate::fault::fault;
use crate::queue::Losses;
use crate::session::Session;
use crate::sync::{AtomicU32, Ordering, Shared, spin_loop};
use crate::sys::clock::now_ns;
use crate::sys::process::{is_no_thread, pid_namespace, waits_for_others};
use crate::sys::robust::{OWNER_DIED, TID_MASK};
use crate::sys::{files, futex};
use smallvec::SmallVec;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

pub const CONTENDED: u32 = 1 << 31;
/// Owners above this are helper threads.
pub const HELPERS: u32 = THREADS + 1;
const NUMBER_BITS: u32 = 14;
pub(crate) const NUMBER_MASK: u32 = (1 << NUMBER_BITS) - 1;
const _: () = assert!(HELPERS + PROCESSES <= NUMBER_MASK); // NUMBER_MASK itself is nobody's

/// To be woken: no thread, but all who wait for pages of the pool.
pub(crate) const FOR_PAGES: u32 = u32::MAX;

/// The first sleep on the lock. Who has to wait longer waits for somebody who does not run.
pub(crate) const FIRST_PATIENCE_NS: u64 = 1_000_000;

/// Runs its argument, which sleeps, beside whatever else the process has to do.
type Beside = fn(&mut dyn FnMut());
static BESIDE: OnceLock<Beside> = OnceLock::new();

/// How this process lets its other threads run while one of them waits long for the lock: a holder that is stopped must not stop
/// more than those who need the lock.
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
pub(crate) const STUCK_NS: u64 = 250_000_000;

/// The dispatcher lock, held. Wakes gathered under it are sent after it is dropped.
pub struct Locked<'a> {
    pub session: &'a Session,
    owner: u32,
    /// What the lock word says meanwhile, but for CONTENDED.
    named: u32,
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

/// What the lock word says while `number` holds it. The generation keeps a thread that was seen holding the lock apart
/// from a later one in the same slot.
pub(crate) fn named(number: u32, generation: u32) -> u32 {
    number | (generation << NUMBER_BITS) & !CONTENDED
}

/// Can the owner that the lock word names run no instruction any more?
pub(crate) fn owner_is_dead(arena: &Arena, seen: u32) -> bool {
    slot_of(arena, seen & NUMBER_MASK).is_none_or(|(life, generation)| {
        let life = life.load(Ordering::Acquire);
        life & OWNER_DIED != 0
            || life & TID_MASK == 0
            || seen & !CONTENDED != named(seen & NUMBER_MASK, generation.load(Ordering::Acquire))
    })
}

/// Does the owner that the lock word names wait for something, as nobody does who holds the lock? Or is there no such thread at
/// all, whatever its life word says?
pub(crate) fn owner_is_elsewhere(arena: &Arena, seen: u32) -> bool {
    let number = seen & NUMBER_MASK;
    let (process, tid) = match number {
        1..=THREADS => {
            let thread = arena.thread(number - 1);
            let process = thread.process_slot().map(|slot| arena.process(slot));
            match process.filter(|process| process.life.word.get() != 0) {
                Some(process) => (process, thread.tid.get()),
                // Somebody who only looks, or is about to be gone; if it is anybody.
                None => return is_no_thread(None, thread.life.word.get() & TID_MASK),
            }
        }
        _ => {
            let process = arena.process(number.wrapping_sub(HELPERS));
            (process, process.life.word.get() & TID_MASK)
        }
    };
    let pid = process.pid.get();
    process.pid_namespace.get() == pid_namespace()
        && (waits_for_others(pid, tid, progress::SLEEP) || is_no_thread(Some(pid), tid))
}

impl Session {
    /// Take the dispatcher lock as `owner`, recovering first if its last owner died in it.
    pub(crate) fn lock_as(&self, owner: u32) -> Locked<'_> {
        let word = &self.arena.header().lock;
        let me =
            named(owner, slot_of(&self.arena, owner).map_or(0, |(_, generation)| generation.load(Ordering::Relaxed)));
        let inherited = match word.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => None, // L1
            Err(_) => self.lock_slow(word, me),
        };
        let mut locked = Locked {
            session: self,
            owner,
            named: me,
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
    fn lock_slow(&self, word: &AtomicU32, me: u32) -> Option<Inherited> {
        for _ in 0..SPINS {
            // L2
            if word.load(Ordering::Relaxed) == 0
                && word.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return None;
            }
            spin_loop();
        }
        let mut patience_ns = FIRST_PATIENCE_NS;
        let (mut same, mut since_ns) = (0, 0);
        loop {
            let seen = word.load(Ordering::Acquire);
            if seen == 0 {
                if word.compare_exchange(0, me | CONTENDED, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                    return None;
                }
                continue;
            }
            if owner_is_dead(&self.arena, seen) {
                // L3
                if word.compare_exchange(seen, me | CONTENDED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    return Some(Inherited { everything: slot_of(&self.arena, seen & NUMBER_MASK).is_none() });
                }
                continue;
            }
            // L5
            let now = now_ns();
            if seen & !CONTENDED != same {
                (same, since_ns) = (seen & !CONTENDED, now);
            } else if same == me || now - since_ns > STUCK_NS {
                if same == me || owner_is_elsewhere(&self.arena, seen) {
                    if word.compare_exchange(seen, me | CONTENDED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                        return Some(Inherited { everything: true });
                    }
                    continue;
                }
                since_ns = now;
            }
            if seen & CONTENDED == 0
                && word.compare_exchange(seen, seen | CONTENDED, Ordering::Relaxed, Ordering::Relaxed).is_err()
            {
                continue;
            }
            // L4
            let mut sleep = || _ = futex::wait(word, seen | CONTENDED, now + patience_ns);
            sleep_for(patience_ns, &mut sleep);
            patience_ns = (patience_ns * 2).min(20_000_000);
        }
    }
}

impl Locked<'_> {
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// As the lock word names the owner.
    pub(crate) fn name(&self) -> u32 {
        self.named
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
        if let Ok(fd) = files::open_at(&self.session.directory, name, libc::O_RDONLY, 0) {
            self.close_later(fd);
        }
        files::unlink_at(&self.session.directory, name);
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
        let word = &self.session.arena.header().lock;
        let released = word.compare_exchange(self.named, 0, Ordering::Release, Ordering::Relaxed); // U1
        // Contended; or not ours any more, because somebody scribbled: then it is not ours to release.
        let contended = released.is_err()
            && word.compare_exchange(self.named | CONTENDED, 0, Ordering::Release, Ordering::Relaxed).is_ok();
        fault!(LockReleased);
        if contended {
            futex::wake(word, 1); // U2
        }
        for thread in &self.wakes {
            match *thread {
                FOR_PAGES => futex::wake(&self.session.arena.header().pages_given, i32::MAX),
                thread => futex::wake(&self.session.arena.thread(thread).progress, 1),
            }
            fault!(BetweenWakes);
        }
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
    word: &'a AtomicU32,
    me: u32,
}

/// Take the lock to look at what it protects, as `owner`. Never from the dead: that would be a duty to repair.
/// `None`: it did not come free in time.
pub(crate) fn lock_to_look(arena: &Arena, owner: u32, deadline_ns: u64) -> Option<Watching<'_>> {
    let word = &arena.header().lock;
    let me = named(owner, slot_of(arena, owner)?.1.load(Ordering::Relaxed));
    loop {
        // Marked as contended: others may sleep on it.
        let Err(seen) = word.compare_exchange(0, me | CONTENDED, Ordering::Acquire, Ordering::Relaxed) else {
            return Some(Watching { word, me });
        };
        let now = now_ns();
        if now >= deadline_ns {
            return None;
        }
        if seen & CONTENDED != 0
            || word.compare_exchange(seen, seen | CONTENDED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            futex::wait(word, seen | CONTENDED, (now + 2_000_000).min(deadline_ns));
        }
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut seen = self.word.load(Ordering::Relaxed);
        while seen & !CONTENDED == self.me {
            match self.word.compare_exchange(seen, 0, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return futex::wake(self.word, 1),
                Err(now) => seen = now,
            }
        }
    }
}

/// Who holds the lock, for people: pid and tid.
pub fn holder(session_arena: &crate::arena::Arena) -> Option<(u32, u32)> {
    let owner = session_arena.header().lock.get() & NUMBER_MASK;
    match owner {
        0 => None,
        1..=THREADS => {
            let thread = session_arena.thread(owner - 1);
            Some((session_arena.process(thread.process_slot()?).pid.get(), thread.tid.get()))
        }
        _ => Some((session_arena.process(owner.wrapping_sub(HELPERS)).pid.get(), 0)),
    }
}
