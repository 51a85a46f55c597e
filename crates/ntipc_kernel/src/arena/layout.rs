//! What lies where in the arena. Everything is found by index, never by address, and every field is an atomic word.
//!
//! | region    | entry                                  | grows |
//! | --------- | -------------------------------------- | ----- |
//! | header    | lock, journal head, counters           | no    |
//! | journal   | one record of the step under way       | yes   |
//! | changes   | what the step changes, a word each     | yes   |
//! | names     | hash buckets, a page when it is needed | yes   |
//! | processes | one record a participant               | yes   |
//! | threads   | one record a thread that has waited    | yes   |
//! | objects   | one cache line an object               | yes   |
//! | origins   | serial number and maker of each object | yes   |
//! | cells     | text of names, 60 bytes a cell         | yes   |
//! | handles   | a table a process, one word a handle   | yes   |
//! | carriers  | for each handle in a frame: whose      | yes   |
//! | blocks    | wait blocks, a row a thread            | yes   |
//! | queues    | body of a queue, four cache lines      | yes   |
//! | links     | one word a page: the next of its chain | yes   |
//! | log lines | lines of the debug log                 | once  |
//! | log blocks | text that is too long for its line    | once  |
//! | pages     | 4 KiB each, for what queues hold       | yes   |
//!
//! The file is sparse: a region that grows is reserved (`fallocate`) in chunks before it is touched.

pub use super::log_layout::{LogBlock, LogHead, LogLine};
pub use super::queue_layout::{CARRIED, ChainWords, Hand, PageStep, Queue};
pub use super::words::{ending, progress, word};
use crate::process::lock_word::LockWord;
use crate::sync::{AtomicU32, AtomicU64, Shared};
use crate::sys::robust::LifeWord;

pub const MAGIC: u64 = 0x3143_5049_544e_544e; // "NTNTIPC1"
/// Raised whenever the meaning of anything here changes.
pub const LAYOUT_VERSION: u64 = 15;

pub const PROCESSES: u32 = 2048;
/// The process slot of those who take no part: it has no handles, ever.
pub const NOBODY: u32 = 0;
/// The process slot that no process has: its table holds the handles that lie in frames.
pub const IN_FRAMES: u32 = 1;
/// Participants that watch each participant; see `process::neighbours`.
pub const WATCHERS: usize = 3;
pub const THREADS: u32 = 8192;
pub const OBJECTS: u32 = 1 << 18;
pub const HANDLES: u32 = 1 << 18;
pub const CELLS: u32 = 1 << 19;
/// Few in models, where recovery goes through them in every run.
pub const BUCKETS: u32 = if cfg!(feature = "models") { 16 } else { 1 << 16 };
/// Buckets in a page of 4 KiB, each of which gets memory when the first name is put there.
pub const BUCKETS_A_PAGE: u32 = 1024;
const _: () = assert!(BUCKETS.div_ceil(BUCKETS_A_PAGE) <= u64::BITS);
/// Wait blocks a thread, and so the most objects in one wait.
pub const BLOCKS: u32 = 4096;
/// Notes of what the holder of the dispatcher lock changes.
pub const CHANGES: u32 = 4096;
pub const QUEUES: u32 = 1 << 17;
pub const PAGES: u32 = 1 << 20;
/// Lines of the debug log, and blocks of text; few in models, so that the ring comes round in every run.
pub const LOG_LINES: u32 = if cfg!(feature = "models") { 4 } else { 8192 };
pub const LOG_BLOCKS: u32 = if cfg!(feature = "models") { 4 } else { 2048 };
/// Bytes of a page of the pool.
pub const PAGE_SIZE: u32 = 4096;
/// Operations on queues that a thread may have under way, nested by signal handlers.
pub const HANDS: usize = 3;
/// Mutants whose owner needs no look at every object to find them.
pub const NOTED: usize = 64;
/// Words of 64 handles each that fill the "full" bits of a process.
pub const FULL_WORDS: usize = (HANDLES / 64 / 64) as usize;

