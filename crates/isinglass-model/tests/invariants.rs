//! What holds for every model, whatever its weights: sites, equations, padding, caching, and hooks that cost nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use isinglass_core::site::{k, resid_post, resid_pre, result, rot_k, z};
use isinglass_core::{
    Cache, Cached, Forward, Generate, Generation, Hook, Run, RunError, Sampler, SiteId, SiteSet, Stop, Tensor,
    TokenBatch, device, edit, edit_at,
};
use isinglass_model::Model;
use isinglass_testkit::{
    assert_close, built, edits_change_the_logits, folders, graph, sites_fire_once_with_their_shape, the_equations_hold,
    tokens_of, values, variants,
};

/// Models allocate every result anew: the system's allocator would spend much of these tests on returning pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Random models of every kind, and the fixtures of every built family.
fn models() -> Vec<Model> {
    let cpu = device("cpu").unwrap();
    let mut models = variants(&cpu);
    for folder in folders("models") {
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        if built().iter().any(|family| config["model_type"] == *family) {
            models.push(Model::load(folder.to_str().unwrap(), &cpu).unwrap());
        }
    }
    models
}

fn row<const R: usize>(x: &Tensor<R>, row: usize, columns: std::ops::Range<usize>) -> Vec<f32> {
    values(x.clone().narrow(0, row, 1).narrow(1, columns.start, columns.len()))
}

#[test]
fn sites_fire_once_and_edits_change_the_logits() {
    for model in models() {
        sites_fire_once_with_their_shape(&model);
        edits_change_the_logits(&model);
    }
}

#[test]
fn equations_hold() {
    for model in models() {
        the_equations_hold(&model);
    }
}

#[test]
fn batched_equals_single_and_padding_changes_nothing() {
    for model in models() {
        let right = tokens_of(&model, &[6, 2, 9]);
        let last = model.spec().n_layers - 1;
        for batch in [right.clone(), right.left_padded()] {
            let mut cache = Cache::at([resid_post(last).id(), z(last).id()]);
            let logits = model.run(&batch, &mut cache).unwrap();
            let ends = model.run_last(&batch, ()).unwrap();
            for r in 0..3 {
                let alone = TokenBatch::one(right.row(r)).unwrap();
                let mut single = Cache::at([resid_post(last).id(), z(last).id()]);
                let expected = model.run(&alone, &mut single).unwrap();
                let (columns, name) = (batch.layout().columns(r), model.spec().name.clone());
                let check = |actual: &[f32], expected: &[f32], what: &str| {
                    assert_close(actual, expected, 2e-4, 1e-5, &format!("{name}: row {r}: {what}"));
                };
                check(&row(&logits, r, columns.clone()), &values(expected.clone()), "logits");
                let n = alone.layout().width();
                check(&values(ends.clone().narrow(0, r, 1)), &row(&expected, 0, n - 1..n), "last logits");
                let stream = cache.get(resid_post(last)).unwrap();
                check(
                    &row(stream, r, columns.clone()),
                    &values(single.get(resid_post(last)).unwrap().clone()),
                    "stream",
                );
                let heads = cache.get(z(last)).unwrap();
                check(&row(heads, r, columns), &values(single.get(z(last)).unwrap().clone()), "heads");
            }
        }
    }
}

/// A hook that changes keys, heads and stream, by amounts that depend on the position.
fn busy(model: &Model) -> impl Hook + use<> {
    let keys = if model.sites().contains(rot_k(1)) { rot_k(1) } else { k(1) };
    let stream = edit_at(resid_post(0), |at, x: Tensor<3>| {
        let [batch, pos, _] = x.dims();
        let by = |r: usize, c: usize| (at.layout.position(r, c) as f32 * 0.7).sin() * 0.3 + 1.0;
        let by: Vec<f32> = (0..batch).flat_map(|r| (0..pos).map(move |c| by(r, c))).collect();
        let by = Tensor::<1>::from_floats(by.as_slice(), &x.device()).reshape([batch, pos, 1]);
        x * by
    });
    (stream, edit(keys, |x| x * 1.1 + 0.05), edit(z(2.min(model.spec().n_layers - 1)), |x| x * 0.9))
}

