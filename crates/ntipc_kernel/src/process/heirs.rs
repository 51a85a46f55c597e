//! Heirs: children that a participant has started with handles, and that have not joined the session yet, if ever they
//! will.
//!
//! A child has its handles before it runs, as on Windows: in a slot of the process table that its parent fills, and
//! that waits for it. Its life word says HEIR, which no thread holds; so the three watchers of the slot watch the
//! process itself, by pidfds, and those that follow them when they die do the same. The parent, which has the object of
//! the process open, watches that alone ([`pidfd_watch::stands_for`]).
//!
//!   H1 the parent, under the dispatcher lock: takes a free slot (sponsor, then life word := HEIR), stores handles at
//!      the same numbers
//!   H2 starts the child   H3 writes down start time, namespace and, last, pid; tells the watchers
//!   H4 the child joins: it looks for the slot with its pid and start time; life word HEIR -> its helper's
//!
//! Invariant: the slot is freed once. A thread that ends it goes by `reap`, which compares the life word; H4 is a
//! compare-and-swap of that word. The child may be at H4 before its parent is at H3: as long as its parent has a slot
//! without a pid it waits, for a while.
//! Crash: before H3 the slot names its sponsor, and the reaper of that one frees it; after H3 the watchers of the slot
//! learn of the child's end, or a look-round does.

use super::lives::Life;
use super::lock::Locked;
use super::pidfd_watch::{self, Watched, What};
use super::reap::Death;
use crate::arena::Arena;
use crate::arena::layout::{IN_FRAMES, PROCESSES, Process};
use crate::fault::fault;
use crate::object::handles::{Entry, INHERITABLE, place};
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared};
use crate::sys::clock::now_ns;
use crate::sys::robust::{HEIR, Linked};
use crate::sys::{namespaces, process, robust};
use std::sync::Arc;
use std::time::Duration;

/// How long a child waits for its parent to write down who it is.
const PATIENCE_MS: u32 = 1500;

/// A slot that waits for a child.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Heir {
    pub slot: u32,
    pub generation: u32,
}

impl Heir {
    fn death(self) -> Death {
        Death { slot: self.slot, life: HEIR, generation: self.generation, hidden: true }
    }
}

fn sponsor(slot: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(slot)
}

impl Process {
    pub(super) fn is_heir(&self) -> bool {
        self.life.word.load(Ordering::Acquire) == HEIR
    }
}

impl Arena {
    fn heirs(&self) -> impl Iterator<Item = (Heir, &Process)> {
        // Models have none, and each look would be a step of theirs.
        let end = if cfg!(feature = "models") { 0 } else { self.processes() };
        (IN_FRAMES + 1..end).filter_map(|slot| {
            let record = self.process(slot);
            record.is_heir().then(|| (Heir { slot, generation: record.generation.get() }, record))
        })
    }
}

impl Session {
    /// H1: reserve handles for a child: those of these numbers, or `None`: those marked inheritable. `None`: there is
    /// none.
    pub fn prepare_heir(self: &Arc<Self>, numbers: Option<&[u32]>) -> NtResult<Option<Heir>> {
        let mut locked = self.lock()?;
        let handles = match numbers {
            Some(numbers) => numbers.iter().map(|number| locked.listed(*number)).collect::<NtResult<Vec<_>>>()?,
            None => locked.marked(),
        };
        if handles.is_empty() {
            return Ok(None);
        }
        let heir = locked.take_slot_for_heir()?;
        fault!(HeirTaken);
        let filled = locked.fill_heir(heir, &handles);
        drop(locked);
        if let Err(failure) = filled {
            self.disinherit(heir);
            return Err(failure);
        }
        Ok(Some(heir))
    }

