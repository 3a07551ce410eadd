//! Jobs over rayon's threads.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// Runs `job` for each of `0..jobs`, this thread taking part.
///
/// Every thread goes through jobs that follow each other, so that memory is read in order, and then helps the others from
/// behind. This thread waits for the others to end the jobs they have begun, not for them to wake up.
pub(crate) fn shared(jobs: usize, job: impl Fn(usize) + Sync) {
    let threads = rayon::current_num_threads().min(jobs);
    if threads < 2 {
        (0..jobs).for_each(job);
        return;
    }
    let shares: Vec<Share> = (0..threads).map(|n| Share::new(jobs * n / threads, jobs * (n + 1) / threads)).collect();
    let work = |own: usize| {
        while let Some(n) = shares[own].take(true) {
            job(n);
        }
        for other in (1..threads).map(|n| &shares[(own + n) % threads]) {
            while let Some(n) = other.take(false) {
                job(n);
            }
        }
    };
    rayon::in_place_scope(|scope| {
        let work = &work;
        (1..threads).for_each(|own| scope.spawn(move |_| work(own)));
        work(0);
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn every_job_is_run_once_whatever_they_take() {
        for jobs in [0, 1, 2, 3, 7, 1000] {
            let runs: Vec<AtomicUsize> = (0..jobs).map(|_| AtomicUsize::new(0)).collect();
            shared(jobs, |n| {
                // Some take much longer than others.
                (0..n % 5 * 1000).for_each(|x| {
                    std::hint::black_box(x);
                });
                runs[n].fetch_add(1, Ordering::Relaxed);
            });
            assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1), "{jobs}");
        }
    }

    #[test]
    fn shares_may_be_shared_in_turn() {
        let total = AtomicUsize::new(0);
        shared(9, |n| {
            shared(n, |m| {
                total.fetch_add(m, Ordering::Relaxed);
            });
        });
        assert_eq!(total.into_inner(), (0..9).map(|n| n * (n - 1usize.min(n)) / 2).sum::<usize>());
    }
}