#[test]
fn cached_generation_equals_recomputing_with_hooks_on() {
    for model in models() {
        let prompts = tokens_of(&model, &[5, 2, 7]);
        for sampler in [Sampler::greedy(12).ignore_end(), Sampler::new(12, 3).temperature(0.9).ignore_end()] {
            let cached = model.generate(&prompts, &sampler, busy(&model)).unwrap();
            let plain = model.generate_recomputing(&prompts, &sampler, busy(&model), |_, _| {}).unwrap();
            assert_eq!(cached, plain, "{}", model.spec().name);
            let alone = TokenBatch::one(prompts.row(0)).unwrap();
            assert_eq!(model.generate(&alone, &sampler, busy(&model)).unwrap()[0], cached[0], "{}", model.spec().name);
            assert!(cached.iter().all(|g| g.tokens.len() == 12 && g.stop == Stop::MaxNewTokens));
        }
    }
}

/// The logits themselves, not only the tokens they lead to.
#[test]
fn cached_logits_equal_those_of_one_pass() {
    for model in models() {
        let prompts = tokens_of(&model, &[4]);
        let mut steps: Vec<Vec<f32>> = Vec::new();
        let watch = edit(isinglass_core::site::logits(), |x: Tensor<3>| {
            let [_, pos, _] = x.dims();
            steps.push(values(x.clone().narrow(1, pos - 1, 1)));
            x
        });
        let new = model.generate(&prompts, &Sampler::greedy(6).ignore_end(), (busy(&model), watch)).unwrap();
        let all = [prompts.row(0), &new[0].tokens].concat();
        // Each of its own length: LongRoPE turns a longer sequence another way from its first token on.
        for (step, actual) in steps.iter().enumerate() {
            let so_far = TokenBatch::one(&all[..4 + step]).unwrap();
            let expected = values(model.run_last(&so_far, busy(&model)).unwrap());
            assert_close(actual, &expected, 2e-4, 1e-5, &format!("{}: step {step}", model.spec().name));
        }
        assert_eq!(steps.len(), 6);
    }
}

#[test]
fn generation_stops_at_every_end_token_and_at_the_context() {
    let cpu = device("cpu").unwrap();
    let spec = variants(&cpu)[0].decoder_spec().clone();
    let plain = Model::random("plain", spec.clone(), 11, &cpu);
    let prompts = tokens_of(&plain, &[3, 2]);
    let free = plain.generate(&prompts, &Sampler::greedy(20), ()).unwrap();
    let mut streamed = vec![Vec::new(); 2];
    plain.generate_with(&prompts, &Sampler::greedy(20), (), |row, token| streamed[row].push(token)).unwrap();
    assert_eq!(streamed, free.iter().map(|g| g.tokens.clone()).collect::<Vec<_>>());
    // The second end token is the fourth that the first row would choose.
    let end = free[0].tokens[3];
    let ending = isinglass_model::DecoderSpec { end_tokens: vec![9999, end], ..spec.clone() };
    let model = Model::random("ending", ending, 11, &cpu);
    let stopped = model.generate(&prompts, &Sampler::greedy(20), ()).unwrap();
    let first = free[0].tokens.iter().position(|t| *t == end).unwrap();
    assert_eq!(stopped[0], Generation { tokens: free[0].tokens[..first].to_vec(), stop: Stop::End(end) });
    let other = free[1].tokens.iter().position(|t| *t == end).unwrap_or(20);
    assert_eq!(stopped[1].tokens, free[1].tokens[..other], "a row that goes on is not disturbed by one that ended");
    let short = Model::random("short", isinglass_model::DecoderSpec { n_ctx: 6, ..spec }, 11, &cpu);
    let full = short.generate(&prompts, &Sampler::greedy(20), ()).unwrap();
    assert_eq!((full[0].stop, full[0].tokens.len()), (Stop::Context, 4));
    assert_eq!((full[1].stop, full[1].tokens.len()), (Stop::Context, 5));
    let none = plain.generate(&prompts, &Sampler::greedy(0), ()).unwrap();
    assert_eq!(none[0], Generation { tokens: vec![], stop: Stop::MaxNewTokens });
}

