//! What coroutines share and wait for; public as [`crate::sync`], whose page describes the two forms.
//!
//! | file | |
//! |---|---|
//! | `kind` | the two forms |
//! | `event`, `semaphore`, `lock` | waiting for others |
//! | `store`, `queue`, `channel` | passing things on |
//! | `group`, `threads` | several coroutines as one; threads |

mod channel;
mod event;
mod group;
mod kind;
mod lock;
mod queue;
mod semaphore;
mod store;
mod threads;

pub use channel::{Channel, Receiver, Sender, channel, shared_channel, sync_channel};
pub use event::{AsyncResult, Event};
pub use group::{Group, Pool};
pub use kind::{Kind, Local, Shared};
pub use lock::{Barrier, Condvar, Mutex, MutexGuard, Once, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use queue::{AnyQueue, Closed, GetError, Iter, LifoQueue, PriorityQueue, PutError, Queue};
pub use semaphore::{Permit, Semaphore};
pub use store::{Fifo, Lifo, Smallest, Store};
pub use threads::{ThreadPool, blocking};
