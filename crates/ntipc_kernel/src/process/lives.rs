//! Objects of processes and threads: whether one has ended, and how.
//!
//! There is one object a process, or thread, in a session, as long as somebody has a handle: its name, which no program
//! can give, is the pid namespace, the number and the start time. So a number that Linux uses again leads to another
//! object.
//!
//! Linux says that one has ended: each process that opens, is given or waits for such an object watches it
//! (`pidfd_watch`), so none depends on another that watches. Of a participant the session says, moreover, that its
//! handles are closed:
//!
//!   E1 a watcher sees the end: code, ENDED
//!   E2 is it a participant no more? signal it. Else the thread that releases its slot does: it looks for the object,
//!      and for ENDED
//!
//! Invariant: E1 and E2, and the release of a slot, are steps under the dispatcher lock. So one of the two finds what
//! the other has done, and a waiter that a process wakes finds its handles closed. A slot that is released without
//! ENDED is that of a process that has left, has become another program, or whose end Linux has not told yet: its
//! watchers go on.
//! Crash: before E1 nothing is done; between E1 and E2 the other watchers, the reaper, or the next process that opens
//! the object go on. Each step can be repeated.

use super::heirs::Heir;
use super::lock::Locked;
use super::pidfd_watch::{self, Watched, What};
use crate::arena::Arena;
use crate::arena::layout::{IN_FRAMES, Object, Process, ending, word};
use crate::fault::fault;
use crate::object::handles::Entry;
use crate::object::kind::{Kind, Type, access};
use crate::object::names;
use crate::object::table::{Disposition, Initial, Opened};
use crate::session::{Session, locked};
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::Shared;
use crate::sys::{namespaces, pidfd, process};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Which process or thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Life {
    pub namespace: u64,
    pub number: u32,
    pub start_time: u64,
    pub is_thread: bool,
}

impl Life {
    /// What lives in a slot of the process table; `None` where that is not known.
    pub(super) fn of_record(record: &Process) -> Option<Life> {
        let (namespace, number, start_time) = (record.pid_namespace.get(), record.pid.get(), record.start_time.get());
        let is_known = namespace != 0 && number != 0 && start_time != 0;
        is_known.then_some(Life { namespace, number, start_time, is_thread: false })
    }

    fn kind(self) -> Kind {
        if self.is_thread { Kind::Thread } else { Kind::Process }
    }

    /// The name of its object.
    fn name(self) -> String {
        let directory = if self.is_thread { "thread" } else { "process" };
        format!("{directory}\\{:x}.{}.{}", self.namespace, self.number, self.start_time)
    }

    /// Does that object bear its name?
    fn is_named(self, arena: &Arena, object: &Object) -> bool {
        names::read(arena, object.name.get()).is_some_and(|name| name == self.name().as_bytes())
    }
}

/// An end that Linux has told.
#[derive(Debug)]
pub(crate) struct EndedLife {
    what: What,
    life: Life,
    code: Option<i32>,
}

/// What an object tells of its process or thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LifeState {
    /// Its id; 0 if it lives in another pid namespace.
    pub number: u32,
    /// The process that a thread belongs to; of a process its own id.
    pub process: u32,
    pub start_time: u64,
    pub ended: bool,
    pub exit_code: Option<i32>,
}

fn with_code(before: u64, code: Option<i32>) -> u64 {
    let Some(code) = code else { return before };
    let asked = before as u32 as i32;
    let as_asked = before & ending::ASKED != 0 && (code == asked & 0xff || code == -libc::SIGKILL);
    match before & ending::KNOWN != 0 || as_asked {
        true => before | ending::KNOWN,
        false => before & !(ending::CODE | ending::ASKED) | u64::from(code as u32) | ending::KNOWN,
    }
}

fn lacks(what: &str) -> Failure {
    Failure::new(NtStatus::ACCESS_DENIED, format!("the handle lacks the right {what}"))
}

impl Session {
    /// Open a process of our pid namespace, whether or not it takes part in the session.
    pub fn open_process(self: &Arc<Self>, pid: u32, rights: u32) -> NtResult<Opened> {
        self.open_life(pid, rights, false)
    }

