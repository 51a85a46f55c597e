//! Every call that a queue has.

use crate::scribbling::Dice;
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::Disposition;
use ntipc_kernel::queue::{Mode, Until};
use ntipc_kernel::sys::clock::now_ns;
use ntipc_kernel::{NtResult, NtStatus, Session};
use std::sync::Arc;

/// Make one of them, whatever comes of it.
pub fn queue_call(dice: &mut Dice, session: &Arc<Session>, handles: &mut Vec<u32>, handle: u32) -> NtResult<()> {
    let mut until = Until(now_ns() + dice.below(3) * 1_000_000);
    let name = format!(r"queue\{}", dice.below(4));
    match dice.below(16) {
        0..=1 => {
            let named = (dice.below(3) > 0).then_some(&name[..]);
            let how = [Disposition::OpenOrCreate, Disposition::Create, Disposition::Open][dice.below(3) as usize];
            let ends = session.make_queue(named, how, 0, 1 << dice.below(17), [1, 2])?;
            handles.extend([ends.reader, ends.writer]);
        }
        2 => {
            let end = [Type::ReadEnd, Type::WriteEnd][dice.below(2) as usize];
            handles.push(session.open_queue(&name, end, 0, 1 + dice.below(30) as u32)?);
        }
        3..=6 => {
            let data = vec![7; [0, 1, 500, 2048, 2049, 9000, 70_000, 300_000][dice.below(8) as usize]];
            let (head, tail) = data.split_at(data.len() / 3);
            session.put_wait(handle, &[head, tail], 1, &mut until)?;
        }
        7 => {
            session.put_some(handle, &vec![7; dice.below(100_000) as usize], 1, &mut until)?;
        }
        8..=12 => {
            let modes = [Mode::Part, Mode::Whole, Mode::Stream, Mode::Peek, Mode::PeekStream];
            let mut buffer = vec![0; 1 << dice.below(19)];
            session.take_wait(handle, &mut buffer, modes[dice.below(5) as usize], &mut until)?;
        }
        13 => {
            session.wait_taken(handle, dice.below(1 << 20), &mut until)?;
            session.flush_queue(handle, &mut until)?;
        }
        14 => {
            session.waiting_in_queue(handle)?;
            session.query_queue(handle, Type::ReadEnd)?;
        }
        _ if dice.below(4) == 0 => session.break_queue(handle, NtStatus::PIPE_DISCONNECTED)?,
        _ => {}
    }
    Ok(())
}
