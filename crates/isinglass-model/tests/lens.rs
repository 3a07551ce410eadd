//! The logit lens: equal to the model where it must be, and to a softmax by hand elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use isinglass_core::site::{attn_out, embed, mlp_out, pattern, q, resid_mid, resid_post, resid_pre};
use isinglass_core::{Forward, Run, RunError, Score, SiteSet, Tensor, TokenBatch, device, edit};
use isinglass_model::{DecoderSpec, Lens, Model};
use isinglass_testkit::{Expected, built, folders, tokens_of, values, variants};

/// Models allocate every result anew: the system's allocator would spend much of these tests on returning pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn models() -> Vec<Model> {
    let cpu = device("cpu").unwrap();
    let mut models = variants(&cpu);
    for folder in folders("models") {
        if built().iter().any(|family| Expected::in_folder(&folder).json["model_type"] == *family) {
            models.push(Model::load(folder.to_str().unwrap(), &cpu).unwrap());
        }
    }
    models
}

fn lens(model: &Model, ids: &[u32], sites: impl Into<SiteSet>) -> Lens {
    model.lens(ids, sites, 3, (), |_| {}).unwrap()
}

/// After the last layer the lens shows the model itself.
#[test]
fn the_last_layer_is_the_model() {
    for model in models() {
        let (name, last) = (model.spec().name.clone(), resid_post(model.spec().n_layers - 1));
        let batch = tokens_of(&model, &[7]);
        let ids = batch.row(0);
        let found = lens(&model, ids, last).sites.remove(0);
        let score = model.score(&ids[..1], &[&ids[1..]], ()).unwrap().remove(0);
        assert!((found.loss().unwrap() - score.loss()).abs() < 1e-4, "{name}");
        assert!(found.mean_kl() < 1e-9, "{name}: {}", found.mean_kl());
        for (pos, reading) in found.readings.iter().enumerate() {
            assert_eq!((reading.final_rank, reading.top.len()), (0, 3), "{name}");
            assert_eq!(
                reading.next.map(|next| (next.id, next.rank)),
                ids.get(pos + 1).map(|id| (*id, score.ranks[pos]))
            );
        }
    }
}

#[test]
fn readings_are_those_of_a_softmax_by_hand() {
    for model in models() {
        let batch = tokens_of(&model, &[6]);
        let ids = batch.row(0);
        let mut sites = vec![resid_pre(1), resid_post(0), attn_out(1), mlp_out(1), embed()];
        if model.sites().contains(resid_mid(1)) {
            sites.push(resid_mid(1));
        }
        let read = lens(&model, ids, sites.iter().copied().collect::<SiteSet>());
        assert_eq!(read.sites.len(), sites.len());
        let own = softmax(&values(model.run(&batch, ()).unwrap()), model.spec().vocab);
        for read in read.sites {
            let mut kept = None;
            let site = read.site.stream().unwrap();
            model
                .activations(&batch, isinglass_core::observe(site, |_, x: &Tensor<3>| kept = Some(x.clone())))
                .unwrap();
            let here = softmax(&values(model.unembed(kept.unwrap()).unwrap()), model.spec().vocab);
            for (pos, reading) in read.readings.iter().enumerate() {
                let (name, p) = (format!("{}: {} at {pos}", model.spec().name, read.site), &here[pos]);
                let mut order: Vec<usize> = (0..p.len()).collect();
                order.sort_by(|a, b| p[*b].total_cmp(&p[*a]));
                for (top, id) in reading.top.iter().zip(order) {
                    assert!((top.probability - p[id]).abs() < 1e-6, "{name}");
                }
                let kl: f64 = own[pos].iter().zip(p).filter(|(o, _)| **o > 0.0).map(|(o, h)| o * (o / h).ln()).sum();
                assert!((reading.kl - kl).abs() < 1e-3 * (1.0 + kl), "{name}: {} {kl}", reading.kl);
                let next = reading.next.map_or(0.0, |next| next.log_prob.exp() - p[next.id as usize]);
                assert!(next.abs() < 1e-6, "{name}");
            }
        }
    }
}

fn softmax(logits: &[f32], vocab: usize) -> Vec<Vec<f64>> {
    let row = |logits: &[f32]| {
        let weights: Vec<f64> = logits.iter().map(|l| f64::from(*l).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / sum).collect()
    };
    logits.chunks_exact(vocab).map(row).collect()
}