#[repr(C, align(64))]
pub struct Header {
    pub magic: AtomicU64,
    pub fingerprint: AtomicU64,
    /// Non-zero: somebody found the session's memory contradicting itself.
    pub damaged: AtomicU32,
    _line0: [AtomicU32; 11],

    /// Owner of the dispatcher lock; see `process::lock`.
    pub lock: LockWord,
    _line1: [AtomicU32; 14],

    /// The journal: one record. 0 none, else [`journal::COMPLETE`] or [`journal::REFUND`]. Everything below: dispatcher
    /// lock.
    pub journal_valid: AtomicU32,
    pub journal_thread: AtomicU32,
    pub journal_result: AtomicU32,
    pub journal_count: AtomicU32,
    /// Object + 1 of a pulse under way.
    pub pulse: AtomicU32,
    pub object_free: AtomicU32,
    pub object_high: AtomicU32,
    pub objects_live: AtomicU32,
    pub cell_free: AtomicU32,
    pub cell_high: AtomicU32,
    pub wait_sequence: AtomicU64,
    pub section_serial: AtomicU64,
    /// What the holder of the lock is changing: see `process::changes`.
    pub changes: AtomicU32,
    pub change_flags: AtomicU32,
    pub live_before: AtomicU32,
    _line2: [AtomicU32; 15],

    /// Slots that may have been used; grows without the lock.
    pub process_high: AtomicU32,
    pub thread_high: AtomicU32,
    pub processes_reserved: AtomicU32,
    pub threads_reserved: AtomicU32,
    pub objects_reserved: AtomicU32,
    pub cells_reserved: AtomicU32,
    _line3: [AtomicU32; 10],

    /// Counted for people: deaths told, locks taken over, and so on.
    pub recoveries: AtomicU64,
    pub reaped: AtomicU64,
    pub refunds: AtomicU64,
    pub abandons: AtomicU64,
    pub redone: AtomicU64,
    pub handed_over: AtomicU64,
    /// Deaths that Linux did not tell, and a slow look-round found.
    pub hidden: AtomicU64,
    _line4: [AtomicU32; 2],

    /// The pool of pages. Dispatcher lock.
    pub page_free: AtomicU32,
    pub pages_free: AtomicU32,
    pub page_high: AtomicU32,
    pub queue_free: AtomicU32,
    pub queue_high: AtomicU32,
    pub queues_reserved: AtomicU32,
    pub links_reserved: AtomicU32,
    pub pages_reserved: AtomicU32,
    /// Raised when pages come back to the pool while somebody waits for some, who sleeps on it; and whether somebody
    /// does.
    pub pages_given: AtomicU32,
    pub pages_wanted: AtomicU32,
    /// Who left something in a queue that is to be thrown away: `process::lock::identity`; see `queue::drain`.
    pub undrained: AtomicU64,
    _line5: [AtomicU32; 4],
    pub page_step: PageStep,
    /// A frame being thrown away: body + 1 of its queue, or 0 = none; what it holds, and where the head is to be
    /// without it. See `queue::drain`. Dispatcher lock.
    pub queue_busy: AtomicU32,
    pub drained: ChainWords,
    pub drained_to: AtomicU64,
    /// Correlation number of the request that the frame held, or 0; its badge, or 0, and what that counts as taken
    /// afterwards; places of its handles, + 1.
    pub drained_request: AtomicU64,
    pub drained_badge: AtomicU32,
    pub drained_badge_after: AtomicU32,
    pub drained_places: [AtomicU32; CARRIED],
    /// Places for whose carriers there is memory.
    pub carriers_reserved: AtomicU32,
    /// The most pages that the pool may have, or 0: as many as there are numbers. Lowered under the dispatcher lock by
    /// participants that have little address space; read by anybody.
    pub pages_limit: AtomicU32,
    pub origins_reserved: AtomicU32,
    /// Serial number of the object that was made last. It begins at random, so that no two sessions give the same
    /// numbers.
    pub object_serial: AtomicU64,
    /// The clock of the session's deadlines: see `sys::namespaces::MonotonicClock`. Two's complement where it is
    /// signed.
    pub clock_namespace: AtomicU64,
    pub clock_shift_ns: AtomicU64,
    pub clock_behind_ns: AtomicU64,
    pub log_lines_reserved: AtomicU32,
    pub log_blocks_reserved: AtomicU32,
    /// Counts objects that got a name. Changed under the dispatcher lock.
    pub names_published: AtomicU32,
    pub journal_reserved: AtomicU32,
    pub changes_reserved: AtomicU32,
    /// Bit set: that page of buckets has memory. In the others there is no name.
    pub bucket_pages: AtomicU64,
    /// The debug log: see `debuglog`.
    pub log: LogHead,
}

