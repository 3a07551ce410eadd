//! Sampling, stop strings and streaming: what a text depends on, and what it does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::cell::RefCell;
use std::ops::ControlFlow;

use isinglass_core::site::resid_post;
use isinglass_core::{Forward, Generate, Generation, RunError, Sampler, Stop, TokenBatch, device, edit};
use isinglass_model::{GenerateError, Model, TextError};
use isinglass_testkit::{tokens_of, variants};

/// Models allocate every result anew: the system's allocator would spend much of these tests on returning pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A sampler for each setting, and one with all of them.
fn samplers() -> Vec<Sampler> {
    let plain = Sampler::new(10, 3).ignore_end();
    vec![
        Sampler::greedy(10).ignore_end().repetition_penalty(1.8),
        plain.clone().temperature(0.7),
        plain.clone().top_k(5),
        plain.clone().top_p(0.8),
        plain.clone().min_p(0.1),
        plain.clone().repetition_penalty(1.5),
        plain.temperature(1.3).top_k(20).top_p(0.95).min_p(0.02).repetition_penalty(1.2),
    ]
}

fn texts(model: &Model, prompts: &TokenBatch, sampler: &Sampler) -> Vec<Generation> {
    model.generate(prompts, sampler, ()).unwrap()
}

/// The same prompt, seed and sample give the same text in any batch, at any place, beside longer and shorter prompts.
#[test]
fn a_text_does_not_depend_on_the_batch() {
    for model in variants(&device("cpu").unwrap()) {
        let ragged = tokens_of(&model, &[5, 2, 9]);
        let rows: Vec<Vec<u32>> = (0..3).map(|r| ragged.row(r).to_vec()).collect();
        for sampler in samplers() {
            let together = texts(&model, &ragged, &sampler.clone().samples(3));
            assert_eq!(together.len(), 9);
            let turned = TokenBatch::new(rows.iter().rev().cloned()).unwrap();
            let turned = texts(&model, &turned, &sampler.clone().samples(2));
            for (r, row) in rows.iter().enumerate() {
                let name = format!("{}: {sampler:?}: row {r}", model.spec().name);
                let alone = TokenBatch::one(row.clone()).unwrap();
                for s in 0..3 {
                    let single = texts(&model, &alone, &sampler.clone().first_sample(s)).remove(0);
                    assert_eq!(together[r * 3 + s], single, "{name}: sample {s}");
                    if s < 2 {
                        assert_eq!(turned[(2 - r) * 2 + s], single, "{name}: sample {s}, other order");
                    }
                }
            }
            let recomputed = model.generate_recomputing(&ragged, &sampler.clone().samples(3), (), |_, _| {}).unwrap();
            assert_eq!(together, recomputed, "{}: {sampler:?}", model.spec().name);
        }
    }
}

#[test]
fn samples_differ_by_number_seed_and_prompt_and_equal_prompts_agree() {
    let model = variants(&device("cpu").unwrap()).remove(0);
    let prompt = tokens_of(&model, &[4]);
    let sampler = Sampler::new(12, 3).samples(8);
    let drawn = texts(&model, &prompt, &sampler);
    let distinct: std::collections::BTreeSet<_> = drawn.iter().map(|g| &g.tokens).collect();
    assert!(distinct.len() > 6, "{distinct:?}");
    assert_ne!(drawn, texts(&model, &prompt, &Sampler::new(12, 4).samples(8)));
    let twice = TokenBatch::new([prompt.row(0).to_vec(), prompt.row(0).to_vec()]).unwrap();
    let twice = texts(&model, &twice, &sampler);
    assert_eq!((&twice[..8], &twice[8..]), (&drawn[..], &drawn[..]));
    let greedy = texts(&model, &prompt, &Sampler::greedy(12).samples(2));
    assert_eq!(greedy[0], greedy[1]);
}

#[test]
fn filters_reach_the_text() {
    let model = variants(&device("cpu").unwrap()).remove(0);
    let prompts = tokens_of(&model, &[4, 7]);
    let greedy = texts(&model, &prompts, &Sampler::greedy(12));
    let hot = Sampler::new(12, 1).temperature(3.0);
    assert_ne!(texts(&model, &prompts, &hot), greedy);
    for only_one in [hot.clone().top_k(1), hot.clone().top_p(1e-6), hot.min_p(1.0)] {
        assert_eq!(texts(&model, &prompts, &only_one), greedy, "{only_one:?}");
    }
    // So great a penalty lets no token come twice, nor one of the prompt.
    let fresh = texts(&model, &prompts, &Sampler::greedy(20).repetition_penalty(1e9));
    for (row, generation) in fresh.iter().enumerate() {
        let mut all = [prompts.row(row), &generation.tokens].concat();
        let n = all.len();
        all.sort_unstable();
        all.dedup();
        let prompt_repeats = prompts.row(row).len();
        assert!(all.len() >= n - prompt_repeats && generation.tokens.len() == 20, "{all:?}");
        assert!(generation.tokens.iter().all(|t| !prompts.row(row).contains(t)));
    }
}

