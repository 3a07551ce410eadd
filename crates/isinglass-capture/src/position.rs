//! Which positions of a text give rows: the one place that knows of spans and special tokens.

use std::fmt;
use std::str::FromStr;

use isinglass_core::{Passage, Span};
use serde::{Deserialize, Serialize};

/// Which positions of a text, or of its spans, give rows.
///
/// Padding never does. Special tokens (a BOS, the marks of a chat template) do only where they are asked for
/// ([`Capture::with_special_tokens`](crate::Capture::with_special_tokens)): the activation of a BOS is hundreds of times as
/// long as any other in many models, and would be most of every mean.
///
/// Displays as it is written in flags and manifests: `last`, `mean`, `each`, `first:4`, `boundary`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pos {
    /// The last token: one row.
    Last,
    /// The mean over all tokens: one row.
    Mean,
    /// Every token: a row each.
    Each,
    /// The first so many tokens: a row each, fewer where there are fewer.
    First(usize),
    /// The token before each turn of the assistant, special or not: what the model has read when it begins to answer.
    TurnBoundary,
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => f.write_str("last"),
            Self::Mean => f.write_str("mean"),
            Self::Each => f.write_str("each"),
            Self::First(n) => write!(f, "first:{n}"),
            Self::TurnBoundary => f.write_str("boundary"),
        }
    }
}

/// A text that is no [`Pos`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no rule for positions: use `last`, `mean`, `each`, `first:K` with K of 1 or more, or `boundary`")]
pub struct UnknownPos {
    /// The text.
    pub found: String,
}

impl FromStr for Pos {
    type Err = UnknownPos;

    fn from_str(text: &str) -> Result<Self, UnknownPos> {
        let unknown = || UnknownPos { found: text.into() };
        match text {
            "last" => Ok(Self::Last),
            "mean" => Ok(Self::Mean),
            "each" => Ok(Self::Each),
            "boundary" => Ok(Self::TurnBoundary),
            _ => {
                let n = text.strip_prefix("first:").and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                n.map(Self::First).ok_or_else(unknown)
            }
        }
    }
}

impl Serialize for Pos {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pos {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A rule and what it is applied to, as a manifest keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Positions {
    /// The rule.
    pub rule: Pos,
    /// The spans it is applied to, each by itself; the whole text if none. Of a boundary: the spans it lies before,
    /// `assistant` if none.
    pub span: Option<String>,
    /// Whether special tokens count as tokens.
    pub special_tokens: bool,
}

/// The rows of one text, by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Picks {
    /// A row is the activation at one position.
    At(Vec<usize>),
    /// A row is the mean over these positions, never none.
    MeanOver(Vec<Vec<usize>>),
}

impl Picks {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::At(rows) => rows.len(),
            Self::MeanOver(rows) => rows.len(),
        }
    }

    /// The last position of each row and of how many positions it is the mean.
    pub(crate) fn places(&self) -> Vec<(usize, usize)> {
        match self {
            Self::At(rows) => rows.iter().map(|pos| (*pos, 1)).collect(),
            Self::MeanOver(rows) => rows.iter().filter_map(|over| Some((*over.last()?, over.len()))).collect(),
        }
    }
}

/// Why a text has no such positions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PositionError {
    /// There is no span of that name.
    #[error("it has no span `{span}`: {has}")]
    NoSpan {
        /// The name asked for.
        span: String,
        /// What it has instead.
        has: String,
    },
    /// There is no token to take.
    #[error("there is no token in {place} but special ones: ask for special tokens too, or leave the text out")]
    NoToken {
        /// The span, or the text.
        place: String,
    },
    /// A turn begins with the text.
    #[error("`{span}` begins with its first token, so nothing was read before it")]
    NoBoundary {
        /// The span's name.
        span: String,
    },
}

impl Positions {
    /// The rows of a text.
    pub(crate) fn of(&self, passage: &Passage) -> Result<Picks, PositionError> {
        if self.rule == Pos::TurnBoundary {
            return self.boundaries(passage);
        }
        let whole = Span { name: String::new(), tokens: 0..passage.ids().len() };
        let places: Vec<&Span> = if self.span.is_some() { self.spans(passage)?.collect() } else { vec![&whole] };
        let tokens = |place: &&Span| -> Vec<usize> {
            place.tokens.clone().filter(|pos| self.special_tokens || !passage.is_special(*pos)).collect()
        };
        let some = |place| Some(tokens(place)).filter(|t| !t.is_empty()).ok_or_else(|| self.no_token());
        Ok(match self.rule {
            Pos::Mean => Picks::MeanOver(places.iter().map(some).collect::<Result<_, _>>()?),
            Pos::Last => {
                let last = |place| some(place).map(|tokens| tokens[tokens.len() - 1]);
                Picks::At(places.iter().map(last).collect::<Result<_, _>>()?)
            }
            Pos::First(n) => Picks::At(places.iter().flat_map(|place| tokens(place).into_iter().take(n)).collect()),
            Pos::Each | Pos::TurnBoundary => Picks::At(places.iter().flat_map(tokens).collect()),
        })
    }

