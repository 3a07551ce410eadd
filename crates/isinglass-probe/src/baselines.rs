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
    /// As [`TfIdf`](Self::TfIdf), of words and punctuation marks and of each two that follow one another, with
    /// `1 + ln tf` for `tf`.
    WordPairs,
    /// The same of each 3, 4 and 5 characters that follow one another, in lower case, white space as one space.
    Characters,
}

impl View {
    /// What [`CrossFit`](crate::CrossFit) puts beside a probe.
    pub(crate) const ALL: [Self; 4] = [Self::TfIdf, Self::FirstWords, Self::Length, Self::Punctuation];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TfIdf => "words (TF-IDF)",
            Self::FirstWords => "first three words",
            Self::Length => "length",
            Self::Punctuation => "punctuation",
            Self::WordPairs => "words and pairs of words (TF-IDF)",
            Self::Characters => "3 to 5 characters (TF-IDF)",
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
            Self::WordPairs => {
                let tokens = tokens(text);
                tokens.windows(2).for_each(|two| add(two.join(" "), 1.0));
                for token in tokens {
                    add(token, 1.0);
                }
            }
            Self::Characters => {
                let characters: Vec<char> = spaced(text).chars().collect();
                (3..=5).for_each(|n| characters.windows(n).for_each(|gram| add(gram.iter().collect(), 1.0)));
            }
        }
        if matches!(self, Self::WordPairs | Self::Characters) {
            for tf in counts.values_mut() {
                *tf = 1.0 + tf.ln();
            }
        }
        counts
    }

    /// Whether terms are weighed by how few texts have them, and texts scaled to length 1.
    pub(crate) const fn is_tf_idf(self) -> bool {
        matches!(self, Self::TfIdf | Self::WordPairs | Self::Characters)
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
        let terms = Terms::of(self, train);
        let (to_fit, to_score) = (terms.rows(self, train), terms.rows(self, test));
        let n_terms = terms.0.len();
        let many = matches!(self.view, View::WordPairs | View::Characters) && n_terms > train.len();
        let fold = if many {
            // So many columns would be mostly zeros, and what is fitted depends on the rows' inner products alone.
            let [within, across] = products(&to_fit, &to_score, n_terms);
            Fold::of_products(&within, &across, groups)
        } else {
            let scaling = match self.view {
                View::Length | View::Punctuation => Scaling::Standardised,
                _ => Scaling::AsIs,
            };
            Fold::new(dense(&to_fit, n_terms), dense(&to_score, n_terms), groups, scaling)
        };
        fold.of_rows(train.to_vec(), test.to_vec())
    }

    /// All texts as rows to fit to, and the terms of their columns.
    pub(crate) fn whole(&self, groups: Vec<u64>) -> (Vec<String>, Fold) {
        let all: Vec<usize> = (0..self.counted.len()).collect();
        let terms = Terms::of(self, &all);
        let matrix = dense(&terms.rows(self, &all), terms.0.len());
        let names = terms.0.into_keys().map(str::to_owned).collect();
        let none = Mat::zeros(0, matrix.ncols());
        (names, Fold::new(matrix, none, groups, Scaling::AsIs))
    }
}

/// The column and the weight of each term of the training texts.
struct Terms<'a>(BTreeMap<&'a str, (usize, f64)>);

/// What is not zero in a row, by column.
type Row = Vec<(usize, f64)>;

impl<'a> Terms<'a> {
    fn of(seen: &'a Seen, train: &[usize]) -> Self {
        let mut documents: BTreeMap<&str, usize> = BTreeMap::new();
        for &i in train {
            seen.counted[i].keys().for_each(|term| *documents.entry(term).or_default() += 1);
        }
        let n = train.len() as f64;
        let weigh = seen.view.is_tf_idf();
        let weight = |documents: usize| if weigh { ((1.0 + n) / (1.0 + documents as f64)).ln() + 1.0 } else { 1.0 };
        Self(documents.into_iter().enumerate().map(|(j, (term, n))| (term, (j, weight(n)))).collect())
    }

