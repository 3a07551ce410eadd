//! How texts end.

use std::collections::BTreeMap;

use isinglass_stats::{Estimate, PermutationNull, StatsError, chi_squared_test, permuted_classes};
use serde::Serialize;

use super::Audit;
use crate::error::FitError;
use crate::labels::Labels;

/// What the texts of each class end with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ends {
    /// The last characters that are found, the most frequent first; `none` for a letter or a digit.
    pub marks: Vec<String>,
    /// How many texts of each class end with each of them.
    pub counts: Vec<Vec<usize>>,
    /// Cramér's V of class and mark, with the p of the chi-squared statistic under labels shuffled as the design allows;
    /// none if all texts end alike.
    pub association: Option<Estimate>,
}

impl Ends {
    pub(super) fn of(audit: &Audit<'_>) -> Result<Self, FitError> {
        let (texts, labels) = audit.labelled(&(0..audit.names.len()).collect::<Vec<_>>())?;
        let found: Vec<String> = texts.iter().map(|text| mark(text)).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for mark in &found {
            *counts.entry(mark).or_default() += 1;
        }
        let mut marks: Vec<(&str, usize)> = counts.into_iter().collect();
        marks.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let place: BTreeMap<&str, usize> = marks.iter().enumerate().map(|(i, (mark, _))| (*mark, i)).collect();
        let places: Vec<usize> = found.iter().map(|mark| place[mark.as_str()]).collect();

        let n_marks = marks.len();
        let table = |classes: &[usize]| {
            let mut table = vec![0; audit.names.len() * n_marks];
            classes.iter().zip(&places).for_each(|(class, place)| table[class * n_marks + place] += 1);
            table
        };
        let association = (n_marks > 1).then(|| association(audit, &labels, n_marks, table)).transpose()?;
        let of_classes = table(labels.classes());
        let counts = of_classes.chunks(n_marks).map(|row| row.iter().map(|&n| n as usize).collect()).collect();
        Ok(Self { marks: marks.into_iter().map(|(mark, _)| mark.to_owned()).collect(), counts, association })
    }
}

fn association(
    audit: &Audit<'_>,
    labels: &Labels,
    n_marks: usize,
    table: impl Fn(&[usize]) -> Vec<u64>,
) -> Result<Estimate, FitError> {
    let v = |classes: &[usize]| Ok(chi_squared_test(&table(classes), n_marks, false)?.cramers_v);
    let found = v(labels.classes())?;
    // The same counts may add up in another order.
    let tied = |value: f64| if (value - found.value()).abs() <= 1e-12 { found.value() } else { value };
    let shuffled = permuted_classes(labels.classes(), labels.scheme(), audit.seed)?.take(audit.permutations);
    let null = shuffled.map(|classes| Ok(tied(v(&classes)?.value()))).collect::<Result<_, StatsError>>()?;
    let how = labels.null().replace(", refitted", "");
    Ok(found.with_permutation(&PermutationNull::from_values(null, &how)?))
}

/// The last character, if it is no letter and no digit.
fn mark(text: &str) -> String {
    match text.trim_end().chars().next_back() {
        Some(c) if !c.is_alphanumeric() => c.to_string(),
        _ => "none".to_owned(),
    }
}
