//! Who gets which cell, and in which order.

use rand::{SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;

use super::{Design, DesignError};

impl Design {
    /// A cell for each of `n` groups: the cells get as many each, or some of them one more, and the seed says which
    /// group gets which.
    ///
    /// Each cell is dealt once before any is dealt again, in an order that is shuffled anew each time (permuted
    /// blocks), so that the cells are about equally many in the first half of the groups too.
    pub fn assign(&self, n: usize, seed: u64) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut block: Vec<usize> = (0..self.n_cells()).collect();
        let mut cells = Vec::with_capacity(n);
        while cells.len() < n {
            block.shuffle(&mut rng);
            cells.extend(block.iter().take(n - cells.len()));
        }
        cells
    }

    /// The order in which each of `n` groups gets the levels of a factor: rows of a balanced Latin square, dealt as
    /// [`assign`](Self::assign) deals cells.
    ///
    /// In the square every level stands in every place as often, and comes directly after every other one as often
    /// (Williams 1949); it has as many rows as there are levels, or twice as many if their number is odd.
    /// So the counts are exactly equal if `n` is a multiple of that.
    /// What carries over further than to the next level is not balanced.
    ///
    /// # Errors
    ///
    /// [`DesignError::NoSuchFactor`].
    ///
    /// # Examples
    ///
    /// ```
    /// use isinglass_data::Design;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let design = Design::new([("tone", ["plain", "warm", "blunt", "hurried"])])?;
    /// let orders = design.counterbalance("tone", 8, 1)?;
    /// // Two of the eight start with the first tone.
    /// assert_eq!(orders.iter().filter(|order| order[0] == 0).count(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn counterbalance(&self, factor: &str, n: usize, seed: u64) -> Result<Vec<Vec<usize>>, DesignError> {
        let square = balanced_square(self.levels(factor)?.len());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut block: Vec<usize> = (0..square.len()).collect();
        let mut orders = Vec::with_capacity(n);
        while orders.len() < n {
            block.shuffle(&mut rng);
            orders.extend(block.iter().take(n - orders.len()).map(|&row| square[row].clone()));
        }
        Ok(orders)
    }
}

/// Orders of `n` things in which each stands in each place as often, and follows each other one as often.
fn balanced_square(n: usize) -> Vec<Vec<usize>> {
    // 0, 1, n-1, 2, n-2, ..: neighbours differ by each number once, as numbers that go round after n.
    let first: Vec<usize> = (0..n).map(|i| if i % 2 == 1 { i.div_ceil(2) } else { (n - i / 2) % n }).collect();
    let rows: Vec<Vec<usize>> = (0..n).map(|by| first.iter().map(|level| (level + by) % n).collect()).collect();
    if n.is_multiple_of(2) {
        return rows;
    }
    // With an odd number each pair is met twice one way round; the rows backwards make up for it.
    let backwards = rows.iter().map(|row| row.iter().rev().copied().collect()).collect::<Vec<_>>();
    rows.into_iter().chain(backwards).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_of_four_is_the_known_one() {
        assert_eq!(balanced_square(4), [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]]);
    }

    #[test]
    fn squares_are_balanced() {
        for n in 2..9 {
            let square = balanced_square(n);
            let times = if n % 2 == 0 { 1 } else { 2 };
            assert_eq!(square.len(), n * times);
            for level in 0..n {
                for place in 0..n {
                    assert_eq!(square.iter().filter(|row| row[place] == level).count(), times, "{n}");
                }
                for next in (0..n).filter(|next| *next != level) {
                    let n_pairs: usize =
                        square.iter().map(|row| row.windows(2).filter(|two| *two == [level, next]).count()).sum();
                    assert_eq!(n_pairs, times, "{n}: {level} {next}");
                }
            }
        }
    }

    #[test]
    fn cells_are_dealt_evenly_and_by_the_seed() {
        let design = Design::new([("a", ["x", "y"]), ("b", ["1", "2"])]).unwrap();
        let cells = design.assign(11, 3);
        let mut counts = [0; 4];
        for &cell in &cells {
            counts[cell] += 1;
        }
        counts.sort_unstable();
        assert_eq!(counts, [2, 3, 3, 3]);
        for block in cells.chunks_exact(4) {
            let mut block = block.to_vec();
            block.sort_unstable();
            assert_eq!(block, [0, 1, 2, 3]);
        }
        assert_eq!(design.assign(11, 3), cells);
        assert_ne!(design.assign(11, 4), cells);
        assert!(design.assign(0, 1).is_empty());
    }

    #[test]
    fn orders_are_dealt_evenly_and_by_the_seed() {
        let design = Design::new([("a", ["x", "y", "z"])]).unwrap();
        let orders = design.counterbalance("a", 12, 5).unwrap();
        for place in 0..3 {
            for level in 0..3 {
                assert_eq!(orders.iter().filter(|order| order[place] == level).count(), 4);
            }
        }
        assert_ne!(design.counterbalance("a", 12, 6).unwrap(), orders);
        assert!(matches!(design.counterbalance("b", 1, 0), Err(DesignError::NoSuchFactor { .. })));
    }
}
