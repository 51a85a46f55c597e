//! How an operation on a queue waits: its caller says, for the caller knows the deadline, and what else its thread has to do
//! meanwhile (let other threads of its program run, answer signals).

use super::state::{Wants, is_empty};
use crate::arena::layout::Queue;
use crate::dispatch::spinning::Partner;
use crate::dispatch::wait::{Slumber, Started, Target};
use crate::object::kind::Kind;
use crate::session::Session;
use crate::status::Failure;
use crate::sync::{AtomicU32, Ordering, Shared, spin_loop};
use crate::sys::clock::now_ns;
use crate::sys::futex;
use std::sync::Arc;

/// What an operation waits for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// For [`Session::start_wait`], as the only object of the wait.
    pub target: Target,
    pub(super) slot: u32,
    pub(super) end: u32,
    pub(super) body: u32,
}

/// How often a thread that waits for pages looks at the pool: others may make room without telling, outside any session.
pub const PAGES_SLICE_NS: u64 = 100_000_000;

/// A way to wait.
pub trait Waiting {
    /// What ends an operation early: a failure of the kernel, or whatever came up while it waited.
    type Error: From<Failure>;

    /// Nothing is waited for: the operation is done at once or not at all.
    fn polls(&self) -> bool;

    /// Wait for an end of a queue. `true`: look again, perhaps too early; `false`: the time is over. A wait that a signal handler
    /// has interrupted must come back with `true`, not begin again by itself: the caller has to say again what it needs.
    fn wait(&mut self, session: &Arc<Session>, wanted: &Wanted) -> Result<bool, Self::Error>;

    /// Wait until pages are given back to the pool, by [`Session::sleep_for_pages`]. Answers as `wait`.
    fn wait_for_pages(&mut self, session: &Arc<Session>, seen: u32) -> Result<bool, Self::Error>;

    /// Do something that takes as long as copying so many bytes.
    fn beside(&mut self, bytes: usize, work: &mut (dyn FnMut() + Send)) {
        let _ = bytes;
        work();
    }
}

/// Now or not at all.
pub struct Poll;

impl Waiting for Poll {
    type Error = Failure;

    fn polls(&self) -> bool {
        true
    }

    fn wait(&mut self, _session: &Arc<Session>, _wanted: &Wanted) -> Result<bool, Failure> {
        Ok(false)
    }

    fn wait_for_pages(&mut self, _session: &Arc<Session>, _seen: u32) -> Result<bool, Failure> {
        Ok(false)
    }
}

/// Until an absolute time in nanoseconds (`sys::clock::NEVER`: for ever), asleep, in a program that has nothing else to do.
pub struct Until(pub u64);

impl Waiting for Until {
    type Error = Failure;

    fn polls(&self) -> bool {
        false
    }

    fn wait(&mut self, session: &Arc<Session>, wanted: &Wanted) -> Result<bool, Failure> {
        match session.start_wait(&[wanted.target], false, false, None)? {
            Started::Satisfied(_) => Ok(true),
            Started::TimedOut => Ok(false),
            Started::Queued(queued) => loop {
                match session.sleep(queued, self.0, self.0) {
                    Slumber::Satisfied(..) => return Ok(true),
                    Slumber::TimedOut => return Ok(false),
                    Slumber::Damaged(failure) => return Err(failure),
                    Slumber::Interrupted if session.is_current(queued) => {}
                    Slumber::Interrupted => return Ok(true),
                }
            },
        }
    }

    fn wait_for_pages(&mut self, session: &Arc<Session>, seen: u32) -> Result<bool, Failure> {
        session.sleep_for_pages(seen, self.0);
        Ok(now_ns() < self.0)
    }
}

impl Session {
    /// Look for up to `budget_ns` until what is wanted is there, or anything else that the operation must look at. Others see nothing of
    /// it.
    pub fn spin_for(&self, wanted: &Wanted, budget_ns: u64) -> bool {
        let end = now_ns() + budget_ns;
        let object = self.arena.object(wanted.end);
        let Some(kind) = Kind::of(object) else { return false };
        let queue = self.arena.queue(wanted.body);
        let ready = |queue: &Queue| match kind {
            Kind::ReadEnd => !is_empty(queue) || self.arena.notice_is_due(queue),
            _ => self.arena.has_what_is_wanted(queue, wanted.slot),
        };
        loop {
            for _ in 0..30 {
                if ready(queue) {
                    return true;
                }
                spin_loop();
            }
            // The other end may be gone, or the queue broken.
            if self.arena.signal_of(object, kind, wanted.slot + 1, wanted.target.channel) != 0 {
                return true;
            }
            if now_ns() >= end {
                return false;
            }
        }
    }

    /// Who brought what [`Session::spin_for`] has found in a wait that began at `began_ns`.
    pub fn partner_at(&self, wanted: &Wanted, began_ns: u64) -> Option<Partner> {
        let queue = self.arena.queue(wanted.body);
        let reads = Kind::of(self.arena.object(wanted.end)) == Some(Kind::ReadEnd);
        self.partner(if reads { &queue.put_by } else { &queue.taken_by }, began_ns)
    }

    /// Say that somebody waits for pages. What [`Session::sleep_for_pages`] takes.
    pub(super) fn want_pages(&self) -> u32 {
        let header = self.arena.header();
        let seen = header.pages_given.load(Ordering::Acquire);
        header.pages_wanted.store(1, Ordering::SeqCst);
        seen
    }

    /// Sleep until pages are given back to the pool, until `until_ns`, some time or a signal handler. `seen` is what the
    /// operation has told.
    pub fn sleep_for_pages(&self, seen: u32, until_ns: u64) {
        let word: &AtomicU32 = &self.arena.header().pages_given;
        if futex::wait(word, seen, until_ns.min(now_ns() + PAGES_SLICE_NS)) == futex::Slept::TimedOut {
            self.look_for_the_dead(); // pages may lie in the hand of one
        }
    }

    /// Say what the thread in `slot` is about to wait for. A wait around this one, which it does not say that of, begins again.
    pub(super) fn want(&self, slot: u32, wants: Wants) {
        self.end_wait(slot);
        let thread = self.arena.thread(slot);
        let (kind, need) = wants.words();
        thread.queue_need.put(need);
        thread.queue_wants.put(kind);
    }
}
