//! Life words: a word that says which thread holds it, and that the kernel of Linux marks when that thread is no more.
//!
//! What it is for: telling a death, an `exec` included, within microseconds and before the victim's memory is freed.
//!
//! State of a life word:
//!
//! | value                | meaning                                        | left by |
//! | -------------------- | ---------------------------------------------- | ------- |
//! | 0                    | free                                           | [`claim`] |
//! | HEIR                 | waits for a process that was started with handles | [`claim_from`], or a watcher that finds it ended |
//! | tid + `FUTEX_WAITERS`| held by that living thread                     | [`release`], or the kernel |
//! | `OWNER_DIED` set     | the holder can run no instruction any more     | the reaper, with 0    |
//!
//! Each thread has a list of such words registered with the kernel of Linux. The C library made that list for its
//! robust mutexes; we add our nodes to it rather than replace it, so robust mutexes of other libraries go on working.
//!
//! Invariant: a node of ours (in shared memory, where anybody may scribble) is never *followed* by this process. Ours
//! stand at the end of the list and are known by address, so finding the place to insert or remove walks only nodes of
//! the C library. The kernel of Linux follows them when the thread ends; it only reads, checks each word for the dead
//! thread's id, and stops after 2,048: a scribbled node can at worst hide a death, which a watcher's slow look-round
//! then finds.
//!
//! Crash: `list_op_pending` names the node from before the claim until it is linked, so a death in between is told as
//! well. `FUTEX_WAITERS` is set from the start: the kernel then wakes a sleeper of the word without the sleeper having
//! to set it. It wakes one sleeper, so each watcher of a process needs a word of its own (`process::neighbours`).

use super::process::tid;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Ordering};

pub const OWNER_DIED: u32 = 0x4000_0000;
pub const WAITERS: u32 = 0x8000_0000;
pub const TID_MASK: u32 = 0x3fff_ffff;

/// In place of a thread id, larger than any: the word waits for a process that has not joined yet; see
/// `process::heirs`.
pub const HEIR: u32 = TID_MASK - 1;

/// Where the list node of a word lies: as in a `pthread_mutex_t`, whose list the node joins.
const NODE_OFFSET: isize = 32;

#[repr(C)]
struct Node {
    next: *mut Node,
}

#[repr(C)]
struct Head {
    list: Node,
    futex_offset: libc::c_long,
    pending: *mut Node,
}

/// A word and the room for its node: as long as a robust mutex of the C library.
#[repr(C)]
pub struct LifeWord {
    pub word: AtomicU32,
    _unused: [AtomicU32; 5],
    _previous: AtomicU32,
    _previous_high: AtomicU32,
    _next: AtomicU32,
    _next_high: AtomicU32,
}

const _: () = assert!(size_of::<LifeWord>() == 40);

impl LifeWord {
    fn node(&self) -> *mut Node {
        self.word.as_ptr().cast::<u8>().wrapping_offset(NODE_OFFSET).cast()
    }
}

/// The nodes of ours that the calling thread has linked, in list order (newest first). Private memory.
#[derive(Default)]
pub struct Linked(Vec<usize>);

fn head() -> NtResult<*mut Head> {
    #[cfg(feature = "models")]
    if crate::models::step::tid().is_some() {
        return Ok(nobodys_head());
    }
    let mut head: *mut Head = std::ptr::null_mut();
    let mut length = 0usize;
    // SAFETY: get_robust_list fills both; pid 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length) };
    if result == 0 && head.is_null() && cfg!(target_env = "gnu") {
        return register();
    }
    if result != 0 || head.is_null() {
        return Err(Failure::new(NtStatus::NOT_SUPPORTED, "this C library registers no robust list"));
    }
    // SAFETY: a registered head is valid as long as its thread.
    if unsafe { (*head).futex_offset } as isize != -NODE_OFFSET {
        return Err(Failure::new(NtStatus::NOT_SUPPORTED, "this C library lays robust mutexes out differently"));
    }
    Ok(head)
}

/// Register an empty list for the calling thread. Every thread of the GNU C library has one, but for the child of a
/// bare fork system call: Linux registers none for it, and the library does not know that it is there.
#[cold]
fn register() -> NtResult<*mut Head> {
    // Never freed: Linux reads it when the thread ends.
    let head = Box::leak(Box::new(Head {
        list: Node { next: std::ptr::null_mut() },
        futex_offset: -NODE_OFFSET as libc::c_long,
        pending: std::ptr::null_mut(),
    }));
    head.list.next = (&raw mut *head).cast();
    // SAFETY: a valid, empty list that lives for ever.
    match unsafe { libc::syscall(libc::SYS_set_robust_list, &raw mut *head, size_of::<Head>()) } {
        0 => Ok(head),
        _ => Err(Failure::os("registering a robust list")),
    }
}

/// An empty list that nobody follows: a model marks the words of its dead itself.
#[cfg(feature = "models")]
fn nobodys_head() -> *mut Head {
    thread_local! {
        static HEAD: std::cell::UnsafeCell<Head> = const {
            let list = Node { next: std::ptr::null_mut() };
            std::cell::UnsafeCell::new(Head { list, futex_offset: 0, pending: std::ptr::null_mut() })
        };
    }
    HEAD.with(|head| {
        let head = head.get();
        // SAFETY: valid as long as the thread lives, whose coroutines use it one after the other.
        unsafe { (&raw mut (*head).list.next).write(head.cast()) };
        head
    })
}

