//! Which class each row is of, which rows belong together, and what could be exchanged by chance.

use std::collections::{BTreeMap, BTreeSet};

use isinglass_stats::{Folds, Scheme, permuted_classes};

use crate::error::FitError;

/// The rows to fit to, and those to score.
pub(crate) type Side = (Vec<usize>, Vec<usize>);

/// The class of each row, and its group.
///
/// Rows of one group (a pair, the responses to one scenario) are never on both sides of a split, and the null shuffles
/// labels as the design allows: within groups that hold several classes, between groups that hold one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    classes: Vec<usize>,
    names: Vec<String>,
    groups: Vec<u64>,
    scheme: Design,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Design {
    Within,
    Between,
    Free,
}

impl Labels {
    /// Labels of matched pairs: each group holds one row of either class. Chance swaps the two.
    ///
    /// # Errors
    /// [`FitError::LengthMismatch`] if they differ in number, [`FitError::NotAPair`] for a group of another make.
    pub fn paired(labels: Vec<bool>, groups: Vec<u64>) -> Result<Self, FitError> {
        let labels = Self::within_groups(labels.into_iter().map(usize::from).collect(), groups)?;
        let mut of: BTreeMap<u64, [usize; 2]> = BTreeMap::new();
        labels.classes.iter().zip(&labels.groups).for_each(|(&class, &group)| of.entry(group).or_default()[class] += 1);
        match of.into_iter().find(|(_, counts)| *counts != [1, 1]) {
            Some((group, [negative, positive])) => Err(FitError::NotAPair { group, negative, positive }),
            None => Ok(labels),
        }
    }

    /// Labels that differ within groups, such as three kinds of response to each scenario. Chance shuffles them within
    /// each group.
    ///
    /// # Errors
    /// [`FitError::LengthMismatch`] if they differ in number, [`FitError::FewClasses`] with fewer than two classes,
    /// [`FitError::NoContrast`] if no group holds two.
    pub fn within_groups(classes: Vec<usize>, groups: Vec<u64>) -> Result<Self, FitError> {
        let labels = Self::new(classes, groups, Design::Within)?;
        let mut first: BTreeMap<u64, usize> = BTreeMap::new();
        let mixed = labels.classes.iter().zip(&labels.groups).any(|(&c, &g)| *first.entry(g).or_insert(c) != c);
        if mixed { Ok(labels) } else { Err(FitError::NoContrast { n_groups: first.len() }) }
    }

    /// Labels of whole groups, such as one topic for all texts of a source. Chance exchanges the labels of groups.
    ///
    /// # Errors
    /// [`FitError::LengthMismatch`] if they differ in number, [`FitError::FewClasses`] with fewer than two classes,
    /// [`FitError::MixedGroup`] if a group holds two classes.
    pub fn of_groups(classes: Vec<usize>, groups: Vec<u64>) -> Result<Self, FitError> {
        let labels = Self::new(classes, groups, Design::Between)?;
        let mut first: BTreeMap<u64, usize> = BTreeMap::new();
        for (&class, &group) in labels.classes.iter().zip(&labels.groups) {
            let other = *first.entry(group).or_insert(class);
            if other != class {
                return Err(FitError::MixedGroup { group, classes: [other, class] });
            }
        }
        Ok(labels)
    }

    /// Labels of rows that have nothing to do with each other: no two from one text, scenario, author or template.
    ///
    /// # Errors
    /// [`FitError::FewClasses`] with fewer than two classes.
    pub fn of_independent_rows(classes: Vec<usize>) -> Result<Self, FitError> {
        let groups = (0..classes.len() as u64).collect();
        Self::new(classes, groups, Design::Free)
    }

    fn new(classes: Vec<usize>, groups: Vec<u64>, scheme: Design) -> Result<Self, FitError> {
        if classes.len() != groups.len() {
            let (rows, labels) = (groups.len(), classes.len());
            return Err(FitError::LengthMismatch { name: "groups".into(), rows, labels });
        }
        let n_classes = classes.iter().max().map_or(0, |max| max + 1);
        let present: Vec<usize> = (0..n_classes).filter(|c| classes.contains(c)).collect();
        if present.len() < 2 || present.len() < n_classes {
            return Err(FitError::FewClasses { present, n_classes });
        }
        let names = (0..n_classes).map(|class| format!("class {class}")).collect();
        Ok(Self { classes, names, groups, scheme })
    }

