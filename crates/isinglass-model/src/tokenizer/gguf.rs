//! The vocabulary inside a GGUF, as the JSON that the tokenizers library reads.

use std::collections::BTreeSet;
use std::path::Path;

use isinglass_formats::Gguf;
use serde_json::{Value, json};

use super::sentencepiece;
use crate::error::LoadError;

/// A vocabulary with what a chat needs.
pub(super) struct Found {
    pub(super) json: Value,
    pub(super) template: Option<String>,
    pub(super) bos: Option<String>,
    pub(super) eos: Option<String>,
}

/// Values of `tokenizer.ggml.token_type`.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

pub(super) fn read(path: &Path, gguf: &Gguf) -> Result<Option<Found>, LoadError> {
    let text = |key: &str| gguf.value(key).is_some().then(|| gguf.get_str(key)).transpose();
    let Some(model) = text("tokenizer.ggml.model")? else { return Ok(None) };
    let unsupported = |what, name: &str, supported| LoadError::UnsupportedVocabulary {
        path: path.into(),
        what,
        name: name.into(),
        supported,
    };
    let kind = match model {
        "gpt2" => Vocabulary::ByteLevel,
        "llama" => Vocabulary::SentencePiece,
        other => {
            let supported = "`gpt2` (byte-level BPE), `llama` (SentencePiece)";
            return Err(unsupported("tokenizer.ggml.model", other, supported));
        }
    };
    let missing = |key: &str| LoadError::MissingConfigKey { path: path.into(), key: key.into() };
    let wrong = |key: &str, found: String, expected: String| LoadError::ConfigValue {
        path: path.into(),
        key: key.into(),
        found,
        expected,
    };
    let flag = |key: &str, default: bool| match gguf.value(key) {
        Some(_) => gguf.get_bool(key),
        None => Ok(default),
    };
    let tokens = gguf.get_strings("tokenizer.ggml.tokens")?;
    let one_each = |key: &str, n: usize, what: &str| {
        let (found, expected) = (format!("{n} {what}"), format!("one for each of {} tokens", tokens.len()));
        if n == tokens.len() { Ok(()) } else { Err(wrong(key, found, expected)) }
    };
    let mut types = Vec::new();
    if gguf.value("tokenizer.ggml.token_type").is_some() {
        types = gguf.get_ints("tokenizer.ggml.token_type")?;
        one_each("tokenizer.ggml.token_type", types.len(), "types")?;
    }
    // The vocabulary goes from texts to ids: of a token that is there twice, one id could not be decoded.
    let mut seen = BTreeSet::new();
    if let Some(twice) = tokens.iter().find(|token| !seen.insert(**token)) {
        let reason = format!("token `{twice}` is there twice");
        return Err(LoadError::Tokenizer { path: path.into(), reason });
    }
    let of_id = |which: &str| -> Result<Option<(&str, u64)>, LoadError> {
        let key = format!("tokenizer.ggml.{which}_token_id");
        if gguf.value(&key).is_none() {
            return Ok(None);
        }
        let id = gguf.get_u64(&key)?;
        let token = usize::try_from(id).ok().and_then(|id| tokens.get(id));
        let expected = || format!("a token id below {}", tokens.len());
        token.map(|token| Some((*token, id))).ok_or_else(|| wrong(&key, id.to_string(), expected()))
    };
    let (bos, eos) = (of_id("bos")?, of_id("eos")?);
    let prefix = flag("tokenizer.ggml.add_space_prefix", true)?;
    let unprefixed = matches!(kind, Vocabulary::SentencePiece) && !prefix;
    // What llama.cpp does about BOS where the file is silent differs between vocabularies.
    let (mut json, adds_bos) = match kind {
        Vocabulary::ByteLevel => {
            // Files from before this key do not say how to cut text: a guess would give other ids than the model was
            // trained on.
            let pre = text("tokenizer.ggml.pre")?.ok_or_else(|| missing("tokenizer.ggml.pre"))?;
            let Some(cut) = cut(pre) else { return Err(unsupported("tokenizer.ggml.pre", pre, CUTS)) };
            let mut json = bpe(&tokens, &gguf.get_strings("tokenizer.ggml.merges")?, cut.like_llama3);
            json["pre_tokenizer"] = cut.pre_tokenizer;
            if cut.composed {
                json["normalizer"] = json!({ "type": "NFC" });
            }
            (json, cut.like_llama3)
        }
        Vocabulary::SentencePiece => {
            let scores = gguf.get_floats("tokenizer.ggml.scores")?;
            one_each("tokenizer.ggml.scores", scores.len(), "scores")?;
            let unknown = of_id("unknown")?.map(|(token, _)| token);
            (sentencepiece::bpe(&tokens, &scores, &types, unknown, prefix), true)
        }
    };
    let added = types.iter().zip(&tokens).enumerate().filter_map(|(id, (type_, token))| match *type_ {
        CONTROL => Some(added_token(id, token, true)),
        USER_DEFINED => {
            let mut added = added_token(id, token, false);
            // SentencePiece looks for it once spaces are written its way; a normalizer that puts one before would spoil it.
            added["normalized"] = unprefixed.into();
            Some(added)
        }
        _ => None,
    });
    json["added_tokens"] = added.collect();
    let added = |adds: bool, token: Option<(&str, u64)>, which: &str| match token {
        _ if !adds => Ok(None),
        None => Err(missing(&format!("tokenizer.ggml.{which}_token_id"))),
        Some((token, id)) => Ok(Some((token.to_owned(), id))),
    };
    let before = added(flag("tokenizer.ggml.add_bos_token", adds_bos)?, bos, "bos")?;
    let after = added(flag("tokenizer.ggml.add_eos_token", false)?, eos, "eos")?;
    if before.is_some() || after.is_some() {
        json["post_processor"] = between(before.as_ref(), after.as_ref());
    }
    let template = text("tokenizer.chat_template")?.map(str::to_owned);
    let [bos, eos] = [bos, eos].map(|token| token.map(|(token, _)| token.to_owned()));
    Ok(Some(Found { json, template, bos, eos }))
}