/// Operations of a pass of one of the variants.
fn operations(variant: usize, run: impl FnOnce(&Model, &TokenBatch)) -> Vec<String> {
    graph(|device| variants(device).remove(variant), run)
}

fn with_hook(variant: usize, hook: impl Hook) -> Vec<String> {
    operations(variant, |model, tokens| drop(model.run(tokens, hook).unwrap()))
}

#[test]
fn an_unused_hook_adds_nothing_to_the_operations() {
    for variant in 0..variants(&device("cpu").unwrap()).len() {
        let plain = with_hook(variant, ());
        assert!(plain.len() > 50, "{}", plain.len());
        assert_eq!(plain, with_hook(variant, (Cache::at(SiteSet::new()), ())), "unused");
        assert_eq!(plain, with_hook(variant, edit(resid_post(1), |x| x)), "watched");
        let heads = with_hook(variant, Cache::at(result(1)));
        assert!(heads.len() > plain.len(), "the result of each head costs operations only when wanted");
    }
}

#[test]
fn nothing_after_the_deepest_wanted_site_is_run() {
    for variant in 0..variants(&device("cpu").unwrap()).len() {
        let early = |site: SiteId| operations(variant, |model, tokens| drop(model.cache(tokens, site).unwrap())).len();
        let built = operations(variant, |_, _| {}).len();
        let full = with_hook(variant, ()).len();
        let counts = [resid_pre(0).id(), resid_post(0).id(), resid_post(1).id(), resid_post(2).id()].map(early);
        assert!(built < counts[0] && counts[3] < full, "{built} {counts:?} {full}");
        assert!(counts.is_sorted_by(|a, b| a < b), "{counts:?}");
        let last = operations(variant, |model, tokens| drop(model.run_last(tokens, ()).unwrap()));
        assert!(last.len() > counts[3], "the last logits need the whole pass");
    }
}

#[test]
fn what_the_model_does_not_have_is_an_error_before_anything_runs() {
    let model = variants(&device("cpu").unwrap()).remove(0);
    let batch = tokens_of(&model, &[4]);
    let error = |hook: &mut dyn Hook| model.run(&batch, hook).unwrap_err().to_string();
    assert_eq!(
        error(&mut edit(resid_post(99), |x| x)),
        "model `llama` has no site `blocks.99.hook_resid_post` (it has 3 layers): did you mean `blocks.2.hook_resid_post`?"
    );
    assert_eq!(
        error(&mut edit(isinglass_core::site::pos_embed(), |x| x)),
        "model `llama` has no site `hook_pos_embed` (it has 3 layers): did you mean `hook_embed`?"
    );
    let run = |ids: Vec<u32>| model.run(&TokenBatch::one(ids).unwrap(), ()).unwrap_err();
    assert_eq!(
        run(vec![1, 50]).to_string(),
        "token id 50 at position 1 of row 0 is outside the vocabulary of `llama`: ids go from 0 to 49"
    );
    assert_eq!(run(vec![1; 65]).to_string(), "row 0 has 65 tokens, the context of `llama` holds 64: shorten it");
    let reshaped = model.run(&batch, edit(resid_post(1), |x| x.narrow(1, 0, 2))).unwrap_err();
    assert!(matches!(reshaped, RunError::Reshaped { .. }), "{reshaped}");
}
