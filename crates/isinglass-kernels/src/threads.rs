//! Jobs over threads that stay awake between them.
//!
//! A decoder gives its threads a few dozen microseconds of work at a time. A thread that has gone to sleep in between takes
//! as long to wake up, so ours look for new work for a moment before they do; rayon's sleep sooner, and take part in each
//! piece of work only after it was divided for them.

mod crew;

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use self::crew::Crew;
use crate::views::PARALLEL;

/// How many threads work together: as many as rayon has.
pub(crate) fn threads() -> usize {
    Crew::get().threads()
}

/// Jobs that one thread has not taken yet: the first in the upper half, the one after the last in the lower.
struct Share(AtomicU64);

impl Share {
    fn new(from: usize, to: usize) -> Self {
        Self(AtomicU64::new((from as u64) << 32 | to as u64))
    }

    /// The next job for its owner, from the front, or for another thread, from the back.
    fn take(&self, front: bool) -> Option<usize> {
        let taken = self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, |share| {
            let (from, to) = (share >> 32, share & u64::from(u32::MAX));
            (from < to).then(|| if front { (from + 1) << 32 | to } else { from << 32 | (to - 1) })
        });
        taken.ok().map(|share| if front { share >> 32 } else { (share & u64::from(u32::MAX)) - 1 } as usize)
    }
}

/// Runs `job` once for each of `0..jobs`, this thread taking part; alone if it is not much work, or the others are at work
/// for somebody else.
///
/// Every thread goes through jobs that follow each other, so that memory is read in order, and then helps the others from
/// behind. This thread waits for the others to end the jobs they have begun, not for them to wake up.
pub(crate) fn shared(is_much: bool, jobs: usize, job: impl Fn(usize) + Sync) {
    let threads = if is_much { threads().min(jobs) } else { 1 };
    if threads < 2 {
        (0..jobs).for_each(job);
        return;
    }
    let shares: Vec<Share> = (0..threads).map(|n| Share::new(jobs * n / threads, jobs * (n + 1) / threads)).collect();
    let work = |thread: usize| {
        // With fewer shares than threads, the last threads only help.
        if let Some(own) = shares.get(thread) {
            while let Some(n) = own.take(true) {
                job(n);
            }
        }
        for other in (1..=threads).map(|n| &shares[(thread + n) % threads]) {
            while let Some(n) = other.take(false) {
                job(n);
            }
        }
    };
    if !Crew::get().run(&work) {
        work(0);
    }
}

/// Runs `job` for each part of `size` values, the last of which may be shorter, with its number.
pub(crate) fn parts<T: Send>(is_much: bool, values: &mut [T], size: usize, job: impl Fn(usize, &mut [T]) + Sync) {
    let (n, pieces) = (values.len(), Pieces::of(values));
    shared(is_much, n.div_ceil(size), |part| {
        let from = part * size;
        #[expect(unsafe_code, reason = "parts are given to several threads")]
        // SAFETY: parts of different numbers do not overlap, and each number is run once.
        job(part, unsafe { pieces.get(from..n.min(from + size)) });
    });
}

/// Runs `job` for each row of `width` values, with its number, `together` of them at a time where they are many.
pub(crate) fn rows<T: Send>(values: &mut [T], width: usize, together: usize, job: impl Fn(usize, &mut [T]) + Sync) {
    parts(values.len() >= PARALLEL, values, together * width, |part, values| {
        for (n, row) in values.chunks_exact_mut(width).enumerate() {
            job(part * together + n, row);
        }
    });
}

/// Values that are given out piece by piece.
pub(crate) struct Pieces<'a, T> {
    at: *mut T,
    len: usize,
    values: PhantomData<&'a mut [T]>,
}

#[expect(unsafe_code, reason = "pieces are given to several threads")]
// SAFETY: all it does is `get`, whose caller sees to it that no two threads have the same values.
unsafe impl<T: Send> Sync for Pieces<'_, T> {}

impl<'a, T> Pieces<'a, T> {
    pub(crate) fn of(values: &'a mut [T]) -> Self {
        Self { at: values.as_mut_ptr(), len: values.len(), values: PhantomData }
    }

    /// A piece of the values.
    ///
    /// # Safety
    /// While it is held, no piece that overlaps it is.
    ///
    /// # Panics
    /// If it goes past the values.
    #[expect(unsafe_code, clippy::mut_from_ref, reason = "pieces are given to several threads")]
    pub(crate) unsafe fn get(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "a piece past the values");
        // SAFETY: the range is within values that are borrowed mutably for as long as this is, and by the contract
        // nobody else holds any of them.
        unsafe { std::slice::from_raw_parts_mut(self.at.add(range.start), range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::{panic, thread};

    use super::*;

    fn each_once(jobs: usize) {
        let runs: Vec<AtomicUsize> = (0..jobs).map(|_| AtomicUsize::new(0)).collect();
        shared(true, jobs, |n| {
            // Some take much longer than others.
            (0..n % 5 * 1000).for_each(|x| {
                std::hint::black_box(x);
            });
            runs[n].fetch_add(1, Ordering::Relaxed);
        });
        assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1), "{jobs}");
    }

    #[test]
    fn every_job_is_run_once() {
        for round in 0..300 {
            [0, 1, 2, 3, 7, 1000].into_iter().for_each(each_once);
            if round % 100 == 0 {
                // Long enough for threads to go to sleep.
                thread::sleep(std::time::Duration::from_millis(2));
            }
        }
    }

    #[test]
    fn many_may_ask_at_once_and_within_a_job() {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..200).for_each(|_| each_once(50)));
            }
        });
        let total = AtomicUsize::new(0);
        shared(true, 9, |n| {
            shared(true, n, |m| {
                total.fetch_add(m, Ordering::Relaxed);
            });
        });
        assert_eq!(total.into_inner(), 84);
    }

    #[test]
    fn a_job_that_panics_is_the_callers_panic_and_leaves_the_threads_as_they_were() {
        for bad in [0, 40, 99] {
            let caught = panic::catch_unwind(|| shared(true, 100, |n| assert!(n != bad, "job {n}")));
            assert!(caught.is_err(), "{bad}");
            each_once(100);
        }
    }

    #[test]
    fn parts_are_all_values_in_turn() {
        for (n, size) in [(0, 3), (1, 3), (10, 3), (12, 3)] {
            let mut values = vec![0; n];
            parts(true, &mut values, size, |part, values| values.iter_mut().for_each(|x| *x += part + 1));
            assert!(values.iter().enumerate().all(|(i, x)| *x == i / size + 1), "{values:?}");
            let mut values = vec![0; n * 4];
            rows(&mut values, 4, size, |row, values| values.iter_mut().for_each(|x| *x += row + 1));
            assert!(values.iter().enumerate().all(|(i, x)| *x == i / 4 + 1), "{values:?}");
        }
    }
}
