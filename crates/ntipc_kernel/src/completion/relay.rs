//! The relay: the thread that makes the descriptors of event loops readable. One a process, while anything is watched.
//!
//! A process that puts a message cannot write to a descriptor of the process that the message is for. A thread of that
//! process must wake up and do it: this one, for all loops and all sessions. It executes nothing of the program. It
//! waits as any thread does, in each session for any of the armed watches, which takes nothing from the ends of queues;
//! and it sleeps on its words of all sessions and on the bell at once.
//!
//! What there is to watch stands in the roster, under a lock that the relay holds while it begins its waits: a watch
//! that was taken from the roster is in no wait that begins later, so its handle may be closed. Watches are armed
//! without the lock: the loop must not wait for a relay that waits for a session's lock.
//!
//! Invariant: between two sleeps the relay waits for every armed watch, or has rung for it. It reads the bell before
//! the roster, and does not fall asleep if the bell has rung since.
//! fork: the lock is held over it, and the child's roster is empty. A child of the bare system call finds another
//! process's id.
//! Crash: the relay has no state that others could miss but that of a waiting thread, which a watcher withdraws.

use super::port::Signal;
use crate::arena::layout::progress;
use crate::dispatch::wait::{MAXIMUM_WAIT_OBJECTS, Queued, Slumber, Started, Target};
use crate::fault::fault;
use crate::mutation::without;
use crate::session::Session;
#[cfg(not(feature = "models"))]
use crate::session::locked;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Ordering};
use crate::sys::clock::{NEVER, now_ns};
use crate::sys::futex::{self, WAITV_MAX, Waitv};
use crate::sys::process;
use smallvec::SmallVec;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// A watch for the end of a queue.
pub(super) struct Watch {
    session: Arc<Session>,
    target: Target,
    /// The handle's word: another one is a stranger's.
    word: u64,
    signal: Arc<Signal>,
    armed: AtomicU32,
}

impl Watch {
    pub fn new(session: &Arc<Session>, handle: u32, signal: &Arc<Signal>) -> Watch {
        Watch {
            session: Arc::clone(session),
            target: Target { handle, channel: 0 },
            word: session.handle_word(handle),
            signal: Arc::clone(signal),
            armed: AtomicU32::new(1),
        }
    }

    /// Whether it had fired.
    pub fn arm(&self) -> bool {
        self.armed.swap(1, Ordering::SeqCst) == 0
    }

    fn is_armed(&self) -> bool {
        self.armed.load(Ordering::SeqCst) != 0
    }

    /// Under the lock of the roster. `false`: it is for nothing more.
    fn fire(&self) -> bool {
        self.armed.store(0, Ordering::SeqCst); // F1
        fault!(RelayFired);
        self.signal.raise();
        false
    }

    /// Does the handle still lead where it led?
    fn is_whole(&self) -> bool {
        self.session.handle_word(self.target.handle) == self.word
    }

    fn is_of(&self, session: &Arc<Session>) -> bool {
        Arc::ptr_eq(&self.session, session)
    }
}

/// The relay of a process: what it is told by, and what it works from.
pub(super) struct Relay {
    roster: Mutex<Roster>,
    bell: AtomicU32,
}

/// That of this process. Models make others.
pub(super) static RELAY: Relay = Relay::new(0);

/// What is watched, and for whom the relay runs.
pub(crate) struct Roster {
    watches: Vec<Arc<Watch>>,
    /// The process that has a relay; 0 if none was started.
    pid: u32,
    /// The sessions in which the relay is a thread.
    entered: Vec<Arc<Session>>,
}

/// How long to wait for a relay that does not run.
const PATIENCE_NS: u64 = 1_000_000_000;

/// How long to sleep where there are too many sessions to sleep for all of them.
const CROWDED_NS: u64 = 10_000_000;

/// The roster, while nobody else has it; kept over a fork.
pub(crate) fn roster() -> MutexGuard<'static, Roster> {
    RELAY.roster()
}

impl Roster {
    /// In a forked child: what is watched is its parent's, and so is the relay.
    pub(crate) fn forget(&mut self) {
        // No destructor runs in a child before it is a participant.
        std::mem::forget((std::mem::take(&mut self.watches), std::mem::take(&mut self.entered)));
        self.pid = 0;
    }