    /// Names the classes, for reports; `class 0`, `class 1`, ... unless named.
    ///
    /// # Errors
    /// [`FitError::LengthMismatch`] unless there is a name for each class.
    pub fn named<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Result<Self, FitError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() != self.names.len() {
            let (rows, labels) = (names.len(), self.names.len());
            return Err(FitError::LengthMismatch { name: "names of classes".into(), rows, labels });
        }
        self.names = names;
        Ok(self)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there are none; there always are.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The class of each row, from 0.
    pub fn classes(&self) -> &[usize] {
        &self.classes
    }

    /// The group of each row.
    pub fn groups(&self) -> &[u64] {
        &self.groups
    }

    /// The names of the classes.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.names.len()
    }

    /// What chance may exchange.
    pub(crate) fn scheme(&self) -> Scheme<'_> {
        match self.scheme {
            Design::Within => Scheme::Stratified(&self.groups),
            Design::Between => Scheme::WholeGroups(&self.groups),
            Design::Free => Scheme::Free,
        }
    }

    /// The classes after each of so many shuffles.
    ///
    /// # Errors
    /// [`FitError::NoPermutations`] for none, [`FitError::Stats`] if no shuffle would change a label.
    pub(crate) fn shuffles(&self, permutations: usize, seed: u64) -> Result<Vec<Vec<usize>>, FitError> {
        if permutations == 0 {
            return Err(FitError::NoPermutations);
        }
        Ok(permuted_classes(&self.classes, self.scheme(), seed)?.take(permutations).collect())
    }

    /// What chance did, for reports.
    pub fn null(&self) -> &'static str {
        match self.scheme {
            Design::Within => "labels shuffled within groups, refitted",
            Design::Between => "labels of whole groups shuffled, refitted",
            Design::Free => "labels shuffled, refitted",
        }
    }

    /// Both sides of each fold.
    ///
    /// # Errors
    /// [`FitError::LengthMismatch`] if the folds are of another number of rows, [`FitError::LeakingGroup`] if a group is on
    /// both sides of one.
    pub(crate) fn sides(&self, folds: &Folds) -> Result<Vec<Side>, FitError> {
        self.check("folds", folds.n_rows())?;
        let of = |row: &usize| self.groups[*row];
        for (train, test) in folds {
            let trained: BTreeSet<u64> = train.iter().map(of).collect();
            if let Some(group) = test.iter().map(of).find(|group| trained.contains(group)) {
                return Err(FitError::LeakingGroup { group });
            }
        }
        Ok(folds.iter().collect())
    }

    /// # Errors
    /// [`FitError::LengthMismatch`] unless there are as many rows.
    pub(crate) fn check(&self, name: &str, rows: usize) -> Result<(), FitError> {
        if rows == self.len() {
            return Ok(());
        }
        Err(FitError::LengthMismatch { name: name.to_owned(), rows, labels: self.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_the_design_is_refused() {
        let pair = |labels: &[bool], groups: &[u64]| Labels::paired(labels.to_vec(), groups.to_vec()).unwrap_err();
        let refused = |labels: Result<Labels, FitError>| labels.unwrap_err();
        let three = pair(&[true, false, true, true], &[1, 1, 8, 8]);
        assert!(matches!(three, FitError::NotAPair { group: 8, negative: 0, positive: 2 }));
        assert!(matches!(pair(&[true, false], &[1]), FitError::LengthMismatch { rows: 1, labels: 2, .. }));
        let alike = refused(Labels::within_groups(vec![0, 0, 1, 1], vec![1, 1, 2, 2]));
        assert!(matches!(alike, FitError::NoContrast { n_groups: 2 }));
        let mixed = refused(Labels::of_groups(vec![0, 0, 1, 0], vec![1, 1, 2, 2]));
        assert!(matches!(mixed, FitError::MixedGroup { group: 2, classes: [1, 0] }));
        let FitError::FewClasses { present, n_classes: 3 } = refused(Labels::of_independent_rows(vec![0, 2])) else {
            panic!("another error")
        };
        assert_eq!(present, [0, 2]);
        assert!(Labels::of_independent_rows(vec![0, 1]).unwrap().named(["a"]).is_err());
    }
}
