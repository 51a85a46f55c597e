//! Somebody scribbles in the session's memory while threads make every call: nothing crashes, nothing is touched outside the
//! mapping, everything returns.
//!
//! In a debug build every overflow is a panic, and with the address sanitizer (`make sanitize`) every touch of foreign memory is
//! told. `NTIPC_FUZZ_SECONDS` says how long, `NTIPC_FUZZ_SEED` where to begin.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod support;

use ntipc_kernel::dispatch::wait::Target;
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::object::table::{Disposition, Initial};
use ntipc_kernel::section::NewSection;
use ntipc_kernel::sys::files::Protection;
use ntipc_kernel::{Field, NtStatus, Session, fields};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::*;

/// xorshift64*: the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// One act of damage: what and where.
fn scribble(dice: &mut Dice, file: &File, fields: &[Field]) {
    if dice.below(12) == 0 {
        let mut bytes = vec![0u8; 1 << dice.below(10)];
        bytes.iter_mut().for_each(|byte| *byte = dice.next() as u8);
        let regions = [16, 64, 128, 16 << 10, 212_992, 1_261_568, 9_650_176, 26_427_392, 59_981_824];
        let at = regions[dice.below(regions.len() as u64) as usize] + dice.below(2048);
        let _ = file.write_at(&bytes, at);
        return;
    }
    let field = fields[dice.below(fields.len() as u64) as usize];
    if matches!(field.name, "magic" | "fingerprint") {
        return;
    }
    let entry = match dice.below(8) {
        0 => dice.below(field.count),
        _ => dice.below(field.count.min(40)),
    };
    let at = field.at + entry * field.stride + if field.width > 8 { dice.below(field.width / 4) * 4 } else { 0 };
    let width = field.width.min(8) as usize;
    let mut old = [0u8; 8];
    let _ = file.read_at(&mut old[..width], at);
    let old = u64::from_le_bytes(old);
    let value = match dice.below(9) {
        0 => 0,
        1 => u64::MAX,
        2 => dice.next(),
        3 => old ^ 1 << dice.below(width as u64 * 8),
        4 => old.wrapping_add(1),
        5 => old.wrapping_sub(1),
        6 => 1 << dice.below(width as u64 * 8),
        _ => dice.below(64),
    };
    let _ = file.write_at(&value.to_le_bytes()[..width], at);
}

const KINDS: [Kind; 7] = [
    Kind::NotificationEvent,
    Kind::SynchronizationEvent,
    Kind::Semaphore,
    Kind::Mutant,
    Kind::NotificationTimer,
    Kind::SynchronizationTimer,
    Kind::EventPair,
];

