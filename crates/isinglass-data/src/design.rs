//! Factorial designs: which conditions there are, what is in each, and whether that is what was meant.

mod assign;
mod placed;

use std::fmt;

pub use placed::Placed;

/// The most cells of a design: more is a slip, and no experiment.
const MOST_CELLS: usize = 1 << 20;

/// Named factors with their levels; a cell is one level of each.
///
/// # Examples
///
/// The two by two conditions of a conversation, dealt to 40 conversations, ten to a cell:
///
/// ```
/// use isinglass_data::Design;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let design = Design::new([
///     ("completion", vec!["complete", "interrupted"]),
///     ("tone", vec!["polite", "blunt"]),
/// ])?;
/// let names: Vec<String> = (0..design.n_cells()).map(|cell| design.name(cell)).collect();
/// assert_eq!(names[1], "completion=complete, tone=blunt");
///
/// let cells = design.assign(40, 7);
/// assert!((0..4).all(|cell| cells.iter().filter(|of| **of == cell).count() == 10));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Design {
    factors: Vec<Factor>,
}

/// A factor, and what it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Factor {
    name: String,
    levels: Vec<String>,
}

impl Design {
    /// A design of these factors, each with its levels.
    ///
    /// # Errors
    ///
    /// - [`DesignError::NoFactors`]: there are none.
    /// - [`DesignError::TooFewLevels`]: a factor has fewer than two levels, so it is none.
    /// - [`DesignError::Repeated`]: two factors, or two levels of one, have one name, or a name is blank.
    /// - [`DesignError::TooManyCells`]: there are above a million cells.
    pub fn new<N, L>(factors: impl IntoIterator<Item = (N, L)>) -> Result<Self, DesignError>
    where
        N: Into<String>,
        L: IntoIterator<Item: Into<String>>,
    {
        let factors: Vec<Factor> = factors
            .into_iter()
            .map(|(name, levels)| Factor { name: name.into(), levels: levels.into_iter().map(Into::into).collect() })
            .collect();
        if factors.is_empty() {
            return Err(DesignError::NoFactors);
        }
        let names: Vec<String> = factors.iter().map(|factor| factor.name.clone()).collect();
        expect_distinct(&names)?;
        let mut n_cells = 1_usize;
        for factor in &factors {
            let n = factor.levels.len();
            if n < 2 {
                return Err(DesignError::TooFewLevels { factor: factor.name.clone(), n });
            }
            expect_distinct(&factor.levels)?;
            n_cells = n_cells.saturating_mul(n);
        }
        if n_cells > MOST_CELLS {
            return Err(DesignError::TooManyCells { n: n_cells, most: MOST_CELLS });
        }
        Ok(Self { factors })
    }

    /// The factors' names, in their order.
    pub fn factors(&self) -> impl Iterator<Item = &str> {
        self.factors.iter().map(|factor| factor.name.as_str())
    }

    /// The levels of a factor, in their order.
    ///
    /// # Errors
    ///
    /// [`DesignError::NoSuchFactor`].
    pub fn levels(&self, factor: &str) -> Result<&[String], DesignError> {
        Ok(&self.factors[self.factor(factor)?].levels)
    }

    /// How many cells there are: the product of the numbers of levels.
    pub fn n_cells(&self) -> usize {
        self.factors.iter().map(|factor| factor.levels.len()).product()
    }

    /// The levels of every cell, a number for each factor; the last factor changes first.
    pub fn cells(&self) -> impl Iterator<Item = Vec<usize>> {
        (0..self.n_cells()).map(|cell| (0..self.factors.len()).map(|factor| self.level_of(cell, factor)).collect())
    }

