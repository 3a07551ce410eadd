//! Texts that come twice, and phrases that come more often.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::baselines::words;

/// Words of a phrase.
const N: usize = 5;
/// The share of phrases that two texts have in common from which they are nearly one.
const NEAR: f64 = 0.5;
/// So many are named; all are counted.
const MOST_NAMED: usize = 100;

/// Texts and phrases that come back.
///
/// Texts are compared by their words, in lower case and without punctuation.
/// Two are near duplicates if of all phrases of five words that either has, at least half are in both (the Jaccard index
/// of their shingles: Broder 1997); a text of fewer words is one phrase.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Repeats {
    /// Pairs of texts with the same words.
    pub exact: usize,
    /// Pairs of texts that are nearly one.
    pub near: usize,
    /// Pairs of either kind whose texts are of different groups, which a split may divide.
    pub across_groups: usize,
    /// The pairs, the most alike first, at most 100.
    pub duplicates: Vec<Duplicate>,
    /// Texts that have the phrase of five words that most texts have.
    pub most_texts: usize,
    /// Phrases of five words that more texts have than the limit allows.
    pub repeated: usize,
    /// Those phrases, the most frequent first, at most 100.
    pub n_grams: Vec<NGram>,
}

/// Two texts that are one, or nearly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Duplicate {
    /// Their numbers, from 0 in the order given; those without a class come after the others.
    pub texts: [usize; 2],
    /// The share of phrases that both have; 1 for texts with the same words.
    pub similarity: f64,
    /// Whether they have the same words in the same order.
    pub exact: bool,
    /// Whether they are of one group, which no split divides.
    pub same_group: bool,
}

/// A phrase of five words that comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NGram {
    /// The words.
    pub words: String,
    /// Texts that have it.
    pub texts: usize,
    /// Groups of these texts.
    pub groups: usize,
}

impl Repeats {
    /// Of texts with their groups; phrases are named that more than `most_allowed` texts have.
    pub(super) fn of(texts: &[(&str, u64)], most_allowed: usize) -> Self {
        let of_texts: Vec<Vec<String>> = texts.iter().map(|(text, _)| words(text).collect()).collect();
        let phrases: Vec<BTreeSet<String>> = of_texts.iter().map(|words| phrases(words)).collect();
        let mut having: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, of_text) in phrases.iter().enumerate() {
            for phrase in of_text {
                having.entry(phrase).or_default().push(i);
            }
        }

        let mut duplicates = Vec::new();
        let mut shared = vec![0_usize; texts.len()];
        for (i, of_text) in phrases.iter().enumerate() {
            shared.fill(0);
            for phrase in of_text {
                having[phrase.as_str()].iter().take_while(|&&j| j < i).for_each(|&j| shared[j] += 1);
            }
            for (j, &both) in shared[..i].iter().enumerate().filter(|(_, both)| **both > 0) {
                let similarity = both as f64 / (of_text.len() + phrases[j].len() - both) as f64;
                if similarity >= NEAR {
                    let (exact, same_group) = (of_texts[i] == of_texts[j], texts[i].1 == texts[j].1);
                    duplicates.push(Duplicate { texts: [j, i], similarity, exact, same_group });
                }
            }
        }
        let exact = duplicates.iter().filter(|pair| pair.exact).count();
        let (near, across_groups) =
            (duplicates.len() - exact, duplicates.iter().filter(|pair| !pair.same_group).count());
        duplicates.sort_by(|a, b| (b.exact.cmp(&a.exact)).then(b.similarity.total_cmp(&a.similarity)));
        duplicates.truncate(MOST_NAMED);

        // A short text's only phrase is no phrase of five words.
        let whole = |phrase: &str| phrase.split(' ').count() == N;
        let counted = having.into_iter().filter(|(phrase, _)| whole(phrase));
        let mut n_grams: Vec<NGram> = counted
            .map(|(phrase, of)| {
                let groups = of.iter().map(|&i| texts[i].1).collect::<BTreeSet<_>>().len();
                NGram { words: phrase.to_owned(), texts: of.len(), groups }
            })
            .collect();
        let most_texts = n_grams.iter().map(|n_gram| n_gram.texts).max().unwrap_or(0);
        n_grams.retain(|n_gram| n_gram.texts > most_allowed);
        let repeated = n_grams.len();
        n_grams.sort_by(|a, b| b.texts.cmp(&a.texts).then(b.groups.cmp(&a.groups)));
        n_grams.truncate(MOST_NAMED);
        Self { exact, near, across_groups, duplicates, most_texts, repeated, n_grams }
    }
}

/// Every five words that follow one another; of fewer words all of them.
fn phrases(words: &[String]) -> BTreeSet<String> {
    match words.len() {
        0 => BTreeSet::new(),
        1..N => BTreeSet::from([words.join(" ")]),
        _ => words.windows(N).map(|phrase| phrase.join(" ")).collect(),
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "shares of small counts are exact")]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_found_by_their_words() {
        let texts = [
            ("One two three four five six.", 0),
            ("one two, three four five SIX!", 1),
            // Phrases 1-5, 2-6, 3-7 against 1-5, 2-6: two of three.
            ("one two three four five six seven", 1),
            // One of three with the first, one of four with the third.
            ("zero two three four five six", 2),
            ("Oh no!", 3),
            ("oh, no", 3),
            ("?!", 4),
            ("!", 5),
        ];
        let found = Repeats::of(&texts, 2);
        assert_eq!((found.exact, found.near, found.across_groups), (2, 2, 2));
        let pairs: Vec<_> =
            found.duplicates.iter().map(|pair| (pair.texts, pair.similarity, pair.same_group)).collect();
        assert_eq!(
            pairs,
            [([0, 1], 1.0, false), ([4, 5], 1.0, true), ([0, 2], 2.0 / 3.0, false), ([1, 2], 2.0 / 3.0, true)]
        );
    }

    #[test]
    fn phrases_are_counted_once_a_text() {
        let template = "I can see why you feel that";
        let texts =
            [(template, 0), ("I can see why you I can see why you", 0), ("now I can see why you", 1), ("i can", 2)];
        let found = Repeats::of(&texts, 2);
        assert_eq!(found.n_grams, [NGram { words: "i can see why you".into(), texts: 3, groups: 2 }]);
        assert_eq!((found.most_texts, found.repeated), (3, 1));
        assert_eq!(Repeats::of(&texts, 3).n_grams, []);
        assert_eq!(Repeats::of(&[("a b", 0), ("a b", 1), ("a b", 2)], 2).most_texts, 0);
    }
}
