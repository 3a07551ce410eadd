//! How long texts are.

use std::fmt;

use isinglass_stats::{Estimate, Resample, StatsError, auroc_grouped, mean, quantile, variance};
use serde::Serialize;

use super::Audit;
use crate::baselines::words;
use crate::error::FitError;

/// The shares of the quantiles.
const SHARES: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// What a length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Characters, white space among them.
    Characters,
    /// Words: letters, digits and apostrophes.
    Words,
    /// Sentences, roughly: an abbreviation's full stop counts as an end.
    Sentences,
}

/// The lengths of the texts in one unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Lengths {
    /// What is counted.
    pub unit: Unit,
    /// Of each class.
    pub classes: Vec<LengthsOfClass>,
    /// Of each two classes.
    pub pairs: Vec<LengthsOfPair>,
}

/// The lengths of a class's texts, each figure with a bootstrap interval over groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LengthsOfClass {
    /// The class.
    pub class: String,
    /// Their mean.
    pub mean: Estimate,
    /// Their standard deviation, over n - 1.
    pub deviation: Estimate,
    /// Shares and the quantiles at them.
    pub quantiles: Vec<(f64, Estimate)>,
}

/// How well length alone tells two classes apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LengthsOfPair {
    /// The two classes.
    pub classes: [String; 2],
    /// How often a text of the first class is longer than one of the second, a tie counting one half: above 0.5 if the
    /// first class is longer. With a bootstrap interval over groups.
    pub auroc: Estimate,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Characters, Self::Words, Self::Sentences];

    fn count(self, text: &str) -> usize {
        match self {
            Self::Characters => text.chars().count(),
            Self::Words => words(text).count(),
            Self::Sentences => sentences(text),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Characters => "characters",
            Self::Words => "words",
            Self::Sentences => "sentences",
        })
    }
}

impl Lengths {
    pub(super) fn of(audit: &Audit<'_>, unit: Unit) -> Result<Self, FitError> {
        let of_class = |(class, name): (usize, &&str)| {
            let lengths: Vec<f64> = audit.of_class(class).map(|text| unit.count(text.text) as f64).collect();
            let groups: Vec<u64> = audit.of_class(class).map(|text| text.group).collect();
            let estimate = |what: &str, of: &dyn Fn(&[f64]) -> Result<f64, StatsError>| {
                let drawn = |rows: &[usize]| of(&rows.iter().map(|&row| lengths[row]).collect::<Vec<_>>()).ok();
                audit.bootstrap().estimate(Resample::Groups(&groups), &format!("{what}, {unit} of a text"), drawn)
            };
            let at = |&q: &f64| Ok((q, estimate(&format!("quantile {q}"), &|lengths| quantile(lengths, q))?));
            Ok(LengthsOfClass {
                class: (*name).to_owned(),
                mean: estimate("mean", &mean)?,
                deviation: estimate("standard deviation", &|lengths| variance(lengths).map(f64::sqrt))?,
                quantiles: SHARES.iter().map(at).collect::<Result<_, StatsError>>()?,
            })
        };
        let of_pair = |[a, b]: [usize; 2]| {
            let texts = || audit.texts.iter().filter(|text| text.class == a || text.class == b);
            let lengths: Vec<f64> = texts().map(|text| unit.count(text.text) as f64).collect();
            let (first, groups): (Vec<bool>, Vec<u64>) = texts().map(|text| (text.class == a, text.group)).unzip();
            let auroc = auroc_grouped(&lengths, &first, &groups, audit.bootstrap())?.qualified(&format!("{unit}"));
            Ok(LengthsOfPair { classes: [a, b].map(|class| audit.names[class].to_owned()), auroc })
        };
        Ok(Self {
            unit,
            classes: audit.names.iter().enumerate().map(of_class).collect::<Result<_, FitError>>()?,
            pairs: audit.pairs().map(of_pair).collect::<Result<_, FitError>>()?,
        })
    }
}

/// Marks that end a sentence, runs of them once, where white space, a closing quotation mark or bracket, or the end follows;
/// words after the last are one more.
fn sentences(text: &str) -> usize {
    let ends = |c: char| matches!(c, '.' | '!' | '?' | '…');
    let closes = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '’' | '”' | ')' | ']');
    let (mut n, mut unfinished, mut after_mark) = (0, false, false);
    for c in text.chars().chain([' ']) {
        if after_mark && closes(c) && unfinished {
            n += 1;
            unfinished = false;
        }
        after_mark = ends(c);
        unfinished |= c.is_alphanumeric();
    }
    n + usize::from(unfinished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted() {
        let check = |text: &str, expected: [usize; 3]| {
            assert_eq!(Unit::ALL.map(|unit| unit.count(text)), expected, "{text}");
        };
        check("", [0, 0, 0]);
        check("Über uns", [8, 2, 1]);
        check("Oh no... It's 3.5 miles! And", [28, 7, 3]);
        check("He said \"Go!\" Then he went?!", [28, 6, 2]);
        check("(I know.) So… yes.", [18, 4, 3]);
        check("... !", [5, 0, 0]);
    }
}
