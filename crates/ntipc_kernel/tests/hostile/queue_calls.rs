//! Every call that a queue has.

use crate::scribbling::Dice;
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::Disposition;
use ntipc_kernel::queue::{Attached, Badge, Mode, NewQueue, Until};
use ntipc_kernel::sys::clock::now_ns;
use ntipc_kernel::{NtResult, NtStatus, Session};
use std::sync::Arc;

/// Some of the handles that there are.
fn attached(dice: &mut Dice, handles: &[u32]) -> Vec<u32> {
    (0..dice.below(4)).filter_map(|_| handles.get(dice.below(handles.len() as u64) as usize).copied()).collect()
}

/// Make one of them, whatever comes of it.
pub fn queue_call(dice: &mut Dice, session: &Arc<Session>, handles: &mut Vec<u32>, handle: u32) -> NtResult<()> {
    let mut until = Until(now_ns() + dice.below(3) * 1_000_000);
    let name = format!(r"queue\{}", dice.below(4));
    match dice.below(23) {
        0..=1 => {
            let named = (dice.below(3) > 0).then_some(&name[..]);
            let how = [Disposition::OpenOrCreate, Disposition::Create, Disposition::Open][dice.below(3) as usize];
            let readers_limit = dice.below(4) as u32;
            let new =
                NewQueue { quota: 1 << dice.below(17), readers_limit, badge_quota: dice.below(2) << 12, user: [1, 2] };
            let ends = session.make_queue(named, how, 0, new)?;
            handles.extend([ends.reader, ends.writer]);
        }
        2 => {
            let end = [Type::ReadEnd, Type::WriteEnd][dice.below(2) as usize];
            handles.push(session.open_queue(&name, end, 0)?);
        }
        3..=6 => {
            let data = vec![7; [0, 1, 500, 2048, 2049, 9000, 70_000, 300_000][dice.below(8) as usize]];
            let (head, tail) = data.split_at(data.len() / 3);
            session.put_wait(handle, &[head, tail], 1, &mut until)?;
        }
        7 => {
            session.put_some(handle, &vec![7; dice.below(100_000) as usize], 1, &mut until)?;
            session.put_beyond(handle, &[&vec![7; dice.below(5_000) as usize]], 0, &mut until)?;
        }
        8..=12 => {
            let modes = [Mode::Part, Mode::Whole, Mode::Stream, Mode::Peek, Mode::PeekStream];
            let mut buffer = vec![0; 1 << dice.below(19)];
            let taken = session.take_wait(handle, &mut buffer, modes[dice.below(5) as usize], &mut until)?;
            let Some(taken) = taken else { return Ok(()) };
            handles.extend(taken.handles.iter().map(|received| received.handle));
            if taken.correlation != 0 {
                session.reply(taken.correlation, &[&buffer[..taken.bytes]], 2, Attached::NOTHING, &mut until)?;
            }
        }
        13 => {
            session.wait_taken(handle, dice.below(1 << 20), &mut until)?;
            session.flush_queue(handle, &mut until)?;
        }
        14 => {
            session.waiting_in_queue(handle)?;
            session.query_queue(handle, Type::ReadEnd)?;
        }
        15..=16 => {
            let attached = attached(dice, handles);
            let attached = Attached { handles: &attached, move_them: dice.below(2) == 0 };
            session.put_attached(handle, &[&[7; 30]], 1, attached, &mut until)?;
        }
        17..=18 => {
            let attached = attached(dice, handles);
            let attached = Attached { handles: &attached, move_them: false };
            let answer = session.call(handle, &[&[7; 30]], 1, attached, &mut until)?;
            let Some(answer) = answer.filter(|answer| answer.length < 1 << 20 && dice.below(4) > 0) else {
                return Ok(());
            };
            let mut buffer = vec![0; answer.length];
            let taken = answer.take(&mut buffer, &mut until)?;
            handles.extend(taken.handles.iter().map(|received| received.handle));
        }
        19..=20 => {
            let badge = session.make_badge(handle, dice.below(9))?;
            handles.push(badge.handle);
            session.has_badge(handle, badge, dice.below(9))?;
            if dice.below(3) == 0 {
                session.put_wait(badge.handle, &[&[7; 300]], 1, &mut until)?;
            }
            match dice.below(4) {
                0 => session.revoke_badge(handle, badge, dice.below(9))?,
                1 => session.close(badge.handle)?,
                _ => {}
            }
        }
        21 => {
            // One that is not known, or somebody else's.
            let strange = Badge { handle: 0, object: dice.below(1 << 33) as u32, generation: dice.below(4) as u32 };
            session.revoke_badge(handle, strange, dice.below(9))?;
            session.give_up_request(dice.below(u64::MAX))?;
            let line = handles.get(dice.below(handles.len() as u64) as usize).copied().unwrap_or(handle);
            session.call_within(line, handle, &[&[7; 30]], 1, Attached::NOTHING, &mut until)?;
        }
        _ if dice.below(4) == 0 => session.break_queue(handle, NtStatus::PIPE_DISCONNECTED)?,
        _ => {}
    }
    Ok(())
}
