//! Tokenizers with one thing wrong, and prompts that cannot be run.

use std::fs;

use isinglass_core::{Generate, Run, RunError, Sampler, TokenBatch, device};
use isinglass_model::{LoadError, Message, Model, Specials, TextError};
use serde_json::{Value, json};

use crate::{GPT2, LLAMA, copy, load, refusal};

/// A byte-level `tokenizer.json` with `a`, `b` and their pair.
fn tokenizer() -> Value {
    json!({
        "version": "1.0",
        "truncation": { "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0 },
        "padding": {
            "strategy": { "Fixed": 9 }, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "<s>",
        },
        "added_tokens": [{
            "id": 0, "content": "<s>", "special": true,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        }],
        "normalizer": null,
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": { "<s>": 0, "a": 1, "b": 2, "ab": 3, "Ġ": 4 }, "merges": ["a b"],
        },
    })
}

#[test]
fn tokenizers_that_cannot_be_read() {
    let folder = copy(LLAMA);
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("tokenizer.json", &tokenizer().to_string());
    let model = load(folder.path()).unwrap();
    // Cutting and filling up are left over from training.
    assert_eq!(model.tokenizer().unwrap().encode("ab a b", Specials::Add).unwrap(), [3, 4, 1, 4, 2]);
    assert!(matches!(model.tokenize_chat(&[Message::user("a")]), Err(TextError::NoChatTemplate { .. })));

    write("tokenizer_config.json", r#"{"chat_template": "{% for m in %}", "bos_token": {"content": "<s>"}}"#);
    let (error, message) = refusal(folder.path());
    assert!(matches!(error, LoadError::Tokenizer { .. }), "{error:?}");
    let start = "`tokenizer_config.json`: the tokenizer cannot be read: chat template: ";
    assert!(message.starts_with(start), "{message}");
    write("chat_template.jinja", "{{ unclosed");
    let (error, message) = refusal(folder.path());
    assert!(matches!(error, LoadError::Tokenizer { .. }), "{error:?}");
    assert!(message.starts_with("`chat_template.jinja`: the tokenizer cannot be read: "), "{message}");
    write("chat_template.jinja", "{{ bos_token }}{{ messages[0].content }}");
    let model = load(folder.path()).unwrap();
    assert_eq!(model.tokenize_chat(&[Message::user("ab")]).unwrap().row(0), [0, 3]);
    assert!(matches!(model.tokenize_chat(&[]), Err(TextError::Chat(_)) | Ok(_)));

    write("tokenizer_config.json", "[]");
    let (error, message) = refusal(folder.path());
    assert!(matches!(error, LoadError::Json { .. }), "{error:?}");
    assert_eq!(message, "`tokenizer_config.json` is not a JSON object");
    for broken in ["", "{}", r#"{"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": ["x y"]}}"#] {
        write("tokenizer.json", broken);
        let (error, message) = refusal(folder.path());
        assert!(matches!(error, LoadError::Tokenizer { .. }), "{error:?}");
        assert!(message.starts_with("`tokenizer.json`: the tokenizer cannot be read: "), "{message}");
    }
}

#[test]
fn prompts_that_cannot_be_run() {
    for (fixture, vocab, n_ctx) in [(GPT2, 160, 64), (LLAMA, 160, 512)] {
        let folder = copy(fixture);
        let model = load(folder.path()).unwrap();
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        let run = |rows: Vec<Vec<u32>>| {
            let batch = TokenBatch::new(rows).unwrap();
            let error = model.run(&batch, ()).unwrap_err();
            assert_eq!(model.generate(&batch, &Sampler::greedy(1), ()).unwrap_err(), error);
            error
        };
        for id in [vocab, u32::MAX] {
            let error = run(vec![vec![1], vec![3, 5, id]]);
            assert!(matches!(error, RunError::TokenOutOfRange { .. }), "{error:?}");
            let expected = format!(
                "token id {id} at position 2 of row 1 is outside the vocabulary of `{name}`: ids go from 0 to {}",
                vocab - 1
            );
            assert_eq!(error.to_string(), expected);
        }
        let error = run(vec![vec![1; n_ctx + 1]]);
        assert!(matches!(error, RunError::PastContext { .. }), "{error:?}");
        let expected = format!("row 0 has {} tokens, the context of `{name}` holds {n_ctx}: shorten it", n_ctx + 1);
        assert_eq!(error.to_string(), expected);
        model.run_last(&TokenBatch::one(vec![1; n_ctx]).unwrap(), ()).unwrap();

        let no_tokenizer = format!(
            "model `{name}` came without a tokenizer: give token ids, or put `tokenizer.json` beside its weights"
        );
        let errors = [
            model.tokenize(["text"]).unwrap_err(),
            model.tokenize_chat(&[Message::user("text")]).unwrap_err(),
            model.text(&[1]).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, TextError::NoTokenizer { .. }), "{error:?}");
            assert_eq!(error.to_string(), no_tokenizer);
        }
    }
    assert_eq!(TokenBatch::one([]).unwrap_err().to_string(), "row 0 is empty: a prompt needs at least one token");
    let tiny = Model::load("tiny", &device("cpu").unwrap()).unwrap();
    let error = tiny.tokenize(["a", ""]).unwrap_err();
    assert!(matches!(error, TextError::NoTokens { index: 1 }), "{error:?}");
    assert_eq!(error.to_string(), "text 1 gives no tokens: a prompt needs at least one");
    let error = tiny.tokenize(Vec::<String>::new()).unwrap_err();
    assert!(matches!(error, TextError::NoTexts), "{error:?}");
    assert_eq!(error.to_string(), "no texts were given");
}