    fn boundaries(&self, passage: &Passage) -> Result<Picks, PositionError> {
        let before = |span: &Span| {
            span.tokens.start.checked_sub(1).ok_or_else(|| PositionError::NoBoundary { span: span.name.clone() })
        };
        Ok(Picks::At(self.spans(passage)?.map(before).collect::<Result<_, _>>()?))
    }

    /// The spans of the name asked for, never none.
    fn spans<'p>(&self, passage: &'p Passage) -> Result<impl Iterator<Item = &'p Span> + use<'p>, PositionError> {
        let name = self.span.clone().unwrap_or_else(|| ASSISTANT.into());
        if passage.spans().iter().any(|span| span.name == name) {
            return Ok(passage.spans().iter().filter(move |span| span.name == name));
        }
        let mut names: Vec<&str> = passage.spans().iter().map(|span| span.name.as_str()).collect();
        names.dedup();
        let has = if names.is_empty() { "it has none".into() } else { format!("it has `{}`", names.join("`, `")) };
        Err(PositionError::NoSpan { span: name, has })
    }

    fn no_token(&self) -> PositionError {
        let place = self.span.as_ref().map_or_else(|| "the text".into(), |name| format!("span `{name}`"));
        PositionError::NoToken { place }
    }
}

/// Whose turns a boundary lies before, unless another span is named.
const ASSISTANT: &str = "assistant";

#[cfg(test)]
mod tests {
    use super::*;

    /// `<s> a b <u> c d <e>`, whose specials are below 10, with two turns.
    fn chat() -> Passage {
        let ids = vec![1, 40, 41, 2, 42, 43, 3];
        let passage = Passage::new(ids).unwrap().with_specials([1, 2, 3]);
        passage
            .with_span("assistant", 1..3)
            .unwrap()
            .with_span("assistant", 4..7)
            .unwrap()
            .with_span("next", 7..7)
            .unwrap()
    }

    fn of(rule: Pos, span: Option<&str>, special_tokens: bool) -> Result<Picks, PositionError> {
        Positions { rule, span: span.map(Into::into), special_tokens }.of(&chat())
    }

    fn check(rule: Pos, span: Option<&str>, special_tokens: bool, expected: &[usize]) {
        assert_eq!(of(rule, span, special_tokens), Ok(Picks::At(expected.to_vec())), "{rule} {span:?}");
    }

    #[test]
    fn rules_by_hand() {
        check(Pos::Last, None, false, &[5]);
        check(Pos::Last, None, true, &[6]);
        check(Pos::Last, Some("assistant"), false, &[2, 5]);
        check(Pos::Each, None, false, &[1, 2, 4, 5]);
        check(Pos::Each, Some("assistant"), true, &[1, 2, 4, 5, 6]);
        check(Pos::Each, Some("next"), false, &[]);
        check(Pos::First(1), Some("assistant"), false, &[1, 4]);
        check(Pos::First(9), None, true, &[0, 1, 2, 3, 4, 5, 6]);
        check(Pos::TurnBoundary, None, false, &[0, 3]);
        check(Pos::TurnBoundary, Some("next"), false, &[6]);
        assert_eq!(of(Pos::Mean, None, false), Ok(Picks::MeanOver(vec![vec![1, 2, 4, 5]])));
        let turns = of(Pos::Mean, Some("assistant"), true).unwrap();
        assert_eq!(turns, Picks::MeanOver(vec![vec![1, 2], vec![4, 5, 6]]));
        assert_eq!((turns.len(), turns.places()), (2, vec![(2, 2), (6, 3)]));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let message = |rule, span| of(rule, Some(span), false).unwrap_err().to_string();
        assert_eq!(message(Pos::Last, "response"), "it has no span `response`: it has `assistant`, `next`");
        assert!(message(Pos::Mean, "next").starts_with("there is no token in span `next` but special ones"));
        assert!(of(Pos::Last, Some("next"), true).is_err());
        let first = Passage::new([5]).unwrap().with_span("assistant", 0..1).unwrap();
        let positions = Positions { rule: Pos::TurnBoundary, span: None, special_tokens: false };
        assert_eq!(positions.of(&first), Err(PositionError::NoBoundary { span: "assistant".into() }));
        let none = positions.of(&Passage::new([5]).unwrap()).unwrap_err().to_string();
        assert_eq!(none, "it has no span `assistant`: it has none");
    }

    #[test]
    fn rules_are_written_as_they_are_read() {
        for rule in [Pos::Last, Pos::Mean, Pos::Each, Pos::First(3), Pos::TurnBoundary] {
            assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        for wrong in ["first", "first:0", "first:-1", "Last", ""] {
            assert!(wrong.parse::<Pos>().is_err(), "{wrong}");
        }
    }
}