pub mod journal {
    pub const COMPLETE: u32 = 1;
    pub const REFUND: u32 = 2;
    /// In `block`: the mutant was abandoned when this wait took it.
    pub const ABANDONED: u32 = super::Block::ABANDONED;
    /// In `block`: the event was set by a pulse.
    pub const PULSED: u32 = super::Block::PULSED;
}

#[repr(C)]
pub struct JournalEntry {
    pub object: AtomicU32,
    /// Wait block, with [`journal::ABANDONED`] and [`journal::PULSED`].
    pub block: AtomicU32,
    /// The new word, absolute, so that a redo does no harm.
    pub word: AtomicU64,
}

/// A participant. Protected by the dispatcher lock but for `life`.
#[repr(C, align(64))]
pub struct Process {
    /// Held by the helper thread for as long as the process takes part. Its nearest watcher sleeps on it.
    pub life: LifeWord,
    pub pid: AtomicU32,
    pub generation: AtomicU32,
    /// In clock ticks since boot, as the first time namespace counts them; 0 = unknown.
    pub start_time: AtomicU64,
    /// The namespace in which `pid`, and the ids of its threads, are those of this process; 0 = unknown, which equals
    /// nothing.
    pub pid_namespace: AtomicU64,
    /// 0 claimed, 1 attached: its handles count.
    pub attached: AtomicU32,
    /// Handle slots that may have been used.
    pub handle_high: AtomicU32,
    pub handles_reserved: AtomicU32,
    pub handle_count: AtomicU32,
    /// While it forks: until when its handles outlive it, so that its child can take them over. Absolute nanoseconds,
    /// or 0.
    pub fork_until_ns: AtomicU64,
    /// 0, or [`ending::REQUEST`] and the code with which its helper is to end it.
    pub exit_request: AtomicU64,
    /// Of a slot that waits for a child: slot of the parent, and from bit 32 on the generation of that slot. See
    /// `process::heirs`.
    pub sponsor: AtomicU64,
    _spare: [AtomicU32; 6],
    /// Bit set: those 64 handle slots are full. A clear bit promises nothing.
    pub full: [AtomicU64; FULL_WORDS],
    /// Held with `life`, and marked after it: one word for each further watcher, because Linux wakes one sleeper of a
    /// word.
    pub bells: [LifeWord; WATCHERS - 1],
    /// Raised to make the helper look at its neighbours again; the helper sleeps on it.
    pub poke: AtomicU32,
    /// 1: the helper watches its neighbours.
    pub watches: AtomicU32,
    _room: [AtomicU32; 72],
}

/// A thread that has waited or owned a mutant.
#[repr(C, align(64))]
pub struct Thread {
    /// Held by the thread itself for as long as it lives.
    pub life: LifeWord,
    /// Process slot + 1; 0 = none yet, or none any more.
    pub process: AtomicU32,
    pub tid: AtomicU32,
    pub generation: AtomicU32,
    /// Wait blocks that are reserved.
    pub blocks_reserved: AtomicU32,
    _line0: [AtomicU32; 2],

    /// See [`progress`].
    pub progress: AtomicU32,
    /// The wait record: valid while `progress` says queued or done. Written by the thread under the dispatcher lock.
    pub block_count: AtomicU32,
    pub wait_all: AtomicU32,
    pub alertable: AtomicU32,
    /// 1: the blocks are in the objects' lists.
    pub linked: AtomicU32,
    /// Who completed the wait: a hint, see `dispatch::partner`.
    pub told_by: AtomicU32,
    pub sequence: AtomicU64,
    /// When the wait began (eventual hand-over).
    pub since_ns: AtomicU64,

