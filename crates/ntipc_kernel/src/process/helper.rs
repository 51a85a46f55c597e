//! The helper thread: every participant has one. It holds the process's life word, and queues to be the reaper.
//!
//! The elected reaper sleeps in `futex_waitv` on the life words of all participants and on the poke word, which tells it of
//! newcomers. A death is told by the kernel of Linux before the victim's memory is freed, and `exec` is told like a death.
//! More than [`SHARD`] slots are watched by further threads of the reaper's process.
//!
//! Crash: the reaper word is a life word too, announced as the pending one of its thread's list, so the kernel of Linux itself wakes
//! the next in the queue. Whoever is elected looks at every word first, so nothing that happened meanwhile is missed.
//! A slow look-round once a second finds what scribbled memory may have hidden.

use super::fork::GRACE_NS;
use super::lock::helper_owner;
use crate::arena::layout::{IN_FRAMES, PROCESSES};
use crate::fault::{self, fault};
use crate::mutation::without;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Ordering, Shared};
use crate::sys::clock::now_ns;
use crate::sys::futex::{self, Waitv};
use crate::sys::process::{self, tid};
use crate::sys::robust::{self, Linked, OWNER_DIED, TID_MASK, WAITERS};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

/// Slots that one thread watches: `futex_waitv` takes 128 words, two are ours.
const SHARD: u32 = 120;
const LOOK_ROUND_NS: u64 = 1_000_000_000;

/// Start the helper thread; returns when this process is a participant.
pub fn start(session: &Arc<Session>, copy_from: Option<(u32, u32)>) -> NtResult<()> {
    let (ready, answer) = channel();
    let shared = Arc::clone(session);
    session.stop.store(0, Ordering::Release);
    let spawned = process::with_signals_blocked(|| {
        std::thread::Builder::new()
            .name("ntipc-helper".into())
            .stack_size(256 << 10)
            .spawn(move || run(&shared, copy_from, &ready))
    });
    let handle = spawned.map_err(|error| Failure::from_io("starting the helper thread", &error))?;
    match answer.recv() {
        Ok(Ok(())) => {
            *crate::session::locked(&session.helper) = Some(handle);
            Ok(())
        }
        Ok(Err(failure)) => {
            let _ = handle.join();
            Err(failure)
        }
        Err(_) => Err(Failure::new(NtStatus::INSUFFICIENT_RESOURCES, "the helper thread ended at once")),
    }
}

fn run(session: &Arc<Session>, copy_from: Option<(u32, u32)>, ready: &Sender<NtResult<()>>) {
    let mut linked = Linked::default();
    let slot = match claim_slot(session, &mut linked) {
        Ok(slot) => slot,
        Err(failure) => {
            let _ = ready.send(Err(failure));
            return;
        }
    };
    let attached = session.attach_slot(slot, copy_from);
    if without!(LifeFirst) {
        let _ = robust::link_held(&session.arena.process(slot).life, &mut linked);
    }
    let failed = attached.is_err();
    if !failed {
        session.slot.store(slot, Ordering::Release);
        session.slot_generation.store(session.arena.process(slot).generation.get(), Ordering::Release);
    }
    let _ = ready.send(attached);
    if !failed {
        serve(session, slot);
    }
    // Nobody else of this process takes part any more: do for ourselves what the reaper does for the dead.
    session.release_slot(slot);
    let life = &session.arena.process(slot).life;
    let _ = robust::announce(Some(life));
    robust::unlink(life, &mut linked);
    life.word.store(0, Ordering::Release);
    let _ = robust::announce(None);
}

/// Take a free process slot: the life word first, everything else after, so that no death goes untold.
fn claim_slot(session: &Session, linked: &mut Linked) -> NtResult<u32> {
    let arena = &session.arena;
    let (pid, start_time, namespace) = (process::pid(), process::start_time(process::pid()), process::pid_namespace());
    for slot in IN_FRAMES + 1..PROCESSES {
        arena.grow_processes(slot + 1)?;
        let record = arena.process(slot);
        if record.life.word.load(Ordering::Relaxed) != 0 {
            continue;
        }
        let won = match without!(LifeFirst) {
            true => robust::hold_unlinked(&record.life),
            false => robust::claim(&record.life, linked)?,
        };
        if !won {
            continue;
        }
        record.generation.put(record.generation.get().wrapping_add(1));
        record.fork_until_ns.put(0);
        record.start_time.put(start_time);
        record.pid_namespace.put(namespace);
        record.pid.put(pid); // last: a look-round that sees it sees the rest
        arena.header().process_high.fetch_max(slot + 1, Ordering::AcqRel);
        fault!(SlotClaimed);
        poke(session);
        return Ok(slot);
    }
    Err(Failure::new(NtStatus::QUOTA_EXCEEDED, format!("the session has {} participants already", PROCESSES - 1)))
}

