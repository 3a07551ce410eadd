//! How texts begin.

use std::collections::BTreeMap;

use isinglass_stats::{Estimate, proportion};
use serde::Serialize;

use super::Audit;
use crate::baselines::words;
use crate::error::FitError;

/// So many of each length are named.
const MOST_NAMED: usize = 5;

/// Words that texts of a class begin with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Opening {
    /// The class.
    pub class: String,
    /// How many words: one, two or three.
    pub n_words: usize,
    /// The words, in lower case.
    pub words: String,
    /// The share of the class's texts that begin with them; its interval takes texts as independent.
    pub share: Estimate,
}

/// The most common first word, two words and three words of each class; of those that as many texts have, the first by
/// the alphabet.
pub(super) fn openings(audit: &Audit<'_>) -> Result<Vec<Opening>, FitError> {
    let mut openings = Vec::new();
    for (class, name) in audit.names.iter().enumerate() {
        for n_words in 1..=3 {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            let mut n_texts = 0;
            for text in audit.of_class(class) {
                n_texts += 1;
                let first: Vec<String> = words(text.text).take(n_words).collect();
                // A text of fewer words does not begin with so many.
                if first.len() == n_words {
                    *counts.entry(first.join(" ")).or_default() += 1;
                }
            }
            let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
            counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
            for (words, n) in counts.into_iter().take(MOST_NAMED) {
                let share = proportion(n, n_texts)?;
                openings.push(Opening { class: (*name).to_owned(), n_words, words, share });
            }
        }
    }
    Ok(openings)
}
