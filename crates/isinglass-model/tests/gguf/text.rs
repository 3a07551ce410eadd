//! The tokenizer inside a GGUF.

use isinglass_core::Run;
use isinglass_formats::FormatError;
use isinglass_model::{LoadError, Message, Specials, TextError};
use serde_json::json;

use crate::LLAMA;
use crate::draft::{Draft, draft, fixture};

const BOS: u32 = 1;
const TOOL: u32 = 4;

/// The tokens of a small byte-level vocabulary: control tokens first (types 3), one the user defined (4), then characters,
/// their merges, and a token that no merge leads to.
fn vocabulary() -> Vec<String> {
    let special = ["<unk>", "<s>", "</s>", "<|eot|>", "<tool>"];
    let characters = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain("ĠĊ:.'<|>/".chars());
    let merged = ["he", "ll", "hell", "hello", "Ġhello", "12", "123", "abc"];
    let all = special.iter().map(|s| (*s).to_owned()).chain(characters.map(String::from));
    all.chain(merged.iter().map(|s| (*s).to_owned())).collect()
}

const TEMPLATE: &str = "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}\n{% endfor %}\
                        {% if add_generation_prompt %}assistant:{% endif %}";

/// The small Llama with the small vocabulary.
pub(crate) fn speaking(pre: &str) -> Draft {
    let tokens = vocabulary();
    let types: Vec<i32> = (0..tokens.len()).map(|id| [1, 3, 3, 3, 4].get(id).copied().unwrap_or(1)).collect();
    // Types are i32 in real files; JSON's whole numbers become u32 here, which reads the same.
    draft(&fixture(LLAMA))
        .set("tokenizer.ggml.model", json!("gpt2"))
        .set("tokenizer.ggml.pre", json!(pre))
        .set("tokenizer.ggml.tokens", json!(tokens))
        .set("tokenizer.ggml.token_type", json!(types))
        .set("tokenizer.ggml.merges", json!(["h e", "l l", "he ll", "hell o", "Ġ hello", "1 2", "12 3"]))
        .set("tokenizer.ggml.bos_token_id", json!(BOS))
        .set("tokenizer.ggml.eos_token_id", json!(2))
        .set("tokenizer.chat_template", json!(TEMPLATE))
}

/// Ids of tokens of the small vocabulary.
fn ids(tokens: &[&str]) -> Vec<u32> {
    let vocabulary = vocabulary();
    let id = |token: &&str| vocabulary.iter().position(|t| t == token).unwrap() as u32;
    tokens.iter().map(id).collect()
}

#[test]
fn text_is_cut_as_the_vocabulary_says() {
    let encode =
        |draft: &Draft, text: &str, specials| draft.loaded().tokenizer().unwrap().encode(text, specials).unwrap();
    // (pre-tokenizer, adds BOS unasked, text, tokens)
    for (pre, bos, text, tokens) in [
        ("gpt-2", false, "hello hello 123", &["hello", "Ġhello", "Ġ", "123"][..]),
        ("smollm", false, "hello hello 123", &["hello", "Ġhello", "Ġ", "1", "2", "3"]),
        ("smollm", false, "a12b", &["a", "1", "2", "b"]),
        ("llama-bpe", true, "hello 1234", &["hello", "Ġ", "123", "4"]),
        ("llama3", true, "hello 1234", &["hello", "Ġ", "123", "4"]),
        // Only Llama 3's way takes a piece that is a token as it is.
        ("gpt-2", false, "abc", &["a", "b", "c"]),
        ("llama-bpe", true, "abc", &["abc"]),
        ("llama-v3", true, "abc", &["abc"]),
        // Its contractions are of either case.
        ("gpt-2", false, "A'LL", &["A", "'", "L", "L"]),
    ] {
        let draft = speaking(pre);
        let tokens = ids(tokens);
        assert_eq!(encode(&draft, text, Specials::Skip), tokens, "{pre}: {text}");
        let with_bos = [vec![BOS], tokens.clone()].concat();
        let expected = if bos { &with_bos } else { &tokens };
        assert_eq!(&encode(&draft, text, Specials::Add), expected, "{pre}: {text}");
        // What the file says about BOS goes before what is usual.
        let asked = speaking(pre).set("tokenizer.ggml.add_bos_token", json!(true));
        assert_eq!(encode(&asked, text, Specials::Add), with_bos, "{pre}: {text}");
        let unasked = speaking(pre).set("tokenizer.ggml.add_bos_token", json!(false));
        assert_eq!(encode(&unasked, text, Specials::Add), tokens, "{pre}: {text}");
    }
}