    /// Fire a watch, unless it has been taken from the roster.
    fn fire_if_there(&self, watch: &Arc<Watch>) {
        if self.watches.iter().any(|there| Arc::ptr_eq(there, watch)) {
            watch.fire();
        }
    }

    fn enter(&mut self, session: &Arc<Session>) {
        if !self.has_entered(session) {
            self.entered.push(Arc::clone(session));
        }
    }

    fn has_entered(&self, session: &Arc<Session>) -> bool {
        self.entered.iter().any(|entered| Arc::ptr_eq(entered, session))
    }

    fn watches_in(&self, session: &Arc<Session>) -> bool {
        self.watches.iter().any(|watch| watch.is_of(session))
    }
}

impl Relay {
    /// One that runs already in the process of that id, if it is not 0.
    pub const fn new(pid: u32) -> Relay {
        let roster = Roster { watches: Vec::new(), pid, entered: Vec::new() };
        Relay { roster: Mutex::new(roster), bell: AtomicU32::new(0) }
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        #[cfg(feature = "models")] // whose threads are coroutines of one
        loop {
            match self.roster.try_lock() {
                Ok(roster) => return roster,
                Err(std::sync::TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(std::sync::TryLockError::WouldBlock) => crate::sync::spin_loop(),
            }
        }
        #[cfg(not(feature = "models"))]
        locked(&self.roster)
    }

    /// Have the relay look at the roster.
    pub fn ring(&self) {
        self.bell.fetch_add(1, Ordering::SeqCst);
        futex::wake(&self.bell, 1);
    }

    /// Begin to watch. Starts the relay if there is none.
    pub fn add(&'static self, watch: &Arc<Watch>) -> NtResult<()> {
        {
            let mut roster = self.roster();
            if roster.pid != process::pid() {
                roster.forget();
            }
            if roster.watches.iter().filter(|other| other.is_of(&watch.session)).count() >= MAXIMUM_WAIT_OBJECTS {
                let why = format!("a process watches at most {MAXIMUM_WAIT_OBJECTS} objects of a session");
                return Err(Failure::new(NtStatus::QUOTA_EXCEEDED, why));
            }
            if roster.pid == 0 {
                self.start()?;
                roster.pid = process::pid();
            }
            roster.watches.push(Arc::clone(watch));
        }
        self.ring();
        Ok(())
    }

    /// Watch nothing more for that descriptor: when this returns, the relay does not touch it any more.
    pub fn remove(&self, signal: &Arc<Signal>) {
        let mut roster = self.roster();
        roster.watches.retain(|watch| !Arc::ptr_eq(&watch.signal, signal));
        drop(roster);
        self.ring();
    }

    fn start(&'static self) -> NtResult<()> {
        let spawned = process::with_signals_blocked(|| {
            std::thread::Builder::new().name("ntipc-relay".into()).stack_size(256 << 10).spawn(|| self.run())
        });
        spawned.map(drop).map_err(|error| Failure::from_io("starting the relay thread", &error))
    }

    /// What the thread does, until nothing is watched any more.
    pub fn run(&self) {
        let mut sleeps = Vec::new();
        loop {
            let seen = self.bell.load(Ordering::SeqCst);
            {
                let mut roster = self.roster();
                let wanted = end_waits(&roster, &mut sleeps);
                give_back_slots(&mut roster);
                if roster.watches.is_empty() {
                    roster.pid = 0; // the next watch starts another relay
                    return;
                }
                begin_waits(wanted, &mut roster, &mut sleeps);
            }
            let seen = if without!(BellFirst) { self.bell.load(Ordering::SeqCst) } else { seen };
            sleep(&sleeps, (&self.bell, seen));
            look(&self.roster(), &mut sleeps);
        }
    }
}

/// This process is about to leave the session: nothing there is watched any more, of which the loops are told. Returns
/// when the relay is out.
pub(crate) fn leave(session: &Arc<Session>) {
    let give_up_ns = now_ns() + PATIENCE_NS;
    loop {
        let mut roster = roster();
        if roster.pid != process::pid() {
            return;
        }
        roster.watches.retain(|watch| !watch.is_of(session) || watch.fire());
        if !roster.has_entered(session) || now_ns() > give_up_ns {
            return;
        }
        drop(roster);
        RELAY.ring();
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// A wait of the relay in one session.
struct Sleep {
    session: Arc<Session>,
    queued: Queued,
    watches: Vec<Arc<Watch>>,
}

/// End the waits that are for other watches than those that are armed now. Returns the armed ones that no wait is for,
/// by session.
fn end_waits(roster: &Roster, sleeps: &mut Vec<Sleep>) -> Vec<(Arc<Session>, Vec<Arc<Watch>>)> {
    let mut wanted: Vec<(Arc<Session>, Vec<Arc<Watch>>)> = Vec::new();
    for watch in roster.watches.iter().filter(|watch| watch.is_armed()) {
        match wanted.iter_mut().find(|(session, _)| watch.is_of(session)) {
            Some((_, watches)) => watches.push(Arc::clone(watch)),
            None => wanted.push((Arc::clone(&watch.session), vec![Arc::clone(watch)])),
        }
    }
    sleeps.retain(|sleep| {
        let same = wanted.iter().position(|(session, watches)| {
            Arc::ptr_eq(session, &sleep.session)
                && watches.len() == sleep.watches.len()
                && watches.iter().zip(&sleep.watches).all(|(one, other)| Arc::ptr_eq(one, other))
        });
        match same {
            Some(place) => drop(wanted.swap_remove(place)),
            None => {
                sleep.session.abort(sleep.queued);
                fault!(RelayAborted);
            }
        }
        same.is_some()
    });
    wanted
}

/// Be no thread any more where nothing is watched.
fn give_back_slots(roster: &mut Roster) {
    let entered = std::mem::take(&mut roster.entered);
    let (stays, goes): (Vec<_>, Vec<_>) = entered.into_iter().partition(|session| roster.watches_in(session));
    roster.entered = stays;
    for session in goes {
        session.forget_thread();
    }
}

/// Wait for what is armed. What is there already fires, and so does what cannot be waited for any more: the next look
/// tells why.
fn begin_waits(wanted: Vec<(Arc<Session>, Vec<Arc<Watch>>)>, roster: &mut Roster, sleeps: &mut Vec<Sleep>) {
    for (session, mut watches) in wanted {
        loop {
            watches.retain(|watch| watch.is_whole() || watch.fire());
            let targets: Vec<Target> = watches.iter().map(|watch| watch.target).collect();
            if targets.is_empty() {
                break;
            }
            roster.enter(&session);
            fault!(RelayEntered);
            match session.start_wait(&targets, false, false, None) {
                Ok(Started::Queued(queued)) => {
                    sleeps.push(Sleep { session, queued, watches });
                    break;
                }
                Ok(Started::Satisfied(outcome)) => {
                    watches.remove(outcome.index as usize % targets.len()).fire();
                }
                Ok(Started::TimedOut) | Err(_) => watches.retain(|watch| watch.fire()),
            }
        }
    }
}

fn sleep(sleeps: &[Sleep], (bell, seen): (&AtomicU32, u32)) {
    let mut words = SmallVec::<[Waitv; 8]>::new();
    words.push(Waitv::new(bell, seen));
    let mut until_ns = NEVER;
    for sleep in sleeps {
        let Some((word, then_ns)) = sleep.session.doze(sleep.queued) else { return };
        until_ns = until_ns.min(then_ns);
        match words.len() < WAITV_MAX {
            true => words.push(Waitv::new(word, progress::SLEEP)),
            false => until_ns = until_ns.min(now_ns() + CROWDED_NS),
        }
    }
    futex::wait_many(&words, until_ns);
}

/// What has happened? A wait that is over is begun again if other watches of it are armed.
fn look(roster: &Roster, sleeps: &mut Vec<Sleep>) {
    sleeps.retain(|sleep| {
        let told = match sleep.session.sleep(sleep.queued, NEVER, 0) {
            Slumber::Interrupted => return sleep.session.is_current(sleep.queued),
            Slumber::Satisfied(outcome, _) => sleep.watches.get(outcome.index as usize..=outcome.index as usize),
            Slumber::TimedOut | Slumber::Damaged(_) => Some(&sleep.watches[..]),
        };
        for watch in told.unwrap_or_default() {
            roster.fire_if_there(watch);
        }
        false
    });
}
