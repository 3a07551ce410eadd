//! What the texts give away without a model.

use std::collections::BTreeMap;

use faer::Mat;

use crate::fold::{Fold, Scaling};

/// What a probe is compared with: the same task, from the texts alone.
///
/// A probe that does no better than the words of the texts shows that the model can read, not what it knows.
/// Every baseline is a logistic probe (C = 1) with the folds, the shuffles and the intervals of the probe beside it, and
/// what it knows of the texts (its vocabulary, their document frequencies) it learns from the training folds alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baselines<'a> {
    pub(crate) texts: Vec<&'a str>,
    pub(crate) left_out: Option<String>,
}

impl<'a> Baselines<'a> {
    /// From these texts, one for each row: their words (TF-IDF), their first words, their length, their punctuation.
    pub fn of<S: AsRef<str>>(texts: &'a [S]) -> Self {
        Self { texts: texts.iter().map(AsRef::as_ref).collect(), left_out: None }
    }

    /// No baselines, because `why`; every result says so.
    pub fn left_out(why: impl Into<String>) -> Self {
        Self { texts: Vec::new(), left_out: Some(why.into()) }
    }
}

/// One way to look at texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// `tf · idf` of each word, each text scaled to length 1; `idf = ln((1 + n) / (1 + texts with the word)) + 1`, as
    /// scikit-learn has it.
    TfIdf,
    /// Which one, two and three words a text begins with.
    FirstWords,
    /// Number of characters, of words, and of characters to a word.
    Length,
    /// How often each punctuation mark occurs, and which a text ends with.
    Punctuation,
}

impl View {
    pub(crate) const ALL: [Self; 4] = [Self::TfIdf, Self::FirstWords, Self::Length, Self::Punctuation];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TfIdf => "words (TF-IDF)",
            Self::FirstWords => "first three words",
            Self::Length => "length",
            Self::Punctuation => "punctuation",
        }
    }

    pub(crate) fn of(self, texts: &[&str]) -> Seen {
        Seen { view: self, counted: texts.iter().map(|text| self.count(text)).collect() }
    }

    /// What is seen of a text, by name.
    fn count(self, text: &str) -> BTreeMap<String, f64> {
        let mut counts = BTreeMap::new();
        let mut add = |term: String, by: f64| *counts.entry(term).or_insert(0.0) += by;
        match self {
            Self::TfIdf => words(text).for_each(|word| add(word, 1.0)),
            Self::FirstWords => {
                let first: Vec<String> = words(text).take(3).collect();
                (1..=first.len()).for_each(|n| add(first[..n].join(" "), 1.0));
            }
            Self::Length => {
                let (characters, n_words) = (text.chars().count() as f64, words(text).count() as f64);
                add("characters".into(), characters);
                add("words".into(), n_words);
                add("characters to a word".into(), characters / n_words.max(1.0));
            }
            Self::Punctuation => {
                let marks = |c: &char| !c.is_alphanumeric() && !c.is_whitespace();
                text.chars().filter(marks).for_each(|c| add(c.to_string(), 1.0));
                text.trim_end()
                    .chars()
                    .next_back()
                    .filter(marks)
                    .into_iter()
                    .for_each(|c| add(format!("ends with {c}"), 1.0));
            }
        }
        counts
    }
}

/// What a view sees of each text, by name.
pub(crate) struct Seen {
    view: View,
    counted: Vec<BTreeMap<String, f64>>,
}

impl Seen {
    pub(crate) const fn name(&self) -> &'static str {
        self.view.name()
    }

    pub(crate) fn fold(&self, train: &[usize], test: &[usize], groups: Vec<u64>) -> Fold {
        let Self { view, counted } = self;
        let mut documents: BTreeMap<&str, usize> = BTreeMap::new();
        for &i in train {
            counted[i].keys().for_each(|term| *documents.entry(term).or_default() += 1);
        }
        let n = train.len() as f64;
        let weight = |documents: usize| match view {
            View::TfIdf => ((1.0 + n) / (1.0 + documents as f64)).ln() + 1.0,
            _ => 1.0,
        };
        let terms: Vec<(&str, f64)> = documents.iter().map(|(term, &documents)| (*term, weight(documents))).collect();
        let matrix = |rows: &[usize]| {
            let mut matrix = Mat::from_fn(rows.len(), terms.len().max(1), |i, j| {
                terms.get(j).map_or(0.0, |(term, weight)| counted[rows[i]].get(*term).copied().unwrap_or(0.0) * weight)
            });
            if *view == View::TfIdf {
                for i in 0..matrix.nrows() {
                    let length = matrix.row(i).iter().map(|v: &f64| v * v).sum::<f64>().sqrt();
                    if length > 0.0 {
                        (0..matrix.ncols()).for_each(|j| matrix[(i, j)] /= length);
                    }
                }
            }
            matrix
        };
        let scaling = match view {
            View::TfIdf | View::FirstWords => Scaling::AsIs,
            View::Length | View::Punctuation => Scaling::Standardised,
        };
        Fold::new(matrix(train), matrix(test), groups, scaling).of_rows(train.to_vec())
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "zeros and ones are exact")]
mod tests {
    use super::*;

    #[test]
    fn each_view_sees_its_own() {
        let sees = |view: View, text| view.count(text).into_keys().collect::<Vec<_>>();
        assert_eq!(sees(View::TfIdf, "The cat, the CAT!"), ["cat", "the"]);
        assert_eq!(sees(View::FirstWords, "I am so glad."), ["i", "i am", "i am so"]);
        assert_eq!(sees(View::Punctuation, "Well, yes?! "), ["!", ",", "?", "ends with !"]);
        assert!(sees(View::FirstWords, "").is_empty());
    }

    /// As scikit-learn's `TfidfVectorizer` weighs `a b`, fitted to `a b` and `a c`: idf 1 for `a`, ln(3/2) + 1 for the others.
    #[test]
    fn words_are_weighted_by_the_training_texts() {
        let texts = ["a b", "a c", "d a"];
        let fold = View::TfIdf.of(&texts).fold(&[0, 1], &[2], vec![0, 1]);
        let idf = 1.5_f64.ln() + 1.0;
        let length = (1.0 + idf * idf).sqrt();
        assert_eq!(fold.train().ncols(), 3);
        assert!((fold.train()[(0, 0)] - 1.0 / length).abs() < 1e-15);
        assert!((fold.train()[(0, 1)] - idf / length).abs() < 1e-15);
        // `d` was in no training text.
        assert_eq!([fold.test()[(0, 0)], fold.test()[(0, 1)], fold.test()[(0, 2)]], [1.0, 0.0, 0.0]);
    }

    #[test]
    fn texts_without_any_term_still_make_a_row() {
        let fold = View::Punctuation.of(&["one", "two", "three!"]).fold(&[0, 1], &[2], vec![0, 1]);
        assert_eq!((fold.train().ncols(), fold.test()[(0, 0)]), (1, 0.0));
    }
}
