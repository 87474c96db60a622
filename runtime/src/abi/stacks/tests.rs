//! The arithmetic of slots.

use super::*;
use crate::testing::cases;
use std::collections::BTreeSet;

fn open(size: usize) -> (Class, &'static Table<Slot>) {
    let table: &'static Table<Slot> = Box::leak(Box::new(Table::new()));
    let mut class = Class { size: 0, base: 0, slots: 0, mapped: 0, front: 0, writable: 0, free: 0 };
    class.open(table, size).expect("address space");
    (class, table)
}

/// Gives the region back: there are more of them in these tests than fit into the address space.
fn close(class: Class) {
    let len = class.slots * class.size;
    // SAFETY: the test's own reservation; nobody has an address in it any more.
    unsafe { sys::syscall2(nr(libc::SYS_munmap), class.base, len) };
}

#[test]
fn slots_lie_end_to_end_and_every_address_is_in_one() {
    cases(40, |random| {
        let size = (random.below(600) + 1) * PAGE * [1, 16, 512][random.below(3)];
        let (mut class, table) = open(size);
        assert_eq!(class.base % (2 << 20), 1 << 20, "guard and top of two stacks share a page-table page");
        assert!(!class.contains(class.base));
        let mut taken = BTreeSet::new();
        for i in 0..random.below(40) + 1 {
            let at = class.take(table).expect("room");
            assert_eq!(at, class.base + i * size);
            taken.insert(at);
            assert!(class.writable >= at + size && class.writable <= class.base + class.slots * size);
        }
        for (i, at) in taken.iter().enumerate() {
            for addr in [*at, at + random.below(size), at + size - 1] {
                assert!(class.contains(addr));
                assert_eq!(class.slot_of(addr), i);
            }
        }
        let end = taken.last().expect("one") + size;
        assert!(!class.contains(end) && !class.contains(class.base - 1));
        close(class);
    });
}

#[test]
fn a_slot_is_used_by_one_at_a_time() {
    cases(40, |random| {
        let (mut class, table) = open(64 * PAGE);
        let mut used = BTreeSet::new();
        let mut most = 0;
        for _ in 0..200 {
            if random.below(5) < 3 {
                let at = class.take(table).expect("room");
                assert!(used.insert(at), "{at:#x} is in use");
            } else if let Some(at) = used.iter().nth(random.below(used.len().max(1))).copied() {
                used.remove(&at);
                // As munmap does it.
                let i = class.slot_of(at);
                let slot = table.get(i).expect("a slot");
                assert!(slot.used.replace(false));
                slot.next.set(class.free);
                class.free = i as u32 + 1;
            }
            most = most.max(used.len());
            assert_eq!(class.front, most, "a new slot is begun only when no old one is free");
        }
        close(class);
    });
}

#[test]
fn a_region_that_is_used_up_says_so() {
    // Sixteen of the largest stacks there are in a region.
    let (mut class, table) = open(REGION / 16);
    assert_eq!(class.slots, 16);
    class.front = 15;
    class.writable = class.base + 15 * class.size;
    class.take(table).expect("the last one");
    assert_eq!(class.writable, class.base + 16 * class.size, "nothing behind the region becomes writable");
    assert_eq!(class.take(table), None);
    close(class);
}

#[test]
fn what_is_trimmed_is_never_handed_out() {
    let (mut class, table) = open(PAGE * 8);
    let first = class.take(table).expect("room");
    class.trim(table);
    assert_eq!(class.take(table), None);
    // What there was stays, and is used again.
    table.get(0).expect("the slot").next.set(class.free);
    class.free = 1;
    assert_eq!(class.take(table), Some(first));
    // SAFETY: a stack of the test's own.
    unsafe { (first as *mut u8).write(1) };
    class.trim(table);
    assert_eq!(class.mapped, class.base + class.size);
}
