//! The columns of a model, by name.

use crate::StatsError;
use crate::error::{finite, same_length};

/// The name of the column of ones.
const INTERCEPT: &str = "Intercept";

/// The columns that a model explains an outcome by, each with a name; a column of ones, `Intercept`, is there by
/// default.
///
/// ```
/// use isinglass_stats::Design;
///
/// let turn = [0.0, 1.0, 2.0, 3.0];
/// let polite = [1.0, 0.0, 1.0, 0.0];
/// let design = Design::new().column("turn", &turn)?.column("polite", &polite)?.product("turn", "polite")?;
/// assert_eq!(design.names(), ["Intercept", "turn", "polite", "turn:polite"]);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    intercept: bool,
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
}

impl Default for Design {
    fn default() -> Self {
        Self::new()
    }
}

impl Design {
    /// An intercept alone.
    pub fn new() -> Self {
        Self { intercept: true, names: vec![INTERCEPT.to_owned()], columns: Vec::new() }
    }

    /// No column at all: what is fitted goes through the origin.
    pub fn through_origin() -> Self {
        Self { intercept: false, names: Vec::new(), columns: Vec::new() }
    }

    /// Adds a column.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`] if a value is infinite,
    /// [`StatsError::LengthMismatch`] with the columns before, [`StatsError::ColumnTwice`].
    pub fn column(mut self, name: &str, values: &[f64]) -> Result<Self, StatsError> {
        finite("values of a column", values)?;
        if let Some(first) = self.columns.first() {
            same_length(("values of a column", values.len()), ("values of the first column", first.len()))?;
        }
        if self.names.iter().any(|other| other == name) {
            return Err(StatsError::ColumnTwice { column: name.to_owned() });
        }
        self.names.push(name.to_owned());
        self.columns.push(values.to_vec());
        Ok(self)
    }

    /// Adds the product of two columns, named `first:second`: by how much the slope of one changes with the other.
    ///
    /// # Errors
    ///
    /// [`StatsError::UnknownColumn`], and those of [`column`](Self::column).
    pub fn product(self, first: &str, second: &str) -> Result<Self, StatsError> {
        let values: Vec<f64> = self.values(first)?.iter().zip(self.values(second)?).map(|(a, b)| a * b).collect();
        self.column(&format!("{first}:{second}"), &values)
    }

    /// The names of the columns in order, the intercept among them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there is a column of ones.
    pub(crate) fn has_intercept(&self) -> bool {
        self.intercept
    }

    /// The values of a column that was added.
    pub(crate) fn values(&self, name: &str) -> Result<&[f64], StatsError> {
        let added = &self.names[usize::from(self.intercept)..];
        let found = added.iter().zip(&self.columns).find(|(other, _)| *other == name);
        found.map(|(_, values)| &values[..]).ok_or_else(|| StatsError::UnknownColumn { column: name.to_owned() })
    }

    /// All columns for `n` rows of `outcome`, the intercept first.
    pub(crate) fn columns_for(&self, outcome: &'static str, n: usize) -> Result<Vec<Vec<f64>>, StatsError> {
        if self.names.is_empty() {
            return Err(StatsError::Empty { what: "columns" });
        }
        for column in &self.columns {
            same_length(("values of a column", column.len()), (outcome, n))?;
        }
        Ok(self.intercept.then(|| vec![1.0; n]).into_iter().chain(self.columns.iter().cloned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_looked_up_by_name_and_products_are_products() {
        let design = Design::new().column("a", &[1.0, 2.0]).unwrap().column("b", &[3.0, 5.0]).unwrap();
        let design = design.product("b", "a").unwrap();
        assert_eq!(design.values("b:a"), Ok(&[3.0, 10.0][..]));
        assert_eq!(design.columns_for("y", 2).unwrap()[0], [1.0, 1.0]);
        assert_eq!(design.values("Intercept"), Err(StatsError::UnknownColumn { column: "Intercept".to_owned() }));
    }

    #[test]
    fn columns_that_do_not_fit_are_refused() {
        let design = || Design::new().column("a", &[1.0, 2.0]).unwrap();
        assert_eq!(design().column("a", &[1.0, 2.0]).unwrap_err(), StatsError::ColumnTwice { column: "a".to_owned() });
        assert_eq!(
            design().column("Intercept", &[1.0, 2.0]).unwrap_err(),
            StatsError::ColumnTwice { column: "Intercept".to_owned() }
        );
        assert!(matches!(design().column("b", &[1.0]), Err(StatsError::LengthMismatch { .. })));
        assert!(matches!(design().column("b", &[1.0, f64::NAN]), Err(StatsError::NotANumber { index: 1, .. })));
        assert!(matches!(design().column("b", &[1.0, f64::INFINITY]), Err(StatsError::NotFinite { .. })));
        assert!(matches!(design().product("a", "c"), Err(StatsError::UnknownColumn { .. })));
        assert!(matches!(design().columns_for("y", 3), Err(StatsError::LengthMismatch { .. })));
        assert_eq!(Design::through_origin().columns_for("y", 3), Err(StatsError::Empty { what: "columns" }));
    }
}
