//! The byte-level BPE vocabulary inside a GGUF, as the JSON that the tokenizers library reads.

use std::collections::BTreeSet;
use std::path::Path;

use isinglass_formats::Gguf;
use serde_json::{Value, json};

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
    if model != "gpt2" {
        return Err(unsupported("tokenizer.ggml.model", model, "`gpt2` (byte-level BPE)"));
    }
    let missing = |key: &str| LoadError::MissingConfigKey { path: path.into(), key: key.into() };
    let wrong = |key: &str, found: String, expected: String| LoadError::ConfigValue {
        path: path.into(),
        key: key.into(),
        found,
        expected,
    };
    // Files from before this key do not say how to cut text: a guess would give other ids than the model was trained on.
    let pre = text("tokenizer.ggml.pre")?.ok_or_else(|| missing("tokenizer.ggml.pre"))?;
    let Some((pre_tokenizer, like_llama3)) = pre_tokenizer(pre) else {
        return Err(unsupported("tokenizer.ggml.pre", pre, "`gpt-2`, `smollm`, `llama-bpe`"));
    };
    let tokens = gguf.get_strings("tokenizer.ggml.tokens")?;
    let merges = gguf.get_strings("tokenizer.ggml.merges")?;
    let types = match gguf.value("tokenizer.ggml.token_type") {
        Some(_) => gguf.get_ints("tokenizer.ggml.token_type")?,
        None => Vec::new(),
    };
    if gguf.value("tokenizer.ggml.token_type").is_some() && types.len() != tokens.len() {
        let (found, expected) = (format!("{} types", types.len()), format!("one for each of {} tokens", tokens.len()));
        return Err(wrong("tokenizer.ggml.token_type", found, expected));
    }
    // The vocabulary goes from texts to ids: of a token that is there twice, one id could not be decoded.
    let mut seen = BTreeSet::new();
    if let Some(twice) = tokens.iter().find(|token| !seen.insert(**token)) {
        let reason = format!("token `{twice}` is there twice");
        return Err(LoadError::Tokenizer { path: path.into(), reason });
    }
    let of_id = |key: &str| -> Result<Option<String>, LoadError> {
        if gguf.value(key).is_none() {
            return Ok(None);
        }
        let id = gguf.get_u64(key)?;
        let token = usize::try_from(id).ok().and_then(|id| tokens.get(id));
        let expected = || format!("a token id below {}", tokens.len());
        token.map(|t| Some((*t).to_owned())).ok_or_else(|| wrong(key, id.to_string(), expected()))
    };
    let (bos, eos) = (of_id("tokenizer.ggml.bos_token_id")?, of_id("tokenizer.ggml.eos_token_id")?);
    let added = types.iter().zip(&tokens).enumerate().filter_map(|(id, (kind, token))| match *kind {
        CONTROL => Some(added_token(id, token, true)),
        USER_DEFINED => Some(added_token(id, token, false)),
        _ => None,
    });
    let added: Vec<Value> = added.collect();
    let mut json = bpe(&tokens, &merges, like_llama3);
    json["added_tokens"] = added.into();
    json["pre_tokenizer"] = pre_tokenizer;
    let add_bos = match gguf.value("tokenizer.ggml.add_bos_token") {
        Some(_) => gguf.get_bool("tokenizer.ggml.add_bos_token")?,
        // What llama.cpp does for this vocabulary where the file is silent.
        None => like_llama3,
    };
    if add_bos {
        let key = "tokenizer.ggml.bos_token_id";
        let token = bos.as_ref().ok_or_else(|| missing(key))?;
        json["post_processor"] = starts_with(token, gguf.get_u64(key)?);
    }
    let template = text("tokenizer.chat_template")?.map(str::to_owned);
    Ok(Some(Found { json, template, bos, eos }))
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

/// How text is cut before merging, by llama.cpp's name for it; and whether it is Llama 3's way, in which a text starts with
/// BOS and a piece that is a token is not merged.
fn pre_tokenizer(name: &str) -> Option<(Value, bool)> {
    let sequence = |first: Value, then: Value| json!({ "type": "Sequence", "pretokenizers": [first, then] });
    match name {
        "gpt-2" | "gpt2" => Some((bytes(true), false)),
        "smollm" => Some((sequence(json!({ "type": "Digits", "individual_digits": true }), bytes(true)), false)),
        "llama-bpe" | "llama3" | "llama-v3" => {
            let contractions = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)";
            let rest = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
            let pattern = json!({ "Regex": format!("{contractions}|{rest}") });
            let split = json!({ "type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false });
            Some((sequence(split, bytes(false)), true))
        }
        _ => None,
    }
}

/// Adds one token before every text.
fn starts_with(token: &str, id: u64) -> Value {
    let special = json!({ "SpecialToken": { "id": token, "type_id": 0 } });
    let (a, b) =
        (json!({ "Sequence": { "id": "A", "type_id": 0 } }), json!({ "Sequence": { "id": "B", "type_id": 1 } }));
    let mut ids = serde_json::Map::new();
    ids.insert(token.into(), json!({ "id": token, "ids": [id], "tokens": [token] }));
    json!({
        "type": "TemplateProcessing",
        "single": [special.clone(), a.clone()],
        "pair": [special.clone(), a, special, b],
        "special_tokens": ids,
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
        json["post_processor"] = starts_with("<s>", 0);
        let tokenizer = tokenizers::Tokenizer::from_bytes(serde_json::to_vec(&json).unwrap()).unwrap();
        let ids = |text: &str, add: bool| tokenizer.encode(text, add).unwrap().get_ids().to_vec();
        assert_eq!(ids("a", true), [0, 98]);
        assert_eq!(ids("<s>a", false), [0, 98]);
    }
}
