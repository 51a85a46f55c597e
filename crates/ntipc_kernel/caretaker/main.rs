//! The caretaker: the program that removes what the last participant of a session leaves when it is killed.
//!
//! It is built by `build.rs` without any library, lies in the kernel as bytes, and is started by a participant of a
//! session with much memory (`process::caretaker`). It waits for a lock that every participant shares, so it sleeps
//! while anybody lives, and Linux wakes it.
//!
//! Descriptors: 0 the session's lock file, with the byte of the caretaker locked through it; 1 the session's directory.
//! Its second argument is the directory's path. All signals are blocked but SIGTERM: a service manager that ends a
//! service waits for all of its processes, and this one may be of a session that others use. So it gives the
//! participants [`GRACE`] to end, and ends. Locks and their order are those of `process::attach`:
//!
//!   K1 wait for WITNESS, exclusively, and give it back  K2 wait for SETUP  K3 the session is gone? end
//!   K4 try PRESENCE; somebody takes part? give SETUP back, K1  K5 remove the files, the lock file last, and the
//!      directory; end
//!
//! Crash: it may be killed anywhere. What it has not removed the user's next session removes, and until then another
//! participant with much memory starts another caretaker. Its locks go with it.

#![no_std]
#![no_main]

use core::arch::{asm, global_asm};
use core::mem::MaybeUninit; // nothing is filled with zeros: there is no library that could

#[cfg(target_arch = "x86_64")]
mod calls {
    pub const FCNTL: usize = 72;
    pub const FSTAT: usize = 5;
    pub const GETDENTS: usize = 217;
    pub const LSEEK: usize = 8;
    pub const UNLINKAT: usize = 263;
    pub const NANOSLEEP: usize = 35;
    pub const PRCTL: usize = 157;
    pub const CHDIR: usize = 80;
    pub const EXIT: usize = 231;
    pub const SIGACTION: usize = 13;
    pub const SIGPROCMASK: usize = 14;
    pub const WITH_RESTORER: usize = 0x0400_0000;
}

#[cfg(target_arch = "aarch64")]
mod calls {
    pub const FCNTL: usize = 25;
    pub const FSTAT: usize = 80;
    pub const GETDENTS: usize = 61;
    pub const LSEEK: usize = 62;
    pub const UNLINKAT: usize = 35;
    pub const NANOSLEEP: usize = 101;
    pub const PRCTL: usize = 167;
    pub const CHDIR: usize = 49;
    pub const EXIT: usize = 94;
    pub const SIGACTION: usize = 134;
    pub const SIGPROCMASK: usize = 135;
    pub const WITH_RESTORER: usize = 0; // Linux brings its own
}

#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "mov rdi, rsp", "and rsp, -16", "call {main}", "ud2", main = sym main);
#[cfg(target_arch = "x86_64")]
global_asm!(".globl restore", "restore:", "mov eax, 15", "syscall"); // rt_sigreturn
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x0, sp", "bl {main}", "brk #1", main = sym main);
#[cfg(target_arch = "aarch64")]
global_asm!(".globl restore", "restore:", "brk #1"); // never called

unsafe extern "C" {
    fn restore();
}

