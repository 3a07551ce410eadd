//! Orders that depend on a seed alone.

/// The generator `SplitMix64` (Steele, Lea and Flood 2014).
///
/// Our own, because a run is continued in the order in which it was begun: a crate may change how it shuffles, this may
/// not.
#[derive(Clone, Debug)]
pub(crate) struct Order(u64);

impl Order {
    /// The order of a seed for a purpose, which numbers name: other numbers, another order.
    pub(crate) fn of(seed: u64, purpose: &[u64]) -> Self {
        Self(purpose.iter().fold(seed, |seed, &number| {
            let mut order = Self(seed);
            order.next() ^ Self(number).next().rotate_left(32)
        }))
    }

    /// Some number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Some number below `n`, which is small: the remainder's bias is below `n / 2^64`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Puts items in some order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// The numbers below `n` in some order.
    pub(crate) fn of_numbers(mut self, n: usize) -> Vec<usize> {
        let mut numbers: Vec<_> = (0..n).collect();
        self.shuffle(&mut numbers);
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_numbers() {
        // The first outputs of SplitMix64 for the seed 1234567, as in the tests of other implementations.
        let mut order = Order(1_234_567);
        assert_eq!([order.next(), order.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn an_order_has_each_once_and_depends_on_seed_and_purpose() {
        let order = |seed, purpose: &[u64]| Order::of(seed, purpose).of_numbers(30);
        let mut sorted = order(7, &[1, 2]);
        assert_eq!(sorted, order(7, &[1, 2]));
        for other in [order(8, &[1, 2]), order(7, &[2, 1]), order(7, &[1]), order(7, &[])] {
            assert_ne!(sorted, other);
        }
        sorted.sort_unstable();
        assert_eq!(sorted, (0..30).collect::<Vec<_>>());
    }

    #[test]
    fn orders_are_equally_frequent() {
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            *counts.entry(Order::of(seed, &[3]).of_numbers(3)).or_insert(0_u32) += 1;
        }
        // 1000 each; the standard deviation is 29.
        assert!(counts.len() == 6 && counts.values().all(|&n| (860..1140).contains(&n)), "{counts:?}");
    }
}
