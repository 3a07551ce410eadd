//! The form of texts: what can be checked without a model, so that no class is told by it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::schema::short;

/// What form texts must have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormRules {
    /// The fewest and the most sentences of a text.
    pub sentences: [usize; 2],
    /// The fewest and the most words that replies are asked for; one number is drawn for each item.
    pub words: [usize; 2],
    /// How many words more, the same and fewer the three replies are asked for: each class is in turn the longest.
    pub words_apart: usize,
    /// How far a reply may be from its number of words, as a fraction of that number.
    pub tolerance: f64,
    /// How many times as many words the longest reply may have as the shortest.
    pub most_ratio: f64,
    /// How many first words make an opening, which no two texts share.
    pub opening_words: usize,
    /// How many words in a row make a phrase.
    pub phrase_words: usize,
    /// In how many earlier items a phrase may stand.
    pub most_earlier: usize,
    /// What all three replies of an item end with; each stands for one item of a cycle.
    pub ends: Vec<char>,
}

impl Default for FormRules {
    /// Two or three sentences of about 26 to 44 words within a quarter, the longest at most half as long again as the
    /// shortest; openings of three words; phrases of five, in one earlier item at most; one end in three a question
    /// mark.
    fn default() -> Self {
        Self {
            sentences: [2, 3],
            words: [26, 44],
            words_apart: 3,
            tolerance: 0.25,
            most_ratio: 1.5,
            opening_words: 3,
            phrase_words: 5,
            most_earlier: 1,
            ends: vec!['.', '.', '?', '.', '!', '.', '.', '?', '.'],
        }
    }
}

/// The form that one reply is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// How it opens, in words for the prompt.
    pub(crate) opening: &'static str,
    /// About how many words it has.
    pub(crate) words: usize,
    /// What it ends with.
    pub(crate) end: char,
}

