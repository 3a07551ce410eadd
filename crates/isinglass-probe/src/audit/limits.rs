//! How much is too much.

use std::fmt;
use std::ops::RangeInclusive;

use isinglass_stats::Estimate;
use serde::Serialize;

use super::{Ends, Lengths, Repeats, Separated, Unit};
use crate::baselines::View;
use crate::error::FitError;

/// How much the texts may give away.
///
/// The limits are conventions: below them a probe has room to show more than the texts do, not a proof that it does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Limits {
    /// The AUROC of two classes by number of characters and by number of words.
    pub length: RangeInclusive<f64>,
    /// The greatest AUROC of two classes by their first three words.
    pub first_words: f64,
    /// The greatest AUROC of two classes by TF-IDF, of words and of words and pairs of words each.
    pub tf_idf: f64,
    /// The greatest AUROC of two classes by TF-IDF of characters, if it is limited: they see endings, contractions and
    /// spelling, which words do not, and so may tell what a label is meant to be about, such as a register.
    pub characters: Option<f64>,
    /// The least p of class and final mark.
    pub ends: f64,
    /// The most texts that may share five words in a row.
    pub n_gram_texts: usize,
    /// The most pairs of texts of different groups that may be one, or nearly.
    pub duplicates: usize,
}

/// Whether a number is within its limit.
///
/// `Display` gives a line such as `length in words, warm vs cold: 0.612 [0.53, 0.69] (n = 180), allowed 0.45 to 0.55`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// What is limited.
    pub what: String,
    /// The classes it is a number of; empty for all texts.
    pub classes: String,
    /// What is allowed, in words.
    pub allowed: String,
    /// What was found.
    pub found: Found,
    /// Whether it is too much.
    pub over: bool,
}

/// A number that has a limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// An AUROC, or an association whose p is limited.
    Estimate(Estimate),
    /// A count.
    Count(usize),
    /// There is no difference to measure.
    Alike,
}

impl Limits {
    /// The limits for a data set with so many classes: lengths 0.45 to 0.55, first words 0.65, TF-IDF of words 0.75 for two
    /// classes and 0.85 for more, of characters none, final marks p of 0.05, five words in 2 texts, no duplicates.
    pub fn of(n_classes: usize) -> Self {
        let tf_idf = if n_classes > 2 { 0.85 } else { 0.75 };
        Self {
            length: 0.45..=0.55,
            first_words: 0.65,
            tf_idf,
            characters: None,
            ends: 0.05,
            n_gram_texts: 2,
            duplicates: 0,
        }
    }

    pub(super) fn check(&self) -> Result<(), FitError> {
        let all = [
            ("least AUROC by length", *self.length.start()),
            ("greatest AUROC by length", *self.length.end()),
            ("greatest AUROC by first words", self.first_words),
            ("greatest AUROC by TF-IDF", self.tf_idf),
            ("greatest AUROC by characters", self.characters.unwrap_or(1.0)),
            ("least p of final marks", self.ends),
        ];
        match all.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            Some((what, value)) => Err(FitError::BadSetting { what, value, range: "from 0 to 1" }),
            None => Ok(()),
        }
    }

    pub(super) fn judge(
        &self,
        repeats: &Repeats,
        ends: &Ends,
        lengths: &[Lengths],
        separated: &[Separated],
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let mut judge = |what: &str, classes: &[String], allowed: String, found: Found, over: bool| {
            verdicts.push(Verdict { what: what.to_owned(), classes: classes.join(" vs "), allowed, found, over });
        };
        for lengths in lengths.iter().filter(|lengths| lengths.unit != Unit::Sentences) {
            // 1 - 0.55 is not 0.45 to the last bit.
            let [least, most] = [self.length.start(), self.length.end()].map(|end| (end * 1e6).round() / 1e6);
            let allowed = format!("{least} to {most}");
            for pair in &lengths.pairs {
                let over = !self.length.contains(&pair.auroc.value());
                let found = Found::Estimate(pair.auroc.clone());
                judge(&format!("length in {}", lengths.unit), &pair.classes, allowed.clone(), found, over);
            }
        }
        for pair in separated.iter().filter(|separated| separated.classes.len() == 2) {
            for told in &pair.by {
                let most = match told.name.as_str() {
                    name if name == View::FirstWords.name() => Some(self.first_words),
                    name if name == View::Characters.name() => self.characters,
                    _ => told.is_tf_idf.then_some(self.tf_idf),
                };
                let Some(most) = most else { continue };
                let (found, over) = (Found::Estimate(told.auroc.clone()), told.auroc.value() > most);
                judge(&told.name, &pair.classes, format!("{most} at most"), found, over);
            }
        }
        let p = ends.association.as_ref().and_then(|v| Some(v.p()?.value()));
        let found = ends.association.clone().map_or(Found::Alike, Found::Estimate);
        judge("final marks", &[], format!("p of {} at least", self.ends), found, p.is_some_and(|p| p < self.ends));
        let (most, found) = (self.n_gram_texts, repeats.most_texts);
        judge("texts that share five words", &[], format!("{most} at most"), Found::Count(found), found > most);
        let (most, found) = (self.duplicates, repeats.across_groups);
        judge("duplicates across groups", &[], format!("{most} at most"), Found::Count(found), found > most);
        verdicts
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.classes.is_empty() {
            write!(f, ", {}", self.classes)?;
        }
        write!(f, ": {}, allowed {}", self.found, self.allowed)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Estimate(estimate) => estimate.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Alike => f.write_str("all alike"),
        }
    }
}
