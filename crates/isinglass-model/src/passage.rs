//! Texts with their parts: which tokens of a text are which part, which of a chat are whose turn.

use std::ops::Range;

use isinglass_core::Passage;

use crate::chat::{ChatTemplate, Message};
use crate::model::{Model, TextError};
use crate::tokenizer::Specials;

/// Whether a chat ends with what was said last, or where the assistant's next turn begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatEnd {
    /// As it stands.
    AsIs,
    /// Ready for the assistant, whose turn is an empty span at the end.
    AssistantsTurn,
}

impl Model {
    /// A text as the model reads it, with the special tokens it expects.
    ///
    /// # Errors
    /// [`TextError`] if there is no tokenizer or it gives no tokens.
    pub fn passage(&self, text: &str) -> Result<Passage, TextError> {
        self.placed(text, Specials::Add, &[])
    }

    /// A text that is put together of parts, each with a name, by which the passage knows its tokens.
    ///
    /// The parts follow one another as they are, with nothing between them, and are tokenised as one text.
    /// A token belongs to each part of which it holds a character other than white space; one of white space alone to the
    /// part in which it begins. So ` world` belongs to `world` even where the space was the end of the part before.
    /// ```
    /// use isinglass_core::device;
    /// use isinglass_model::Model;
    ///
    /// let model = Model::load("tiny", &device("cpu")?)?;
    /// let passage = model.passage_of(&[("prompt", "Say hello: "), ("response", "hello")])?;
    /// assert_eq!(passage.spans()[1].tokens, 11..16);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TextError`] if there is no tokenizer or the whole gives no tokens.
    pub fn passage_of<N: AsRef<str>, T: AsRef<str>>(&self, parts: &[(N, T)]) -> Result<Passage, TextError> {
        let mut text = String::new();
        let mut places = Vec::with_capacity(parts.len());
        for (name, part) in parts {
            let start = text.len();
            text.push_str(part.as_ref());
            places.push((name.as_ref(), start..text.len()));
        }
        self.placed(&text, Specials::Add, &places)
    }

    /// A chat in the model's own template; what each message says is a span that is called after its role.
    ///
    /// # Errors
    /// [`TextError`] if there is no template, it refuses the messages, or it changes what they say.
    pub fn chat_passage(&self, messages: &[Message], end: ChatEnd) -> Result<Passage, TextError> {
        let chat = self.tokenizer()?.chat();
        let chat = chat.ok_or_else(|| TextError::NoChatTemplate { model: self.spec_name() })?;
        let open = end == ChatEnd::AssistantsTurn;
        let text = chat.render(messages, open)?;
        let found = contents(chat, messages, open, &text)?;
        let found = found.map_err(|index| TextError::Rewritten { model: self.spec_name(), index })?;
        let places: Vec<(&str, Range<usize>)> =
            found.into_iter().map(|(message, place)| (messages[message].role.as_str(), place)).collect();
        let passage = self.placed(&text, Specials::Skip, &places)?;
        Ok(if open { passage.continued("assistant", &[]) } else { passage })
    }

    fn placed(&self, text: &str, specials: Specials, places: &[(&str, Range<usize>)]) -> Result<Passage, TextError> {
        let tokenizer = self.tokenizer()?;
        let (ids, bytes): (Vec<u32>, Vec<_>) = tokenizer.encode_placed(text, specials)?.into_iter().unzip();
        let none = |_| TextError::NoTokens { index: 0 };
        let mut passage = Passage::new(ids).map_err(none)?.with_shared_specials(tokenizer.special_ids());
        for (name, place) in places {
            passage = passage.with_span(*name, tokens_in(text, &bytes, place)).map_err(none)?;
        }
        Ok(passage)
    }

    fn spec_name(&self) -> String {
        isinglass_core::Forward::spec(self).name.clone()
    }
}

/// The tokens that belong to a place in the text, by the rule of [`Model::passage_of`].
fn tokens_in(text: &str, tokens: &[Range<usize>], place: &Range<usize>) -> Range<usize> {
    let is_ink = |range: Range<usize>| text.get(range).is_none_or(|piece| !piece.trim().is_empty());
    let belongs = |token: &Range<usize>| {
        let shared = token.start.max(place.start)..token.end.min(place.end);
        if shared.is_empty() {
            return false;
        }
        is_ink(shared) || (!is_ink(token.clone()) && place.contains(&token.start))
    };
    if let (Some(first), Some(last)) = (tokens.iter().position(belongs), tokens.iter().rposition(belongs)) {
        return first..last + 1;
    }
    // An empty span stands before the first token that begins later.
    let next = tokens.iter().position(|t| !t.is_empty() && t.start >= place.start).unwrap_or(tokens.len());
    next..next
}

/// Which message stands where in a rendered chat, by bytes.
type Places = Vec<(usize, Range<usize>)>;

