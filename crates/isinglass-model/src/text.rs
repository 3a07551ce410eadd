//! Continuing prompts as text: stop strings, and text that streams as it is written.

use std::ops::ControlFlow;

use isinglass_core::{Generate, Generation, Hook, RunError, Sampler, Stop, TokenBatch};

use crate::model::{Model, TextError};

/// One continuation of one prompt, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedText {
    /// New token ids, without the prompt, the end token, and whatever reaches into a stop string.
    pub tokens: Vec<u32>,
    /// The text up to the stop string, special tokens left out.
    ///
    /// Where a stop string begins within a token, the text is longer than that of `tokens`.
    pub text: String,
    /// Why it stopped there; [`Stop::Asked`] at a stop string.
    pub stop: Stop,
    /// The stop string, if one occurred.
    pub stop_string: Option<String>,
}

/// Why text could not be generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// A stop string is empty.
    #[error("stop string {index} is empty, which occurs before the first token: give it one character at least")]
    EmptyStop {
        /// Index of the stop string.
        index: usize,
    },
    /// The tokens have no text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The model refused to run.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Model {
    /// Continues each prompt as [`generate`](Generate::generate) does, up to the first occurrence of any of the stop
    /// strings, whether or not it begins or ends with a token.
    ///
    /// `on_text` is told each row and what its text has grown by: whole characters, and nothing that may turn out to be
    /// part of a stop string. Put together, the pieces are the row's text.
    ///
    /// ```
    /// use isinglass_core::{Sampler, device};
    /// use isinglass_model::Model;
    ///
    /// let model = Model::load("tiny", &device("cpu")?)?;
    /// let prompts = model.tokenize(["Once upon a time"])?;
    /// let sampler = Sampler::new(16, 7).top_k(20).samples(2);
    /// let texts = model.generate_text(&prompts, &sampler, &["\n"], (), |_, _| {})?;
    /// assert!(texts.iter().all(|t| !t.text.contains('\n')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`GenerateError`] if there is no tokenizer, a stop string is empty, or the run is refused.
    pub fn generate_text<S: AsRef<str>>(
        &self,
        prompts: &TokenBatch,
        sampler: &Sampler,
        stops: &[S],
        hook: impl Hook,
        mut on_text: impl FnMut(usize, &str),
    ) -> Result<Vec<GeneratedText>, GenerateError> {
        let stops: Vec<&str> = stops.iter().map(AsRef::as_ref).collect();
        if let Some(index) = stops.iter().position(|stop| stop.is_empty()) {
            return Err(GenerateError::EmptyStop { index });
        }
        self.tokenizer()?;
        let mut rows: Vec<Writing> = Vec::new();
        let mut failed = None;
        let mut on_token = |row: usize, token: u32| {
            if rows.len() <= row {
                rows.resize_with(row + 1, Writing::default);
            }
            let writing = &mut rows[row];
            writing.tokens.push(token);
            match self.text(&writing.tokens) {
                Ok(text) => writing.grow(&text, &stops, |piece| on_text(row, piece)),
                Err(error) => {
                    failed.get_or_insert(error);
                    ControlFlow::Break(())
                }
            }
        };
        let generations = self.generate_until(prompts, sampler, hook, &mut on_token)?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        rows.resize_with(generations.len(), Writing::default);
        let mut texts = Vec::with_capacity(rows.len());
        for (row, (mut writing, generation)) in rows.into_iter().zip(generations).enumerate() {
            let text = self.text(&generation.tokens)?;
            texts.push(if let Some(stopped) = writing.stopped {
                self.cut(generation, text, stopped, stops[stopped.stop])?
            } else {
                writing.emit(&text, text.len(), |piece| on_text(row, piece));
                let Generation { tokens, stop } = generation;
                GeneratedText { tokens, text, stop, stop_string: None }
            });
        }
        Ok(texts)
    }

    /// What lies before the stop string, in text and in whole tokens.
    fn cut(
        &self,
        generation: Generation,
        mut text: String,
        at: Stopped,
        stop_string: &str,
    ) -> Result<GeneratedText, GenerateError> {
        text.truncate(at.byte);
        let Generation { mut tokens, stop } = generation;
        // Only the last tokens reach into it: taking them off one by one is soon done.
        while !tokens.is_empty() && self.text(&tokens)?.len() > at.byte {
            tokens.pop();
        }
        Ok(GeneratedText { tokens, text, stop, stop_string: Some(stop_string.into()) })
    }
}

