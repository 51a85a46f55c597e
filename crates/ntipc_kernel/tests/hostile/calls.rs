//! Every call of the library, with whatever handles there are.

use crate::queue_calls::queue_call;
use crate::scribbling::Dice;
use crate::support::{targets, wait};
use ntipc_kernel::dispatch::wait::Target;
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::object::table::{Disposition, Initial};
use ntipc_kernel::section::NewSection;
use ntipc_kernel::sys::files::Protection;
use ntipc_kernel::{NtStatus, Session};
use std::sync::Arc;

const KINDS: [Kind; 7] = [
    Kind::NotificationEvent,
    Kind::SynchronizationEvent,
    Kind::Semaphore,
    Kind::Mutant,
    Kind::NotificationTimer,
    Kind::SynchronizationTimer,
    Kind::EventPair,
];

/// Make one call of the library, whatever comes of it. With `queues`: one that a queue has.
pub fn call(dice: &mut Dice, session: &Arc<Session>, handles: &mut Vec<u32>, queues: bool) -> Option<NtStatus> {
    let handle = handles.get(dice.below(handles.len() as u64) as usize).copied().unwrap_or(4);
    let several: Vec<u32> = (0..1 + dice.below(6))
        .map(|_| handles.get(dice.below(handles.len() as u64) as usize).copied().unwrap_or(4))
        .collect();
    let result = match if queues { 39 } else { dice.below(40) } {
        0..=2 => {
            let kind = KINDS[dice.below(KINDS.len() as u64) as usize];
            let name = format!("name {}", dice.below(9)) + &"x".repeat(dice.below(3) as usize * 70);
            let name = (dice.below(3) > 0).then_some(name);
            let initial = Initial { kind, value: 0, limit: 5, quantity: 0, detail: 0 };
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
                session.map_view(opened.handle, 0, None, Protection::ReadWrite, false).map(drop)
            })
        }
        19 => session.set_inheritable(handle, true),
        20 => {
            let signal = Target { handle, channel: 0 };
            session.start_wait(&targets(&several[..1]), false, true, Some(signal)).map(drop)
        }
        21 => wait(session, &several, true, 2).map(drop),
        22..=25 => wait(session, &several, false, dice.below(3)).map(drop),
        _ => queue_call(dice, session, handles, handle),
    };
    if handles.len() > 60 {
        handles.drain(..30).for_each(|handle| drop(session.close(handle)));
    }
    result.err().map(|failure| failure.status)
}
