//! The kinds of object and the rights a handle may carry.

use crate::arena::layout::Object;
use crate::sync::Shared;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Kind {
    NotificationEvent = 1,
    SynchronizationEvent = 2,
    Semaphore = 3,
    Mutant = 4,
    NotificationTimer = 5,
    SynchronizationTimer = 6,
    EventPair = 7,
    Section = 8,
    ReadEnd = 9,
    WriteEnd = 10,
    /// A write end whose frames bear a badge; see `queue::badge`. It is waited for as the queue's write end.
    BadgedEnd = 11,
    /// Signalled for good once its process has ended; see `process::lives`.
    Process = 12,
    /// The same of a thread.
    Thread = 13,
}

/// What a handle must lead to: one type of the API, which may be two kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    Event,
    Semaphore,
    Mutant,
    Timer,
    EventPair,
    Section,
    ReadEnd,
    WriteEnd,
    Process,
    Thread,
}

pub mod access {
    pub const QUERY: u32 = 0x1;
    pub const MODIFY: u32 = 0x2;
    pub const SECTION_MAP_WRITE: u32 = 0x2;
    pub const SECTION_MAP_READ: u32 = 0x4;
    pub const PROCESS_TERMINATE: u32 = 0x1;
    pub const PROCESS_DUP_HANDLE: u32 = 0x40;
    pub const PROCESS_QUERY_INFORMATION: u32 = 0x400;
    pub const PROCESS_QUERY_LIMITED: u32 = 0x1000;
    pub const THREAD_QUERY_INFORMATION: u32 = 0x40;
    /// The rights that differ from type to type.
    pub const SPECIFIC: u32 = 0x1fff;
    pub const STANDARD: u32 = 0x000F_0000;
    pub const SYNCHRONIZE: u32 = 0x0010_0000;
}

impl Kind {
    pub fn from_u32(kind: u32) -> Option<Kind> {
        Some(match kind {
            1 => Kind::NotificationEvent,
            2 => Kind::SynchronizationEvent,
            3 => Kind::Semaphore,
            4 => Kind::Mutant,
            5 => Kind::NotificationTimer,
            6 => Kind::SynchronizationTimer,
            7 => Kind::EventPair,
            8 => Kind::Section,
            9 => Kind::ReadEnd,
            10 => Kind::WriteEnd,
            11 => Kind::BadgedEnd,
            12 => Kind::Process,
            13 => Kind::Thread,
            _ => return None,
        })
    }

    #[inline]
    pub fn of(object: &Object) -> Option<Kind> {
        Kind::from_u32(object.kind.get())
    }

    #[inline]
    pub fn is_timer(self) -> bool {
        matches!(self, Kind::NotificationTimer | Kind::SynchronizationTimer)
    }

    #[inline]
    pub fn is_event(self) -> bool {
        matches!(self, Kind::NotificationEvent | Kind::SynchronizationEvent)
    }

    /// One of the two ends that each queue has.
    #[inline]
    pub fn is_end(self) -> bool {
        matches!(self, Kind::ReadEnd | Kind::WriteEnd)
    }

    /// A process or a thread.
    #[inline]
    pub fn is_life(self) -> bool {
        matches!(self, Kind::Process | Kind::Thread)
    }

    pub fn object_type(self) -> Type {
        match self {
            Kind::NotificationEvent | Kind::SynchronizationEvent => Type::Event,
            Kind::Semaphore => Type::Semaphore,
            Kind::Mutant => Type::Mutant,
            Kind::NotificationTimer | Kind::SynchronizationTimer => Type::Timer,
            Kind::EventPair => Type::EventPair,
            Kind::Section => Type::Section,
            Kind::ReadEnd => Type::ReadEnd,
            Kind::WriteEnd | Kind::BadgedEnd => Type::WriteEnd,
            Kind::Process => Type::Process,
            Kind::Thread => Type::Thread,
        }
    }

    /// A woken waiter competes for these, and gets them handed over only after a while.
    pub fn is_competed_for(self) -> bool {
        matches!(self, Kind::Mutant | Kind::Semaphore)
    }
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Type::Event => "Event",
            Type::Semaphore => "Semaphore",
            Type::Mutant => "Mutex",
            Type::Timer => "Timer",
            Type::EventPair => "EventPair",
            Type::Section => "Section",
            Type::ReadEnd => "ReadEnd",
            Type::WriteEnd => "WriteEnd",
            Type::Process => "Process",
            Type::Thread => "Thread",
        }
    }

    pub fn all_access(self) -> u32 {
        access::STANDARD
            | match self {
                Type::Event | Type::Semaphore | Type::Timer | Type::ReadEnd | Type::WriteEnd => {
                    access::SYNCHRONIZE | access::QUERY | access::MODIFY
                }
                Type::Mutant => access::SYNCHRONIZE | access::QUERY,
                Type::EventPair => access::SYNCHRONIZE,
                Type::Section => 0x1F,
                Type::Process => access::SYNCHRONIZE | access::SPECIFIC,
                Type::Thread => access::SYNCHRONIZE | 0x3ff,
            }
    }
}