/// Where what the messages say stands in the rendered chat: index of the message and bytes; or the index of the first
/// message that is not there as given.
///
/// A template is a program, and what a message says may also occur in what the template adds (`user`). So it is rendered
/// once more with marks in place of what is said, which shows what is the template's own.
fn contents(
    chat: &ChatTemplate,
    messages: &[Message],
    open: bool,
    text: &str,
) -> Result<Result<Places, usize>, TextError> {
    let mark = |index: usize| format!("{MARK}{index}{MARK}");
    let marked: Vec<Message> =
        messages.iter().enumerate().map(|(index, message)| Message::new(&message.role, mark(index))).collect();
    let skeleton = chat.render(&marked, open)?;
    let mut places = Vec::new();
    let (mut at, mut pieces) = (0, skeleton.split(MARK));
    // The template's own text, a message's number, the template's own text, …
    let Some(first) = pieces.next() else { return Ok(Ok(places)) };
    if !text.starts_with(first) {
        return Ok(Err(0));
    }
    at += first.len();
    while let (Some(number), Some(own)) = (pieces.next(), pieces.next()) {
        let Some((index, message)) = number.parse().ok().and_then(|i: usize| Some((i, messages.get(i)?))) else {
            return Ok(Err(0));
        };
        // Many templates trim.
        let said = [message.content.as_str(), message.content.trim()];
        let fits = |said: &&str| text[at..].strip_prefix(*said).is_some_and(|rest| rest.starts_with(own));
        let Some(said) = said.into_iter().find(fits) else { return Ok(Err(index)) };
        places.push((index, at..at + said.len()));
        at += said.len() + own.len();
    }
    Ok(if at == text.len() { Ok(places) } else { Err(messages.len().saturating_sub(1)) })
}

/// A character for private use, which no chat holds.
const MARK: char = '\u{f8ff0}';

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, tokens: &[&str], place: Range<usize>, expected: Range<usize>) {
        let mut at = 0;
        let tokens: Vec<_> = tokens
            .iter()
            .map(|token| {
                let start = at;
                at += token.len();
                start..at
            })
            .collect();
        assert_eq!(at, text.len());
        assert_eq!(tokens_in(text, &tokens, &place), expected, "{text}");
    }

    #[test]
    fn a_token_belongs_to_the_parts_whose_letters_it_holds() {
        check("a: bc", &["a", ":", " bc"], 3..5, 2..3);
        check("a: bc", &["a", ":", " bc"], 0..3, 0..2);
        check("ab.\n\nc", &["ab", ".\n\n", "c"], 0..3, 0..2);
        check("ab.\n\nc", &["ab", ".\n\n", "c"], 5..6, 2..3);
        check("abcd", &["a", "bc", "d"], 0..2, 0..2);
        check("abcd", &["a", "bc", "d"], 2..4, 1..3);
        // White space alone is where it begins.
        check("a \n b", &["a", " \n ", "b"], 1..3, 1..2);
        check("a \n b", &["a", " \n ", "b"], 3..5, 2..3);
    }

    #[test]
    fn an_empty_part_is_an_empty_span_where_it_stands() {
        check("abc", &["a", "b", "c"], 1..1, 1..1);
        check("abc", &["a", "b", "c"], 3..3, 3..3);
    }

    fn places(template: &str, messages: &[Message]) -> Result<Vec<(usize, String)>, usize> {
        let chat = ChatTemplate::new(template.into(), None, None).unwrap();
        let text = chat.render(messages, false).unwrap();
        let found = contents(&chat, messages, false, &text).unwrap()?;
        Ok(found.into_iter().map(|(index, place)| (index, text[place].to_owned())).collect())
    }

    #[test]
    fn what_is_said_is_told_from_what_the_template_says() {
        let chat = [Message::user("user"), Message::new("assistant", " : "), Message::user("user")];
        let plain = "{% for m in messages %}[{{ m.role }}: {{ m.content }}]{% endfor %}";
        let expected = vec![(0, "user".to_owned()), (1, " : ".into()), (2, "user".into())];
        assert_eq!(places(plain, &chat), Ok(expected));
        let trimming = "{% for m in messages %}[{{ m.role }}: {{ m.content | trim }}]{% endfor %}";
        assert_eq!(places(trimming, &chat).unwrap()[1], (1, ":".to_owned()));
        let dropping = "{% for m in messages if m.role == 'assistant' %}{{ m.content }}.{% endfor %}";
        assert_eq!(places(dropping, &chat), Ok(vec![(1, " : ".to_owned())]));
    }

    #[test]
    fn a_template_that_rewrites_is_found_out() {
        let chat = [Message::user("a"), Message::user("b</think>c")];
        let splitting = "{% for m in messages %}<{{ m.content.split('</think>')[-1] }}>{% endfor %}";
        assert_eq!(places(splitting, &chat), Err(1));
        let shouting = "{% for m in messages %}<{{ m.content | upper }}>{% endfor %}";
        assert_eq!(places(shouting, &chat), Err(0));
    }
}