    /// 1: `noted` was too short, look at every object.
    pub noted_overflow: AtomicU32,
    /// How long the thread's last wake-up took, and when it was over: hints for its partners.
    pub woken_ns: AtomicU32,
    pub woken_at_ns: AtomicU64,

    /// Mutants that the thread may own: object + 1, or 0. See `mutant`.
    /// Written by the thread, and under the lock by the reaper that releases it after its end.
    pub noted: [AtomicU32; NOTED],
    pub hands: [Hand; HANDS],
    /// What this thread's wait for a queue's end needs, and how much of it; see `queue::state`.
    pub queue_need: AtomicU64,
    pub queue_wants: AtomicU32,
    /// The serial number of the call of this thread that nobody will answer, or 0. Dispatcher lock; cleared by the
    /// thread.
    pub lost: AtomicU32,
    /// The call of this thread, and who may answer it: see `queue::call`.
    pub call: AtomicU64,
    /// The namespace in which `tid` names this thread; 0 = unknown.
    pub pid_namespace: AtomicU64,
    /// When the thread was told, if it slept by then; else 0: a hint.
    pub told_at_ns: AtomicU64,
    /// The queue for replies: its body + 1, and the handles that hold it.
    pub reply_queue: AtomicU32,
    pub reply_reader: AtomicU32,
    pub reply_writer: AtomicU32,
    /// The badge, + 1, that this thread's wait for room puts with, and that its call went through; 0: none. See
    /// `queue::badge`.
    pub queue_badge: AtomicU32,
    pub call_badge: AtomicU32,
    /// The generation of the object of that badge: another badge may have its number by now.
    pub call_badge_generation: AtomicU32,
    /// When the thread, which waits, is to look whether somebody uses what it was told of; 0 = not. See
    /// `dispatch::lookout`.
    pub lookout_ns: AtomicU64,
    /// When the thread was told to compete, as long as it has not.
    pub offered_ns: AtomicU64,
    /// Room for APCs and alerts.
    _room: [AtomicU32; 42],
}

impl Thread {
    pub fn forget_notes(&self) {
        for noted in &self.noted {
            noted.put(0);
        }
        self.noted_overflow.put(0);
    }

    /// No call is under way, and no queue for replies is there.
    pub fn forget_calls(&self) {
        self.call.put(self.call.get() & !0xffff_ffff | 1 << 31);
        for word in [&self.lost, &self.reply_queue, &self.reply_reader, &self.reply_writer, &self.call_badge] {
            word.put(0);
        }
    }

    pub fn process_slot(&self) -> Option<u32> {
        self.process.get().checked_sub(1).filter(|slot| *slot < PROCESSES)
    }
}

/// An object: one cache line. `word` by compare-and-swap while HAS_WAITERS is clear; the rest under the dispatcher
/// lock.
#[repr(C, align(64))]
pub struct Object {
    pub word: AtomicU64,
    pub kind: AtomicU32,
    /// Semaphore: maximum. Section: flags. End of a queue: its body, + 1. Process, thread: its id.
    pub limit: AtomicU32,
    /// First and last wait block, + 1.
    pub head: AtomicU32,
    pub tail: AtomicU32,
    /// Handles in all tables.
    pub handles: AtomicU32,
    /// Free: next free object. Named: next in the hash chain. + 1.
    pub link: AtomicU32,
    /// First cell of the name, + 1.
    pub name: AtomicU32,
    pub hash: AtomicU32,
    /// First cell of a file section's path, + 1.
    pub extra: AtomicU32,
    _spare: AtomicU32,
    /// Timer: due time. Section: size. End of a queue: how many of its handles lie in frames. Process, thread: its
    /// start time.
    pub quantity: AtomicU64,
    /// Timer: period. Section: serial number of its file. Read end: how many read ends lie in its queue's frames.
    /// Process, thread: see [`ending`].
    pub detail: AtomicU64,
}

/// Where an object comes from. Dispatcher lock.
#[repr(C)]
pub struct Origin {
    /// Never given twice, where the 22 bits of an object's generation come round after seconds of making and closing.
    pub serial: AtomicU64,
    /// Process slot of its creator, and from bit 32 on the generation of that slot.
    pub creator: AtomicU64,
}