/// The list link after which ours begin. Walks only nodes of the C library, which it keeps in order itself.
fn tail_of_others(head: *mut Head, linked: &Linked) -> *mut Node {
    let end = head.cast::<Node>();
    let mut node = end;
    for _ in 0..4096 {
        // SAFETY: `node` is the head or a node that the C library linked and that is therefore valid.
        let next = unsafe { (*node).next };
        let plain = (next as usize & !1) as *mut Node; // the low bit marks a priority-inheriting mutex
        if plain == end || linked.0.contains(&(plain as usize)) {
            break;
        }
        node = plain;
    }
    node
}

/// Try to take a free life word for the calling thread. `false`: somebody has it.
pub fn claim(life: &LifeWord, linked: &mut Linked) -> NtResult<bool> {
    claim_from(life, 0, linked)
}

/// Try to take a life word that says `from`.
pub fn claim_from(life: &LifeWord, from: u32, linked: &mut Linked) -> NtResult<bool> {
    let head = head()?;
    let node = life.node();
    // SAFETY: `head` is this thread's own list head and `node` lies inside the mapped arena; only this thread changes
    // its list, and no signal handler of ours does. Volatile because the kernel of Linux reads both at any moment.
    unsafe {
        (&raw mut (*head).pending).write_volatile(node);
        let won = hold_unlinked(life, from);
        if won {
            insert(head, node, linked);
        }
        (&raw mut (*head).pending).write_volatile(std::ptr::null_mut());
        Ok(won)
    }
}

/// Put a node of ours into the calling thread's list.
///
/// # Safety
/// `head` is the list head of the calling thread, `node` lies inside a mapping that outlives its place in the list.
unsafe fn insert(head: *mut Head, node: *mut Node, linked: &mut Linked) {
    let before = tail_of_others(head, linked);
    let first = linked.0.first().map_or(head.cast::<Node>(), |address| *address as *mut Node);
    // SAFETY: as the caller promises; `before` is the head or a node of the C library. Volatile because the kernel of
    // Linux reads both at any moment.
    unsafe {
        (&raw mut (*node).next).write_volatile(first);
        (&raw mut (*before).next).write_volatile(node);
    }
    linked.0.insert(0, node as usize);
}

/// Does the word say that a thread holds it, and that the thread lives?
pub fn is_held(word: u32) -> bool {
    word & OWNER_DIED == 0 && word & TID_MASK != 0
}

/// Take a word that is the calling thread's to take, and put it at the end of its list: the kernel of Linux marks words
/// in the order of the list, so this one is marked after all that the thread holds by now.
pub fn hold_last(life: &LifeWord, linked: &mut Linked) -> NtResult<()> {
    let head = head()?;
    let node = life.node();
    // SAFETY: as in `claim`. The last node of ours, if there is one, lies in a mapping that its registration keeps
    // alive.
    unsafe {
        (&raw mut (*head).pending).write_volatile(node);
        life.word.store(tid() | WAITERS, Ordering::Release);
        let last = linked.0.last().map_or_else(|| tail_of_others(head, linked), |address| *address as *mut Node);
        (&raw mut (*node).next).write_volatile(head.cast());
        (&raw mut (*last).next).write_volatile(node);
        (&raw mut (*head).pending).write_volatile(std::ptr::null_mut());
    }
    linked.0.push(node as usize);
    Ok(())
}

/// Take a free word without any list: nobody is told if the thread dies. Half of [`claim`], and alone for the mutation
/// check.
pub fn hold_unlinked(life: &LifeWord, from: u32) -> bool {
    life.word.compare_exchange(from, tid() | WAITERS, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// List a word that the calling thread holds already: what the mutation check does too late.
pub fn link_held(life: &LifeWord, linked: &mut Linked) -> NtResult<()> {
    let head = head()?;
    // SAFETY: this thread's own list head, and a node in the mapped arena.
    unsafe { insert(head, life.node(), linked) };
    Ok(())
}

/// Take the word out of the calling thread's list. The caller then sets it to 0 (or another thread has done so).
pub fn unlink(life: &LifeWord, linked: &mut Linked) {
    let node = life.node() as usize;
    let (Ok(head), Some(place)) = (head(), linked.0.iter().position(|address| *address == node)) else { return };
    let next = linked.0.get(place + 1).map_or(head.cast::<Node>(), |address| *address as *mut Node);
    let before = match place {
        0 => tail_of_others(head, linked),
        _ => linked.0[place - 1] as *mut Node,
    };
    // SAFETY: `before` is the head, a node of the C library, or a node of ours in a mapping that its registration keeps
    // alive.
    unsafe { (&raw mut (*before).next).write_volatile(next) };
    linked.0.remove(place);
}

/// Announce that this thread is about to take `life` and may die holding it (`list_op_pending`); `None` takes it back.
/// Only for threads of ours that use no robust mutex: the announcement stays for as long as the word is held.
pub fn announce(life: Option<&LifeWord>) -> NtResult<()> {
    let head = head()?;
    let node = life.map_or(std::ptr::null_mut(), LifeWord::node);
    // SAFETY: this thread's own list head.
    unsafe { (&raw mut (*head).pending).write_volatile(node) };
    Ok(())
}