    /// Open a thread of any process of our pid namespace.
    pub fn open_thread(self: &Arc<Self>, tid: u32, rights: u32) -> NtResult<Opened> {
        self.open_life(tid, rights, true)
    }

    fn open_life(self: &Arc<Self>, number: u32, rights: u32, is_thread: bool) -> NtResult<Opened> {
        self.take_part()?;
        let noun = if is_thread { "thread" } else { "process" };
        let missing = || Failure::new(NtStatus::INVALID_PARAMETER, format!("there is no {noun} {number}"));
        let unknown = || {
            let why =
                format!("what /proc says of {noun} {number} is needed to tell it from a later one of that number");
            Failure::new(NtStatus::NOT_SUPPORTED, why)
        };
        let descriptor = match pidfd::open(number, is_thread) {
            Ok(descriptor) => Some(descriptor),
            Err(error) => match error.raw_os_error() {
                Some(libc::EINVAL) if is_thread && !process::is_no_thread(None, number) => None, // before Linux 6.9
                Some(libc::ESRCH | libc::EINVAL | libc::ENOENT) => return Err(missing()),
                _ => return Err(Failure::from_io("opening a descriptor of the process", &error)),
            },
        };
        let stat = process::stat(number);
        // Its number cannot have been given to another one before this.
        if descriptor.as_ref().is_some_and(|descriptor| !pidfd::exists(descriptor)) {
            return Err(missing());
        }
        let namespace = self.own_pid_namespace();
        let stat = stat.filter(|stat| stat.start_time != 0 && namespace != 0).ok_or_else(unknown)?;
        let belongs_to = match is_thread {
            true => process::process_of_thread(number).ok_or_else(missing)?,
            false => 0,
        };
        let life = Life { namespace, number, start_time: stat.start_time, is_thread };
        let detail = u64::from(belongs_to) << ending::PROCESS_SHIFT;
        let initial = Initial { kind: life.kind(), value: 0, limit: number, quantity: life.start_time, detail };
        let opened = self.create(Some(&life.name()), Disposition::OpenOrCreate, rights, initial, false)?;
        if let Ok(entry) = self.entry(opened.handle) {
            self.watch_object(entry, 0, descriptor.as_ref().map(|descriptor| (descriptor, life)));
        }
        Ok(opened)
    }

    /// Make sure that this process watches what the handle leads to, if that is a process or thread which has not
    /// ended.
    pub fn watch_life(self: &Arc<Self>, handle: u32) {
        if let Ok(entry) = self.entry(handle) {
            self.watch_object(entry, 0, None);
        }
    }

    /// The same, of an entry, by the pidfd of that life if there is one; at `kill_ns`, unless that is 0, what has not
    /// ended is killed.
    pub(crate) fn watch_object(self: &Arc<Self>, entry: Entry, kill_ns: u64, by: Option<(&OwnedFd, Life)>) {
        let record = self.arena.object(entry.object);
        if Kind::of(record).is_some_and(Kind::is_life) && record.word.get() & 1 == 0 {
            let serial = self.arena.origin(entry.object).serial.get();
            let what = What::Object(entry.object, serial);
            pidfd_watch::watch(Watched { session: Arc::downgrade(self), what, kill_ns }, by);
        }
    }

    /// Watch the object of a process whose slot this process has released.
    pub(super) fn watch_object_of_dead(self: &Arc<Self>, object: u32) {
        let generation = word::generation(self.arena.object(object).word.get());
        self.watch_object(Entry { object, generation, access: 0, flags: 0 }, 0, None);
    }

    /// Which process or thread of our pid namespace that object is; `None`: another one by now, or of another
    /// namespace, or signalled.
    pub(super) fn life_of(&self, object: u32, serial: u64) -> Option<Life> {
        let record = self.arena.object(object);
        let kind = Kind::of(record).filter(|kind| kind.is_life())?;
        let life = Life {
            namespace: self.own_pid_namespace(),
            number: record.limit.get(),
            start_time: record.quantity.get(),
            is_thread: kind == Kind::Thread,
        };
        (self.is_to_be_watched(object, serial) && life.is_named(&self.arena, record)).then_some(life)
    }