#[test]
fn control_tokens_are_recognised_and_hidden() {
    let model = speaking("llama-bpe").loaded();
    let tokenizer = model.tokenizer().unwrap();
    assert_eq!(tokenizer.vocab_size(), vocabulary().len());
    assert_eq!(tokenizer.token(BOS).as_deref(), Some("<s>"));
    assert_eq!(tokenizer.token(9999), None);
    let found = tokenizer.encode("hello<|eot|><tool> hello</s>", Specials::Skip).unwrap();
    assert_eq!(found, ids(&["hello", "<|eot|>", "<tool>", "Ġhello", "</s>"]));
    assert_eq!(tokenizer.decode(&found, Specials::Add).unwrap(), "hello<|eot|><tool> hello</s>");
    // What the user defined is text; what controls is not.
    assert_eq!(tokenizer.decode(&found, Specials::Skip).unwrap(), "hello<tool> hello");
    assert_eq!(model.text(&[BOS, TOOL]).unwrap(), "<tool>");
    // `<unk>` is of the normal type here: nothing special.
    assert_eq!(tokenizer.encode("<unk>", Specials::Skip).unwrap(), ids(&["<", "u", "n", "k", ">"]));
    let untyped = speaking("llama-bpe").without("tokenizer.ggml.token_type").loaded();
    assert!(untyped.tokenizer().unwrap().encode("<s>", Specials::Skip).unwrap().len() > 1);
    // The batch of texts, as a user makes it.
    let batch = model.tokenize(["hello", ""]).unwrap();
    assert_eq!((batch.row(0), batch.row(1)), (&[&[BOS][..], &ids(&["hello"])].concat()[..], &[BOS][..]));
    model.run(&batch, ()).unwrap();
}

#[test]
fn a_chat_starts_with_one_begin_token() {
    for draft in [speaking("llama-bpe"), speaking("smollm").set("tokenizer.ggml.add_bos_token", json!(true))] {
        let model = draft.loaded();
        let messages = [Message::user("hello"), Message::new("assistant", "12"), Message::user("abc")];
        let rendered = model.tokenizer().unwrap().chat().unwrap().render(&messages, true).unwrap();
        assert_eq!(rendered, "<s>user: hello</s>\nassistant: 12</s>\nuser: abc</s>\nassistant:");
        let batch = model.tokenize_chat(&messages).unwrap();
        let found = batch.row(0);
        assert_eq!(found.iter().filter(|id| **id == BOS).count(), 1, "{found:?}");
        assert_eq!(found[0], BOS);
        assert_eq!(found.iter().filter(|id| **id == 2).count(), 3, "{found:?}");
        assert_eq!(model.tokenizer().unwrap().decode(found, Specials::Add).unwrap(), rendered);
        model.run(&batch, ()).unwrap();
    }
    let silent = speaking("smollm").without("tokenizer.chat_template").loaded();
    let error = silent.tokenize_chat(&[Message::user("hello")]).unwrap_err();
    assert!(matches!(error, TextError::NoChatTemplate { .. }), "{error:?}");
    assert_eq!(error.to_string(), "model `m` has no chat template: give a plain prompt");
    let refusing = speaking("smollm").set("tokenizer.chat_template", json!("{{ raise_exception('no') }}")).loaded();
    let error = refusing.tokenize_chat(&[Message::user("hello")]).unwrap_err();
    assert!(matches!(error, TextError::Chat(_)), "{error:?}");
    let empty = speaking("smollm").set("tokenizer.chat_template", json!("{# nothing #}")).loaded();
    let error = empty.tokenize_chat(&[]).unwrap_err();
    assert!(matches!(error, TextError::NoTokens { .. }), "{error:?}");
}