/// Where a stop string occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stopped {
    stop: usize,
    byte: usize,
}

/// The text of one row as it grows.
#[derive(Debug, Default)]
struct Writing {
    tokens: Vec<u32>,
    emitted: String,
    stopped: Option<Stopped>,
}

impl Writing {
    /// Takes the text of all tokens so far; breaks at the first stop string in it.
    fn grow(&mut self, text: &str, stops: &[&str], on_text: impl FnMut(&str)) -> ControlFlow<()> {
        // The last character may lack bytes that the next tokens bring; decoders show that as U+FFFD.
        let whole = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        let found = stops.iter().enumerate().filter_map(|(stop, s)| Some(Stopped { stop, byte: whole.find(s)? }));
        self.stopped = found.min_by_key(|stopped| stopped.byte);
        if let Some(stopped) = self.stopped {
            self.emit(whole, stopped.byte, on_text);
            ControlFlow::Break(())
        } else {
            self.emit(whole, whole.len() - held_back(whole, stops), on_text);
            ControlFlow::Continue(())
        }
    }

    /// Emits what is new up to a byte of the text.
    ///
    /// Bytes that are no UTF-8 can make a decoder take back what it showed before; then nothing is emitted until the
    /// text goes on from there.
    fn emit(&mut self, text: &str, to: usize, mut on_text: impl FnMut(&str)) {
        if let Some(new) = text[..to].strip_prefix(&self.emitted)
            && !new.is_empty()
        {
            on_text(new);
            self.emitted.push_str(new);
        }
    }
}

/// Length in bytes of the longest end of the text that some stop string begins with.
fn held_back(text: &str, stops: &[&str]) -> usize {
    let begun = |stop: &&str| {
        let starts = stop.char_indices().map(|(i, _)| i).filter(|i| *i > 0);
        starts.filter(|i| text.ends_with(&stop[..*i])).max().unwrap_or(0)
    };
    stops.iter().map(begun).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces that come of these stages of a text, and where it stopped.
    fn pieces(stages: &[&str], stops: &[&str]) -> (Vec<String>, Option<Stopped>) {
        let mut writing = Writing::default();
        let mut pieces = Vec::new();
        for stage in stages {
            if writing.grow(stage, stops, |piece| pieces.push(piece.to_owned())).is_break() {
                break;
            }
        }
        (pieces, writing.stopped)
    }

    #[test]
    fn half_a_character_waits_for_its_other_half() {
        let (pieces, _) = pieces(&["a", "a\u{fffd}", "a\u{fffd}\u{fffd}", "a€", "a€b"], &[]);
        assert_eq!(pieces, ["a", "€", "b"]);
    }

    #[test]
    fn a_possible_stop_string_waits_until_it_is_none() {
        let (found, stopped) = pieces(&["x\n", "x\n\n", "x\n\ny"], &["\n\n\n"]);
        assert_eq!((found, stopped), (vec!["x".to_owned(), "\n\ny".into()], None));
        let (found, stopped) = pieces(&["say EN", "say END of"], &["END", "of"]);
        assert_eq!(found, ["say "]);
        assert_eq!(stopped, Some(Stopped { stop: 0, byte: 4 }));
        // The first occurrence counts, not the first in the list.
        assert_eq!(pieces(&["abc"], &["c", "b"]).1, Some(Stopped { stop: 1, byte: 1 }));
    }

    #[test]
    fn what_is_held_back_ends_with_the_beginning_of_a_stop_string() {
        let check =
            |text: &str, stops: &[&str], expected: usize| assert_eq!(held_back(text, stops), expected, "{text}");
        check("aab", &["aabaac"], 3);
        check("xaabaa", &["aabaac"], 5);
        check("é", &["éé", "x"], 2);
        check("abc", &["d"], 0);
        check("ab", &["ab"], 0);
    }

    #[test]
    fn text_that_is_taken_back_is_not_sent_twice() {
        // As a decoder of byte tokens shows "é" followed by half of another.
        assert_eq!(pieces(&["é", "\u{fffd}\u{fffd}\u{fffd}", "éé"], &[]).0, ["é", "é"]);
    }
}
