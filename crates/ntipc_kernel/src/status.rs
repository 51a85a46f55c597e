//! NTSTATUS inside, exceptions outside: every failing call of the kernel ends in a [`Failure`].

use std::borrow::Cow;

/// An NTSTATUS. A timeout is a return value inside the kernel; only the binding makes a failure of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NtStatus(pub u32);

macro_rules! statuses {
    ($($name:ident = $value:literal),* $(,)?) => {
        impl NtStatus {
            $(pub const $name: NtStatus = NtStatus($value);)*

            /// All of them by name, for a test that holds them against those of other layers.
            pub const ALL: &[(&str, u32)] = &[$((stringify!($name), $value)),*];
        }
    };
}

statuses! {
    TIMEOUT = 0x0000_0102,
    DEVICE_BUSY = 0x8000_0011,
    UNSUCCESSFUL = 0xC000_0001,
    INVALID_HANDLE = 0xC000_0008,
    INVALID_PARAMETER = 0xC000_000D,
    INVALID_VIEW_SIZE = 0xC000_001F,
    ACCESS_DENIED = 0xC000_0022,
    OBJECT_TYPE_MISMATCH = 0xC000_0024,
    INVALID_PARAMETER_MIX = 0xC000_0030,
    OBJECT_NAME_INVALID = 0xC000_0033,
    OBJECT_NAME_NOT_FOUND = 0xC000_0034,
    OBJECT_NAME_COLLISION = 0xC000_0035,
    PORT_DISCONNECTED = 0xC000_0037,
    DATA_ERROR = 0xC000_003E,
    SECTION_TOO_BIG = 0xC000_0040,
    QUOTA_EXCEEDED = 0xC000_0044,
    MUTANT_NOT_OWNED = 0xC000_0046,
    SEMAPHORE_LIMIT_EXCEEDED = 0xC000_0047,
    SECTION_PROTECTION = 0xC000_004E,
    REVISION_MISMATCH = 0xC000_0059,
    DISK_FULL = 0xC000_007F,
    FILE_INVALID = 0xC000_0098,
    INSUFFICIENT_RESOURCES = 0xC000_009A,
    INSTANCE_NOT_AVAILABLE = 0xC000_00AB,
    PIPE_DISCONNECTED = 0xC000_00B0,
    PIPE_CLOSING = 0xC000_00B1,
    NOT_SUPPORTED = 0xC000_00BB,
    PROCESS_IS_TERMINATING = 0xC000_010A,
    PIPE_BROKEN = 0xC000_014B,
    MUTANT_LIMIT_EXCEEDED = 0xC000_0191,
    REPLY_MESSAGE_MISMATCH = 0xC000_021F,
    MAPPED_ALIGNMENT = 0xC000_0220,
    LPC_REPLY_LOST = 0xC000_0253,
}

/// What went wrong: the status decides the exception, the detail is one sentence for people.
#[derive(Clone, Debug)]
pub struct Failure {
    pub status: NtStatus,
    pub detail: Cow<'static, str>,
}

pub type NtResult<T> = Result<T, Failure>;

impl Failure {
    pub fn new(status: NtStatus, detail: impl Into<Cow<'static, str>>) -> Self {
        Failure { status, detail: detail.into() }
    }

    /// The session's memory contradicts itself.
    pub fn damaged(what: &'static str) -> Self {
        Failure::new(NtStatus::DATA_ERROR, what)
    }

    /// Translate the `errno` of a failed system call made for `what`.
    pub fn os(what: &str) -> Self {
        Failure::from_io(what, &std::io::Error::last_os_error())
    }

    pub fn from_io(what: &str, error: &std::io::Error) -> Self {
        let status = match error.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => NtStatus::DISK_FULL,
            Some(libc::EACCES | libc::EPERM | libc::EROFS | libc::ELOOP | libc::ENOTDIR) => NtStatus::ACCESS_DENIED,
            Some(libc::ENOENT) => NtStatus::OBJECT_NAME_NOT_FOUND,
            Some(libc::ENOSYS | libc::EOPNOTSUPP) => NtStatus::NOT_SUPPORTED,
            Some(libc::EINVAL) => NtStatus::INVALID_PARAMETER,
            Some(libc::EFBIG) => NtStatus::SECTION_TOO_BIG,
            _ => NtStatus::INSUFFICIENT_RESOURCES,
        };
        Failure::new(status, format!("{what}: {error}"))
    }
}

impl From<NtStatus> for Failure {
    fn from(status: NtStatus) -> Self {
        Failure::new(status, "")
    }
}
