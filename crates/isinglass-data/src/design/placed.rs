//! Examples in the cells of a design, and whether they are as the design wants them.

use std::collections::BTreeMap;

use super::{Design, DesignError};

/// Which cell each example is in, and of which group it is.
///
/// # Examples
///
/// ```
/// use isinglass_data::Design;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let design = Design::new([("empathy", ["yes", "no"]), ("context", ["crisis", "technical"])])?;
/// // Two pairs: empathy varies within a pair, and the context between pairs.
/// let examples = [["yes", "crisis"], ["no", "crisis"], ["yes", "technical"], ["no", "technical"]];
/// let placed = design.place((0..).zip(examples).map(|(i, levels)| (i / 2, levels)))?;
/// assert_eq!(placed.counts(), [1, 1, 1, 1]);
/// placed.expect_balanced()?;
/// placed.expect_within("empathy")?;
/// placed.expect_between("context")?;
///
/// let error = placed.expect_within("context").unwrap_err().to_string();
/// assert!(error.starts_with("group `0` has `0` examples with `context=technical` and `2` with `context=crisis`"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    design: &'a Design,
    cells: Vec<usize>,
    groups: Vec<u64>,
}

impl Design {
    /// Finds the cell of each example; an example is its group, and its levels in the factors' order.
    ///
    /// # Errors
    ///
    /// - [`DesignError::NoExamples`]: there are none.
    /// - What [`cell`](Self::cell) gives, for the first example that is in none.
    pub fn place<L: AsRef<str>>(
        &self,
        examples: impl IntoIterator<Item = (u64, impl AsRef<[L]>)>,
    ) -> Result<Placed<'_>, DesignError> {
        let (mut groups, mut cells) = (Vec::new(), Vec::new());
        for (group, levels) in examples {
            groups.push(group);
            cells.push(self.cell(levels.as_ref())?);
        }
        if cells.is_empty() { Err(DesignError::NoExamples) } else { Ok(Placed { design: self, cells, groups }) }
    }
}