/// What is wrong with the form of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Problem {
    Empty { text: &'static str },
    LineBreak { text: &'static str },
    Sentences { text: &'static str, found: usize, allowed: [usize; 2] },
    Words { text: &'static str, found: usize, asked: usize },
    End { text: &'static str, found: Option<char>, asked: char },
    Ratio { longest: (&'static str, usize), shortest: (&'static str, usize) },
    Opening { text: &'static str, opening: String },
    Phrase { text: &'static str, phrase: String, n_earlier: usize },
}

impl Problem {
    /// The text that it is about, where it is about one.
    pub(crate) fn text(&self) -> Option<&'static str> {
        match self {
            Self::Ratio { .. } => None,
            Self::Empty { text }
            | Self::LineBreak { text }
            | Self::Sentences { text, .. }
            | Self::Words { text, .. }
            | Self::End { text, .. }
            | Self::Opening { text, .. }
            | Self::Phrase { text, .. } => Some(text),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { text } => write!(f, "`{text}` is empty"),
            Self::LineBreak { text } => {
                write!(f, "`{text}` must be one paragraph, without line breaks and without spaces around it")
            }
            Self::Sentences { text, found, allowed: [least, most] } => {
                write!(f, "`{text}` has {found} sentences; it must have {least} to {most}")
            }
            Self::Words { text, found, asked } => write!(f, "`{text}` has {found} words; it must have about {asked}"),
            Self::End { text, found: Some(found), asked } => {
                write!(f, "`{text}` ends with `{found}`; it must end with `{asked}`")
            }
            Self::End { text, found: None, asked } => write!(f, "`{text}` must end with `{asked}`"),
            Self::Ratio { longest: (long, n_long), shortest: (short, n_short) } => {
                write!(f, "`{long}` has {n_long} words and `{short}` {n_short}; the texts must be of like length")
            }
            Self::Opening { text, opening } => {
                write!(f, "`{text}` opens with \"{}\", as another text does; open it otherwise", short(opening, 80))
            }
            Self::Phrase { text, phrase, n_earlier } => write!(
                f,
                "`{text}` has the words \"{}\", which stand in {n_earlier} other items; say it otherwise",
                short(phrase, 120)
            ),
        }
    }
}

/// The openings and phrases of the items so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    openings: BTreeSet<Vec<String>>,
    items_with: BTreeMap<Vec<String>, usize>,
}

impl History {
    /// Adds the texts of an item.
    pub(crate) fn add<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>, rules: &FormRules) {
        let mut phrases = BTreeSet::new();
        for text in texts {
            let words = words(text);
            self.openings.insert(opening(&words, rules));
            phrases.extend(words.windows(rules.phrase_words).map(<[_]>::to_vec));
        }
        for phrase in phrases {
            *self.items_with.entry(phrase).or_default() += 1;
        }
    }
}

impl FormRules {
    /// How a text opens.
    pub(crate) fn opening_of(&self, text: &str) -> String {
        opening(&words(text), self).join(" ")
    }

    /// The first rule that nothing could follow.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        let is_fine = [
            ("sentences", 1 <= self.sentences[0] && self.sentences[0] <= self.sentences[1]),
            ("words", self.words_apart < self.words[0] && self.words[0] <= self.words[1] && self.words[1] < 10_000),
            ("tolerance", (0.0..1.0).contains(&self.tolerance)),
            ("most_ratio", 1.0 <= self.most_ratio && self.most_ratio.is_finite()),
            ("opening_words", 1 <= self.opening_words),
            ("phrase_words", 1 <= self.phrase_words),
            ("ends", !self.ends.is_empty() && self.ends.iter().all(|&end| is_end(end))),
        ];
        is_fine.into_iter().find(|(_, fine)| !fine).map(|(name, _)| name)
    }

    /// What is wrong with each text by itself, and against other items and the texts before it.
    pub(crate) fn check_texts(&self, texts: &[(&'static str, &str)], history: &History) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut openings = BTreeSet::new();
        for &(name, text) in texts {
            let words = words(text);
            if words.is_empty() {
                problems.push(Problem::Empty { text: name });
                continue;
            }
            if text.trim() != text || text.contains(['\n', '\r']) {
                problems.push(Problem::LineBreak { text: name });
            }
            let found = sentences(text);
            if !(self.sentences[0]..=self.sentences[1]).contains(&found) {
                problems.push(Problem::Sentences { text: name, found, allowed: self.sentences });
            }
            let opening = opening(&words, self);
            if history.openings.contains(&opening) || !openings.insert(opening.clone()) {
                problems.push(Problem::Opening { text: name, opening: opening.join(" ") });
            }
            let stale = words.windows(self.phrase_words).find_map(|phrase| {
                let n_earlier = *history.items_with.get(phrase)?;
                (n_earlier > self.most_earlier).then(|| (phrase.join(" "), n_earlier))
            });
            if let Some((phrase, n_earlier)) = stale {
                problems.push(Problem::Phrase { text: name, phrase, n_earlier });
            }
        }
        problems
    }

    /// Whether three replies are of like length.
    pub(crate) fn check_lengths(&self, replies: &[(&'static str, &str); 3]) -> Option<Problem> {
        let mut lengths = replies.map(|(name, text)| (name, words(text).len()));
        lengths.sort_by_key(|(_, n)| *n);
        let [shortest, _, longest] = lengths;
        (longest.1 as f64 > self.most_ratio * shortest.1 as f64).then_some(Problem::Ratio { longest, shortest })
    }

    /// Whether a reply has the form it was asked for.
    pub(crate) fn check_form(&self, text: &'static str, reply: &str, form: &Form) -> Vec<Problem> {
        let problems = [self.check_words(text, reply, form.words), check_end(text, reply, form.end)];
        problems.into_iter().flatten().collect()
    }

    /// What an edit has changed of the form of a reply, by which a class could be told if edits fell on it more often.
    ///
    /// The length counts where `keeps_length`: where the replies were not of like length it may be what was wrong.
    pub(crate) fn check_edit(&self, text: &'static str, edited: &str, reply: &str, keeps_length: bool) -> Vec<Problem> {
        let n_words = keeps_length.then(|| self.check_words(text, edited, words(reply).len()));
        let end = end_of(reply).filter(|&c| is_end(c)).map(|end| check_end(text, edited, end));
        n_words.into_iter().chain(end).flatten().collect()
    }

    fn check_words(&self, text: &'static str, reply: &str, asked: usize) -> Option<Problem> {
        let found = words(reply).len();
        let is_near = found.abs_diff(asked) as f64 <= self.tolerance * asked as f64;
        (!is_near).then_some(Problem::Words { text, found, asked })
    }
}

fn check_end(text: &'static str, reply: &str, asked: char) -> Option<Problem> {
    let found = end_of(reply);
    (found != Some(asked)).then_some(Problem::End { text, found, asked })
}

/// The last character of a text, but for what closes quotations and brackets.
fn end_of(text: &str) -> Option<char> {
    text.trim_end_matches(|c: char| c.is_whitespace() || is_closing(c)).chars().last()
}

/// The words of a text in lower case, without what stands between.
fn words(text: &str) -> Vec<String> {
    let between = |c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '-'));
    text.split(between)
        .map(|word| word.trim_matches(['\'', '’', '-']).to_lowercase().replace('’', "'"))
        .filter(|word| !word.is_empty())
        .collect()
}

fn opening(words: &[String], rules: &FormRules) -> Vec<String> {
    words.iter().take(rules.opening_words).cloned().collect()
}

/// Titles that a full stop follows within a sentence.
const TITLES: [&str; 6] = ["mr", "mrs", "ms", "dr", "prof", "st"];

/// How many sentences a text has; what has no end mark counts as one more.
///
/// An end mark ends a sentence where a space and no small letter follows, and no title comes before.
fn sentences(text: &str) -> usize {
    let chars: Vec<char> = text.trim().chars().collect();
    let (mut n, mut start, mut at) = (0, 0, 0);
    while at < chars.len() {
        if !is_end(chars[at]) {
            at += 1;
            continue;
        }
        let mark = at;
        while at < chars.len() && (is_end(chars[at]) || is_closing(chars[at])) {
            at += 1;
        }
        let word: String = chars[start..mark].iter().rev().take_while(|c| c.is_alphanumeric()).collect();
        let word: String = word.to_lowercase().chars().rev().collect();
        let is_title = chars[mark] == '.' && at < chars.len() && TITLES.contains(&word.as_str());
        let next = chars[at..].iter().find(|c| !c.is_whitespace());
        let ends = at == chars.len() || chars[at].is_whitespace() && next.is_none_or(|c| !c.is_lowercase());
        if ends && !is_title && chars[start..mark].iter().any(|c| c.is_alphanumeric()) {
            n += 1;
            start = at;
        }
    }
    n + usize::from(chars[start..].iter().any(|c| c.is_alphanumeric()))
}

fn is_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…')
}

fn is_closing(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | ')' | ']' | '»')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], earlier: &[&[&str]]) -> Vec<String> {
        let rules = FormRules::default();
        let mut history = History::default();
        for item in earlier {
            history.add(item.iter().copied(), &rules);
        }
        let named: Vec<_> = ["first", "second", "third"].into_iter().zip(texts.iter().copied()).collect();
        rules.check_texts(&named, &history).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn sentences_are_counted() {
        for (text, n) in [
            ("", 0),
            ("...", 0),
            ("One", 1),
            ("One. Two", 2),
            ("One. Two!", 2),
            ("Dr. Lee left. \"Why?\" Nobody knew…", 3),
            ("Wait... what? \"No!\" she said.", 2),
            ("It cost 3.50 at 5 p.m. on Sunday. Too much?!", 2),
            ("We met on the St. Anne road. Then (finally.) home.", 2),
        ] {
            assert_eq!(sentences(text), n, "{text}");
        }
    }

    #[test]
    fn words_are_counted() {
        assert_eq!(words("It’s half-done -- 'so' what—now?"), ["it's", "half-done", "so", "what", "now"]);
        assert_eq!(words(" … "), Vec::<String>::new());
    }

    #[test]
    fn texts_by_themselves() {
        assert_eq!(check(&["It rained all day. We stayed."], &[]), Vec::<String>::new());
        assert_eq!(check(&[" ?"], &[]), ["`first` is empty"]);
        assert_eq!(check(&["It rained."], &[]), ["`first` has 1 sentences; it must have 2 to 3"]);
        assert_eq!(check(&["A. B. C. D."], &[]), ["`first` has 4 sentences; it must have 2 to 3"]);
        assert_eq!(
            check(&["It rained.\nWe stayed."], &[]),
            ["`first` must be one paragraph, without line breaks and without spaces around it"]
        );
    }

    #[test]
    fn openings_are_not_shared() {
        let shared = check(&["It rained all day. We stayed.", "IT RAINED—ALL night. Nobody minded."], &[]);
        assert_eq!(shared, ["`second` opens with \"it rained all\", as another text does; open it otherwise"]);
        let shared = check(&["Well, that is. It was."], &[&["No. Yes.", "Well that is fine. Or so."]]);
        assert_eq!(shared, ["`first` opens with \"well that is\", as another text does; open it otherwise"]);
    }

    #[test]
    fn a_phrase_stands_in_two_items_at_most() {
        let new = "Perhaps. On the other side of it lies more.";
        let old: [&[&str]; 2] = [
            &["Then on the other side of town. A b."],
            &["There on the other side of. C d.", "He on the other side of."],
        ];
        assert_eq!(check(&[new], &old[..1]), Vec::<String>::new());
        // Twice in one item counts once.
        assert_eq!(check(&[new], &old[1..]), Vec::<String>::new());
        assert_eq!(
            check(&[new], &old),
            ["`first` has the words \"on the other side of\", which stand in 2 other items; say it otherwise"]
        );
    }

    #[test]
    fn an_edit_keeps_end_and_length() {
        let rules = FormRules::default();
        let check = |edited: &str, reply: &str, keeps_length| rules.check_edit("A", edited, reply, keeps_length);
        let end = Problem::End { text: "A", found: Some('!'), asked: '?' };
        let words = Problem::Words { text: "A", found: 6, asked: 4 };
        assert_eq!(check("One two three four five.", "Two three four five.", true), []);
        assert_eq!(check("One two three four five six!", "Two three four five?", true), [words, end.clone()]);
        assert_eq!(check("One two three four five six!", "Two three four five?", false), [end]);
        // Where there was no end mark, any will do.
        assert_eq!(check("Two three, four five.", "Two three four five", true), []);
    }

    #[test]
    fn lengths_and_forms() {
        let rules = FormRules::default();
        let text = |n: usize| format!("{}.", vec!["word"; n].join(" "));
        let (a, b, c) = (text(20), text(30), text(31));
        assert_eq!(rules.check_lengths(&[("a", &a), ("b", &b), ("c", &a)]), None);
        let problem = rules.check_lengths(&[("a", &a), ("b", &c), ("c", &b)]).unwrap();
        assert_eq!(problem, Problem::Ratio { longest: ("b", 31), shortest: ("a", 20) });
        let form = Form { opening: "", words: 40, end: '?' };
        let problem = |text: &str| rules.check_form("a", text, &form);
        assert_eq!(
            problem(&format!("{}?\"", text(29).trim_end_matches('.'))),
            [Problem::Words { text: "a", found: 29, asked: 40 }]
        );
        assert_eq!(problem(&text(30)), [Problem::End { text: "a", found: Some('.'), asked: '?' }]);
        assert_eq!(problem(&format!("{} so?’ ", text(49))), []);
    }
}
