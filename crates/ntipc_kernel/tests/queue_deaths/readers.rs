//! One of as many readers as a queue may have dies, while another waits for its place.

use crate::support::wait;
use crate::sweep::{NAME, Stage, sweep_points};
use ntipc_kernel::NtStatus;
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::Disposition;
use ntipc_kernel::queue::NewQueue;

const POINTS: &[&str] =
    &["LockTaken", "HandleBeforeCount", "HandleStored", "CloseCleared", "CloseCounted", "LockBeforeRelease"];

pub fn victim_opens_and_closes(stage: &Stage) {
    stage.begin();
    let reader = stage.session.open_queue(NAME, Type::ReadEnd, 0).unwrap();
    stage.say("full");
    stage.hear();
    stage.session.close(reader).unwrap();
}

#[test]
fn the_place_of_a_reader_killed_at_any_step_is_free_for_who_waits_for_it() {
    sweep_points(POINTS, "reader", None, POINTS, |session, _, mut victim| {
        let new = NewQueue { readers_limit: 2, ..NewQueue::default() };
        let ends = session.make_queue(Some(NAME), Disposition::Create, 0, new).unwrap();
        victim.go();
        let _ = victim.word(); // that it is full, or nothing any more
        // Of a place that was free until its death was noticed the dead may be the holder for a moment after it was.
        let take_place = || loop {
            wait(session, &[ends.writer], false, u64::MAX).unwrap().unwrap();
            match session.open_queue(NAME, Type::ReadEnd, 0) {
                Err(failure) if failure.status == NtStatus::INSTANCE_NOT_AVAILABLE => {}
                found => return found.unwrap(),
            }
        };
        let next = std::thread::scope(|scope| {
            let waiting = scope.spawn(take_place);
            victim.go();
            waiting.join().unwrap()
        });
        for handle in [next, ends.reader, ends.writer] {
            session.close(handle).unwrap();
        }
        victim.wait()
    });
}