/// Make one call of the library, whatever comes of it.
fn call(dice: &mut Dice, session: &Arc<Session>, handles: &mut Vec<u32>) -> Option<NtStatus> {
    let handle = handles.get(dice.below(handles.len() as u64) as usize).copied().unwrap_or(4);
    let several: Vec<u32> = (0..1 + dice.below(6))
        .map(|_| handles.get(dice.below(handles.len() as u64) as usize).copied().unwrap_or(4))
        .collect();
    let result = match dice.below(26) {
        0..=2 => {
            let kind = KINDS[dice.below(KINDS.len() as u64) as usize];
            let name = format!("name {}", dice.below(9)) + &"x".repeat(dice.below(3) as usize * 70);
            let name = (dice.below(3) > 0).then_some(name);
            let initial = Initial { kind, value: 0, limit: 5, a: 0, b: 0 };
            let disposition =
                [Disposition::OpenOrCreate, Disposition::Create, Disposition::Open][dice.below(3) as usize];
            let owned = kind == Kind::Mutant && dice.below(2) == 0;
            session.create(name.as_deref(), disposition, 0, initial, owned).map(|opened| handles.push(opened.handle))
        }
        3..=4 => {
            let place = dice.below(handles.len() as u64) as usize;
            let gone = if place < handles.len() { handles.swap_remove(place) } else { 4 };
            session.close(gone)
        }
        5 => session.set_event(handle).map(drop),
        6 => session.clear_event(handle).map(drop),
        7 => session.pulse_event(handle).map(drop),
        8 => session.release_semaphore(handle, 1).map(drop),
        9 => session.release_mutant(handle),
        10 => session
            .set_timer(handle, ntipc_kernel::sys::clock::now_ns() + dice.below(2_000_000), dice.below(3) * 100_000)
            .map(drop),
        11 => session.cancel_timer(handle).map(drop),
        12 => session.query_timer(handle).map(drop),
        13 => session.set_pair(handle, dice.below(2) as u32).map(drop),
        14 => session.duplicate(handle, None, None, dice.below(2) == 0).map(|twin| handles.push(twin)),
        15 => session.park(handle).and_then(|token| session.claim(token, Type::Event)).map(|twin| handles.push(twin)),
        16 => session.basics(handle, Type::Event, 0).map(drop).and(session.name_of(handle).map(drop)),
        17 => session.query_mutant(handle).map(drop).and(session.query_semaphore(handle).map(drop)),
        18 => {
            let wanted = NewSection { size: 10_000, protection: Protection::ReadWrite, reserve: false, file: None };
            let name = format!("section {}", dice.below(3));
            session.create_section(Some(&name), Disposition::OpenOrCreate, 0, &wanted).and_then(|opened| {
                handles.push(opened.handle);
                session.query_section(opened.handle, 0)?;
                session.map_view(opened.handle, 0, None, Protection::ReadWrite).map(drop)
            })
        }
        19 => session.set_inheritable(handle, true),
        20 => {
            let signal = Target { handle, channel: 0 };
            session.start_wait(&targets(&several[..1]), false, true, Some(signal)).map(drop)
        }
        21 => wait(session, &several, true, 2).map(drop),
        _ => wait(session, &several, false, dice.below(3)).map(drop),
    };
    if handles.len() > 60 {
        handles.drain(..30).for_each(|handle| drop(session.close(handle)));
    }
    result.err().map(|failure| failure.status)
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// One session, damaged a little at a time until it says so, or to the end of the round.
fn round(seed: u64, calls: &AtomicU64) -> bool {
    let session = private();
    let file = File::options().read(true).write(true).open(format!("{}/arena", session.path)).unwrap();
    let fields = fields();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..3 {
            let (session, over) = (Arc::clone(&session), &over);
            scope.spawn(move || {
                let (mut dice, mut handles) = (Dice(seed * 31 + number + 1), Vec::new());
                while !over.load(Ordering::Relaxed) {
                    call(&mut dice, &session, &mut handles);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut dice = Dice(seed);
        std::thread::sleep(Duration::from_millis(5));
        for _ in 0..1 + dice.below(40) {
            scribble(&mut dice, &file, &fields);
            std::thread::sleep(Duration::from_micros(dice.below(1500)));
        }
        let _ = ntipc_kernel::inspect::inspect(&session.path);
        over.store(true, Ordering::Relaxed);
    });
    let number = fields.iter().find(|field| field.name == "damaged").unwrap().at;
    let mut damaged = [0; 4];
    file.read_exact_at(&mut damaged, number).unwrap();
    damaged != [0; 4]
}

#[test]
fn scribbling_crashes_nobody_and_keeps_nobody() {
    let (seed, seconds) = (setting("NTIPC_FUZZ_SEED", 1), setting("NTIPC_FUZZ_SECONDS", 4));
    let (began, calls) = (Instant::now(), AtomicU64::new(0));
    let (mut rounds, mut damaged) = (0, 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        let seed = seed + rounds;
        let (finished, watched) = std::sync::mpsc::channel::<()>();
        let watchdog = std::thread::spawn(move || {
            if watched.recv_timeout(Duration::from_secs(20)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("seed {seed}: some call has not returned for 20 s");
                let pid = std::process::id().to_string();
                let _ = std::process::Command::new("gdb")
                    .args(["-p", &pid, "-batch", "-ex", "thread apply all bt 12"])
                    .status();
                std::process::abort();
            }
        });
        damaged += u64::from(round(seed * 1_000_003, &calls));
        drop(finished);
        watchdog.join().unwrap();
        rounds += 1;
    }
    println!("{rounds} rounds, {damaged} found damaged, {} calls", calls.into_inner());
    assert!(rounds > 0 && (rounds < 50 || damaged > 0));
}
