//! Names, handles, and the size of things.

mod support;

use ntipc_kernel::NtStatus;
use ntipc_kernel::object::handles::Entry;
use ntipc_kernel::object::kind::{Kind, Type, access};
use ntipc_kernel::object::table::{Disposition, Initial};
use support::*;

const EVENT: Initial = Initial { kind: Kind::SynchronizationEvent, value: 0, limit: 0, quantity: 0, detail: 0 };

#[test]
fn entry_survives_packing() {
    for entry in [
        Entry { object: 0, generation: 0, access: 0, flags: 0 },
        Entry { object: (1 << 18) - 1, generation: (1 << 22) - 1, access: 0x1F_03FF, flags: 15 },
        Entry { object: 77, generation: 1 << 21, access: access::SYNCHRONIZE, flags: 2 },
    ] {
        assert_eq!(Entry::unpack(entry.pack()), Some(entry));
    }
    assert_eq!(Entry::unpack(0), None);
}

#[test]
fn name_is_free_with_the_last_handle() {
    let session = private();
    let first = session.create(Some("n"), Disposition::OpenOrCreate, 0, EVENT, false).unwrap();
    let second = session.create(Some("n"), Disposition::OpenOrCreate, 0, EVENT, false).unwrap();
    assert_eq!((first.created, second.created), (true, false));
    let collision = session.create(Some("n"), Disposition::Create, 0, EVENT, false).unwrap_err();
    assert_eq!(collision.status, NtStatus::OBJECT_NAME_COLLISION);
    session.close(first.handle).unwrap();
    session.close(second.handle).unwrap();
    let missing = session.create(Some("n"), Disposition::Open, 0, EVENT, false).unwrap_err();
    assert_eq!(missing.status, NtStatus::OBJECT_NAME_NOT_FOUND);
}

#[test]
fn a_long_name_is_told_from_its_neighbour() {
    let session = private();
    let (long, longer) = ("x".repeat(32_766), "x".repeat(32_766 * 3));
    let first = session.create(Some(&long), Disposition::Create, 0, EVENT, false).unwrap();
    let second = session.create(Some(&longer), Disposition::Create, 0, EVENT, false).unwrap();
    assert_eq!(session.name_of(first.handle).unwrap().unwrap(), long);
    assert_eq!(session.name_of(second.handle).unwrap().unwrap(), longer);
    let too_long = session.create(Some(&"x".repeat(32_766 * 3 + 1)), Disposition::Create, 0, EVENT, false);
    assert_eq!(too_long.unwrap_err().status, NtStatus::OBJECT_NAME_INVALID);
}

#[test]
fn the_lowest_free_handle_is_given_out() {
    let session = private();
    let handles: Vec<u32> = (0..200).map(|_| event(&session)).collect();
    assert!(handles.windows(2).all(|pair| pair[1] == pair[0] + 4));
    for place in [150, 3, 77] {
        session.close(handles[place]).unwrap();
    }
    assert_eq!([event(&session), event(&session), event(&session)], [handles[3], handles[77], handles[150]]);
}

#[test]
fn the_two_low_bits_of_a_handle_mean_nothing() {
    let session = private();
    let event = event(&session);
    for bits in 0..4 {
        session.set_event(event | bits).unwrap();
    }
}

#[test]
fn a_duplicate_with_fewer_rights_is_restricted() {
    let session = private();
    let event = event(&session);
    let twin = session.duplicate(event, None, Some(access::SYNCHRONIZE), false).unwrap();
    assert_eq!(session.set_event(twin).unwrap_err().status, NtStatus::ACCESS_DENIED);
    assert!(!take(&session, twin));
    let blind = session.duplicate(event, None, Some(access::MODIFY), false).unwrap();
    session.set_event(blind).unwrap();
    assert_eq!(wait(&session, &[blind], false, 0).unwrap_err().status, NtStatus::ACCESS_DENIED);
}

#[test]
fn a_handle_of_another_type_is_refused() {
    let session = private();
    let mutant = mutant(&session);
    assert_eq!(session.set_event(mutant).unwrap_err().status, NtStatus::OBJECT_TYPE_MISMATCH);
    assert_eq!(session.basics(mutant, Type::Section, 0).unwrap_err().status, NtStatus::OBJECT_TYPE_MISMATCH);
}

#[test]
fn a_reference_in_flight_keeps_the_object_until_it_is_claimed() {
    let session = private();
    let event = make(&session, Kind::SynchronizationEvent, 1, 0, Some("flying"));
    let token = session.park(event).unwrap();
    session.close(event).unwrap();
    let claimed = session.claim(token, Type::Event).unwrap();
    assert!(take(&session, claimed));
    session.close(claimed).unwrap();
    assert_eq!(session.claim(token, Type::Event).unwrap_err().status, NtStatus::OBJECT_NAME_NOT_FOUND);
}

#[test]
fn tables_grow_to_many_thousand_objects() {
    let session = private();
    let handles: Vec<u32> =
        (0..20_000).map(|i| make(&session, Kind::Semaphore, 1, 1, Some(&format!("object {i}")))).collect();
    assert!(handles.iter().all(|handle| take(&session, *handle)));
    handles.iter().for_each(|handle| session.close(*handle).unwrap());
    assert_eq!(session.statistics()[0], ("objects", 0));
}
