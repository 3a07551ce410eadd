//! The threads.

use std::cell::UnsafeCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, TryLockError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use std::{hint, mem};

/// How long a thread looks for work before it sleeps: longer than a decoder's steps between two pieces of work.
const AWAKE: Duration = Duration::from_micros(100);

/// In `state`: the work may be joined.
const OPEN: u64 = 1;
/// In `state`: one thread that has joined it; the number of the work is in the upper half.
const JOINED: u64 = 2;
const ALL_JOINED: u64 = u32::MAX as u64 & !OPEN;

type Work<'a> = &'a (dyn Fn(usize) + Sync);

/// Threads that run one piece of work at a time, together with the thread that brings it.
pub(super) struct Crew {
    state: AtomicU64,
    /// Written by who holds `owner`, while the work is closed and nobody has joined it.
    work: UnsafeCell<Option<Work<'static>>>,
    owner: Mutex<()>,
    panicked: AtomicBool,
    helpers: OnceLock<Vec<Helper>>,
}

struct Helper {
    thread: Thread,
    sleeps: &'static AtomicBool,
}

#[expect(unsafe_code, reason = "work is handed over through a cell")]
// SAFETY: the cell is written only where no other thread may read it, and read only by threads that have joined the work;
// see `run` and `help`.
unsafe impl Sync for Crew {}

impl Crew {
    /// The one of this process, whose threads begin when it is first asked for.
    pub(super) fn get() -> &'static Self {
        static CREW: LazyLock<&'static Crew> = LazyLock::new(|| {
            let crew: &'static Crew = Box::leak(Box::new(Crew {
                state: AtomicU64::new(0),
                work: UnsafeCell::new(None),
                owner: Mutex::new(()),
                panicked: AtomicBool::new(false),
                helpers: OnceLock::new(),
            }));
            let helper = |n: usize| {
                let sleeps: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
                let name = format!("isinglass-{n}");
                // Fewer threads than wanted do the same work.
                let thread = thread::Builder::new().name(name).spawn(move || crew.help(n, sleeps)).ok()?;
                Some(Helper { thread: thread.thread().clone(), sleeps })
            };
            crew.helpers.get_or_init(|| (1..rayon::current_num_threads()).map_while(helper).collect());
            crew
        });
        *CREW
    }

    /// Helpers, and the thread that asks.
    pub(super) fn threads(&self) -> usize {
        self.helpers.get().map_or(1, |helpers| helpers.len() + 1)
    }

    /// Runs `work` on this thread as number 0 and on others that come in time; false, without running it, if the others
    /// are at work for somebody else.
    #[expect(unsafe_code, reason = "threads that outlive the work are lent it")]
    pub(super) fn run(&self, work: Work<'_>) -> bool {
        let _owner = match self.owner.try_lock() {
            Ok(owner) => owner,
            // A job panicked; `Closed` left all as it must be.
            Err(TryLockError::Poisoned(owner)) => owner.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        // SAFETY: only the lifetime changes, and nobody uses the work after this function: `Closed` lets no thread join it
        // any more and waits for those that have, also when `work` panics.
        let lent = unsafe { mem::transmute::<Work<'_>, Work<'static>>(work) };
        // SAFETY: the last work was closed and left by all who had joined it, and this thread alone holds `owner`.
        unsafe { *self.work.get() = Some(lent) };
        let number = (self.state.load(Ordering::Relaxed) >> 32).wrapping_add(1);
        let closed = Closed(self);
        // In one order with `sleeps`, so that a helper about to sleep sees the work or is seen.
        self.state.store(number << 32 | OPEN, Ordering::SeqCst);
        for helper in self.helpers.get().into_iter().flatten() {
            if helper.sleeps.swap(false, Ordering::SeqCst) {
                helper.thread.unpark();
            }
        }
        work(0);
        drop(closed);
        if self.panicked.swap(false, Ordering::Relaxed) {
            panic::resume_unwind(Box::new("a job of a kernel panicked in another thread"));
        }
        true
    }

    #[expect(unsafe_code, reason = "reads the work that is handed over")]
    fn help(&self, own: usize, sleeps: &AtomicBool) {
        let mut done = 0;
        loop {
            let state = self.new_work(done, sleeps);
            let joined = self.state.compare_exchange(state, state + JOINED, Ordering::AcqRel, Ordering::Relaxed);
            if joined.is_err() {
                continue;
            }
            done = state >> 32;
            // SAFETY: this thread has joined an open work: it was written before it was opened, and is neither written nor
            // let go before this thread leaves it.
            let work = unsafe { *self.work.get() };
            if let Some(work) = work
                && panic::catch_unwind(AssertUnwindSafe(|| work(own))).is_err()
            {
                self.panicked.store(true, Ordering::Relaxed);
            }
            self.state.fetch_sub(JOINED, Ordering::Release);
        }
    }

    /// Waits for open work with another number than the one that is done.
    fn new_work(&self, done: u64, sleeps: &AtomicBool) -> u64 {
        let is_new = |state: u64| state & OPEN != 0 && state >> 32 != done;
        let mut since = Instant::now();
        loop {
            for _ in 0..64 {
                let state = self.state.load(Ordering::Acquire);
                if is_new(state) {
                    return state;
                }
                hint::spin_loop();
            }
            if since.elapsed() > AWAKE {
                sleeps.store(true, Ordering::SeqCst);
                if !is_new(self.state.load(Ordering::SeqCst)) {
                    thread::park();
                }
                sleeps.store(false, Ordering::SeqCst);
                since = Instant::now();
            }
        }
    }
}

/// When dropped: nobody can join the work any more, and all who had have left.
struct Closed<'a>(&'a Crew);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        let state = &self.0.state;
        state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut looks = 0_u32;
        while state.load(Ordering::Acquire) & ALL_JOINED != 0 {
            looks += 1;
            // A helper that was interrupted may need this very processor.
            if looks.is_multiple_of(4096) { thread::yield_now() } else { hint::spin_loop() }
        }
    }
}
