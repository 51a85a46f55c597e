//! Objects whose handles go along with a frame.

use crate::errors;
use crate::object::Object;
use ntipc_kernel::{Failure, NtStatus, Session};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::sync::Arc;

/// The objects of an argument ``handles``.
pub fn objects<'py>(handles: Option<&Bound<'py, PyAny>>) -> PyResult<Vec<Bound<'py, Object>>> {
    match handles {
        None => Ok(Vec::new()),
        Some(handles) => handles.try_iter()?.map(|item| object(item?)).collect(),
    }
}

fn object(item: Bound<'_, PyAny>) -> PyResult<Bound<'_, Object>> {
    item.cast_into::<Object>().map_err(|error| {
        let item = error.into_inner();
        let kind = errors::class_of(&item);
        PyTypeError::new_err(format!(
            "what goes along must be an object of ntipc with one handle, not {kind}; put_object sends whatever can be pickled"
        ))
    })
}

/// Handles that go along. Those that are moved are taken from their objects before, so that nobody closes them twice,
/// and given back if they have not gone.
pub struct Luggage<'a, 'py> {
    objects: &'a [Bound<'py, Object>],
    pub handles: SmallVec<[u32; 8]>,
    move_them: bool,
    /// They have gone.
    pub gone: bool,
}

impl<'a, 'py> Luggage<'a, 'py> {
    pub fn pack(
        session: &Arc<Session>,
        objects: &'a [Bound<'py, Object>],
        move_them: bool,
    ) -> Result<Luggage<'a, 'py>, Failure> {
        let mut luggage = Luggage { objects, handles: SmallVec::new(), move_them, gone: false };
        for (place, object) in objects.iter().enumerate() {
            if move_them && objects[..place].iter().any(|other| other.is(object)) {
                return Err(Failure::new(
                    NtStatus::INVALID_PARAMETER,
                    format!("{} is to be moved twice", object.get().subject()),
                ));
            }
            let (its_session, handle) = object.get().open_handle().map_err(|_| {
                Failure::new(
                    NtStatus::INVALID_HANDLE,
                    format!("{} that should go along is closed", object.get().subject()),
                )
            })?;
            if !Arc::ptr_eq(its_session, session) {
                return Err(Failure::new(
                    NtStatus::NOT_SUPPORTED,
                    "what goes along must belong to the session of the queue (Local\\ and Global\\ are two)",
                ));
            }
            luggage.handles.push(if move_them { object.get().take_handle() } else { handle });
        }
        Ok(luggage)
    }
}

impl Drop for Luggage<'_, '_> {
    fn drop(&mut self) {
        if self.move_them && !self.gone {
            for (object, handle) in self.objects.iter().zip(&self.handles).filter(|(_, handle)| **handle != 0) {
                object.get().give_handle_back(*handle);
            }
        }
    }
}
