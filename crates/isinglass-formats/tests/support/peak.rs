//! How much memory something takes at its worst.
#![allow(unreachable_pub, missing_docs, reason = "it is part of tests")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

// Of each thread its own, so that tests may run side by side; without a destructor, so that it is there to the very end.
thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn grow(n: usize) {
    let live = LIVE.get() + n as isize;
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

fn shrink(n: usize) {
    LIVE.set(LIVE.get() - n as isize);
}

// SAFETY: every call is handed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        shrink(layout.size());
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, n: usize) -> *mut u8 {
        // The new is counted before the old is gone, as if it were copied.
        grow(n);
        shrink(layout.size());
        unsafe { System.realloc(at, layout, n) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `run` gives back, and how many bytes this thread held at most meanwhile, beyond those it held before.
pub fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let out = run();
    (out, (PEAK.get() - before) as usize)
}
