//! Records of queues in the arena.

use crate::process::lock_word::LockWord;
use crate::sync::{AtomicU32, AtomicU64};

/// Handles that a frame may carry.
pub const CARRIED: usize = 8;

/// The step of the page pool under way; see `queue::pages`. Dispatcher lock.
#[repr(C, align(64))]
pub struct PageStep {
    /// 0 none, else what kind of step.
    pub valid: AtomicU32,
    /// Thread slot + 1 of the hand, or 0; which of its hands, and which chain of it.
    pub thread: AtomicU32,
    pub hand: AtomicU32,
    pub chain: AtomicU32,
    pub first: AtomicU32,
    pub last: AtomicU32,
    pub count: AtomicU32,
    /// What the free list is to begin with, and what follows `last`.
    pub free: AtomicU32,
    pub after_last: AtomicU32,
    pub pages_free: AtomicU32,
    pub page_high: AtomicU32,
}

/// Pages linked by their links.
#[repr(C)]
pub struct ChainWords {
    /// 0 = no chain: page 0 is never given.
    pub first: AtomicU32,
    pub last: AtomicU32,
    pub count: AtomicU32,
}

/// What a thread has in hand of one operation on a queue. Written by the thread, and after its death under the
/// dispatcher lock.
#[repr(C, align(8))]
pub struct Hand {
    /// Body + 1 << 1 | side (0 putting, 1 taking); 0 = the hand is free.
    pub intent: AtomicU32,
    /// See `queue::hand`.
    pub commit: AtomicU32,
    /// Position of the side before and after the step.
    pub before: AtomicU64,
    pub after: AtomicU64,
    /// The side's counters after the step.
    pub data: AtomicU64,
    pub frames: AtomicU64,
    pub correlation: AtomicU64,
    pub chains: [ChainWords; 2],
    pub carried: AtomicU32,
    pub places: [AtomicU32; CARRIED],
    /// The badge, + 1, of the frame of the step, or 0; what the side has counted for it after the step.
    pub badge: AtomicU32,
    pub badge_after: AtomicU32,
    _room: [AtomicU32; 3],
}

/// The body of a queue. A line each for what hardly ever changes, the writers, their position, and the readers.
#[repr(C, align(64))]
pub struct Queue {
    /// 0 = free.
    pub state: AtomicU32,
    /// The objects of its two ends, + 1.
    pub read_end: AtomicU32,
    pub write_end: AtomicU32,
    /// Free: the next free body, + 1.
    pub link: AtomicU32,
    pub quota: AtomicU64,
    /// Non-zero: both ends fail with this status. Dispatcher lock.
    pub broken: AtomicU32,
    /// How many handles its read end may have before its name leads to no more of them; 0 = any number. Never changes.
    pub readers_limit: AtomicU32,
    /// What its maker wants to keep with it. Never changes.
    pub user: [AtomicU64; 2],
    /// Frames that were taken before the first that was thrown away unread, + 1; 0 = none was.
    pub thrown_from: AtomicU64,
    /// If one was: the bytes of data that were taken before it.
    pub thrown_data: AtomicU64,

    /// Producer lock. The rest of the line belongs to its holder.
    pub put_lock: LockWord,
    pub data_in: AtomicU64,
    pub frames_in: AtomicU64,
    /// The thread whose turn it is to put, by its slot + 1; 0: any writer may. See `queue::turn`.
    pub turn: LockWord,
    /// The first page ever, where the reader begins.
    pub first: AtomicU32,
    /// Who put the last frame: a hint, see `dispatch::partner`.
    pub put_by: AtomicU32,
    /// Since when the thread whose turn it is could put; 0 = it cannot, or nobody has looked.
    pub turn_usable_ns: AtomicU64,
    _line1: [AtomicU32; 4],

    /// Position of the next frame to be put. Producer lock; read by all.
    pub tail: AtomicU64,
    /// What the frames of one badge may cost before its writers wait; 0: the queue has no badges. Never changes.
    pub badge_quota: AtomicU64,
    /// The first and the last badged end in the list of notices, + 1; see `queue::badge`. Dispatcher lock.
    pub notices: AtomicU32,
    pub last_notice: AtomicU32,
    /// How many badged ends there are. Dispatcher lock.
    pub badges: AtomicU32,
    _line2: [AtomicU32; 9],

    /// Consumer lock, and what belongs to its holder.
    pub take_lock: LockWord,
    /// Who took the last frame.
    pub taken_by: AtomicU32,
    /// Position of the next frame to be taken | bytes of it that were taken already << 32.
    pub head: AtomicU64,
    pub data_out: AtomicU64,
    pub frames_out: AtomicU64,
    /// How far readers got in the chain of a frame that is taken in parts: frames taken before it, + 1; which of its
    /// pages.
    pub cursor_frame: AtomicU64,
    pub cursor_index: AtomicU32,
    pub cursor_page: AtomicU32,
    _line3: [AtomicU32; 2],
}

const _: () = assert!(size_of::<Hand>() == 128);
const _: () = assert!(size_of::<Queue>() == 256);