    /// The number of the cell with these levels, one for each factor, in the factors' order.
    ///
    /// # Errors
    ///
    /// - [`DesignError::WrongLevels`]: there are more or fewer than factors.
    /// - [`DesignError::NoSuchLevel`]: a factor has no such level.
    pub fn cell(&self, levels: &[impl AsRef<str>]) -> Result<usize, DesignError> {
        if levels.len() != self.factors.len() {
            return Err(DesignError::WrongLevels { expected: self.factors.len(), found: levels.len() });
        }
        self.factors.iter().zip(levels).try_fold(0, |cell, (factor, level)| {
            let level = level.as_ref();
            let at = factor.levels.iter().position(|of| of == level).ok_or_else(|| DesignError::NoSuchLevel {
                factor: factor.name.clone(),
                level: level.to_owned(),
                levels: factor.levels.clone(),
            })?;
            Ok(cell * factor.levels.len() + at)
        })
    }

    /// What a cell is called: its levels by name.
    ///
    /// # Panics
    ///
    /// If there is no such cell.
    pub fn name(&self, cell: usize) -> String {
        assert!(cell < self.n_cells(), "the design has {} cells, and no cell {cell}", self.n_cells());
        let parts = self.factors.iter().enumerate();
        let parts = parts.map(|(at, factor)| format!("{}={}", factor.name, factor.levels[self.level_of(cell, at)]));
        parts.collect::<Vec<_>>().join(", ")
    }

    fn factor(&self, name: &str) -> Result<usize, DesignError> {
        self.factors.iter().position(|factor| factor.name == name).ok_or_else(|| DesignError::NoSuchFactor {
            factor: name.to_owned(),
            factors: self.factors().map(str::to_owned).collect(),
        })
    }

    /// The level that a factor has in a cell.
    fn level_of(&self, cell: usize, factor: usize) -> usize {
        let behind: usize = self.factors[factor + 1..].iter().map(|factor| factor.levels.len()).product();
        cell / behind % self.factors[factor].levels.len()
    }
}

fn expect_distinct(names: &[String]) -> Result<(), DesignError> {
    let repeated = (0..names.len()).find(|&i| names[i].trim().is_empty() || names[..i].contains(&names[i]));
    repeated.map_or(Ok(()), |i| Err(DesignError::Repeated { name: names[i].clone() }))
}

/// Why a design is none, or why examples are not as a design wants them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// There are no factors.
    #[error("a design needs at least one factor; it has none")]
    NoFactors,

    /// A factor has fewer than two levels.
    #[error("the factor `{factor}` has `{n}` levels; a factor varies, so it needs at least two")]
    TooFewLevels {
        /// The factor.
        factor: String,
        /// How many levels it has.
        n: usize,
    },

    /// A name stands twice, or says nothing.
    #[error("the name `{name}` is blank or stands twice; give each factor, and each level of one, its own")]
    Repeated {
        /// The name.
        name: String,
    },

    /// There are more cells than an experiment could have.
    #[error("the design has `{n}` cells or more; it may have at most `{most}`")]
    TooManyCells {
        /// How many there are, at least.
        n: usize,
        /// How many there may be.
        most: usize,
    },

    /// A factor is asked for that the design has not.
    #[error("the design has no factor `{factor}`; its factors are {factors}", factors = Listed(factors))]
    NoSuchFactor {
        /// The factor that was asked for.
        factor: String,
        /// Those that there are.
        factors: Vec<String>,
    },

    /// A factor has not the level that is asked for.
    #[error("the factor `{factor}` has no level `{level}`; its levels are {levels}", levels = Listed(levels))]
    NoSuchLevel {
        /// The factor.
        factor: String,
        /// The level that was asked for.
        level: String,
        /// Those that there are.
        levels: Vec<String>,
    },

    /// A cell is named by too many levels, or too few.
    #[error("a cell has `{expected}` levels, one for each factor; `{found}` were given")]
    WrongLevels {
        /// How many factors there are.
        expected: usize,
        /// How many levels were given.
        found: usize,
    },

    /// There are no examples.
    #[error("there are no examples to place in the design's cells; give at least one")]
    NoExamples,

    /// A cell has no example.
    #[error("cell `{cell}` has no example, and `{n}` of `{n_cells}` cells have none; each needs one")]
    EmptyCell {
        /// The first such cell.
        cell: String,
        /// How many there are.
        n: usize,
        /// How many cells the design has.
        n_cells: usize,
    },

    /// Two cells have different numbers of examples.
    #[error("cell `{fewest}` has `{n_fewest}` examples and cell `{most}` has `{n_most}`; each needs as many")]
    Unbalanced {
        /// The cell with the fewest.
        fewest: String,
        /// How many it has.
        n_fewest: usize,
        /// The cell with the most.
        most: String,
        /// How many it has.
        n_most: usize,
    },

    /// A group does not have each level of a factor as often as the others.
    #[error(
        "group `{group}` has `{n}` examples with `{factor}={level}` and `{n_first}` with `{factor}={first}`; a factor within \
         groups has each level as often in each of them"
    )]
    NotCrossed {
        /// The group.
        group: u64,
        /// The factor.
        factor: String,
        /// The factor's first level.
        first: String,
        /// How many examples have that.
        n_first: usize,
        /// The first level that differs in number.
        level: String,
        /// How many examples have that.
        n: usize,
    },

    /// A group has more than one level of a factor.
    #[error(
        "group `{group}` has examples with `{factor}={first}` and with `{factor}={second}`; a factor between groups has one \
         level in each of them"
    )]
    NotNested {
        /// The group.
        group: u64,
        /// The factor.
        factor: String,
        /// A level that the group has.
        first: String,
        /// Another one.
        second: String,
    },
}

