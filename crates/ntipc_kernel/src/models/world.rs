//! One session in one run of a model: its memory, its processes, its threads, and who of them is killed.

use super::futex;
use super::step::{self, End, Killed, State, Task, with};
use super::watchers::{Helpers, be_found_dead, unburied};
use crate::arena::Arena;
use crate::arena::layout::{IN_FRAMES, THREADS, progress, word};
use crate::object::kind::Kind;
use crate::object::table::{Disposition, Initial};
use crate::process::fork::Inheritance;
use crate::process::lock::helper_owner;
use crate::process::reap::{Death, Reaped};
use crate::session::Session;
use crate::sync::{self, Ordering, Shared};
use crate::sys::files::Protection;
use crate::sys::kept::Kept;
use crate::sys::robust::{OWNER_DIED, WAITERS};
use std::cell::RefCell;
use std::collections::HashSet;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};

/// What becomes of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Lives,
    /// Its process is killed at one of so many steps, or not at all, if it has fewer.
    Killed {
        within: u32,
    },
    /// Its process is stopped at one of so many steps, or gets no processor from then on; but not while it holds the
    /// dispatcher lock.
    Stopped {
        within: u32,
    },
    /// Its process is stopped at one of so many steps, but not while it has what others must wait for, and goes on when
    /// all whose fate it is to live have come to their end.
    Paused {
        within: u32,
    },
}

impl Fate {
    pub(super) fn task(self, slot: Option<u32>) -> Task {
        let (within, end) = match self {
            Fate::Lives => (0, End::Killed),
            Fate::Killed { within } => (within, End::Killed),
            Fate::Stopped { within } => (within, End::Stopped),
            Fate::Paused { within } => (within, End::Paused),
        };
        // Early steps more often: many a run has few of them.
        let left = if within == 0 { 0 } else { 1 + step::choose(u64::from(within >> step::choose(3)).max(1)) as u32 };
        Task { slot, left, end, wakes: false }
    }
}

/// A session with as many processes as asked for. The first is the model's own, the last ones reap.
pub struct World {
    memory: OwnedFd,
    processes: RefCell<Vec<Arc<Session>>>,
    /// What the threads will do.
    pub(super) threads: RefCell<Vec<Box<dyn FnOnce() + Send>>>,
    reapers: Arc<Mutex<Vec<Arc<Session>>>>,
    pub(super) helpers: Helpers,
    pub(super) deaths: Arc<AtomicU32>,
    pub(super) ended: Ended,
    /// Threads whose fate it is to live that have not ended.
    living: Arc<AtomicU32>,
}

/// How many of those that might be killed have come to an end, and were buried if it was a death.
#[derive(Clone, Default)]
pub struct Ended(Arc<AtomicU32>);

impl Ended {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Come back when there are `count`.
    pub fn wait_for(&self, count: u32) {
        while !self.has(count) {
            step::spin_loop();
        }
    }

    pub fn has(&self, count: u32) -> bool {
        self.0.load(Ordering::Relaxed) >= count
    }
}

const PID: u32 = 1000;
pub(super) const TID: u32 = 2000;

pub(super) fn claim(life: &sync::AtomicU32, tid: u32) {
    life.store(tid | WAITERS, Ordering::SeqCst);
}

fn copy(fd: &OwnedFd) -> OwnedFd {
    fd.as_fd().try_clone_to_owned().expect("a descriptor")
}

impl World {
    pub fn new() -> World {
        // SAFETY: a name that is a NUL-terminated string; the descriptor is new and ours alone.
        let memory = unsafe { OwnedFd::from_raw_fd(libc::memfd_create(c"model".as_ptr(), libc::MFD_CLOEXEC)) };
        step::set_running(false);
        step::STATE.set(Some(State {
            mappings: Vec::new(),
            tasks: vec![Task::default(); 16],
            sleepers: Vec::new(),
            woken: Vec::new(),
            expired: Vec::new(),
            now_ns: 1_000_000_000,
            clock: None,
            stopped: Vec::new(),
            over: false,
            spared: false,
            paused: Vec::new(),
            goes_on: false,
            dying: 0,
            waiters_look: false,
            lookouts: false,
            locks_are_told: false,
            owners_are_suspected: false,
        }));
        Arena::format(&memory).expect("room for a session");
        let world = World {
            memory,
            processes: RefCell::default(),
            threads: RefCell::default(),
            reapers: Arc::default(),
            helpers: Helpers::default(),
            deaths: Arc::default(),
            ended: Ended::default(),
            living: Arc::default(),
        };
        let own = world.process();
        let slot = claim_thread(&own);
        with(|state| state.tasks[step::me()].slot = Some(slot));
        let clock = shuttle::thread::spawn(futex::run_clock);
        with(|state| state.clock = Some(clock.thread().clone()));
        drop(clock); // detached: the run ends without it
        world
    }

