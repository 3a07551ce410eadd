//! A random order of any number of rows, of which any place can be asked without the others.

/// A permutation of `0..n` by seed: where each place of the shuffled order is found.
///
/// A Feistel network over the smallest even number of bits that holds `n`, walked until it is below `n` (Black & Rogaway,
/// "Ciphers with arbitrary finite domains", 2002), with splitmix64's mixing (Steele, Lea & Flood, 2014) in its rounds.
/// It takes no memory, and going on at any place is asking for that place.
/// It is for shuffling, not for secrets, and it reaches 2^64 of the `n!` orders.
/// ```
/// use isinglass_capture::Shuffle;
/// let shuffle = Shuffle::new(5, 7);
/// let mut order: Vec<u64> = (0..5).map(|place| shuffle.at(place)).collect();
/// order.sort();
/// assert_eq!(order, [0, 1, 2, 3, 4]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shuffle {
    n: u64,
    half_bits: u32,
    keys: [u64; ROUNDS],
}

/// Four make a random permutation of random functions (Luby & Rackoff, 1988) of long halves; with six, orders of a dozen
/// rows were measurably uneven, with twelve none is.
const ROUNDS: usize = 12;

impl Shuffle {
    /// The order of `n` rows that belongs to a seed.
    pub fn new(n: u64, seed: u64) -> Self {
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        let keys = std::array::from_fn(|round| mix(seed.wrapping_add(GOLDEN.wrapping_mul(round as u64 + 1))));
        Self { n, half_bits: bits.div_ceil(2).max(1), keys }
    }

    /// The row at a place of the order.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn at(&self, place: u64) -> u64 {
        assert!(place < self.n, "place {place} of an order of {}", self.n);
        let mut x = place;
        loop {
            x = self.step(x);
            if x < self.n {
                return x;
            }
        }
    }

    fn step(&self, x: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (x >> self.half_bits, x & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        left << self.half_bits | right
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(n: u64, seed: u64) -> Vec<u64> {
        let shuffle = Shuffle::new(n, seed);
        (0..n).map(|place| shuffle.at(place)).collect()
    }

    #[test]
    fn every_row_is_there_once() {
        for n in [1, 2, 3, 4, 5, 7, 16, 17, 100, 1000, 4097] {
            for seed in [0, 1, u64::MAX] {
                let mut order = order(n, seed);
                order.sort_unstable();
                assert!(order.into_iter().eq(0..n), "{n} {seed}");
            }
        }
        let large = Shuffle::new(u64::MAX / 2 + 3, 1);
        assert!((0..100).all(|place| large.at(place) < u64::MAX / 2 + 3));
    }

    #[test]
    fn an_order_is_that_of_its_seed() {
        assert_eq!(order(10, 1), order(10, 1));
        assert_ne!(order(10, 1), order(10, 2));
        // Orders on disk must not change with a new version.
        assert_eq!(order(10, 7), [4, 6, 7, 9, 1, 5, 2, 8, 3, 0]);
    }

    /// Over many seeds each row comes to each place equally often: chi-squared of `n · n` cells, of which
    /// `(n - 1) · (n - 1)` are free, is at most five standard deviations above its mean.
    #[test]
    fn places_are_uniform() {
        for n in [5_u64, 12, 40] {
            let seeds = 20_000;
            let mut counts = vec![0_u32; (n * n) as usize];
            for seed in 0..seeds {
                let shuffle = Shuffle::new(n, seed);
                for place in 0..n {
                    counts[(place * n + shuffle.at(place)) as usize] += 1;
                }
            }
            let expected = f64::from(seeds as u32) / n as f64;
            let chi: f64 = counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
            let free = ((n - 1) * (n - 1)) as f64;
            let bound = free + 5.0 * (2.0 * free).sqrt();
            assert!(chi < bound, "{n}: {chi} of {free}");
        }
    }

    /// Rows that were neighbours are none afterwards: the rank correlation of places and rows is small.
    #[test]
    fn an_order_does_not_follow_the_rows() {
        let n = 10_000_u64;
        for seed in 0..5 {
            let order = order(n, seed);
            let mean = (n - 1) as f64 / 2.0;
            let of = |a: f64, b: f64| (a - mean) * (b - mean);
            let variance: f64 = (0..n).map(|i| of(i as f64, i as f64)).sum();
            let with_place: f64 = order.iter().enumerate().map(|(i, &row)| of(i as f64, row as f64)).sum();
            let with_next: f64 = order.windows(2).map(|pair| of(pair[0] as f64, pair[1] as f64)).sum();
            assert!((with_place / variance).abs() < 0.05 && (with_next / variance).abs() < 0.05, "{seed}");
        }
    }
}
