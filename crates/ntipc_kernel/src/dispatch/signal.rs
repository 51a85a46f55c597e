//! The meaning of an object's word: when it satisfies a wait, and what a wait takes from it.

use crate::arena::layout::word;
use crate::object::kind::Kind;

/// Count of a semaphore.
pub fn count(word: u64) -> u32 {
    word as u32
}

/// Slot + 1 of the thread that owns a mutant; 0 = free.
pub fn owner(word: u64) -> u32 {
    ((word & word::OWNER_MASK) >> word::OWNER_SHIFT) as u32
}

pub fn recursion(word: u64) -> u32 {
    (word & word::RECURSION_MASK) as u32
}

/// The word of a free mutant once the thread with slot + 1 `me` has it.
#[inline(always)]
pub fn owned_once(word: u64, me: u32) -> u64 {
    word & word::KEPT | u64::from(me) << word::OWNER_SHIFT | 1
}

/// Would a wait by the thread with slot + 1 `me` (0 = anybody else) be satisfied?
#[inline]
pub fn is_signalled(kind: Kind, word: u64, me: u32, channel: u32) -> bool {
    match kind {
        Kind::NotificationEvent
        | Kind::SynchronizationEvent
        | Kind::NotificationTimer
        | Kind::SynchronizationTimer
        | Kind::Process
        | Kind::Thread => word & 1 != 0,
        Kind::Semaphore => count(word) > 0,
        Kind::Mutant => owner(word) == 0 || owner(word) == me && me != 0,
        Kind::EventPair => word & (1 << (channel & 1)) != 0,
        // Of an end this is not the word, but what `Arena::signal_of` says.
        Kind::ReadEnd | Kind::WriteEnd => word & 1 != 0,
        Kind::Section | Kind::BadgedEnd => false,
    }
}

/// The word after a satisfied wait by `me`, and whether it took an abandoned mutant.
#[inline]
pub fn consume(kind: Kind, word: u64, me: u32, channel: u32) -> (u64, bool) {
    match kind {
        Kind::SynchronizationEvent | Kind::SynchronizationTimer => (word & !1, false),
        Kind::EventPair => (word & !(1 << (channel & 1)), false),
        Kind::Semaphore => (if count(word) > 0 { word - 1 } else { word }, false),
        Kind::Mutant if owner(word) == 0 => (owned_once(word, me), word & word::ABANDONED != 0),
        Kind::Mutant => (word + 1, false),
        Kind::NotificationEvent
        | Kind::NotificationTimer
        | Kind::Section
        | Kind::ReadEnd
        | Kind::WriteEnd
        | Kind::BadgedEnd
        | Kind::Process
        | Kind::Thread => (word, false),
    }
}

/// The word after giving back what a wait of `me` took and nobody will ever use.
pub fn give_back(kind: Kind, word: u64, limit: u32, me: u32, channel: u32, was_abandoned: bool) -> u64 {
    match kind {
        Kind::SynchronizationEvent | Kind::SynchronizationTimer => word | 1,
        Kind::EventPair => word | 1 << (channel & 1),
        Kind::Semaphore if count(word) < limit => word + 1,
        Kind::Mutant if owner(word) == me && recursion(word) > 1 => word - 1,
        Kind::Mutant if owner(word) == me => {
            let kept = word & word::KEPT;
            kept | if was_abandoned { word::ABANDONED } else { 0 }
        }
        _ => word,
    }
}