impl Placed<'_> {
    /// The cell of each example, in the examples' order.
    pub fn cells(&self) -> &[usize] {
        &self.cells
    }

    /// How many examples each cell has.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.design.n_cells()];
        for &cell in &self.cells {
            counts[cell] += 1;
        }
        counts
    }

    /// Refuses a cell without examples.
    ///
    /// # Errors
    ///
    /// [`DesignError::EmptyCell`], with the first one.
    pub fn expect_complete(&self) -> Result<(), DesignError> {
        let counts = self.counts();
        let empty = |count: &&usize| **count == 0;
        counts.iter().position(|count| *count == 0).map_or(Ok(()), |cell| {
            let (cell, n) = (self.design.name(cell), counts.iter().filter(empty).count());
            Err(DesignError::EmptyCell { cell, n, n_cells: counts.len() })
        })
    }

    /// Refuses cells with different numbers of examples.
    ///
    /// # Errors
    ///
    /// [`DesignError::Unbalanced`], with the cell that has the fewest and the one that has the most.
    pub fn expect_balanced(&self) -> Result<(), DesignError> {
        let (mut fewest, mut most) = (0, 0);
        let counts = self.counts();
        for (cell, count) in counts.iter().enumerate() {
            if *count < counts[fewest] {
                fewest = cell;
            }
            if *count > counts[most] {
                most = cell;
            }
        }
        if counts[fewest] == counts[most] {
            return Ok(());
        }
        Err(DesignError::Unbalanced {
            fewest: self.design.name(fewest),
            n_fewest: counts[fewest],
            most: self.design.name(most),
            n_most: counts[most],
        })
    }

    /// Refuses a group that does not have every level of a factor as often as the others: a comparison of levels would
    /// be one of groups too.
    ///
    /// # Errors
    ///
    /// - [`DesignError::NoSuchFactor`].
    /// - [`DesignError::NotCrossed`], with the first such group by number.
    pub fn expect_within(&self, factor: &str) -> Result<(), DesignError> {
        let levels = self.design.levels(factor)?;
        for (group, counts) in self.counts_of_groups(factor)? {
            if let Some(level) = (1..counts.len()).find(|&level| counts[level] != counts[0]) {
                return Err(DesignError::NotCrossed {
                    group,
                    factor: factor.to_owned(),
                    first: levels[0].clone(),
                    n_first: counts[0],
                    level: levels[level].clone(),
                    n: counts[level],
                });
            }
        }
        Ok(())
    }

    /// Refuses a group that has more than one level of a factor: the groups are not nested in it.
    ///
    /// # Errors
    ///
    /// - [`DesignError::NoSuchFactor`].
    /// - [`DesignError::NotNested`], with the first such group by number.
    pub fn expect_between(&self, factor: &str) -> Result<(), DesignError> {
        let levels = self.design.levels(factor)?;
        for (group, counts) in self.counts_of_groups(factor)? {
            let mut there = (0..counts.len()).filter(|&level| counts[level] > 0);
            if let (Some(first), Some(second)) = (there.next(), there.next()) {
                return Err(DesignError::NotNested {
                    group,
                    factor: factor.to_owned(),
                    first: levels[first].clone(),
                    second: levels[second].clone(),
                });
            }
        }
        Ok(())
    }

    /// How often each group has each level of a factor.
    fn counts_of_groups(&self, factor: &str) -> Result<BTreeMap<u64, Vec<usize>>, DesignError> {
        let (at, n_levels) = (self.design.factor(factor)?, self.design.levels(factor)?.len());
        let mut counts = BTreeMap::new();
        for (&group, &cell) in self.groups.iter().zip(&self.cells) {
            counts.entry(group).or_insert_with(|| vec![0; n_levels])[self.design.level_of(cell, at)] += 1;
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design() -> Design {
        Design::new([("a", ["x", "y"]), ("b", ["1", "2"])]).unwrap()
    }

    #[test]
    fn an_empty_cell_is_named() {
        let design = design();
        let placed = design.place([(0, ["x", "1"]), (0, ["y", "1"])]).unwrap();
        assert_eq!(placed.cells(), [0, 2]);
        let expected = "cell `a=x, b=2` has no example, and `2` of `4` cells have none; each needs one";
        assert_eq!(placed.expect_complete().unwrap_err().to_string(), expected);
        // Unequal too, for nothing is less than something.
        assert!(placed.expect_balanced().is_err());
    }

    #[test]
    fn unequal_cells_are_named_with_their_numbers() {
        let design = design();
        let all = [["x", "1"], ["x", "2"], ["y", "1"], ["y", "2"], ["y", "1"]];
        let placed = design.place(all.map(|levels| (0, levels))).unwrap();
        placed.expect_complete().unwrap();
        let expected = "cell `a=x, b=1` has `1` examples and cell `a=y, b=1` has `2`; each needs as many";
        assert_eq!(placed.expect_balanced().unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_factor_is_within_groups_or_between_them() {
        let design = design();
        let placed = design.place([(7, ["x", "1"]), (7, ["y", "1"]), (5, ["y", "2"]), (5, ["x", "2"])]).unwrap();
        placed.expect_within("a").unwrap();
        placed.expect_between("b").unwrap();
        let error = placed.expect_between("a").unwrap_err();
        assert!(
            matches!(&error, DesignError::NotNested { group: 5, first, second, .. } if first == "x" && second == "y")
        );
        let error = placed.expect_within("b").unwrap_err();
        assert!(matches!(&error, DesignError::NotCrossed { group: 5, n_first: 0, n: 2, .. }), "{error:?}");
        assert!(matches!(placed.expect_within("c"), Err(DesignError::NoSuchFactor { .. })));
    }

    #[test]
    fn an_example_has_a_cell() {
        let design = design();
        assert!(matches!(design.place([(0, ["x", "3"])]), Err(DesignError::NoSuchLevel { .. })));
        assert!(matches!(design.place([(0, ["x"])]), Err(DesignError::WrongLevels { found: 1, .. })));
        assert_eq!(design.place(Vec::<(u64, [&str; 2])>::new()).unwrap_err(), DesignError::NoExamples);
    }
}
