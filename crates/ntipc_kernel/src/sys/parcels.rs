//! A line of messages between two threads of a process, each of which may carry a descriptor: for threads with tables
//! of descriptors of their own.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Bytes of control data: one descriptor, with its header.
const CONTROL: usize = 64;

/// What came along the line.
#[derive(Debug)]
pub enum Arrival {
    Message(u64, Option<OwnedFd>),
    /// Nothing, for now.
    Empty,
    /// Nothing will come any more: the other end is closed.
    End,
}

/// The end to send with, and the one to receive with.
pub fn line() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: room for two descriptors, which are nobody else's.
    unsafe {
        match libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) {
            0 => Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Send a number, and a copy of a descriptor. A full line is an error (`WouldBlock`).
pub fn send(line: &impl AsRawFd, number: u64, descriptor: Option<&OwnedFd>) -> io::Result<()> {
    let mut bytes = number.to_ne_bytes();
    let mut control = [0_u64; CONTROL / 8];
    let mut piece = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: a zeroed header that is filled with storage which outlives the call; the control data has room for one
    // descriptor.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut piece;
        message.msg_iovlen = 1;
        if let Some(descriptor) = descriptor {
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(size_of::<i32>() as u32) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size_of::<i32>() as u32) as _;
            libc::CMSG_DATA(header).cast::<i32>().write_unaligned(descriptor.as_raw_fd());
        }
        libc::sendmsg(line.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL)
    };
    if sent == 8 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Take the next message, without waiting for one.
pub fn receive(line: &impl AsRawFd) -> Arrival {
    let mut bytes = [0_u8; 8];
    let mut control = [0_u64; CONTROL / 8];
    let mut piece = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: a zeroed header that is filled with storage which outlives the call. What is in the control data has been
    // put there by
    // Linux: a descriptor that is new in this table.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut piece;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = CONTROL as _;
        match libc::recvmsg(line.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) {
            0 => return Arrival::End,
            count if count < 0 => return Arrival::Empty,
            _ => {}
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        let carries = !header.is_null()
            && (*header).cmsg_type == libc::SCM_RIGHTS
            && (*header).cmsg_len as usize >= libc::CMSG_LEN(size_of::<i32>() as u32) as usize;
        let descriptor = carries.then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<i32>().read_unaligned()));
        Arrival::Message(u64::from_ne_bytes(bytes), descriptor)
    }
}
