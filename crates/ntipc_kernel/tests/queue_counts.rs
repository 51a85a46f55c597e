//! Queues: what is told of one while somebody is in the midst of an operation on it.
#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, reason = "a failed call fails the test")]

mod support;

use ntipc_kernel::fault::{self, Action};
use ntipc_kernel::queue::Mode;
use support::*;

#[test]
fn a_frame_that_is_read_before_it_is_counted_leaves_none() {
    let session = private();
    let (reader, writer) = session.create_queue(None, 1_000).unwrap();
    assert!(fault::arm("PutPublished", 1, Action::Hang));
    let putting = session.clone();
    std::thread::spawn(move || putting.put_frame(writer, &[&[7; 100]], 0)); // never comes back
    while session.take_frame(reader, &mut [0; 100], Mode::Part).unwrap().is_none() {
        std::thread::yield_now();
    }
    assert_eq!(session.waiting_in_queue(reader).unwrap(), (0, 0));
}