    /// Is it the same object as ever, has anybody a handle to it, and has it not been signalled?
    pub(super) fn is_to_be_watched(&self, object: u32, serial: u64) -> bool {
        let record = self.arena.object(object);
        self.arena.origin(object).serial.get() == serial && record.handles.get() != 0 && record.word.get() & 1 == 0
    }

    /// As the session knows it; 0 = unknown, or this process takes no part.
    pub(super) fn own_pid_namespace(&self) -> u64 {
        self.arena.process(self.slot()).pid_namespace.get()
    }

    /// Linux says that it has ended: have the helper note it, which has the descriptors that a watching thread has not.
    pub(super) fn life_ended(&self, what: What, life: Life, code: Option<i32>) {
        locked(&self.ended_lives).push(EndedLife { what, life, code });
        self.poke(self.slot());
    }

    /// As the helper `me`: note what has ended.
    pub(super) fn note_ended_lives(&self, me: u32) {
        for EndedLife { what, life, code } in std::mem::take(&mut *locked(&self.ended_lives)) {
            let (object, serial) = match what {
                What::Object(object, serial) => (object, serial),
                What::Heir(heir) => {
                    self.heir_ended(me, heir);
                    continue;
                }
            };
            let mut locked = self.lock_as(me);
            // Without a handle there is no object any more, but the watch may have stood for a child that has not joined.
            let is_open = self.life_of(object, serial) == Some(life);
            if is_open {
                let detail = &self.arena.object(object).detail;
                detail.put(with_code(detail.get(), code) | ending::ENDED); // E1
                fault!(LifeEnded);
            }
            let slot = if life.is_thread { None } else { locked.slot_of_life(life) };
            match slot {
                None if is_open => locked.tell_end(object), // E2
                Some(slot) if self.arena.process(slot).is_heir() => {
                    drop(locked);
                    self.heir_ended(me, Heir { slot, generation: self.arena.process(slot).generation.get() });
                }
                _ => {}
            }
        }
    }

    /// What a handle to a process or thread tells.
    pub fn query_life(&self, handle: u32, wanted: Type) -> NtResult<LifeState> {
        let (entry, _) = self.entry_of(handle, wanted, 0)?;
        let record = self.arena.object(entry.object);
        let state = self.state_of_life(record);
        let life = Life {
            namespace: self.own_pid_namespace(),
            number: state.number,
            start_time: state.start_time,
            is_thread: wanted == Type::Thread,
        };
        Ok(match life.is_named(&self.arena, record) {
            true => state,
            false => LifeState { number: 0, process: 0, ..state },
        })
    }

    /// The same, with the exit code, for which a handle needs a right.
    pub fn exit_code(&self, handle: u32, wanted: Type) -> NtResult<Option<i32>> {
        let (entry, _) = self.entry_of(handle, wanted, 0)?;
        let needed = match wanted {
            Type::Thread => access::THREAD_QUERY_INFORMATION,
            _ => access::PROCESS_QUERY_INFORMATION | access::PROCESS_QUERY_LIMITED,
        };
        match entry.access & needed {
            0 if wanted == Type::Thread => Err(lacks("THREAD_QUERY_INFORMATION, 0x40")),
            0 => Err(lacks("PROCESS_QUERY_INFORMATION, 0x400")),
            _ => Ok(self.state_of_life(self.arena.object(entry.object)).exit_code),
        }
    }

    pub(crate) fn state_of_life(&self, record: &Object) -> LifeState {
        let ended = record.word.get() & 1 != 0;
        let (number, detail) = (record.limit.get(), record.detail.get());
        let process = match Kind::of(record) {
            Some(Kind::Thread) => (detail >> ending::PROCESS_SHIFT) as u32,
            _ => number,
        };
        let exit_code = (ended && detail & ending::KNOWN != 0).then_some(detail as u32 as i32);
        LifeState { number, process, start_time: record.quantity.get(), ended, exit_code }
    }

    /// Note the code with which a thread or process is about to end, as Linux has no place for it.
    pub fn note_exit_code(self: &Arc<Self>, handle: u32, wanted: Type, code: i32) -> NtResult<()> {
        let _locked = self.lock()?;
        let (entry, _) = self.entry_of(handle, wanted, 0)?;
        let detail = &self.arena.object(entry.object).detail;
        if detail.get() & ending::ENDED == 0 {
            detail.put(detail.get() & !ending::CODE | u64::from(code as u32) | ending::KNOWN);
        }
        Ok(())
    }