#[cfg(target_arch = "x86_64")]
fn call4(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let result;
    // SAFETY: a system call with valid arguments; it keeps all registers but these.
    unsafe {
        asm!("syscall", inlateout("rax") number as isize => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

#[cfg(target_arch = "aarch64")]
fn call4(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let result;
    // SAFETY: a system call with valid arguments.
    unsafe {
        asm!("svc #0", in("x8") number, inlateout("x0") a as isize => result, in("x1") b, in("x2") c, in("x3") d, options(nostack));
    }
    result
}

fn call(number: usize, a: usize, b: usize, c: usize) -> isize {
    call4(number, a, b, c, 0)
}

/// Tenths of a second.
const GRACE: u32 = 20;

const LOCK: usize = 0;
const DIRECTORY: usize = 1;

// Bytes of the lock file.
const SETUP: i64 = 0;
const PRESENCE: i64 = 1;
const WITNESS: i64 = 2;

const UNLOCKED: i16 = 2;
const EXCLUSIVE: i16 = 1;
const TRY: usize = 37;
const WAIT: usize = 38;
const INTERRUPTED: isize = -4;

#[repr(C)]
struct Range {
    kind: i16,
    whence: i16,
    start: i64,
    length: i64,
    pid: i32,
}

fn lock(byte: i64, kind: i16, how: usize) -> bool {
    let range = Range { kind, whence: 0, start: byte, length: 1, pid: 0 };
    loop {
        match call(calls::FCNTL, LOCK, how, &raw const range as usize) {
            INTERRUPTED => {}
            result => return result == 0,
        }
    }
}

fn end(status: usize) -> ! {
    loop {
        call(calls::EXIT, status, 0, 0);
    }
}

/// Links to the lock file; it has one as long as there is the session.
fn links() -> u64 {
    let mut status = MaybeUninit::<[u64; 32]>::uninit();
    if call(calls::FSTAT, LOCK, status.as_mut_ptr() as usize, 0) != 0 {
        return 0;
    }
    // SAFETY: Linux has filled it that far: device, inode, and then the links in 64 bits; in the generic layout mode
    // and links in 32 each.
    let third = unsafe { *status.as_ptr().cast::<u64>().add(2) };
    if cfg!(target_arch = "x86_64") { third } else { third >> 32 }
}

fn is(name: *const u8, wanted: &[u8]) -> bool {
    // SAFETY: the name ends with a NUL, as `wanted` does, and the comparison ends there at the latest.
    wanted.iter().enumerate().all(|(place, byte)| unsafe { *name.add(place) } == *byte)
}

/// Remove what lies in the directory, but the lock file. Whether an administrator keeps the directory.
fn remove_files() -> bool {
    let mut entries = MaybeUninit::<[u64; 512]>::uninit();
    let mut kept = false;
    loop {
        let mut removed = false;
        call(calls::LSEEK, DIRECTORY, 0, 0);
        loop {
            let filled = call(calls::GETDENTS, DIRECTORY, entries.as_mut_ptr() as usize, size_of_val(&entries));
            if filled <= 0 {
                break;
            }
            let (mut place, first) = (0, entries.as_ptr().cast::<u8>());
            while place < filled as usize {
                // SAFETY: Linux has filled the buffer up to there with records: inode, offset, length, type, name.
                let (length, name) = unsafe {
                    let record = first.add(place);
                    (u16::from_le_bytes([*record.add(16), *record.add(17)]) as usize, record.add(19))
                };
                place += length.max(20);
                if is(name, b"permanent\0") {
                    kept = true;
                } else if !is(name, b".\0") && !is(name, b"..\0") && !is(name, b"lock\0") {
                    removed |= call(calls::UNLINKAT, DIRECTORY, name as usize, 0) == 0;
                }
            }
        }
        if !removed {
            return kept;
        }
    }
}

fn pause() {
    let tenth = [0_u64, 100_000_000];
    call(calls::NANOSLEEP, &raw const tenth as usize, 0, 0);
}

/// SIGTERM: wait for the participants, here and not behind a flag, which the sleep that begins next would not look at.
/// With WITNESS the sleep ends at once.
extern "C" fn told_to_end(_: i32) {
    for _ in 0..GRACE {
        if lock(WITNESS, EXCLUSIVE, TRY) {
            return;
        }
        pause();
    }
    end(0);
}

/// As Linux takes it.
#[repr(C)]
struct Action {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

fn hear_of_the_end() {
    const SIGTERM: usize = 15;
    const UNBLOCK: usize = 1;
    let handler: extern "C" fn(i32) = told_to_end;
    let restorer: unsafe extern "C" fn() = restore;
    let action = Action { handler: handler as usize, flags: calls::WITH_RESTORER, restorer: restorer as usize, mask: 0 };
    call4(calls::SIGACTION, SIGTERM, &raw const action as usize, 0, 8);
    let set = 1_u64 << (SIGTERM - 1);
    call4(calls::SIGPROCMASK, UNBLOCK, &raw const set as usize, 0, 8);
}

extern "C" fn main(stack: *const usize) -> ! {
    const HERE: usize = -100_isize as usize;
    const REMOVE_DIRECTORY: usize = 0x200;
    const SET_NAME: usize = 15;
    // SAFETY: Linux begins a program with the count of its arguments and their addresses on the stack.
    let (count, path) = unsafe { (*stack, *stack.add(2)) };
    if count != 2 {
        end(2);
    }
    call(calls::PRCTL, SET_NAME, c"ntipc-caretaker".as_ptr() as usize, 0);
    call(calls::CHDIR, c"/".as_ptr() as usize, 0, 0);
    hear_of_the_end();
    loop {
        if !lock(WITNESS, EXCLUSIVE, WAIT) {
            end(1); // K1
        }
        lock(WITNESS, UNLOCKED, TRY);
        if !lock(SETUP, EXCLUSIVE, WAIT) {
            end(1); // K2
        }
        if links() == 0 {
            end(0); // K3
        }
        if lock(PRESENCE, EXCLUSIVE, TRY) {
            break; // K4
        }
        lock(SETUP, UNLOCKED, TRY);
        pause(); // somebody takes part whom WITNESS does not tell of, or is about to
    }
    let kept = remove_files(); // K5
    call(calls::UNLINKAT, DIRECTORY, c"lock".as_ptr() as usize, 0);
    if !kept {
        call(calls::UNLINKAT, HERE, path, REMOVE_DIRECTORY); // fails if it is another one by now, in which somebody has begun
    }
    end(0)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    end(3)
}