#[test]
fn a_callback_ends_its_own_row() {
    let model = variants(&device("cpu").unwrap()).remove(0);
    let prompts = tokens_of(&model, &[4, 2]);
    let free = texts(&model, &prompts, &Sampler::greedy(9));
    let mut told = 0;
    let stopped = model
        .generate_until(&prompts, &Sampler::greedy(9), (), |row, _| {
            told += usize::from(row == 1);
            if row == 1 && told == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(stopped[0], free[0]);
    assert_eq!(stopped[1], Generation { tokens: free[1].tokens[..3].to_vec(), stop: Stop::Asked });
}

#[test]
fn bad_settings_are_refused_before_anything_runs() {
    let model = variants(&device("cpu").unwrap()).remove(0);
    let ran = RefCell::new(0);
    let watch = || {
        edit(resid_post(0), |x| {
            *ran.borrow_mut() += 1;
            x
        })
    };
    let error = model.generate(&tokens_of(&model, &[3]), &Sampler::new(4, 0).top_p(1.5), watch()).unwrap_err();
    assert!(matches!(error, RunError::Sampler(_)), "{error}");
    assert_eq!(error.to_string(), "top-p is `1.5`, it must be above 0 and at most 1: 1 keeps every token");
    let plain = model.generate_recomputing(&tokens_of(&model, &[3]), &Sampler::new(4, 0).top_k(0), watch(), |_, _| {});
    assert!(plain.is_err());
    assert_eq!(*ran.borrow(), 0);
    let none: [&str; 0] = [];
    let error = model.generate_text(&tokens_of(&model, &[3]), &Sampler::greedy(4), &none, (), |_, _| {}).unwrap_err();
    assert!(matches!(error, GenerateError::Text(TextError::NoTokenizer { .. })), "{error}");
}

/// The tiny model's tokens are bytes, so that every stop string straddles tokens, and so does every character that is
/// not ASCII.
#[test]
fn text_stops_before_the_first_stop_string() {
    let model = Model::load("tiny", &device("cpu").unwrap()).unwrap();
    let prompts = model.tokenize(["once upon", "a time"]).unwrap();
    let sampler = Sampler::new(120, 5).ignore_end().samples(2);
    let none: [&str; 0] = [];
    let run = |stops: &[&str]| {
        let mut streamed = vec![String::new(); 4];
        let texts = model
            .generate_text(&prompts, &sampler, stops, (), |row, piece| {
                assert!(!piece.is_empty());
                streamed[row].push_str(piece);
            })
            .unwrap();
        for (text, streamed) in texts.iter().zip(&streamed) {
            assert_eq!(&text.text, streamed, "the pieces make the text");
        }
        texts
    };
    let free = run(&none);
    assert_eq!(free.iter().map(|t| t.tokens.len()).collect::<Vec<_>>(), [120; 4]);
    let mut checked = 0;
    for (row, whole) in free.iter().enumerate() {
        let ascii: Vec<(usize, &str)> = (0..whole.text.len() - 1)
            .filter_map(|i| Some((i, whole.text.get(i..i + 2)?)))
            .filter(|(_, pair)| pair.is_ascii())
            .collect();
        let Some((_, stop)) = ascii.last() else { continue };
        let first = whole.text.find(stop).unwrap();
        let texts = run(&["no such text", stop]);
        let text = &texts[row];
        assert_eq!((text.stop, text.stop_string.as_deref()), (Stop::Asked, Some(*stop)));
        assert_eq!(text.text, whole.text[..first]);
        assert_eq!(model.text(&text.tokens).unwrap(), text.text);
        assert_eq!(text.tokens, whole.tokens[..text.tokens.len()]);
        // The other rows go on as they did, up to where they meet it themselves.
        for (other, whole) in texts.iter().zip(&free) {
            assert_eq!(other.text, whole.text.split(stop).next().unwrap());
        }
        checked += 1;
    }
    assert!(checked > 0, "no pair of ASCII characters in {free:?}");
    let error = model.generate_text(&prompts, &sampler, &["x", ""], (), |_, _| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stop string 1 is empty, which occurs before the first token: give it one character at least"
    );
}
