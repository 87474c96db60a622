//! Guides: [from gevent](from_gevent), [from std::thread](from_threads), [what blocks and what yields](what_yields).

/// What you wrote with gevent, greenlet and generators, and what you write here.
///
/// | there | here |
/// |---|---|
/// | `gevent.spawn(f, a)` | [`spawn(move \|\| f(a))`](crate::spawn) |
/// | `gevent.spawn_later(2, f)` | [`spawn_later(Duration::from_secs(2), f)`](crate::spawn_later) |
/// | `gevent.joinall([g1, g2])` | [`join_all([g1, g2])`](crate::join_all) |
/// | `gevent.joinall(gs, timeout=1)` | [`join_all_timeout(gs, limit)`](crate::join_all_timeout) |
/// | `gevent.iwait(gs)` | [`select_finished(gs)`](crate::select_finished) |
/// | `g.join()`, `g.get()`, `g.value` | [`g.join()`](crate::JoinHandle::join), which gives the value or the panic |
/// | `g.get(timeout=1)` | [`g.join_timeout(limit)`](crate::JoinHandle::join_timeout) |
/// | `g.ready()`, `g.kill()`, `g.link(f)` | [`is_finished`](crate::JoinHandle::is_finished), [`kill`](crate::JoinHandle::kill), [`on_finish`](crate::JoinHandle::on_finish) |
/// | `gevent.sleep(1)`, `gevent.sleep(0)` | [`sleep(d)`](crate::sleep), [`yield_now()`](crate::yield_now) |
/// | `gevent.getcurrent()` | [`current()`](crate::current) |
/// | `gevent.local.local()` | [`local!`](crate::local) |
/// | `gevent.Timeout(1)`, `with_timeout` | [`Timeout::after(limit, \|\| ..)`](crate::Timeout::after) |
/// | `gevent.monkey.patch_all()` | [`export_hooks!()`](crate::export_hooks) once in the program, and [`monkey::patch_all()`](crate::monkey::patch_all) |
/// | `monkey.patch_socket()` | [`monkey::patch(Groups::SOCKET)`](crate::monkey::patch) |
/// | `monkey.get_original('time', 'sleep')` | [`monkey::original::sleep`](crate::monkey::original) |
/// | `Event`, `AsyncResult`, `Semaphore`, `BoundedSemaphore` | [`Event`](crate::sync::Event), [`AsyncResult`](crate::sync::AsyncResult), [`Semaphore::new`](crate::sync::Semaphore::new), [`Semaphore::bounded`](crate::sync::Semaphore::bounded) |
/// | `RLock` | none: between coroutines of one thread a [`Mutex`](crate::sync::Mutex) is rarely needed |
/// | `Queue()`, `Queue(3)`, `LifoQueue`, `PriorityQueue` | [`Queue::new()`](crate::sync::Queue), `Queue::bounded(3)`, [`LifoQueue`](crate::sync::LifoQueue), [`PriorityQueue`](crate::sync::PriorityQueue) |
/// | `JoinableQueue`: `task_done`, `join` | the same names, on every [queue](crate::sync::AnyQueue) |
/// | `Channel` | [`Channel`](crate::sync::Channel) |
/// | `Pool(10)`: `spawn`, `map`, `imap`, `imap_unordered`, `join`, `kill` | [`Pool::new(10)`](crate::sync::Pool), the same names |
/// | `Group`, `ThreadPool` | [`Group`](crate::sync::Group), [`ThreadPool`](crate::sync::ThreadPool); for a single call [`blocking(f)`](crate::blocking) |
/// | `gevent.socket` | [`net`](crate::net) |
/// | `StreamServer((host, port), handle)` | [`StreamServer::bind((host, port), handle)`](crate::StreamServer) |
/// | `socket.wait_read(fd)` | [`wait_readable(fd, limit)`](crate::wait_readable) |
/// | `gevent.hub.LoopExit` | [`Deadlock`](crate::Deadlock), which says who waits for what |
/// | `gevent.util.print_run_info()` | [`print!("{}", debug::run_info())`](crate::debug::run_info) |
/// | `greenlet(run)`, `g.switch(x)`, `g.throw()`, `g.dead`, `g.parent` | [`Greenlet::new(run)`](crate::Greenlet), the same names |
/// | two greenlets that know each other | [`Greenlet::empty()`](crate::Greenlet::empty), then [`run(f)`](crate::Greenlet::run) |
/// | `def gen(): x = yield y` | [`Generator::new(\|g\| { let x = g.yield_(y); .. })`](crate::Generator) |
/// | `next(gen)`, `gen.send(x)`, `gen.throw(e)`, `gen.close()` | `gen.next()` or [`start()`](crate::Generator::start), the same names for the rest |
/// | `StopIteration`, its `value` | `None`, [`returned()`](crate::Generator::returned) |
///
/// What is different. A coroutine that is spawned runs at the next switch of its own thread, and stays in that thread; other
/// threads have schedulers of their own. A panic takes the place of an exception, and is in `join`'s result: nothing is
/// printed but by the panic hook, and nothing is lost. The end of `main` ends the process and its coroutines: join what is to
/// finish.
///
/// ```
/// use patchall::{join_all, sleep, spawn};
/// use std::time::Duration;
///
/// fn task(pid: u32) {
///     sleep(Duration::from_millis(5));
///     println!("Task {pid} done");
/// }
/// join_all((0..10).map(|pid| spawn(move || task(pid)))); // 5 ms, not 50
/// ```
pub mod from_gevent {}

