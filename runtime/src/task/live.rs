//! The coroutines of a thread that have not ended: a table of places that are used again.

use super::record::Task;
use std::rc::Rc;

/// See the header.
#[derive(Default)]
pub(super) struct Live {
    places: Vec<Option<Rc<Task>>>,
    free: Vec<u32>,
    count: usize,
}

impl Live {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Takes one in, and tells it its place.
    pub(super) fn insert(&mut self, task: Rc<Task>) {
        self.count += 1;
        match self.free.pop() {
            Some(place) => {
                task.slot.set(place);
                self.places[place as usize] = Some(task);
            }
            None => {
                task.slot.set(self.places.len() as u32);
                self.places.push(Some(task));
                // So that an end allocates nothing.
                self.free.reserve(self.places.len());
            }
        }
    }

    /// Lets go of one that is in it.
    pub(super) fn remove(&mut self, task: &Task) -> Option<Rc<Task>> {
        let place = self.places.get_mut(task.slot.get() as usize)?;
        place.as_ref().filter(|t| t.id == task.id)?;
        self.count -= 1;
        self.free.push(task.slot.get());
        place.take()
    }

    /// The one with this number, if it is at this place.
    pub(super) fn find(&self, place: u32, id: u64) -> Option<&Rc<Task>> {
        self.places.get(place as usize)?.as_ref().filter(|t| t.id == id)
    }

    /// All, in the order in which they were made.
    pub(super) fn all(&self) -> Vec<Rc<Task>> {
        let mut all: Vec<_> = self.places.iter().flatten().cloned().collect();
        all.sort_by_key(|t| t.id);
        all
    }
}