/// With a large vocabulary a text is read in parts, which changes nothing.
#[test]
fn long_texts_are_read_in_parts() {
    let cpu = device("cpu").unwrap();
    let tiny = Model::load("tiny", &cpu).unwrap().decoder_spec().clone();
    let spec = DecoderSpec { vocab: 300_000, n_layers: 2, d_model: 8, n_ctx: 128, ..tiny };
    let model = Model::random("wide", spec, 1, &cpu);
    let ids: Vec<u32> = (0..40).map(|i| i * 7177 % 300_000).collect();
    let mut told = Vec::new();
    let whole = model.lens(&ids, resid_post(0), 2, (), |done| told.push(done)).unwrap();
    assert!(told.len() > 2 && told.is_sorted() && told.last() == Some(&40), "{told:?}");
    let part = lens(&model, &ids[..20], resid_post(0));
    for (a, b) in whole.sites[0].readings.iter().zip(&part.sites[0].readings).take(19) {
        assert_eq!((a.top[0].id, a.next.unwrap().id), (b.top[0].id, b.next.unwrap().id));
        assert!((a.kl - b.kl).abs() < 1e-4 && (a.next.unwrap().log_prob - b.next.unwrap().log_prob).abs() < 1e-4);
    }
}

#[test]
fn hooks_come_before_the_lens() {
    let model = variants(&device("cpu").unwrap()).remove(0);
    let ids = [3, 1, 4];
    let sites: SiteSet = [resid_post(0), resid_post(2)].into();
    let plain = lens(&model, &ids, sites.clone());
    let steered = model.lens(&ids, sites, 3, edit(resid_post(1), |x| x * 0.3 + 0.7), |_| {}).unwrap();
    assert_eq!(plain.sites[0].readings[2].top, steered.sites[0].readings[2].top, "before the edit");
    assert_ne!(plain.sites[1], steered.sites[1], "after the edit");
    assert!(steered.sites[1].mean_kl() < 1e-9, "the model itself is the edited one");
}

#[test]
fn what_the_lens_cannot_read_is_refused() {
    let model = variants(&device("cpu").unwrap()).remove(0);
    let error = |ids: &[u32], sites: SiteSet| model.lens(ids, sites, 1, (), |_| {}).unwrap_err().to_string();
    for site in [pattern(0).id(), q(0).id(), isinglass_core::site::mlp_post(0).id()] {
        let error = error(&[1], site.into());
        assert!(
            error.starts_with(&format!("site `{site}` holds no vectors of the residual stream's width")),
            "{error}"
        );
    }
    assert_eq!(error(&[1], SiteSet::new()), "the lens was given no site: give one at least");
    assert_eq!(error(&[], resid_post(0).into()), "the lens was given no token: give one at least");
    assert!(error(&[50], resid_post(0).into()).contains("outside the vocabulary"));
    assert!(error(&[1], resid_post(7).into()).contains("has no site `blocks.7.hook_resid_post`"));
    let narrow = Tensor::<3>::zeros([1, 1, 23], &device("cpu").unwrap());
    let error = model.unembed(narrow).unwrap_err();
    assert!(matches!(error, RunError::Width { .. }));
    assert_eq!(error.to_string(), "vectors of width 23 were given, the residual stream of `llama` has width 24");
}

#[test]
fn tokens_are_made_visible() {
    let model = Model::load("tiny", &device("cpu").unwrap()).unwrap();
    let ids: TokenBatch = model.tokenize(["a \n\t\u{1}"]).unwrap();
    let tokenizer = model.tokenizer().unwrap();
    let shown: Vec<String> = ids.row(0).iter().map(|id| tokenizer.visible(*id)).collect();
    assert_eq!(shown, ["a", "·", "↵", "⇥", "\\u{1}"]);
    assert_eq!(tokenizer.visible(0), "<|end|>");
    // Half a character is shown as the vocabulary writes it, never as a replacement character.
    let half = model.tokenize(["é"]).unwrap().row(0)[0];
    assert_eq!(tokenizer.visible(half), "Ã");
    assert_eq!(tokenizer.visible(9999), "9999");
}