/// Names in a row, for a message.
struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.join("`, `"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design() -> Design {
        Design::new([("a", vec!["x", "y"]), ("b", vec!["1", "2", "3"])]).unwrap()
    }

    #[test]
    fn cells_are_counted_with_the_last_factor_first() {
        let design = design();
        assert_eq!(design.n_cells(), 6);
        let cells: Vec<_> = design.cells().collect();
        assert_eq!(cells, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]);
        assert_eq!(design.cell(&["y", "2"]).unwrap(), 4);
        assert_eq!(design.name(4), "a=y, b=2");
        assert_eq!(design.levels("b").unwrap(), ["1", "2", "3"]);
    }

    #[test]
    fn a_design_that_is_none_is_refused() {
        let check = |factors: &[(&str, &[&str])]| {
            Design::new(factors.iter().map(|(name, levels)| (*name, levels.to_vec()))).unwrap_err()
        };
        assert_eq!(check(&[]), DesignError::NoFactors);
        assert_eq!(check(&[("a", &["x"])]), DesignError::TooFewLevels { factor: "a".into(), n: 1 });
        assert_eq!(check(&[("a", &["x", "x"])]), DesignError::Repeated { name: "x".into() });
        assert_eq!(check(&[("a", &["x", "y"]), ("a", &["x", "y"])]), DesignError::Repeated { name: "a".into() });
        assert_eq!(check(&[(" ", &["x", "y"])]), DesignError::Repeated { name: " ".into() });
        let many = (0..64).map(|i| (format!("f{i}"), ["x", "y"]));
        assert!(matches!(Design::new(many), Err(DesignError::TooManyCells { .. })));
    }

    #[test]
    fn a_wrong_name_is_told_with_the_right_ones() {
        let design = design();
        assert_eq!(
            design.cell(&["x", "4"]).unwrap_err().to_string(),
            "the factor `b` has no level `4`; its levels are `1`, `2`, `3`"
        );
        assert_eq!(design.cell(&["x"]).unwrap_err(), DesignError::WrongLevels { expected: 2, found: 1 });
        assert_eq!(
            design.levels("c").unwrap_err().to_string(),
            "the design has no factor `c`; its factors are `a`, `b`"
        );
    }
}
