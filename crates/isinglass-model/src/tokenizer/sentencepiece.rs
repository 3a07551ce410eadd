//! A SentencePiece vocabulary as the BPE that the tokenizers library runs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What SentencePiece writes for a space.
const SPACE: &str = "▁";

/// Values of `tokenizer.ggml.token_type` that no merge leads to: unknown, control, unused, byte.
const UNMERGED: [i64; 4] = [2, 3, 5, 6];

/// The JSON of a tokenizer with these pieces.
///
/// SentencePiece joins the two neighbours whose piece has the best score, again and again; the same as merging by rank, where
/// each way to split a piece in two pieces is a merge and pieces of better score come first. Characters without a piece
/// become bytes. `prefix` puts a space before the text.
pub(super) fn bpe(tokens: &[&str], scores: &[f64], types: &[i64], unknown: Option<&str>, prefix: bool) -> Value {
    let ids: BTreeMap<&str, usize> = tokens.iter().enumerate().map(|(id, token)| (*token, id)).collect();
    let is_merged = |id: usize| types.get(id).is_none_or(|kind| !UNMERGED.contains(kind));
    let mut order: Vec<usize> = (0..tokens.len()).filter(|id| is_merged(*id)).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let mut merges = Vec::new();
    for token in order.into_iter().map(|id| tokens[id]) {
        let halves = token.char_indices().skip(1).map(|(at, _)| token.split_at(at));
        let part = |half: &str| ids.get(half).copied().filter(|id| is_merged(*id));
        let mut ways: Vec<_> = halves.filter_map(|(a, b)| Some((part(a)?, part(b)?, a, b))).collect();
        ways.sort_unstable();
        merges.extend(ways.into_iter().map(|(.., a, b)| json!([a, b])));
    }
    let vocab: serde_json::Map<String, Value> =
        ids.iter().map(|(token, id)| ((*token).to_owned(), (*id).into())).collect();
    let replace = |from: &str, to: &str| json!({ "type": "Replace", "pattern": { "String": from }, "content": to });
    let mut normalizers = vec![replace(" ", SPACE)];
    let mut decoders = vec![replace(SPACE, " "), json!({ "type": "ByteFallback" }), json!({ "type": "Fuse" })];
    if prefix {
        normalizers.insert(0, json!({ "type": "Prepend", "prepend": SPACE }));
        decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": { "type": "Sequence", "normalizers": normalizers },
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": { "type": "Sequence", "decoders": decoders },
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": unknown,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": true,
            "byte_fallback": true,
            "ignore_merges": false,
            "vocab": vocab,
            "merges": merges,
        },
    })
}