    /// The memory, mapped by one more process.
    pub(super) fn attachment(&self) -> Arc<Session> {
        let arena = Arena::map(copy(&self.memory), "model", Protection::ReadWrite).expect("a mapping");
        with(|state| state.mappings.push(std::ptr::from_ref(arena.header()) as usize));
        let directory = Kept::new(copy(&self.memory)).expect("a file");
        Arc::new(Session::new("model".into(), arena, directory, None))
    }

    /// A further process. It has the handles that the first one has by now.
    pub fn process(&self) -> Arc<Session> {
        let session = self.attachment();
        let slot = self.processes.borrow().len() as u32 + IN_FRAMES + 1;
        session.arena.grow_processes(slot + 1).expect("room for a process");
        let record = session.arena.process(slot);
        for life in [&record.life].into_iter().chain(&record.bells) {
            claim(&life.word, TID + slot);
        }
        record.generation.put(1);
        record.pid.put(PID + slot);
        session.arena.header().process_high.put(slot + 1);
        session.held_slot.store(slot, Ordering::SeqCst);
        session.own.slot.store(slot, Ordering::SeqCst);
        session.own.generation.store(1, Ordering::SeqCst);
        let inherited = self.processes.borrow().first().map(|first| Inheritance::of(first, true));
        session.attach_slot(slot, inherited.as_ref()).expect("a participant");
        self.processes.borrow_mut().push(Arc::clone(&session));
        session
    }

    /// A process that reaps in its turn. With a `fate` it may be killed at that.
    pub fn reaper(&self) {
        let session = self.process();
        self.reapers.lock().expect("one thread").push(session);
    }

    pub fn first(&self) -> Arc<Session> {
        Arc::clone(&self.processes.borrow()[0])
    }

    /// Lookouts are posted: waiters look whether a thread that was woken acts. Without this call they sleep on, and the
    /// model finds what lookouts would heal.
    pub fn has_lookouts(&self) {
        with(|state| state.lookouts = true);
    }

    /// No waiter of a lock wakes by itself: a lost wake-up leaves all asleep.
    pub fn locks_are_told(&self) {
        with(|state| state.locks_are_told = true);
    }

    /// A waiter that finds the same owner of a lock twice looks what it does, as after a long time.
    pub fn owners_are_suspected(&self) {
        with(|state| state.owners_are_suspected = true);
    }

    /// How often somebody took the dispatcher lock over.
    pub fn recoveries(&self) -> u64 {
        self.first().arena.header().recoveries.get()
    }

    /// A queue of the first process: handles to its read end and its write end.
    pub fn queue(&self, quota: u64) -> (u32, u32) {
        self.first().create_queue(None, quota).expect("a queue")
    }

    /// Pages of the pool that are in use.
    pub fn pages_in_use(&self) -> u32 {
        let session = self.first();
        let header = session.arena.header();
        header.page_high.get().saturating_sub(1).saturating_sub(header.pages_free.get())
    }

    pub fn make(&self, kind: Kind, value: u64, limit: u32) -> u32 {
        let initial = Initial { kind, value, limit, quantity: 0, detail: 0 };
        self.first().create(None, Disposition::Create, 0, initial, false).expect("an object").handle
    }

    /// A thread of `session` that does `body`, from the moment [`World::run`] is called.
    pub fn thread(&self, session: &Arc<Session>, fate: Fate, body: impl FnOnce(&Arc<Session>) + Send + 'static) {
        let slot = claim_thread(session);
        let task = fate.task(Some(slot));
        let (session, reapers, deaths) = (Arc::clone(session), Arc::clone(&self.reapers), Arc::clone(&self.deaths));
        let helpers = self.helpers.clone();
        let ended = (fate != Fate::Lives).then(|| self.ended.clone());
        let living = self.living.clone();
        if fate == Fate::Lives {
            living.fetch_add(1, Ordering::Relaxed);
        }
        let life = Box::new(move || {
            with(|state| state.tasks[step::me()] = task);
            match catch_unwind(AssertUnwindSafe(|| body(&session))) {
                Ok(()) => {
                    with(|state| state.tasks[step::me()].left = 0);
                    session.lock_as(slot + 1).release_thread(slot);
                    session.arena.thread(slot).life.word.store(0, Ordering::SeqCst);
                }
                Err(payload) if payload.is::<Killed>() => {
                    deaths.fetch_add(1, Ordering::Relaxed);
                    match helpers.first() {
                        None => die(&session, slot, &reapers),
                        Some(_) => be_found_dead(&session, slot),
                    }
                    with(|state| state.dying -= 1);
                }
                Err(payload) => resume_unwind(payload),
            }
            match ended {
                Some(ended) => ended.add(),
                None if living.fetch_sub(1, Ordering::Relaxed) == 1 => step::go_on(),
                None => {}
            }
        });
        self.threads.borrow_mut().push(life);
    }