#[repr(C)]
pub struct Block {
    pub object: AtomicU32,
    pub next: AtomicU32,
    pub previous: AtomicU32,
    /// Bit 0: which signal of the object. Bits 1 to 22: the object's generation. [`Block::ABANDONED`] once a wait took
    /// an abandoned mutant through it, [`Block::PULSED`] once it took an event that was set for a moment only.
    pub channel: AtomicU32,
}

impl Block {
    pub const GENERATION_SHIFT: u32 = 1;
    pub const ABANDONED: u32 = 1 << 31;
    pub const PULSED: u32 = 1 << 30;
}

#[repr(C, align(64))]
pub struct Cell {
    pub next: AtomicU32,
    pub text: [AtomicU32; Cell::WORDS],
}

impl Cell {
    pub const WORDS: usize = 15;
}

const _: () = assert!(size_of::<Object>() == 64);
const _: () = assert!(size_of::<Origin>() == 16);
const _: () = assert!(size_of::<Process>() == 1024);
const _: () = assert!(size_of::<Thread>() == 1024);
const _: () = assert!(size_of::<Block>() == 16);
const _: () = assert!(size_of::<Cell>() == 64);
const _: () = assert!(size_of::<JournalEntry>() == 16);
const _: () = assert!(size_of::<Header>() <= HEADER_SIZE as usize);

/// All that a new file has memory for.
pub const HEADER_SIZE: u64 = PAGE_SIZE as u64;
pub const JOURNAL_AT: u64 = HEADER_SIZE;
pub const CHANGES_AT: u64 = JOURNAL_AT + BLOCKS as u64 * 16;
pub const BUCKETS_AT: u64 = CHANGES_AT + CHANGES as u64 * 4;
pub const PROCESSES_AT: u64 = BUCKETS_AT + BUCKETS as u64 * 4;
pub const THREADS_AT: u64 = PROCESSES_AT + PROCESSES as u64 * 1024;
pub const OBJECTS_AT: u64 = THREADS_AT + THREADS as u64 * 1024;
pub const ORIGINS_AT: u64 = OBJECTS_AT + OBJECTS as u64 * 64;
pub const CELLS_AT: u64 = ORIGINS_AT + OBJECTS as u64 * 16;
pub const HANDLES_AT: u64 = CELLS_AT + CELLS as u64 * 64;
pub const CARRIERS_AT: u64 = HANDLES_AT + PROCESSES as u64 * HANDLES as u64 * 8;
pub const BLOCKS_AT: u64 = CARRIERS_AT + HANDLES as u64 * 4;
pub const QUEUES_AT: u64 = BLOCKS_AT + THREADS as u64 * BLOCKS as u64 * 16;
pub const LINKS_AT: u64 = QUEUES_AT + QUEUES as u64 * 256;
pub const LOG_LINES_AT: u64 = LINKS_AT + PAGES as u64 * 4;
pub const LOG_BLOCKS_AT: u64 = LOG_LINES_AT + LOG_LINES as u64 * 256;
pub const PAGES_AT: u64 = (LOG_BLOCKS_AT + LOG_BLOCKS as u64 * 512).next_multiple_of(PAGE_SIZE as u64);
pub const ARENA_SIZE: u64 = PAGES_AT + PAGES as u64 * PAGE_SIZE as u64;

/// Two builds may share a session only if this is the same in both.
pub const FINGERPRINT: u64 = {
    let sizes = [
        LAYOUT_VERSION,
        size_of::<Header>() as u64,
        PROCESSES as u64,
        THREADS as u64,
        OBJECTS as u64,
        HANDLES as u64,
        CELLS as u64,
        BUCKETS as u64,
        BLOCKS as u64,
        NOTED as u64,
        QUEUES as u64,
        PAGES as u64,
        LOG_LINES as u64,
        LOG_BLOCKS as u64,
        ARENA_SIZE,
        size_of::<usize>() as u64,
        if cfg!(target_endian = "little") { 1 } else { 2 },
    ];
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < sizes.len() {
        hash = (hash ^ sizes[i]).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
};
