//! Scoring continuations: equal to a full pass, to the reference, and refused where it makes no sense.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use isinglass_core::site::{k, resid_post, rot_k};
use isinglass_core::{Forward, Hook, Likelihood, Run, Score, Tensor, TokenBatch, device, edit, edit_at};
use isinglass_model::{DecoderSpec, Model, Positions, RopeScaling};
use isinglass_testkit::{Expected, assert_close, built, folders, tokens_of, values, variants};

/// Models allocate every result anew: the system's allocator would spend much of these tests on returning pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Every built family's fixture, with its reference values.
fn fixtures() -> Vec<(Model, Expected)> {
    let cpu = device("cpu").unwrap();
    let mut found = Vec::new();
    for folder in folders("models") {
        let expected = Expected::in_folder(&folder);
        if built().iter().any(|family| expected.json["model_type"] == *family) {
            found.push((Model::load(folder.to_str().unwrap(), &cpu).unwrap(), expected));
        }
    }
    assert!(!found.is_empty());
    found
}

/// Log-softmax by hand: the log-probability and rank of a token.
fn by_hand(logits: &[f32], token: u32) -> (f32, usize) {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total = top + logits.iter().map(|l| (l - top).exp()).sum::<f32>().ln();
    let own = logits[token as usize];
    (own - total, logits.iter().filter(|l| **l > own).count())
}

fn check(score: &Likelihood, logits: &[f32], vocab: usize, prefix: usize, ids: &[u32], atol: f32, name: &str) {
    let rows: Vec<&[f32]> = logits.chunks_exact(vocab).collect();
    let expected: Vec<(f32, usize)> = ids.iter().zip(&rows[prefix - 1..]).map(|(id, row)| by_hand(row, *id)).collect();
    let (log_probs, ranks): (Vec<f32>, Vec<usize>) = expected.into_iter().unzip();
    let found: Vec<f32> = score.log_probs.iter().map(|l| *l as f32).collect();
    assert_close(&found, &log_probs, atol, 0.0, name);
    assert_eq!(score.ranks, ranks, "{name}");
    assert!((score.sum() - score.log_probs.iter().sum::<f64>()).abs() < 1e-12);
    assert!((score.loss() + score.sum() / ids.len() as f64).abs() < 1e-12);
}

/// A hook whose effect depends on the position, at keys (which the cache keeps) and at the stream.
fn busy(model: &Model) -> impl Hook + use<> {
    let keys = if model.sites().contains(rot_k(1)) { rot_k(1) } else { k(1) };
    let stream = edit_at(resid_post(0), |at, x: Tensor<3>| {
        let [batch, pos, _] = x.dims();
        let by = |r: usize, c: usize| (at.layout.position(r, c) as f32 * 0.7).sin() * 0.3 + 1.0;
        let by: Vec<f32> = (0..batch).flat_map(|r| (0..pos).map(move |c| by(r, c))).collect();
        let by = Tensor::<1>::from_floats(by.as_slice(), &x.device()).reshape([batch, pos, 1]);
        x * by
    });
    (stream, edit(keys, |x| x * 1.1 + 0.05))
}

#[test]
fn scores_equal_a_full_pass_of_each_continuation() {
    let models = variants(&device("cpu").unwrap()).into_iter().chain(fixtures().into_iter().map(|(model, _)| model));
    for model in models {
        let (name, vocab) = (model.spec().name.clone(), model.spec().vocab);
        let rows = tokens_of(&model, &[6, 4, 1, 11, 2]);
        let prefix = rows.row(0);
        let continuations: Vec<&[u32]> = (1..5).map(|r| rows.row(r)).collect();
        for hooked in [false, true] {
            let hook = || hooked.then(|| busy(&model));
            let scores = model.score(prefix, &continuations, hook()).unwrap();
            assert_eq!(scores.len(), 4);
            let recomputed = model.score_recomputing(prefix, &continuations, hook()).unwrap();
            for (i, ids) in continuations.iter().enumerate() {
                // The last token predicts nothing that is asked; with LongRoPE one token more can change all logits.
                let all = TokenBatch::one([prefix, &ids[..ids.len() - 1]].concat()).unwrap();
                let logits = values(model.run(&all, hook()).unwrap());
                let name = format!("{name}: continuation {i}, hooked {hooked}");
                check(&scores[i], &logits, vocab, prefix.len(), ids, 1e-4, &name);
                check(&recomputed[i], &logits, vocab, prefix.len(), ids, 1e-4, &name);
            }
        }
        let alone = model.score(&prefix[..1], &continuations[1..2], ()).unwrap();
        assert_eq!(alone[0].log_probs.len(), 1, "{name}: one token after one token");
    }
}