    /// End a process: a participant with that code, any other one by SIGKILL. Of one that has ended already nothing
    /// changes.
    pub fn terminate(self: &Arc<Self>, handle: u32, code: i32) -> NtResult<()> {
        let (entry, _) = self.entry_of(handle, Type::Process, 0)?;
        if entry.access & access::PROCESS_TERMINATE == 0 {
            return Err(lacks("PROCESS_TERMINATE, 0x1"));
        }
        let serial = self.arena.origin(entry.object).serial.get();
        let asked = {
            let mut locked = self.lock()?;
            self.own_entry(handle)?;
            locked.ask_to_end(entry.object, code)
        };
        if let Some(slot) = asked {
            if slot == self.slot() {
                process::end_at_once(code);
            }
            self.poke(slot);
            self.watch_object(entry, pidfd_watch::last_resort_ns(), None);
            return Ok(());
        }
        let Some(life) = self.life_of(entry.object, serial) else {
            return match self.arena.object(entry.object).word.get() & 1 {
                1 => Ok(()),
                _ => Err(Failure::new(
                    NtStatus::NOT_SUPPORTED,
                    "the process is of another pid namespace and takes no part in the session",
                )),
            };
        };
        kill(life)
    }
}

/// Kill a process of our pid namespace, and no later one of its number.
pub(super) fn kill(life: Life) -> NtResult<()> {
    let killed = pidfd::open(life.number, false).and_then(|descriptor| {
        match process::stat(life.number).is_some_and(|stat| stat.start_time == life.start_time) {
            true => pidfd::signal(&descriptor, libc::SIGKILL),
            false => Ok(()), // gone, and another one may have its number
        }
    });
    match killed {
        Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
            Err(Failure::from_io(&format!("ending process {}", life.number), &error))
        }
        _ => Ok(()),
    }
}

impl Locked<'_> {
    fn tell_end(&mut self, object: u32) {
        self.set_signal(object, 0);
        fault!(LifeTold);
    }

    /// The slot of a participant, also of a dead one that is not released yet.
    fn slot_of_life(&self, life: Life) -> Option<u32> {
        let arena = &self.session.arena;
        (IN_FRAMES + 1..arena.processes()).find(|slot| {
            arena.process(*slot).life.word.get() != 0 && Life::of_record(arena.process(*slot)) == Some(life)
        })
    }

    /// Ask the helper of a participant to end it with that code; its slot. `None`: it is none, or has ended.
    fn ask_to_end(&mut self, object: u32, code: i32) -> Option<u32> {
        let arena = &self.session.arena;
        let record = arena.object(object);
        let slot = (IN_FRAMES + 1..arena.processes()).find(|slot| {
            arena.process(*slot).attached.get() != 0
                && Life::of_record(arena.process(*slot)).is_some_and(|life| life.is_named(arena, record))
        })?;
        let detail = record.detail.get();
        if record.word.get() & 1 != 0 || detail & ending::ENDED != 0 {
            return None;
        }
        let code = u64::from(code as u32);
        if detail & (ending::KNOWN | ending::ASKED) == 0 {
            record.detail.put(detail & !ending::CODE | code | ending::ASKED);
        }
        fault!(LifeAsked);
        arena.process(slot).exit_request.put(ending::REQUEST | code);
        Some(slot)
    }

    /// The process in that slot takes part no more, and nothing of it is left. Its object, if it has one whose end
    /// Linux has not told yet.
    pub(super) fn slot_released(&mut self, slot: u32) -> Option<u32> {
        let life = Life::of_record(self.session.arena.process(slot))?;
        let object = self.look_up(&life.name()).ok()??;
        let record = self.session.arena.object(object);
        if Kind::of(record) != Some(Kind::Process) || record.word.get() & 1 != 0 {
            return None;
        }
        if record.detail.get() & ending::ENDED != 0 || !namespaces::is_own_pid_namespace(life.namespace) {
            self.tell_end(object); // E2; of what nobody here can watch it is all that will ever be known
            return None;
        }
        Some(object)
    }
}
