//! Text to token ids and back.

mod gguf;
mod sentencepiece;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use isinglass_formats::{Gguf, sha256_bytes};
use serde_json::{Map, Value};

use crate::chat::ChatTemplate;
use crate::error::LoadError;

/// Whether encoding adds the special tokens the model expects around a text, such as BOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specials {
    /// As the tokenizer was made to.
    Add,
    /// None: for text that already holds them, such as a rendered chat.
    Skip,
}

/// A model's tokenizer, with its chat template if it has one.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    chat: Option<ChatTemplate>,
    /// Ids of the special tokens, shared by all texts.
    specials: Arc<BTreeSet<u32>>,
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vocab = self.inner.get_vocab_size(true);
        f.debug_struct("Tokenizer").field("vocab", &vocab).field("chat", &self.chat.is_some()).finish_non_exhaustive()
    }
}

/// A text could not be turned into ids, or ids into text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tokenizer refused its input: {reason}")]
pub struct TokenizeError {
    /// What the tokenizer library said.
    pub reason: String,
}

impl Tokenizer {
    fn new(inner: tokenizers::Tokenizer, chat: Option<ChatTemplate>) -> Self {
        let added = inner.get_added_tokens_decoder();
        let specials = added.into_iter().filter(|(_, token)| token.special).map(|(id, _)| id).collect();
        Self { inner, chat, specials: Arc::new(specials) }
    }

    /// The tokenizer in a folder in Hugging Face's layout: `tokenizer.json`, with `tokenizer_config.json` and
    /// `chat_template.jinja` beside it where there are any. `None` if there is no `tokenizer.json`.
    pub(crate) fn in_folder(folder: &Path) -> Result<Option<Self>, LoadError> {
        let path = folder.join("tokenizer.json");
        if !path.is_file() {
            return Ok(None);
        }
        let mut inner = tokenizers::Tokenizer::from_file(&path).map_err(|e| unreadable(&path, &e.to_string()))?;
        // Left over from training: a text must not be cut or filled up unasked.
        inner.with_truncation(None).map_err(|e| unreadable(&path, &e.to_string()))?.with_padding(None);
        let config_path = folder.join("tokenizer_config.json");
        let config = if config_path.is_file() { crate::source::read_json(&config_path)? } else { Map::new() };
        let template_path = folder.join("chat_template.jinja");
        let (template_path, template) = if template_path.is_file() {
            let template = crate::source::read_text(&template_path)?;
            (template_path, Some(template))
        } else {
            (config_path, template_of(&config))
        };
        let named = |key: &str| special(&config, key);
        let chat = template
            .map(|source| ChatTemplate::new(source, named("bos_token"), named("eos_token")))
            .transpose()
            .map_err(|e| unreadable(&template_path, &format!("chat template: {e}")))?;
        Ok(Some(Self::new(inner, chat)))
    }

    /// The tokenizer inside a GGUF; `None` if it holds none.
    pub(crate) fn in_gguf(path: &Path, file: &Gguf) -> Result<Option<Self>, LoadError> {
        let Some(found) = gguf::read(path, file)? else { return Ok(None) };
        let inner = Self::from_json(path, &found.json)?;
        let chat = found
            .template
            .map(|source| ChatTemplate::new(source, found.bos, found.eos))
            .transpose()
            .map_err(|e| unreadable(path, &format!("chat template: {e}")))?;
        Ok(Some(Self::new(inner, chat)))
    }