/// For who knows [`std::thread`].
///
/// [`spawn`](crate::spawn), [`Builder`](crate::Builder), [`scope`](crate::scope), [`park`](crate::park()),
/// [`JoinHandle`](crate::JoinHandle), [`Mutex`](crate::sync::Mutex), [`RwLock`](crate::sync::RwLock),
/// [`Condvar`](crate::sync::Condvar), [`Barrier`](crate::sync::Barrier), [`Once`](crate::sync::Once),
/// [`channel`](crate::sync::channel) and [`net`](crate::net) have std's names and mean the same, but for this:
///
/// - Coroutines of one thread take turns, and the turn passes only where one waits or yields. So `spawn` asks for no `Send`, an
///   `Rc<Cell<..>>` may be shared, and data needs a lock only if it has to stay as it is across a wait.
/// - A coroutine costs about 4 KiB while it sleeps, and a switch some nanoseconds. A hundred thousand are nothing unusual.
/// - They do not use a second processor: threads do, and each may have its coroutines. What several threads share is made by
///   `shared()`: see [`sync`](crate::sync).
/// - One that computes holds up the others of its thread: [`yield_now`](crate::yield_now) now and then,
///   [`blocking(f)`](crate::blocking), or a thread. [`debug::monitor`](crate::debug::monitor) tells which one it was.
/// - They can be killed and given a time limit, since they wait in known places.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// let count = Rc::new(Cell::new(0));
/// let all: Vec<_> = (0..1000).map(|_| {
///     let count = count.clone();
///     patchall::spawn(move || count.set(count.get() + 1))
/// }).collect();
/// patchall::join_all(all);
/// assert_eq!(count.get(), 1000);
/// ```
pub mod from_threads {}

/// What yields: lets the thread's other coroutines run while it waits; and what blocks: holds them up.
///
/// | | by itself | after [`monkey::patch_all()`](crate::monkey::patch_all) |
/// |---|---|---|
/// | this crate: `sleep`, `join`, `sync`, `net`, generators and greenlets that wait | yields | yields |
/// | `std::thread::sleep` | blocks | yields |
/// | `std::net`, pipes, terminals | blocks | yields |
/// | `std::process`: `wait`, `status`, `output` | blocks | yields |
/// | `std::sync`: `Mutex`, `RwLock`, `Condvar`, `Once`, `Barrier` | blocks | yields |
/// | `std::thread::park`, `std::sync::mpsc` | blocks | yields, for one coroutine of a thread at a time; a second one ends the process with a message, since std has one place to park for each thread |
/// | sockets, poll, select, epoll of C libraries | blocks | yields |
/// | `print!`, `eprint!` into a pipe that nobody reads | blocks | blocks: std holds a lock for the thread |
/// | `std::fs` on regular files | blocks | blocks while the disk works |
/// | names: `ToSocketAddrs` of std, getaddrinfo | blocks | blocks; [`resolve`](crate::resolve) yields |
/// | locks of C (pthread_mutex_lock), stdio of C, `system` | blocks | blocks; [`LEFT_OUT`](crate::hooks::LEFT_OUT) has the reasons |
/// | computing | blocks | blocks; see [`blocking`](crate::blocking) |
///
/// When the threads are virtual ([`monkey::Threads::Virtual`](crate::monkey::Threads::Virtual), or under the launcher), what
/// blocks here holds up its own thread only, in almost every case.
pub mod what_yields {}