    /// H3: the child is there, and started at that time; 0: to be looked up.
    pub fn name_heir(self: &Arc<Self>, heir: Heir, pid: u32, start_time: u64) {
        let record = self.arena.process(heir.slot);
        if record.generation.get() != heir.generation {
            return;
        }
        record.start_time.put(match start_time {
            0 => process::stat(pid).map_or(0, |stat| stat.start_time),
            known => known,
        });
        record.pid_namespace.put(self.own_pid_namespace());
        fault!(HeirStarted);
        record.pid.store(pid, Ordering::Release);
        fault!(HeirNamed);
        self.tell_watchers(heir.slot);
    }

    /// The child could not be started: give back what was reserved for it.
    pub fn disinherit(self: &Arc<Self>, heir: Heir) {
        if let Ok(me) = self.thread_slot() {
            self.reap(me + 1, &heir.death());
        }
    }

    /// H4: this process was started with handles: the slot that waits for it, with the helper's life word by now.
    pub(super) fn take_own_heir(&self, linked: &mut Linked) -> NtResult<Option<u32>> {
        let arena = &self.arena;
        if arena.heirs().next().is_none() {
            return Ok(None);
        }
        let me = Life {
            namespace: namespaces::pid_namespace(),
            number: process::pid(),
            start_time: process::start_time(process::pid()),
            is_thread: false,
        };
        for _ in 0..PATIENCE_MS {
            let own = arena.heirs().find(|(_, record)| Life::of_record(record) == Some(me));
            if let Some((heir, record)) = own {
                let taken = robust::claim_from(&record.life, HEIR, linked)?;
                fault!(HeirJoined);
                return Ok(taken.then_some(heir.slot));
            }
            let parent = process::parent();
            let is_on_its_way = arena.heirs().any(|(_, record)| {
                let sponsor = (record.sponsor.get() as u32) & (PROCESSES - 1);
                let sponsor = arena.process(sponsor);
                record.pid.load(Ordering::Acquire) == 0
                    && sponsor.pid.get() == parent
                    && sponsor.pid_namespace.get() == me.namespace
                    && me.namespace != 0
            });
            if !is_on_its_way {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(None)
    }

    /// Watch over a slot whose child has not joined.
    pub(super) fn watch_heir(&self, slot: u32) {
        let record = self.arena.process(slot);
        if let Some(session) = self.shared.get()
            && record.is_heir()
            && record.pid.load(Ordering::Acquire) != 0
        {
            let heir = Heir { slot, generation: record.generation.get() };
            if self.life_of_heir(heir).is_some_and(|life| pidfd_watch::stands_for(session, life)) {
                return;
            }
            let watched = Watched { session: session.clone(), what: What::Heir(heir), kill_ns: 0 };
            pidfd_watch::watch(watched, None);
        }
    }

    /// Which process of our pid namespace a slot waits for, if it still does.
    pub(super) fn life_of_heir(&self, heir: Heir) -> Option<Life> {
        let record = self.arena.process(heir.slot & (PROCESSES - 1));
        let life = Life::of_record(record)?;
        (record.is_heir() && record.generation.get() == heir.generation && life.namespace == self.own_pid_namespace())
            .then_some(life)
    }

    /// Has the process of an heir ended, or will there never be one? The look of those who have no pidfd.
    pub(super) fn is_heir_gone(&self, slot: u32) -> bool {
        let record = self.arena.process(slot);
        if !record.is_heir() {
            return false;
        }
        match (record.pid.load(Ordering::Acquire), Life::of_record(record)) {
            (0, _) => {
                let noted = record.sponsor.get();
                let parent = self.arena.process(noted as u32 & (PROCESSES - 1));
                !robust::is_held(parent.life.word.get()) || parent.generation.get() != (noted >> 32) as u32
            }
            (pid, Some(life)) if namespaces::is_own_pid_namespace(life.namespace) => {
                let is_it =
                    |stat: process::Stat| stat.start_time == life.start_time && !matches!(stat.state, 'Z' | 'X');
                !process::stat(pid).is_some_and(is_it)
            }
            (pid, None) => process::is_gone(pid), // without /proc
            _ => false,
        }
    }

    /// The last participant leaves: give children that it has started a moment to join, so that there is something to
    /// join.
    pub(super) fn wait_for_heirs(&self, until_ns: u64) {
        let others = |slot: &u32| {
            let life = self.arena.process(*slot).life.word.load(Ordering::Acquire);
            robust::is_held(life) && life != HEIR
        };
        while now_ns() < until_ns
            && !(IN_FRAMES + 1..self.arena.processes()).any(|slot| others(&slot))
            && self.arena.heirs().any(|(heir, _)| !self.is_heir_gone(heir.slot))
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// As the owner `me` of the lock: the child has ended, and never joined.
    pub(super) fn heir_ended(&self, me: u32, heir: Heir) {
        self.reap(me, &heir.death());
    }

    /// Slots without a pid whose sponsor, in that slot and generation, is dead: nobody will start their children.
    pub(super) fn orphaned_heirs(&self, slot: u32, generation: u32) -> Vec<Heir> {
        let of_it = |record: &Process| record.sponsor.get() == sponsor(slot, generation) && record.pid.get() == 0;
        self.arena.heirs().filter(|(_, record)| of_it(record)).map(|(heir, _)| heir).collect()
    }
}

impl Locked<'_> {
    fn own_handle(&self, index: u32) -> Option<Entry> {
        let arena = &self.session.arena;
        let slot = self.session.slot();
        let packed = (index < arena.handles(slot)).then(|| arena.handle(slot, index).get())?;
        Entry::unpack(packed).filter(|entry| !entry.is_private())
    }

    fn listed(&self, number: u32) -> NtResult<(u32, Entry)> {
        let found = place(number).and_then(|index| Some((index, self.own_handle(index)?)));
        found.ok_or_else(|| Failure::new(NtStatus::INVALID_HANDLE, format!("this process has no handle {number}")))
    }

    fn marked(&self) -> Vec<(u32, Entry)> {
        (0..self.session.arena.handles(self.session.slot()))
            .filter_map(|index| Some((index, self.own_handle(index).filter(|entry| entry.flags & INHERITABLE != 0)?)))
            .collect()
    }

    fn take_slot_for_heir(&mut self) -> NtResult<Heir> {
        let session = self.session;
        let arena = &session.arena;
        let own = sponsor(session.slot(), arena.process(session.slot()).generation.get());
        for slot in IN_FRAMES + 1..PROCESSES {
            arena.grow_processes(slot + 1)?;
            let record = arena.process(slot);
            if record.life.word.load(Ordering::Relaxed) != 0 {
                continue;
            }
            record.sponsor.put(own);
            if record.life.word.compare_exchange(0, HEIR, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                continue; // a newcomer, to whom that field means nothing
            }
            let generation = record.generation.get().wrapping_add(1);
            record.generation.put(generation);
            for field in [&record.pid, &record.watches, &record.handle_high, &record.handle_count] {
                field.put(0);
            }
            for field in [&record.fork_until_ns, &record.exit_request, &record.start_time, &record.pid_namespace] {
                field.put(0);
            }
            for bits in &record.full {
                bits.put(0);
            }
            for bell in &record.bells {
                bell.word.put(HEIR);
            }
            arena.header().process_high.fetch_max(slot + 1, Ordering::AcqRel);
            return Ok(Heir { slot, generation });
        }
        Err(Failure::new(NtStatus::QUOTA_EXCEEDED, format!("the session has {} participants already", PROCESSES - 1)))
    }

    fn fill_heir(&mut self, heir: Heir, handles: &[(u32, Entry)]) -> NtResult<()> {
        let arena = &self.session.arena;
        let highest = handles.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
        arena.grow_handles(heir.slot, highest)?;
        for (index, entry) in handles {
            if arena.handle(heir.slot, *index).get() == 0 || *index >= arena.process(heir.slot).handle_high.get() {
                self.store_handle(heir.slot, *index, entry.pack());
            }
        }
        arena.process(heir.slot).attached.put(1);
        fault!(HeirFilled);
        Ok(())
    }
}
