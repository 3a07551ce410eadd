//! A text as a model reads it: token ids, the special ones among them, named spans.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::tokens::BatchError;

/// Some tokens of a text by name: a part that was put together with others, one turn of a chat.
///
/// Several spans may have one name, as each turn of the assistant has; one may be empty, as the turn is that comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What the tokens are, for instance `response` or `assistant`.
    pub name: String,
    /// Which tokens, by position.
    pub tokens: Range<usize>,
}

/// Token ids of one text, and what is known about them: which ids are special, and named spans.
///
/// A list of ids becomes one of which nothing more is known; a model's `passage` says which of its tokens are special and
/// where each part lies.
/// ```
/// use isinglass_core::Passage;
/// let passage = Passage::new([1, 40, 41, 42])?.with_specials([1]).with_span("response", 2..4)?;
/// assert!(passage.is_special(0) && !passage.is_special(1));
/// assert_eq!(passage.spans()[0].tokens, 2..4);
/// assert!(passage.with_span("too long", 2..5).is_err());
/// # Ok::<(), isinglass_core::BatchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    ids: Vec<u32>,
    /// Shared by the texts of one tokenizer.
    specials: Arc<BTreeSet<u32>>,
    spans: Vec<Span>,
}

impl Passage {
    /// These ids, none of them known to be special, no spans.
    ///
    /// # Errors
    /// [`BatchError::NoTokens`] if there is none.
    pub fn new(ids: impl Into<Vec<u32>>) -> Result<Self, BatchError> {
        let ids = ids.into();
        if ids.is_empty() {
            return Err(BatchError::NoTokens);
        }
        Ok(Self { ids, specials: Arc::default(), spans: Vec::new() })
    }

    /// The same text; these ids are special wherever they occur in it.
    #[must_use]
    pub fn with_specials(self, ids: impl IntoIterator<Item = u32>) -> Self {
        self.with_shared_specials(Arc::new(ids.into_iter().collect()))
    }

    /// As [`with_specials`](Self::with_specials), for many texts of one tokenizer.
    #[must_use]
    pub fn with_shared_specials(self, specials: Arc<BTreeSet<u32>>) -> Self {
        Self { specials, ..self }
    }

    /// The same text with one more span.
    ///
    /// # Errors
    /// [`BatchError::SpanOutside`] if it does not lie in the text.
    pub fn with_span(mut self, name: impl Into<String>, tokens: Range<usize>) -> Result<Self, BatchError> {
        let (name, len) = (name.into(), self.ids.len());
        if tokens.start > tokens.end || tokens.end > len {
            return Err(BatchError::SpanOutside { name, start: tokens.start, end: tokens.end, len });
        }
        self.spans.push(Span { name, tokens });
        Ok(self)
    }

    /// The same text and what follows it, which is a span of this name.
    #[must_use]
    pub fn continued(mut self, name: impl Into<String>, ids: &[u32]) -> Self {
        let start = self.ids.len();
        self.ids.extend(ids);
        self.spans.push(Span { name: name.into(), tokens: start..self.ids.len() });
        self
    }

    /// The first `len` tokens, at least one; spans end where the text does.
    #[must_use]
    pub fn truncated(mut self, len: usize) -> Self {
        self.ids.truncate(len.max(1));
        let len = self.ids.len();
        for span in &mut self.spans {
            span.tokens = span.tokens.start.min(len)..span.tokens.end.min(len);
        }
        self
    }

    /// The token ids, never none.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The ids that are special.
    pub fn specials(&self) -> &BTreeSet<u32> {
        &self.specials
    }

    /// Whether the token at a position is special: put there by the tokenizer or the chat template, not by the text.
    pub fn is_special(&self, pos: usize) -> bool {
        self.ids.get(pos).is_some_and(|id| self.specials.contains(id))
    }

    /// The spans in the order in which they were named.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }
}

impl TryFrom<Vec<u32>> for Passage {
    type Error = BatchError;

    fn try_from(ids: Vec<u32>) -> Result<Self, BatchError> {
        Self::new(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_a_span() {
        let passage = Passage::new([5, 6]).unwrap().with_specials([9]).continued("generated", &[7, 9]);
        assert_eq!(passage.ids(), [5, 6, 7, 9]);
        assert_eq!(passage.spans(), [Span { name: "generated".into(), tokens: 2..4 }]);
        assert_eq!([0, 1, 2, 3, 4].map(|pos| passage.is_special(pos)), [false, false, false, true, false]);
    }

    #[test]
    fn a_text_that_is_cut_cuts_its_spans() {
        let whole = Passage::new([1, 2, 3, 4]).unwrap().with_span("a", 0..3).unwrap().with_span("b", 3..4).unwrap();
        let spans: Vec<_> = whole.clone().truncated(2).spans().iter().map(|span| span.tokens.clone()).collect();
        assert_eq!(spans, [0..2, 2..2]);
        assert_eq!(whole.clone().truncated(9), whole);
        assert_eq!(whole.truncated(0).ids(), [1]);
    }

    #[test]
    fn texts_have_tokens_and_spans_lie_in_them() {
        assert_eq!(Passage::new([]), Err(BatchError::NoTokens));
        let error = Passage::new([1]).unwrap().with_span("turn", 1..3).unwrap_err();
        assert_eq!(error.to_string(), "span `turn` is tokens 1 to 3 of a text that has 1");
        assert!(Passage::new([1]).unwrap().with_span("next turn", 1..1).is_ok());
    }
}
