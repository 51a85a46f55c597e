//! Look into a session from outside: read-only mapping, no slot, no lock, nothing changed. Whatever is read may be in
//! the middle of a change or scribbled on: every list is bounded, every index masked, every text checked.

use crate::arena::Arena;
use crate::arena::layout::{BLOCKS, IN_FRAMES, PROCESSES, progress, word};
use crate::dispatch::signal::{count, owner, recursion};
use crate::object::handles::{Entry, INHERITABLE, number};
use crate::object::kind::Kind;
use crate::object::names;
use crate::process::lock;
use crate::queue::QueueFacts;
use crate::section;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::Shared;
use crate::sys::clock::now_ns;
use crate::sys::files::{self, Protection};
use crate::sys::namespaces::pid_namespace;
use crate::sys::robust::{HEIR, OWNER_DIED, TID_MASK};

pub struct Snapshot {
    pub uid: u32,
    pub lock_holder: Option<ThreadId>,
    pub counters: Vec<(&'static str, u64)>,
    pub processes: Vec<ProcessView>,
    pub threads: Vec<ThreadView>,
    pub objects: Vec<ObjectView>,
}

pub struct ProcessView {
    pub slot: u32,
    /// `None`: it lives in another pid namespace than the caller, where this number would be that of a stranger.
    pub pid: Option<u32>,
    /// Its number in its own pid namespace, and which one that is; 0 = unknown.
    pub own_pid: u32,
    pub pid_namespace: u64,
    pub alive: bool,
    pub handles: u32,
    /// False: it was started with handles, and has not taken part yet.
    pub joined: bool,
    /// Slots of those that are told of its death, the first to act first.
    pub watchers: Vec<u32>,
    /// Their pids, as far as they mean something to the caller.
    pub watched_by: Vec<Option<u32>>,
}

/// A thread, as the caller may know it.
#[derive(Clone, Copy)]
pub struct ThreadId {
    /// Process slot.
    pub process: u32,
    /// Process and thread id. `None`: they count in another pid namespace.
    pub ids: Option<(u32, u32)>,
}

pub struct ThreadView {
    pub slot: u32,
    pub id: ThreadId,
    pub state: &'static str,
    pub wait_all: bool,
    pub waiting_on: Vec<u32>,
    pub owns: Vec<u32>,
}

pub struct HolderView {
    pub process: u32,
    pub pid: Option<u32>,
    pub handle: u32,
    pub access: u32,
    pub inheritable: bool,
}

pub struct ObjectView {
    pub index: u32,
    pub generation: u32,
    /// Serial number: never that of another object.
    pub serial: u64,
    pub kind: Kind,
    pub name: Option<String>,
    /// Pid of its creator, while that one takes part and the number means it to the caller.
    pub creator_pid: Option<u32>,
    pub word: u64,
    pub limit: u32,
    pub quantity: u64,
    pub detail: u64,
    /// Of a mutant.
    pub owner: Option<ThreadId>,
    pub recursion: u32,
    pub count: u32,
    pub due_in_ns: Option<u64>,
    /// Of a section: the file it was made of.
    pub file: Option<String>,
    /// Of an end of a queue, badged or not.
    pub queue: Option<QueueFacts>,
    pub holders: Vec<HolderView>,
    /// Handles that lie in messages.
    pub in_messages: u32,
    pub waiters: Vec<ThreadId>,
}

/// Take a picture of the session at `path`.
pub fn inspect(path: &str) -> NtResult<Snapshot> {
    let missing = |error: &std::io::Error| Failure::from_io(&format!("looking into the session {path}"), error);
    let directory = files::open_directory(&files::c_string(path)?).map_err(|error| missing(&error))?;
    let file =
        files::open_at(&directory, c"arena", libc::O_RDONLY | libc::O_NONBLOCK, 0).map_err(|error| missing(&error))?;
    Arena::verify(&file)?;
    let uid = files::status_of(&directory)?.st_uid;
    let arena = Arena::map(file, &format!("{path}/arena"), Protection::Read)?;
    if arena.header().process_high.get() > PROCESSES {
        return Err(Failure::new(NtStatus::DATA_ERROR, "the session's memory contradicts itself"));
    }
    Ok(picture(&arena, uid))
}

/// Processes and threads first, then one pass over the objects.
pub(crate) fn picture(arena: &Arena, uid: u32) -> Snapshot {
    let here = pid_namespace();
    let thread_id = |process, tid| ThreadId { process, ids: arena.pid_in(here, process).map(|pid| (pid, tid)) };
    let mut objects: Vec<Option<ObjectView>> = Vec::new();
    for index in 0..arena.objects() {
        objects.push(object_view(arena, index, here));
    }
    let mut processes = Vec::new();
    for slot in 0..arena.processes() {
        let record = arena.process(slot);
        let life = record.life.word.get();
        if life == 0 {
            continue;
        }
        let pid = arena.pid_in(here, slot);
        let watchers = arena.watchers_of(slot).to_vec();
        processes.push(ProcessView {
            slot,
            pid,
            own_pid: record.pid.get(),
            pid_namespace: record.pid_namespace.get(),
            alive: life & OWNER_DIED == 0 && life & TID_MASK != 0,
            joined: life != HEIR,
            handles: record.handle_count.get(),
            watched_by: watchers.iter().map(|watcher| arena.pid_in(here, *watcher)).collect(),
            watchers,
        });
        for place in 0..arena.handles(slot) {
            let Some(entry) = Entry::unpack(arena.handle(slot, place).get()) else { continue };
            if let Some(Some(object)) = objects.get_mut(entry.object as usize)
                && object.generation == entry.generation
            {
                let inheritable = entry.flags & INHERITABLE != 0;
                let (process, handle) = (slot, number(place));
                object.holders.push(HolderView { process, pid, handle, access: entry.access, inheritable });
            }
        }
    }
    for place in 0..arena.handles(IN_FRAMES) {
        if let Some(entry) = Entry::unpack(arena.handle(IN_FRAMES, place).get())
            && let Some(Some(object)) = objects.get_mut(entry.object as usize)
            && object.generation == entry.generation
        {
            object.in_messages += 1;
        }
    }
    let mut threads = Vec::new();
    for slot in 0..arena.threads() {
        let record = arena.thread(slot);
        let (true, Some(process)) = (record.life.word.get() != 0, record.process_slot()) else { continue };
        let id = thread_id(process, record.tid.get());
        let state = record.progress.get();
        let queued = progress::is_queued(state);
        let mut waiting_on = Vec::new();
        if queued {
            for place in 0..arena.blocks(slot) {
                let object = arena.block(slot * BLOCKS + place).object.get();
                if let Some(Some(object)) = objects.get_mut(object as usize) {
                    object.waiters.push(id);
                }
                waiting_on.push(object);
            }
        }
        let owned_by = |object: &&ObjectView| object.kind == Kind::Mutant && owner(object.word) == slot + 1;
        let owns = objects.iter().flatten().filter(owned_by).map(|object| object.index).collect();
        threads.push(ThreadView {
            slot,
            id,
            state: match state {
                progress::IDLE => "running",
                progress::SLEEP | progress::LOOK => "sleeping",
                _ if queued => "waiting",
                _ => "done",
            },
            wait_all: record.wait_all.get() != 0,
            waiting_on,
            owns,
        });
    }
    Snapshot {
        uid,
        lock_holder: lock::holder(arena).map(|(process, tid)| thread_id(process, tid)),
        counters: counters(arena),
        processes,
        threads,
        objects: objects.into_iter().flatten().collect(),
    }
}

fn counters(arena: &Arena) -> Vec<(&'static str, u64)> {
    let header = arena.header();
    vec![
        ("objects", u64::from(header.objects_live.get())),
        ("waits_queued", header.wait_sequence.get()),
        ("deaths", header.reaped.get()),
        ("abandoned", header.abandons.get()),
        ("refunded", header.refunds.get()),
        ("recoveries", header.recoveries.get()),
        ("redone", header.redone.get()),
        ("handed_over", header.handed_over.get()),
        ("hidden_deaths", header.hidden.get()),
        // The most there have been at once: what is freed is used again, so these stop growing.
        ("objects_high", u64::from(header.object_high.get())),
        ("cells_high", u64::from(header.cell_high.get())),
        ("processes_high", u64::from(header.process_high.get())),
        ("threads_high", u64::from(header.thread_high.get())),
        ("pages_high", u64::from(header.page_high.get().saturating_sub(1))),
        ("pages_free", u64::from(header.pages_free.get())),
    ]
}

fn object_view(arena: &Arena, index: u32, here: u64) -> Option<ObjectView> {
    let record = arena.object(index);
    let kind = Kind::of(record)?;
    let word = record.word.get();
    let owner_slot = if kind == Kind::Mutant { owner(word) } else { 0 };
    let now = now_ns();
    Some(ObjectView {
        index,
        generation: word::generation(word),
        serial: arena.origin(index).serial.get(),
        kind,
        name: names::read(arena, names::named(arena, record).name.get())
            .map(|name| String::from_utf8_lossy(&name).into_owned()),
        creator_pid: creator(arena, index).and_then(|slot| arena.pid_in(here, slot)),
        word,
        limit: record.limit.get(),
        quantity: record.quantity.get(),
        detail: record.detail.get(),
        owner: owner_slot.checked_sub(1).map(|slot| {
            let thread = arena.thread(slot);
            let process = thread.process_slot().unwrap_or(IN_FRAMES); // nobody's, while it is on its way out
            ThreadId { process, ids: arena.pid_in(here, process).map(|pid| (pid, thread.tid.get())) }
        }),
        recursion: recursion(word),
        count: count(word),
        due_in_ns: (kind.is_timer() && record.quantity.get() != 0).then(|| record.quantity.get().saturating_sub(now)),
        file: (record.extra.get() != 0).then(|| section::backing(arena, index).ok()).flatten().map(|file| file.path),
        queue: (kind.is_end() || kind == Kind::BadgedEnd).then(|| arena.queue_facts(record)).flatten(),
        holders: Vec::new(),
        in_messages: 0,
        waiters: Vec::new(),
    })
}

/// The process slot of who made an object, while that process takes part.
fn creator(arena: &Arena, index: u32) -> Option<u32> {
    let noted = arena.origin(index).creator.get();
    let (slot, generation) = (noted as u32, (noted >> 32) as u32);
    let record = (slot < arena.processes()).then(|| arena.process(slot))?;
    (record.generation.get() == generation && record.attached.get() != 0).then_some(slot)
}

impl crate::session::Session {
    /// Counters of the session, for people.
    pub fn statistics(&self) -> Vec<(&'static str, u64)> {
        counters(&self.arena)
    }
}