    /// One id per byte, for the model with random weights: no merges, `bytes` to `bytes + 255` after the specials.
    pub(crate) fn bytes() -> Result<Self, LoadError> {
        let path = Path::new("tiny");
        let inner = Self::from_json(path, &gguf::byte_level(&gguf::byte_alphabet(), &["<|end|>"]))?;
        let source = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}\
                      {% if add_generation_prompt %}assistant: {% endif %}";
        let chat = ChatTemplate::new(source.into(), None, None);
        let chat = chat.map_err(|e| unreadable(path, &format!("chat template: {e}")))?;
        Ok(Self::new(inner, Some(chat)))
    }

    fn from_json(path: &Path, json: &Value) -> Result<tokenizers::Tokenizer, LoadError> {
        let json = serde_json::to_vec(json).map_err(|source| LoadError::Json { path: path.into(), source })?;
        tokenizers::Tokenizer::from_bytes(json).map_err(|e| unreadable(path, &e.to_string()))
    }

    /// Number of token ids, special ones included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Special tokens with their ids, in order of id.
    pub fn specials(&self) -> Vec<(u32, String)> {
        let added = self.inner.get_added_tokens_decoder();
        let special = added.into_iter().filter(|(_, token)| token.special).map(|(id, token)| (id, token.content));
        let mut specials: Vec<_> = special.collect();
        specials.sort_unstable();
        specials
    }

    /// The chat template, if the model has one.
    pub const fn chat(&self) -> Option<&ChatTemplate> {
        self.chat.as_ref()
    }

    /// Token ids of a text.
    ///
    /// # Errors
    /// [`TokenizeError`] if the tokenizer cannot encode it.
    pub fn encode(&self, text: &str, specials: Specials) -> Result<Vec<u32>, TokenizeError> {
        let encoding = self.inner.encode(text, specials == Specials::Add).map_err(refused)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Token ids of a text, and which bytes of it each stands for; of special tokens that were added, none.
    pub(crate) fn encode_placed(
        &self,
        text: &str,
        specials: Specials,
    ) -> Result<Vec<(u32, Range<usize>)>, TokenizeError> {
        let encoding = self.inner.encode(text, specials == Specials::Add).map_err(refused)?;
        let places = encoding.get_offsets().iter().map(|&(start, end)| start..end);
        Ok(encoding.get_ids().iter().copied().zip(places).collect())
    }

    /// Ids of the special tokens.
    pub(crate) fn special_ids(&self) -> Arc<BTreeSet<u32>> {
        Arc::clone(&self.specials)
    }

    /// SHA-256 of the tokenizer, written as `tokenizer.json`; the chat template is not in it.
    ///
    /// # Errors
    /// [`TokenizeError`] if the tokenizer cannot be written.
    pub fn sha256(&self) -> Result<String, TokenizeError> {
        Ok(sha256_bytes(self.inner.to_string(false).map_err(refused)?.as_bytes()))
    }

    /// Text of token ids, special tokens included if `specials` says so.
    ///
    /// # Errors
    /// [`TokenizeError`] if the tokenizer cannot decode them.
    pub fn decode(&self, ids: &[u32], specials: Specials) -> Result<String, TokenizeError> {
        self.inner.decode(ids, specials == Specials::Skip).map_err(refused)
    }

    /// A token as one shows it in a table: what it adds to a text, with spaces as `·`, line breaks as `↵`, tabs as `⇥`
    /// and other control characters by their code; a token that is part of a character as the vocabulary writes it.
    pub fn visible(&self, id: u32) -> String {
        // Decoded after itself: some decoders take the space off a text's first token.
        let text = |ids: &[u32]| self.decode(ids, Specials::Add).unwrap_or_default();
        let (once, twice) = (text(&[id]), text(&[id, id]));
        let piece = twice.strip_prefix(&once).unwrap_or(&once);
        if piece.is_empty() || piece.contains(char::REPLACEMENT_CHARACTER) {
            return self.token(id).unwrap_or_else(|| id.to_string());
        }
        let shown = |c: char| match c {
            ' ' => "·".into(),
            '\n' => "↵".into(),
            '\t' => "⇥".into(),
            c if c.is_control() || c.is_whitespace() => c.escape_unicode().to_string(),
            c => c.to_string(),
        };
        piece.chars().map(shown).collect()
    }

    /// The token of an id as the vocabulary writes it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn refused(error: tokenizers::Error) -> TokenizeError {
    TokenizeError { reason: error.to_string() }
}

fn unreadable(path: &Path, reason: &str) -> LoadError {
    LoadError::Tokenizer { path: path.into(), reason: reason.into() }
}

/// `chat_template` is a text, or a list of named ones of which `default` is meant.
fn template_of(config: &Map<String, Value>) -> Option<String> {
    match config.get("chat_template")? {
        Value::String(source) => Some(source.clone()),
        Value::Array(named) => {
            let default = named.iter().find(|t| t["name"] == "default")?;
            default["template"].as_str().map(str::to_owned)
        }
        _ => None,
    }
}

/// A special token is a text or an object with its `content`.
fn special(config: &Map<String, Value>, key: &str) -> Option<String> {
    let value = config.get(key)?;
    value.as_str().or_else(|| value["content"].as_str()).map(str::to_owned)
}
