//! Helpers in a model: those of the kernel, which watch their neighbours in threads of their own, and may be killed or
//! stopped at that.

use super::step::{self, End, Killed, Stopped, Task, with};
use super::world::{Ended, Fate, TID, World, become_helper, claim, mark};
use crate::arena::layout::PROCESSES;
use crate::process::helper;
use crate::process::watch::watch;
use crate::session::Session;
use crate::sync::{self, Ordering, Shared};
use crate::sys::robust::{OWNER_DIED, TID_MASK};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

/// The helpers that watch in a run.
#[derive(Clone, Default)]
pub struct Helpers {
    sessions: Arc<Mutex<Vec<Arc<Session>>>>,
    running: Arc<AtomicU32>,
    /// Dead that nobody need bury, because they died before they had anything, or nobody waits for them any more.
    may_lie: Arc<AtomicU32>,
}

impl Helpers {
    /// Let all of them end, when nobody is dead and unburied. From now on nobody is killed.
    pub fn end_when_buried(&self) {
        with(|state| {
            state.spared = true;
            state.tasks.iter_mut().filter(|task| task.end != End::Stopped).for_each(|task| task.left = 0);
        });
        let first = self.first();
        while with(|state| state.dying > 0)
            || !self.may_lie() && first.as_ref().is_some_and(|session| unburied(session))
        {
            step::spin_loop();
        }
        while self.running.load(Ordering::Relaxed) > 0 {
            self.sessions.lock().expect("one thread").clone().iter().for_each(|session| leave(session));
            let stopped = with(|state| {
                state.over = true;
                std::mem::take(&mut state.stopped)
            });
            stopped.iter().for_each(shuttle::thread::Thread::unpark);
            step::spin_loop();
        }
    }

    /// The same, for any of the dead.
    pub fn end(&self) {
        self.may_lie.fetch_add(1, Ordering::Relaxed);
        self.end_when_buried();
    }

    /// Whether somebody dead may be left.
    pub(super) fn may_lie(&self) -> bool {
        self.may_lie.load(Ordering::Relaxed) > 0
    }

    pub(super) fn first(&self) -> Option<Arc<Session>> {
        self.sessions.lock().expect("one thread").first().cloned()
    }
}

/// Tell the helper of that process to leave.
pub fn leave(session: &Session) {
    session.stop_helper();
}

/// Has a process that came while the others ran its slot by now?
pub fn takes_part(session: &Session) -> bool {
    session.slot() != 0
}

pub(super) fn unburied(session: &Session) -> bool {
    let dead = |slot| session.arena.process(slot).life.word.load(Ordering::SeqCst) & OWNER_DIED != 0;
    (1..(session.arena.processes() + 1).min(PROCESSES)).any(dead)
}

impl World {
    /// A process that comes while the others run, watches its neighbours, and leaves when it is told to ([`leave`]).
    pub fn comes(&self, fate: Fate) -> Arc<Session> {
        let session = self.attachment();
        let comer = Arc::clone(&session);
        let ended = matches!(fate, Fate::Killed { .. }).then(|| self.ended.clone());
        self.helper(&session, fate, ended, move || helper::run(&comer, None, &channel().0));
        session
    }

    /// Let the helper of a process watch its neighbours.
    pub fn watches(&self, session: &Arc<Session>, fate: Fate) {
        let (watching, slot) = (Arc::clone(session), session.slot());
        session.arena.process(slot).watches.put(1);
        self.helper(session, fate, None, move || watch(&watching, slot));
    }

    fn helper(&self, session: &Arc<Session>, fate: Fate, ended: Option<Ended>, body: impl FnOnce() + Send + 'static) {
        self.helpers.sessions.lock().expect("one thread").push(Arc::clone(session));
        self.helpers.running.fetch_add(1, Ordering::Relaxed);
        let task = fate.task(None);
        let (session, deaths, helpers) = (Arc::clone(session), Arc::clone(&self.deaths), self.helpers.clone());
        self.threads.borrow_mut().push(Box::new(move || {
            if takes_part(&session) {
                let record = session.arena.process(session.slot());
                for life in [&record.life].into_iter().chain(&record.bells) {
                    claim(&life.word, step::tid_of(step::me())); // they were another's, while there was no such thread
                }
            }
            with(|state| {
                let spared = state.spared && task.end != End::Stopped;
                state.tasks[step::me()] = if spared { Task { left: 0, ..task } } else { task };
            });
            match catch_unwind(AssertUnwindSafe(body)) {
                Ok(()) => {}
                Err(payload) if payload.is::<Killed>() => {
                    deaths.fetch_add(1, Ordering::Relaxed);
                    become_helper(0);
                    if mark_words_of(&session, step::tid_of(step::me())) {
                        helpers.may_lie.fetch_add(1, Ordering::Relaxed);
                    }
                    with(|state| state.dying -= 1);
                }
                Err(payload) if payload.is::<Stopped>() => {}
                Err(payload) => resume_unwind(payload),
            }
            helpers.running.fetch_sub(1, Ordering::Relaxed);
            if let Some(ended) = ended {
                ended.add();
            }
        }));
    }

    pub fn helpers(&self) -> Helpers {
        self.helpers.clone()
    }

    /// Threads that wait look for the dead now and then.
    pub fn waiters_look(&self) {
        with(|state| state.waiters_look = true);
    }
}

/// What the kernel of Linux does with all words that the helper with that thread id holds, in the order of its list.
/// Whether its process had nothing yet.
fn mark_words_of(session: &Session, tid: u32) -> bool {
    let is_its = |word: &sync::AtomicU32| word.load(Ordering::SeqCst) & TID_MASK == tid;
    let mut early = false;
    for slot in 1..(session.arena.processes() + 1).min(PROCESSES) {
        let record = session.arena.process(slot);
        early |= is_its(&record.life.word) && record.attached.get() == 0;
        for life in [&record.life].into_iter().chain(&record.bells).filter(|life| is_its(&life.word)) {
            mark(&life.word);
        }
    }
    early
}

/// The thread's process is dead, and its watchers are told. Linux may end the thread before the helper or after it.
pub(super) fn be_found_dead(session: &Session, slot: u32) {
    become_helper(0);
    let thread = &session.arena.thread(slot).life.word;
    let first = step::once_in(2);
    if first {
        mark(thread);
    }
    let _ = mark_words_of(session, TID + session.slot());
    if !first {
        mark(thread);
    }
}