    fn rows(&self, seen: &Seen, rows: &[usize]) -> Vec<Row> {
        let of_text = |&i: &usize| {
            let known = seen.counted[i].iter().filter_map(|(term, count)| Some((self.0.get(term.as_str())?, count)));
            let mut row: Row = known.map(|(&(column, weight), count)| (column, count * weight)).collect();
            if seen.view.is_tf_idf() {
                let length = row.iter().map(|(_, value)| value * value).sum::<f64>().sqrt();
                for (_, value) in &mut row {
                    *value /= length;
                }
            }
            row
        };
        rows.iter().map(of_text).collect()
    }
}

fn dense(rows: &[Row], n_terms: usize) -> Mat<f64> {
    let mut matrix = Mat::zeros(rows.len(), n_terms.max(1));
    for (i, row) in rows.iter().enumerate() {
        for &(j, value) in row {
            matrix[(i, j)] = value;
        }
    }
    matrix
}

/// Inner products of the rows to fit to with one another, `[train, train]`, and of those to score with them,
/// `[test, train]`.
fn products(train: &[Row], test: &[Row], n_terms: usize) -> [Mat<f64>; 2] {
    let mut having: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n_terms];
    for (i, row) in train.iter().enumerate() {
        for &(j, value) in row {
            having[j].push((i, value));
        }
    }
    [train, test].map(|rows| {
        let mut products = Mat::zeros(rows.len(), train.len());
        for (i, row) in rows.iter().enumerate() {
            for &(j, value) in row {
                having[j].iter().for_each(|&(k, other)| products[(i, k)] += value * other);
            }
        }
        products
    })
}

/// Words in lower case: letters, digits and apostrophes.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !in_word(c)).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '\''
}

/// Words, and each mark between them by itself.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if in_word(c) {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            tokens.push(std::mem::take(&mut word).to_lowercase());
        }
        if !c.is_whitespace() {
            tokens.push(c.to_string());
        }
    }
    tokens
}

/// In lower case, white space as one space.
fn spaced(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "zeros and ones are exact")]
mod tests {
    use super::*;
    use crate::{Logistic, Probe};

    #[test]
    fn each_view_sees_its_own() {
        let sees = |view: View, text| view.count(text).into_keys().collect::<Vec<_>>();
        assert_eq!(sees(View::TfIdf, "The cat, the CAT!"), ["cat", "the"]);
        assert_eq!(sees(View::FirstWords, "I am so glad."), ["i", "i am", "i am so"]);
        assert_eq!(sees(View::Punctuation, "Well, yes?! "), ["!", ",", "?", "ends with !"]);
        assert!(sees(View::FirstWords, "").is_empty());
        assert_eq!(
            sees(View::WordPairs, "Oh, I  don't."),
            [",", ", i", ".", "don't", "don't .", "i", "i don't", "oh", "oh ,"]
        );
        assert_eq!(sees(View::Characters, "A\n bc"), ["\u{20}bc", "a b", "a bc"]);
        assert!(sees(View::Characters, "ab").is_empty());
        // Twice counts as 1 + ln 2.
        assert_eq!(View::WordPairs.count("no no")["no"], 1.0 + 2_f64.ln());
    }

    /// Scores from the inner products alone are those from the columns.
    #[test]
    fn many_terms_are_fitted_by_their_products() {
        let texts = ["a red fox ran", "a red hen sat", "the blue fox sat", "the blue hen ran", "a blue fox sat", "?"];
        let seen = View::Characters.of(&texts);
        let (train, test, groups) = ([0, 1, 2, 3], [4, 5], vec![0, 1, 2, 3]);
        let terms = Terms::of(&seen, &train);
        let n_terms = terms.0.len();
        assert!(n_terms > 40);
        let [to_fit, to_score] = [&train[..], &test].map(|rows| dense(&terms.rows(&seen, rows), n_terms));
        let columns = Fold::new(to_fit, to_score, groups.clone(), Scaling::AsIs);
        let labellings = [vec![0, 0, 1, 1], vec![0, 1, 0, 1]];
        let scores = |fold: &Fold| Logistic::l2(1.0).score(fold, &labellings, 2).unwrap();
        let (by_columns, by_products) = (scores(&columns), scores(&seen.fold(&train, &test, groups)));
        for (one, other) in by_columns.iter().flatten().zip(by_products.iter().flatten()) {
            assert!((one - other).abs() < 1e-9, "{by_columns:?} {by_products:?}");
        }
        assert!(by_columns[0][0] > 0.05);
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
