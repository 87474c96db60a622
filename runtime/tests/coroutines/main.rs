//! Coroutines by themselves: no hooks, no gate. Each test runs in a thread of its own, which is a scheduler of its own.

mod allocations;
mod generators;
mod greenlets;
mod net;
mod stacks;
mod sync;
mod tasks;

use std::cell::RefCell;
use std::rc::Rc;

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, what: impl ToString) {
        self.0.borrow_mut().push(what.to_string());
    }

    fn is(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}

/// Says so when it is dropped.
struct Drops(Log, &'static str);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

const MOMENT: std::time::Duration = std::time::Duration::from_millis(2);
const LONG: std::time::Duration = std::time::Duration::from_secs(3600);