/// How the tokens were found.
enum Vocabulary {
    ByteLevel,
    SentencePiece,
}

/// A byte-level vocabulary of these tokens, the special ones first.
pub(super) fn byte_level(tokens: &[String], special: &[&str]) -> Value {
    let all: Vec<&str> = special.iter().copied().chain(tokens.iter().map(String::as_str)).collect();
    let mut json = bpe(&all, &[], false);
    json["added_tokens"] = special.iter().enumerate().map(|(id, token)| added_token(id, token, true)).collect();
    json["pre_tokenizer"] = bytes(true);
    json
}

fn bpe(tokens: &[&str], merges: &[&str], ignore_merges: bool) -> Value {
    let vocab: serde_json::Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| ((*token).to_owned(), id.into())).collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": ignore_merges,
            "vocab": vocab,
            "merges": merges,
        },
    })
}

fn added_token(id: usize, content: &str, special: bool) -> Value {
    json!({
        "id": id, "content": content, "special": special,
        "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
    })
}

fn bytes(use_regex: bool) -> Value {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex })
}

/// How text is cut before merging.
struct Cut {
    pre_tokenizer: Value,
    /// Llama 3's way: a text starts with BOS, and a piece that is a token is not merged.
    like_llama3: bool,
    /// Characters are composed first (Unicode's NFC), which no key of the file says.
    composed: bool,
}

const CUTS: &str = "`gpt-2`, `phi-2`, `smollm`, `llama-bpe`, `qwen2`, `deepseek-r1-qwen`";

/// How text is cut before merging, by llama.cpp's name for it.
fn cut(name: &str) -> Option<Cut> {
    let sequence = |first: Value, then: Value| json!({ "type": "Sequence", "pretokenizers": [first, then] });
    let split = |digits: &str| {
        let words = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+";
        let rest = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        let pattern = json!({ "Regex": format!("{words}|{digits}|{rest}") });
        sequence(json!({ "type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false }), bytes(false))
    };
    let plain = |pre_tokenizer: Value| Cut { pre_tokenizer, like_llama3: false, composed: false };
    match name {
        "gpt-2" | "gpt2" | "phi-2" => Some(plain(bytes(true))),
        "smollm" => Some(plain(sequence(json!({ "type": "Digits", "individual_digits": true }), bytes(true)))),
        "llama-bpe" | "llama3" | "llama-v3" => Some(Cut { like_llama3: true, ..plain(split(r"\p{N}{1,3}")) }),
        "qwen2" | "deepseek-r1-qwen" => Some(Cut { composed: true, ..plain(split(r"\p{N}")) }),
        _ => None,
    }
}

/// Adds one token before every text, or after it, or both.
fn between(before: Option<&(String, u64)>, after: Option<&(String, u64)>) -> Value {
    let special = |token: &(String, u64)| json!({ "SpecialToken": { "id": token.0, "type_id": 0 } });
    let sequence = |id: &str| json!({ "Sequence": { "id": id, "type_id": u8::from(id == "B") } });
    let around = |id: &str| before.map(special).into_iter().chain([sequence(id)]).chain(after.map(special));
    let named = |(token, id): &(String, u64)| (token.clone(), json!({ "id": token, "ids": [id], "tokens": [token] }));
    json!({
        "type": "TemplateProcessing",
        "single": around("A").collect::<Vec<_>>(),
        "pair": around("A").chain(around("B")).collect::<Vec<_>>(),
        "special_tokens": before.into_iter().chain(after).map(named).collect::<serde_json::Map<_, _>>(),
    })
}

/// The characters that stand for the 256 bytes in a byte-level vocabulary: printable ones for themselves, the others
/// shifted past 255 (GPT-2's table).
pub(super) fn byte_alphabet() -> Vec<String> {
    let printable = |b: u32| (33..=126).contains(&b) || (161..=172).contains(&b) || (174..=255).contains(&b);
    let mut shifted = 256;
    (0..=255)
        .map(|byte| {
            let code = if printable(byte) {
                byte
            } else {
                shifted += 1;
                shifted - 1
            };
            char::from_u32(code).map(String::from).unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_stands_for_every_byte_once() {
        let alphabet = byte_alphabet();
        assert_eq!(
            (alphabet.len(), alphabet[b'a' as usize].as_str(), alphabet[b' ' as usize].as_str()),
            (256, "a", "Ġ")
        );
        assert_eq!(alphabet.iter().collect::<std::collections::BTreeSet<_>>().len(), 256);
    }

    #[test]
    fn a_begin_token_is_added_once() {
        let tokens = byte_alphabet();
        let mut json = byte_level(&tokens, &["<s>"]);
        json["post_processor"] = between(Some(&("<s>".into(), 0)), None);
        let tokenizer = tokenizers::Tokenizer::from_bytes(serde_json::to_vec(&json).unwrap()).unwrap();
        let ids = |text: &str, add: bool| tokenizer.encode(text, add).unwrap().get_ids().to_vec();
        assert_eq!(ids("a", true), [0, 98]);
        assert_eq!(ids("<s>a", false), [0, 98]);
    }
}