#[test]
fn scores_equal_the_reference() {
    for (model, expected) in fixtures() {
        if let Positions::Rotary { scaling: RopeScaling::Long { .. }, .. } = model.decoder_spec().positions {
            // A cut text is turned another way than the whole one: the reference has only the whole.
            continue;
        }
        for p in [0, 1] {
            let ids = expected.ids(&format!("p{p}.input_ids"));
            let logits = expected.floats(&format!("p{p}.logits"));
            // The same continuation begun at three places, and cut to three lengths.
            for split in [1, ids.len() / 2, ids.len() - 1] {
                let (prefix, rest) = ids.split_at(split);
                let cuts = [rest, &rest[..1], &rest[..rest.len().div_ceil(2)]];
                for (cut, score) in cuts.iter().zip(model.score(prefix, &cuts, ()).unwrap()) {
                    let name = format!("{}: p{p} after {split}, {} tokens", model.spec().name, cut.len());
                    check(&score, &logits, model.spec().vocab, split, cut, 5e-4, &name);
                }
            }
        }
    }
}

/// With a large vocabulary a long continuation takes several passes.
#[test]
fn long_continuations_are_scored_in_parts() {
    let tiny = Model::load("tiny", &device("cpu").unwrap()).unwrap().decoder_spec().clone();
    let spec = DecoderSpec { vocab: 200_000, n_layers: 1, d_model: 8, n_ctx: 128, ..tiny };
    let model = Model::random("wide", spec, 1, &device("cpu").unwrap());
    let ids: Vec<u32> = (0..112).map(|i| i * 1777 % 200_000).collect();
    let passes = std::cell::RefCell::new(0);
    let counted = isinglass_core::observe(resid_post(0), |_, _: &Tensor<3>| *passes.borrow_mut() += 1);
    let scores = model.score(&ids[..2], &[&ids[2..], &ids[50..60]], counted).unwrap();
    assert!(*passes.borrow() > 2, "{passes:?}");
    let recomputed = model.score_recomputing(&ids[..2], &[&ids[2..], &ids[50..60]], ()).unwrap();
    for (a, b) in scores.iter().zip(&recomputed) {
        let floats = |l: &Likelihood| l.log_probs.iter().map(|x| *x as f32).collect::<Vec<_>>();
        assert_close(&floats(a), &floats(b), 1e-4, 0.0, "in parts");
    }
}

#[test]
fn what_cannot_be_scored_is_refused() {
    let model = variants(&device("cpu").unwrap()).remove(0);
    let error = |prefix: &[u32], continuations: &[&[u32]]| {
        let cached = model.score(prefix, continuations, ()).unwrap_err().to_string();
        assert_eq!(cached, model.score_recomputing(prefix, continuations, ()).unwrap_err().to_string());
        cached
    };
    assert!(error(&[], &[&[1]]).starts_with("the prefix is empty, so nothing predicts the first token"));
    assert_eq!(error(&[1], &[]), "no continuations were given: give one at least");
    assert_eq!(error(&[1], &[&[1], &[]]), "continuation 1 is empty: give it one token at least");
    assert_eq!(
        error(&[1], &[&[1], &[2, 50]]),
        "token id 50 at position 2 of row 1 is outside the vocabulary of `llama`: ids go from 0 to 49"
    );
    assert_eq!(error(&[1; 40], &[&[1], &[2; 26]]), "row 1 has 65 tokens, the context of `llama` holds 64: shorten it");
    // Nothing is asked of what follows the last token, so it may lie one past the context.
    assert_eq!(model.score(&[1; 40], &[&[2; 25]], ()).unwrap()[0].ranks.len(), 25);
    let site = model.score(&[1], &[&[2]], edit(resid_post(9), |x| x)).unwrap_err().to_string();
    assert!(site.contains("blocks.9.hook_resid_post"), "{site}");
}
