//! Parts of a text and turns of a chat are the tokens that hold them, whatever the tokenizer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::env;

use isinglass_core::{Forward, Passage, device};
use isinglass_model::{ChatEnd, Message, Model, ModelSource, Specials, TextError};
use isinglass_testkit::own;

/// A model for each vocabulary there is: byte-level and SentencePiece, with BOS and without.
fn models() -> Vec<Model> {
    let cpu = device("cpu").unwrap();
    let mut models = vec![Model::load("tiny", &cpu).unwrap()];
    for entry in std::fs::read_dir(own().join("tokenizers")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "gguf") {
            models.push(Model::open(&ModelSource::Gguf(path), &cpu).unwrap());
        }
    }
    assert!(models.len() >= 7, "{}", models.len());
    models
}

fn said(model: &Model, passage: &Passage, span: usize) -> String {
    let tokens = passage.spans()[span].tokens.clone();
    model.tokenizer().unwrap().decode(&passage.ids()[tokens], Specials::Add).unwrap()
}

#[test]
fn parts_are_the_tokens_that_hold_them() {
    let parts = [
        ("scenario", "Scenario: the café by the pier was shut.\n\n"),
        ("label", "Response: "),
        ("response", "I hear you 🙂 \u{1f469}\u{200d}\u{1f467}, it is late. "),
        ("end", "Bye"),
    ];
    for model in models() {
        let name = &model.spec().name;
        let passage = model.passage_of(&parts).unwrap();
        let whole: String = parts.iter().map(|(_, text)| *text).collect();
        assert_eq!(passage.ids(), model.tokenize([&whole]).unwrap().row(0), "{name}");
        for (i, (part, text)) in parts.iter().enumerate() {
            assert_eq!(passage.spans()[i].name, *part);
            assert_eq!(said(&model, &passage, i).trim(), text.trim(), "{name}: {part}");
        }
        // Every token that is not special belongs to one of them.
        let ends: Vec<_> = passage.spans().iter().map(|span| span.tokens.clone()).collect();
        assert!(ends.windows(2).all(|pair| pair[0].end <= pair[1].start), "{name}: {ends:?}");
        let n: usize = ends.iter().map(ExactSizeIterator::len).sum();
        let special = (0..passage.ids().len()).filter(|pos| passage.is_special(*pos)).count();
        assert_eq!(n + special, passage.ids().len(), "{name}: {ends:?}");
    }
}

#[test]
fn specials_are_those_that_the_tokenizer_adds() {
    for model in models() {
        let with = model.passage("plain words").unwrap();
        let plain = model.tokenizer().unwrap().encode("plain words", Specials::Skip).unwrap();
        let kept: Vec<u32> = (0..with.ids().len()).filter(|p| !with.is_special(*p)).map(|p| with.ids()[p]).collect();
        assert_eq!(kept, plain, "{}", model.spec().name);
    }
}

#[test]
fn a_tokenizer_has_a_hash_of_its_own() {
    let hash = |model: &Model| model.tokenizer().unwrap().sha256().unwrap();
    let hashes: Vec<String> = models().iter().map(hash).collect();
    assert_eq!(hashes, models().iter().map(hash).collect::<Vec<_>>());
    let mut different = hashes.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), hashes.len());
}

/// The default model's template has a system turn of its own and marks around each turn.
#[test]
fn turns_of_a_real_template_are_found() {
    let model = match Model::open(&ModelSource::Default, &device("cpu").unwrap()) {
        Ok(model) => model,
        Err(why) => {
            assert!(env::var_os("ISINGLASS_REQUIRE_SMOLLM2").is_none(), "SmolLM2 is required here: {why}");
            println!("skipped: {why}");
            return;
        }
    };
    let chat = [
        Message::user("user"),
        Message::new("assistant", "Of course: <b>assistant</b>"),
        Message::user("Is it  far?\n"),
    ];
    let passage = model.chat_passage(&chat, ChatEnd::AssistantsTurn).unwrap();
    assert_eq!(passage.ids(), model.tokenize_chat(&chat).unwrap().row(0));
    let names: Vec<&str> = passage.spans().iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["user", "assistant", "user", "assistant"]);
    for (i, message) in chat.iter().enumerate() {
        assert_eq!(said(&model, &passage, i).trim_end(), message.content.trim_end());
    }
    let before = |span: usize| {
        let at = passage.spans()[span].tokens.start - 1;
        model.tokenizer().unwrap().decode(&passage.ids()[at - 3..=at], Specials::Add).unwrap()
    };
    for turn in [1, 3] {
        assert!(before(turn).ends_with("assistant\n"), "{}", before(turn));
    }
    assert_eq!(passage.spans()[3].tokens, passage.ids().len()..passage.ids().len());
    let specials = (0..passage.ids().len()).filter(|pos| passage.is_special(*pos));
    let marks: Vec<String> =
        specials.map(|pos| model.tokenizer().unwrap().token(passage.ids()[pos]).unwrap()).collect();
    assert!(marks.len() >= 7 && marks.iter().all(|mark| ["<|im_start|>", "<|im_end|>"].contains(&mark.as_str())));
    let as_is = model.chat_passage(&chat[..2], ChatEnd::AsIs).unwrap();
    assert_eq!(as_is.spans().len(), 2);
}

#[test]
fn what_has_no_tokens_or_no_template_is_refused() {
    let models = models();
    let none = models[0].passage_of(&[("a", ""), ("b", "")]).unwrap_err();
    assert!(matches!(none, TextError::NoTokens { .. }), "{none}");
    let without = models.iter().find(|model| model.tokenizer().unwrap().chat().is_none()).unwrap();
    let error = without.chat_passage(&[Message::user("hi")], ChatEnd::AsIs).unwrap_err();
    assert!(matches!(error, TextError::NoChatTemplate { .. }), "{error}");
}