#[test]
fn vocabularies_that_are_wrong() {
    let unsupported = |draft: Draft, message: &str| {
        let (error, found) = draft.refusal();
        assert!(matches!(error, LoadError::UnsupportedVocabulary { .. }), "{error:?}");
        assert_eq!(found, format!("`m.gguf`: {message}"));
    };
    unsupported(
        speaking("smollm").set("tokenizer.ggml.model", json!("t5")),
        "tokenizer.ggml.model `t5` is not supported: use one of `gpt2` (byte-level BPE), `llama` (SentencePiece)",
    );
    for pre in ["tekken", "default", ""] {
        unsupported(
            speaking(pre),
            &format!(
                "tokenizer.ggml.pre `{pre}` is not supported: use one of `gpt-2`, `phi-2`, `smollm`, `llama-bpe`, `qwen2`, \
                 `deepseek-r1-qwen`"
            ),
        );
    }
    let lacking = |draft: Draft, key: &str| {
        let (error, found) = draft.refusal();
        assert!(matches!(error, LoadError::MissingConfigKey { .. }), "{error:?}");
        assert_eq!(found, format!("`m.gguf` lacks the key `{key}`"));
    };
    lacking(speaking("smollm").without("tokenizer.ggml.pre"), "tokenizer.ggml.pre");
    let key = "tokenizer.ggml.bos_token_id";
    lacking(speaking("smollm").set("tokenizer.ggml.add_bos_token", json!(true)).without(key), key);
    lacking(speaking("llama-bpe").without(key), key);
    for key in ["tokenizer.ggml.tokens", "tokenizer.ggml.merges"] {
        let (error, found) = speaking("smollm").without(key).refusal();
        assert!(matches!(error, LoadError::Format(FormatError::NoSuchKey { .. })), "{error:?}");
        assert!(found.starts_with(&format!("`m.gguf` has no key `{key}`")), "{found}");
    }
    let n = vocabulary().len();
    for key in ["tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"] {
        speaking("smollm")
            .set(key, json!(n))
            .wrong_value(&format!("`m.gguf`: key `{key}` is `{n}`, expected a token id below {n}"));
    }
    let (error, found) = speaking("smollm").set("tokenizer.ggml.eos_token_id", json!(-1)).refusal();
    assert!(matches!(error, LoadError::Format(FormatError::OutOfRange { .. })), "{error:?}");
    assert!(found.starts_with("key `tokenizer.ggml.eos_token_id` of `m.gguf` is -1"), "{found}");
    speaking("smollm").set("tokenizer.ggml.token_type", json!([1, 3])).wrong_value(&format!(
        "`m.gguf`: key `tokenizer.ggml.token_type` is `2 types`, expected one for each of {n} tokens"
    ));
    let pieces = |draft: Draft| draft.set("tokenizer.ggml.model", json!("llama"));
    let (error, found) = pieces(speaking("smollm")).refusal();
    assert!(matches!(error, LoadError::Format(FormatError::NoSuchKey { .. })), "{error:?}");
    assert!(found.starts_with("`m.gguf` has no key `tokenizer.ggml.scores`"), "{found}");
    pieces(speaking("smollm")).set("tokenizer.ggml.scores", json!([-1.5])).wrong_value(&format!(
        "`m.gguf`: key `tokenizer.ggml.scores` is `1 scores`, expected one for each of {n} tokens"
    ));
    let unreadable = |draft: Draft, reason: &str| {
        let (error, found) = draft.refusal();
        assert!(matches!(error, LoadError::Tokenizer { .. }), "{error:?}");
        assert!(found.starts_with("`m.gguf`: the tokenizer cannot be read: ") && found.contains(reason), "{found}");
    };
    for merge in ["h", "h e l", "", "h q"] {
        let merges = json!(["h e", merge]);
        unreadable(speaking("smollm").set("tokenizer.ggml.merges", merges), "");
    }
    let mut twice = vocabulary();
    twice[0] = "<s>".into();
    unreadable(speaking("smollm").set("tokenizer.ggml.tokens", json!(twice)), "token `<s>` is there twice");
    unreadable(speaking("smollm").set("tokenizer.chat_template", json!("{% for %}")), "chat template: ");
    // No vocabulary at all: token ids still run.
    let silent = draft(&fixture(LLAMA)).loaded();
    assert!(matches!(silent.tokenize(["hello"]), Err(TextError::NoTokenizer { .. })));
}
