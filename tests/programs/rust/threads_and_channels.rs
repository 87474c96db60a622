//! std::thread, mpsc channels (bounded and not), park and unpark, names, thread-local values with destructors.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Noted;

impl Drop for Noted {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    static OWN: RefCell<Vec<Noted>> = const { RefCell::new(Vec::new()) };
}

fn channels() -> usize {
    let (sender, receiver) = mpsc::channel();
    let producers: Vec<_> = (0..50)
        .map(|own| {
            let sender = sender.clone();
            thread::spawn(move || {
                OWN.with_borrow_mut(|list| list.push(Noted));
                for i in 0..100 {
                    sender.send(own * 100 + i).expect("the receiver lives");
                }
            })
        })
        .collect();
    drop(sender);
    let sum = receiver.iter().sum();
    for producer in producers {
        producer.join().expect("no panic");
    }
    sum
}

fn bounded() {
    let (sender, receiver) = mpsc::sync_channel(2);
    let producer = thread::spawn(move || {
        for i in 0..1000 {
            sender.send(i).expect("the receiver lives");
        }
        sender
    });
    for i in 0..1000 {
        assert_eq!(receiver.recv(), Ok(i));
    }
    let sender = producer.join().expect("no panic");
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(sender.try_send(2), Ok(()));
    assert!(matches!(sender.try_send(3), Err(TrySendError::Full(3))));
    let rendezvous = mpsc::sync_channel::<u8>(0).1;
    let began = Instant::now();
    assert_eq!(rendezvous.recv_timeout(Duration::from_millis(20)), Err(RecvTimeoutError::Disconnected));
    let (keep, empty) = mpsc::channel::<u8>();
    assert_eq!(empty.recv_timeout(Duration::from_millis(20)), Err(RecvTimeoutError::Timeout));
    assert!(began.elapsed() >= Duration::from_millis(20));
    drop(keep);
}

fn parking() {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let main = thread::current();
    let other = thread::Builder::new()
        .name("parked".into())
        .spawn(move || {
            assert_eq!(thread::current().name(), Some("parked"));
            for i in 0..500 {
                while TURN.load(Ordering::SeqCst) != 2 * i + 1 {
                    thread::park();
                }
                TURN.store(2 * i + 2, Ordering::SeqCst);
                main.unpark();
            }
        })
        .expect("a thread can be made");
    for i in 0..500 {
        TURN.store(2 * i + 1, Ordering::SeqCst);
        other.thread().unpark();
        while TURN.load(Ordering::SeqCst) != 2 * i + 2 {
            thread::park();
        }
    }
    other.join().expect("no panic");
    let began = Instant::now();
    thread::park_timeout(Duration::from_millis(1));
    thread::sleep(Duration::from_millis(10));
    assert!(began.elapsed() >= Duration::from_millis(10));
}

fn main() {
    println!("sum {}", channels());
    bounded();
    parking();
    println!("dropped {}", DROPPED.load(Ordering::SeqCst));
}