/// Tell the reaper to look at the process table again.
fn poke(session: &Session) {
    let poke = &session.arena.header().poke;
    poke.fetch_add(1, Ordering::SeqCst);
    futex::wake(poke, i32::MAX);
}

/// Wait to be elected, then reap; until told to stop.
fn serve(session: &Arc<Session>, slot: u32) {
    let header = session.arena.header();
    let reaper = &header.reaper;
    let _ = robust::announce((!without!(Succession)).then_some(reaper));
    while wait_for_office(session) {
        header.reaper_slot.put(slot);
        fault!(ReaperElected);
        session.reaping.store(true, Ordering::Release);
        watch(session, slot, 0, helper_owner(slot));
        session.reaping.store(false, Ordering::Release);
        poke(session); // our further threads look up and end
        reaper.word.store(0, Ordering::Release);
        futex::wake(&reaper.word, 1);
        if fault::is_eligible() {
            break; // told to stop
        }
    }
    let _ = robust::announce(None);
}

/// Queue for the reaper's office until we hold it. `false`: told to stop before.
fn wait_for_office(session: &Session) -> bool {
    let header = session.arena.header();
    let reaper = &header.reaper;
    let mine = tid() | WAITERS;
    loop {
        let stop = must_stop(session);
        if stop || !fault::is_eligible() {
            if reaper.word.load(Ordering::Acquire) & TID_MASK == 0 {
                futex::wake(&reaper.word, 1); // we may have been woken to be it
            }
            if stop {
                return false;
            }
            futex::wait(&session.stop, 0, now_ns() + 50_000_000);
            continue;
        }
        let seen = reaper.word.load(Ordering::Acquire);
        // Nobody, or we, who know better: somebody scribbled there.
        if seen & TID_MASK == 0 || seen & TID_MASK == mine & TID_MASK {
            if reaper.word.compare_exchange(seen, mine, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return true;
            }
            continue;
        }
        let words = [Waitv::new(&reaper.word, seen), Waitv::new(&session.stop, 0)];
        if futex::wait_many(&words, now_ns() + LOOK_ROUND_NS) == futex::Slept::TimedOut {
            // A holder whose death was hidden by scribbling: no participant's helper has its thread id any more.
            let high = session.arena.processes();
            let holds = |slot| session.arena.process(slot).life.word.get() & (TID_MASK | OWNER_DIED) == seen & TID_MASK;
            if !(0..high).any(holds)
                && reaper.word.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
                && process::is_gone(session.arena.process(header.reaper_slot.get()).pid.get())
            {
                header.hidden.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Told to stop, and no other thread of this process needs the slot any more.
fn must_stop(session: &Session) -> bool {
    if session.stop.load(Ordering::Acquire) == 0 {
        return false;
    }
    if session.other_threads() > 0 {
        session.stop.store(0, Ordering::Release); // the last of them says it again
        return session.other_threads() == 0;
    }
    true
}

/// A further thread of the reaper's process. It locks by a thread slot of its own: its death is told by its own life word.
fn watch_further(session: &Arc<Session>, my_slot: u32, shard: u32) {
    if let Ok(slot) = session.thread_slot() {
        session.further_watchers.fetch_add(1, Ordering::AcqRel);
        watch(session, my_slot, shard, slot + 1);
        session.further_watchers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Watch the slots `shard * SHARD ..` until told to stop, taking the dispatcher lock as `me`.
fn watch(session: &Arc<Session>, my_slot: u32, shard: u32, me: u32) {
    let arena = &session.arena;
    let header = arena.header();
    let mut further = Vec::new();
    let mut last_look = 0;
    loop {
        if shard == 0 && (must_stop(session) || !fault::is_eligible())
            || shard > 0 && !session.reaping.load(Ordering::Acquire)
        {
            break;
        }
        let poke = header.poke.load(Ordering::SeqCst);
        let high = arena.processes();
        if shard == 0 {
            while (further.len() as u32 + 1) * SHARD < high {
                let (shared, number) = (Arc::clone(session), further.len() as u32 + 1);
                let thread = std::thread::Builder::new()
                    .name("ntipc-reaper".into())
                    .stack_size(256 << 10)
                    .spawn(move || watch_further(&shared, my_slot, number));
                let Ok(thread) = thread else { break };
                further.push(thread);
            }
        }
        let mut words = Vec::with_capacity(128);
        words.push(Waitv::new(&header.poke, poke));
        words.push(Waitv::new(&session.stop, 0));
        let now = now_ns();
        let look_round = now - last_look >= LOOK_ROUND_NS;
        if look_round {
            last_look = now;
        }
        let mut unfinished = false;
        for slot in shard * SHARD..high.min((shard + 1) * SHARD) {
            let life: &AtomicU32 = &arena.process(slot).life.word;
            let seen = life.load(Ordering::Acquire);
            if seen == 0 || slot == my_slot {
                continue;
            }
            let hidden = look_round && is_hidden_death(session, slot);
            if seen & OWNER_DIED != 0 || seen & TID_MASK == 0 || hidden {
                unfinished |= !session.reap(me, slot, seen, hidden);
                continue;
            }
            words.push(Waitv::new(life, seen));
        }
        if look_round && shard == 0 {
            session.reap_stray_threads(me);
            session.finish_drains(me);
        }
        let patience = if unfinished { 2_000_000 } else { LOOK_ROUND_NS };
        futex::wait_many(&words, now_ns() + patience);
    }
    for thread in further {
        session.reaping.store(false, Ordering::Release);
        poke(session);
        let _ = thread.join();
    }
}

/// A process that is gone although its life word says otherwise.
fn is_hidden_death(session: &Session, slot: u32) -> bool {
    let record = session.arena.process(slot);
    let pid = record.pid.get();
    if pid == 0 || record.pid_namespace.get() != process::pid_namespace() {
        return false;
    }
    if process::is_gone(pid) {
        return true;
    }
    let (then, now) = (record.start_time.get(), process::start_time(pid));
    then != 0 && now != 0 && then != now
}

impl Session {
    /// Do what death asks for, as long as the life word says `seen`. `false`: look again soon; a thread may still run an
    /// instruction, or somebody else was quicker.
    pub(crate) fn reap(&self, me: u32, slot: u32, seen: u32, hidden: bool) -> bool {
        fault!(ReapBegin);
        let life = &self.arena.process(slot).life.word;
        for thread in self.threads_of(slot) {
            let word = &self.arena.thread(thread).life.word;
            let mut alive = word.load(Ordering::Acquire);
            let give_up = now_ns() + LOOK_ROUND_NS;
            while !hidden && alive != 0 && alive & OWNER_DIED == 0 {
                if now_ns() > give_up || futex::wait(word, alive, give_up) == futex::Slept::TimedOut {
                    return false;
                }
                alive = word.load(Ordering::Acquire);
            }
            if alive != 0 {
                let mut locked = self.lock_as(me);
                // By now somebody else may have reaped the process and a newcomer may have its slot: no thread of that one.
                let reused = life.load(Ordering::Acquire) != seen && !without!(SeenAgain);
                if reused || !locked.release_dead_thread(thread, alive) {
                    return false;
                }
            }
        }
        let left_ns = self.arena.process(slot).fork_until_ns.get().saturating_sub(now_ns());
        if (1..=GRACE_NS).contains(&left_ns) {
            return false; // its child is about to take its handles over
        }
        loop {
            let mut locked = self.lock_as(me);
            if life.load(Ordering::Acquire) != seen {
                return false;
            }
            if !locked.close_some_handles(slot) {
                locked.release_process(slot);
                self.arena.header().reaped.fetch_add(1, Ordering::Relaxed);
                let untold = seen & OWNER_DIED == 0 && seen & TID_MASK != 0;
                self.arena.header().hidden.fetch_add(u64::from(untold), Ordering::Relaxed);
                return life.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
            }
        }
    }

    fn threads_of(&self, process: u32) -> Vec<u32> {
        (0..self.arena.threads())
            .filter(|slot| {
                let thread = self.arena.thread(*slot);
                thread.life.word.get() != 0 && thread.process_slot() == Some(process)
            })
            .collect()
    }

    /// Threads that ended without running their destructors, or between claiming a slot and filling it.
    fn reap_stray_threads(&self, me: u32) {
        for slot in 0..self.arena.threads() {
            let thread = self.arena.thread(slot);
            let seen = thread.life.word.get();
            if seen & OWNER_DIED == 0 {
                continue;
            }
            let life = |process| self.arena.process(process).life.word.get();
            if thread.process_slot().is_none_or(|process| life(process) & OWNER_DIED == 0) {
                self.lock_as(me).release_dead_thread(slot, seen);
            }
        }
    }

    /// Become a participant: with the handles of the process we were forked from, if any.
    pub(crate) fn attach_slot(&self, slot: u32, copy_from: Option<(u32, u32)>) -> NtResult<()> {
        let mut locked = self.lock_as(helper_owner(slot));
        let record = self.arena.process(slot);
        record.handle_high.put(0);
        record.handle_count.put(0);
        for bits in &record.full {
            bits.put(0);
        }
        let copied = match copy_from {
            Some((parent, generation)) => locked.copy_handles(parent, generation, slot),
            None => Ok(()),
        };
        record.attached.put(1);
        fault!(SlotAttached);
        copied
    }

    /// Give up our own slot. No thread of this process is left in the session but this one.
    fn release_slot(&self, slot: u32) {
        let me = helper_owner(slot);
        while self.lock_as(me).close_some_handles(slot) {}
        self.lock_as(me).release_process(slot);
    }

    pub(crate) fn wait_for_helper(&self) {
        let helper = crate::session::locked(&self.helper).take();
        if let Some(helper) = helper {
            let _ = helper.join();
        }
    }
}