    /// Let the threads run, each to its end. Then look whether the session is as it should be.
    pub fn run(&self) {
        step::set_running(true);
        let threads: Vec<_> = self.threads.take().into_iter().map(shuttle::thread::spawn).collect();
        for thread in threads {
            thread.join().expect("a thread that failed ends the run");
        }
        step::set_running(false);
        self.check();
    }

    pub fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// How many processes were killed in this run.
    pub fn deaths(&self) -> u32 {
        self.deaths.load(Ordering::Relaxed)
    }

    /// What holds whenever nobody waits and nobody is in the middle of anything.
    fn check(&self) {
        let session = self.first();
        let (arena, header) = (&session.arena, session.arena.header());
        assert!(header.lock.read().is_free(), "the dispatcher lock is free");
        assert_eq!((header.journal_valid.get(), header.pulse.get()), (0, 0), "no step is half done");
        for slot in 0..header.thread_high.get().min(THREADS) {
            let thread = arena.thread(slot);
            assert_eq!(thread.progress.get(), progress::IDLE, "no wait is left over");
            assert_eq!(thread.linked.get(), 0, "no record is left over");
        }
        assert!(self.helpers.may_lie() || !unburied(&session), "the dead are buried");
        for slot in 0..header.thread_high.get().min(THREADS) {
            let hands = &arena.thread(slot).hands;
            assert!(hands.iter().all(|hand| hand.intent.get() == 0), "no hand is left full");
        }
        for body in 0..header.queue_high.get() {
            let queue = arena.queue(body);
            let free = [&queue.put_lock, &queue.take_lock, &queue.turn].map(|word| word.read().is_free());
            assert_eq!(free, [true; 3], "no side is held, and it is nobody's turn");
        }
        let (mut free, mut page) = (HashSet::new(), header.page_free.get());
        while page != 0 && free.insert(page) {
            page = arena.link(page).get();
        }
        assert_eq!((page, free.len() as u32), (0, header.pages_free.get()), "each free page is in the list, once");
        let mut live = 0;
        for object in 0..header.object_high.get() {
            let record = arena.object(object);
            if Kind::of(record).is_some() {
                live += 1;
                assert_eq!((record.head.get(), record.tail.get()), (0, 0), "nobody is in a list");
                assert_eq!(record.word.get() & word::HAS_WAITERS, 0, "no fast path is kept away");
            }
        }
        assert_eq!(header.objects_live.get(), live, "the living objects are counted");
    }
}

impl Default for World {
    fn default() -> Self {
        World::new()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        step::set_running(false);
        let state = step::STATE.take();
        if let Some(clock) = state.and_then(|state| state.clock)
            && !std::thread::panicking()
        {
            clock.unpark(); // it finds no model and ends
        }
    }
}

fn claim_thread(session: &Session) -> u32 {
    let slot = session.arena.header().thread_high.get();
    session.arena.grow_threads(slot + 1).expect("room for a thread");
    let thread = session.arena.thread(slot);
    claim(&thread.life.word, TID + 1000 + slot);
    session.fill(thread);
    session.arena.header().thread_high.put(slot + 1);
    slot
}

/// What the kernel of Linux does with a life word of the dead.
pub(super) fn mark(life: &sync::AtomicU32) {
    life.store(OWNER_DIED | WAITERS, Ordering::SeqCst);
    crate::sys::futex::wake(life, 1);
}

pub(super) fn become_helper(left: u32) {
    with(|state| state.tasks[step::me()] = Task { left, ..Task::default() });
}

/// The thread's process is dead: tell it, and let the reapers do their work in its place, one after the other.
fn die(session: &Session, slot: u32, reapers: &Mutex<Vec<Arc<Session>>>) {
    become_helper(0);
    let mut dead = vec![session.slot()];
    let mut words = [&session.arena.thread(slot).life.word, &session.arena.process(session.slot()).life.word];
    if step::once_in(2) {
        words.reverse();
    }
    words.into_iter().for_each(mark);
    loop {
        let Some(reaper) = reapers.lock().expect("one thread").pop() else { panic!("nobody is left to reap") };
        let me = reaper.slot();
        // All but the last reaper may be killed at it.
        let is_last = reapers.lock().expect("one thread").is_empty();
        become_helper(if is_last { 0 } else { 1 + step::choose(150) as u32 });
        let reaped = catch_unwind(AssertUnwindSafe(|| {
            for slot in &dead {
                let life = &reaper.arena.process(*slot).life.word;
                loop {
                    let seen = life.load(Ordering::Acquire);
                    let death = Death::of(&reaper.arena, *slot, seen, false);
                    if seen & OWNER_DIED == 0 || matches!(reaper.reap(helper_owner(me), &death), Reaped::Done) {
                        break;
                    }
                    step::spin_loop();
                }
            }
        }));
        become_helper(0);
        match reaped {
            Ok(()) => return,
            Err(payload) if payload.is::<Killed>() => {
                dead.push(me);
                mark(&reaper.arena.process(me).life.word);
                with(|state| state.dying -= 1);
            }
            Err(payload) => resume_unwind(payload),
        }
    }
}
