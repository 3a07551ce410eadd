//! Every built family equals transformers: activations, interventions, gradients, greedy text.
//!
//! Walks every folder below the fixture root; a family that is not built is skipped by name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

#[path = "parity/table.rs"]
mod table;

use std::fs;
use std::path::Path;

use isinglass_core::site::{embed, mlp_out, pattern, resid_post, resid_pre, z};
use isinglass_core::{
    Cache, Cached, Forward, Generate, Hook, Run, Sampler, SiteId, Tensor, TokenBatch, device, edit, edit_each,
};
use isinglass_model::Model;
use isinglass_testkit::{Expected, assert_close, built, folders, values};
use serde_json::Value;

/// Models allocate every result anew: the system's allocator would spend much of these tests on returning pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tolerances of the fixtures, on top of 1e-4 of the tensor's greatest magnitude.
const LOGITS: f32 = 5e-4;
const OTHERS: f32 = 2e-4;
const RTOL: f32 = 1e-4;

/// Runs a check on each built model, under each form of its config.
fn each(check: impl Fn(&Model, &Expected, &str)) {
    let mut checked = 0;
    for folder in folders("models") {
        let expected = Expected::in_folder(&folder);
        let (name, family) = (folder.file_name().unwrap().to_string_lossy(), &expected.json["model_type"]);
        if !built().iter().any(|b| family == b) {
            println!("skipped {name}: family {family} is not built yet");
            continue;
        }
        check(&load(&folder), &expected, &name);
        if folder.join("config.v5.json").is_file() {
            let copy = with_config(&folder, "config.v5.json");
            check(&load(copy.path()), &expected, &format!("{name} (config.v5.json)"));
        }
        checked += 1;
    }
    assert!(checked > 0, "no family of the fixtures is built");
}

fn load(folder: &Path) -> Model {
    Model::load(folder.to_str().unwrap(), &device("cpu").unwrap())
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
}

/// A copy of a model folder with another file as its config.
fn with_config(folder: &Path, config: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("model") {
            fs::copy(&path, copy.path().join(name)).unwrap();
        }
    }
    fs::copy(folder.join(config), copy.path().join("config.json")).unwrap();
    copy
}

/// The values of an activation of batch 1, and its shape without the batch.
fn unbatched<const R: usize>(x: &Tensor<R>) -> (Vec<usize>, Vec<f32>) {
    (x.dims()[1..].to_vec(), values(x.clone()))
}

fn of_site(cache: &Cache, site: SiteId) -> (Vec<usize>, Vec<f32>) {
    match (site.stream(), site.heads()) {
        (Some(site), _) => unbatched(cache.get(site).unwrap()),
        (_, Some(site)) => unbatched(cache.get(site).unwrap()),
        _ => unreachable!(),
    }
}

fn prompt(expected: &Expected, p: usize) -> TokenBatch {
    TokenBatch::one(expected.ids(&format!("p{p}.input_ids"))).unwrap()
}

#[test]
fn every_activation_equals_the_reference() {
    each(|model, expected, name| {
        let n_layers = model.spec().n_layers;
        for p in [0, 1] {
            let mut cache = Cache::at(model.sites().clone());
            let logits = model.run(&prompt(expected, p), &mut cache).unwrap();
            let check = |key: &str, (shape, actual): (Vec<usize>, Vec<f32>), atol| {
                let key = format!("p{p}.{key}");
                assert_eq!(shape, expected.shape(&key), "{name}: {key}");
                assert_close(&actual, &expected.floats(&key), atol, RTOL, &format!("{name}: {key}"));
            };
            check("logits", unbatched(&logits), LOGITS);
            let residual = |l: usize| cache.get(resid_pre(l)).unwrap().clone();
            let normed = cache.get(isinglass_core::site::final_norm()).unwrap().clone();
            let hidden = (0..n_layers).map(residual).chain([normed]).collect();
            check("hidden_states", unbatched(&Tensor::cat(hidden, 0).unsqueeze::<4>()), OTHERS);
            let attention = (0..n_layers).map(|l| cache.get(pattern(l)).unwrap().clone()).collect();
            check("attentions", unbatched(&Tensor::cat(attention, 0).unsqueeze::<5>()), OTHERS);
            let prefix = format!("p{p}.");
            for key in expected.names().into_iter().filter_map(|key| key.strip_prefix(&prefix)) {
                if key.contains("hook_") {
                    let site: SiteId = key.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
                    check(key, of_site(&cache, site), OTHERS);
                }
            }
        }
    });
}

#[test]
fn every_tensor_of_the_fixtures_is_one_that_a_test_looks_at() {
    let looked_at =
        ["input_ids", "logits", "hidden_states", "attentions", "lens", "greedy", "grad.resid_pre", "steer_all.greedy"];
    let cases = ["steer_all", "steer_last", "ablate_head", "project_out", "patch", "mean_ablate_mlp"];
    each(|_, expected, name| {
        for key in expected.names() {
            let rest = key.strip_prefix("p0.").or(key.strip_prefix("p1."));
            let known = key == "steer.vector"
                || rest.is_some_and(|rest| {
                    rest.contains("hook_")
                        || looked_at.contains(&rest)
                        || rest.strip_suffix(".logits").is_some_and(|case| cases.contains(&case))
                });
            assert!(known, "{name}: nothing looks at `{key}`");
        }
    });
}

/// The final norm and the unembedding of an earlier layer: what the model says if its last layer leaves that.
#[test]
fn the_logit_lens_equals_the_reference() {
    each(|model, expected, name| {
        let (n_layers, batch) = (model.spec().n_layers, prompt(expected, 0));
        let cache = model.cache(&batch, (0..n_layers).map(resid_post).collect::<isinglass_core::SiteSet>()).unwrap();
        let mut lens = Vec::new();
        for l in 0..n_layers {
            let early = cache.get(resid_post(l)).unwrap().clone();
            lens.extend(values(model.unembed(early.clone()).unwrap()));
            // The same by an edit, which goes through the end of the pass itself.
            let edited = values(model.run(&batch, edit(resid_post(n_layers - 1), |_| early.clone())).unwrap());
            assert_eq!(lens[lens.len() - edited.len()..], edited, "{name}: layer {l}");
        }
        assert_close(&lens, &expected.floats("p0.lens"), LOGITS, RTOL, &format!("{name}: lens"));
    });
}

#[test]
fn greedy_text_equals_the_reference() {
    each(|model, expected, name| {
        let greedy = |p, n, hook: &mut dyn Hook| {
            let sampler = Sampler::greedy(n).ignore_end();
            model.generate(&prompt(expected, p), &sampler, hook).unwrap().remove(0).tokens
        };
        for p in [0, 1] {
            assert_eq!(greedy(p, 20, &mut ()), expected.ids(&format!("p{p}.greedy")), "{name}: p{p}");
        }
        let (layer, add) = steering(expected);
        let mut steer = edit(resid_post(layer), |x| {
            let add = add(&x);
            x + add
        });
        assert_eq!(greedy(0, 12, &mut steer), expected.ids("p0.steer_all.greedy"), "{name}: steered");
    });
}

#[test]
fn gradients_equal_the_reference() {
    each(|model, expected, name| {
        let of = &expected.json["p0"]["grad_of"];
        let [pos, plus, minus] = ["position", "logit_plus", "logit_minus"].map(|key| index(&of[key]));
        let layers: isinglass_core::SiteSet = (0..model.spec().n_layers).map(resid_pre).collect();
        let gradients = model
            .gradients(&prompt(expected, 0), layers, (), |logits| {
                let at = |id: usize| logits.clone().slice([0..1, pos..pos + 1, id..id + 1]);
                at(plus) - at(minus)
            })
            .unwrap();
        let all: Vec<f32> =
            (0..model.spec().n_layers).flat_map(|l| values(gradients.get(resid_pre(l)).unwrap().clone())).collect();
        assert_close(&all, &expected.floats("p0.grad.resid_pre"), OTHERS, RTOL, &format!("{name}: gradient"));
    });
}

#[test]
fn interventions_equal_the_reference() {
    each(|model, expected, name| {
        let (layer, add) = steering(expected);
        let what = &expected.json["interventions"];
        let (head, patched) = (index(&what["head"]), index(&what["patch_position"]));
        let (p0, p1) = (prompt(expected, 0), prompt(expected, 1));
        let other = model.cache(&p1, [resid_pre(layer), mlp_out(layer)]).unwrap();
        let direction =
            |x: &Tensor<3>| Tensor::<1>::from_floats(expected.floats("steer.vector").as_slice(), &x.device());
        let check = |case: &str, hook: &mut dyn Hook| {
            let actual = values(model.run(&p0, hook).unwrap());
            let key = format!("p0.{case}.logits");
            assert_close(&actual, &expected.floats(&key), LOGITS, RTOL, &format!("{name}: {case}"));
        };
        check(
            "steer_all",
            &mut edit(resid_post(layer), |x| {
                let add = add(&x);
                x + add
            }),
        );
        check(
            "steer_last",
            &mut edit(resid_post(layer), |x| {
                let [_, pos, d] = x.dims();
                let last = x.clone().narrow(1, pos - 1, 1) + add(&x);
                x.slice_assign([0..1, pos - 1..pos, 0..d], last)
            }),
        );
        check(
            "ablate_head",
            &mut edit(z(layer), |x| {
                let [batch, pos, _, d_head] = x.dims();
                let none = Tensor::zeros([batch, pos, 1, d_head], &x.device());
                x.slice_assign([0..batch, 0..pos, head..head + 1, 0..d_head], none)
            }),
        );
        check(
            "project_out",
            &mut edit_each((0..model.spec().n_layers).map(resid_post), |_, x: Tensor<3>| {
                let v = direction(&x).unsqueeze::<3>();
                let along = (x.clone() * v.clone()).sum_dim(2);
                x - along * v
            }),
        );
        check(
            "patch",
            &mut edit(resid_pre(layer), |x| {
                let [_, _, d] = x.dims();
                let from = other.get(resid_pre(layer)).unwrap().clone().narrow(1, patched, 1);
                x.slice_assign([0..1, patched..patched + 1, 0..d], from)
            }),
        );
        check(
            "mean_ablate_mlp",
            &mut edit(mlp_out(layer), |x| other.get(mlp_out(layer)).unwrap().clone().mean_dim(1).expand(x.dims())),
        );
    });
}

/// The layer that the fixture steers, and what it adds to the stream there.
fn steering(expected: &Expected) -> (usize, impl Fn(&Tensor<3>) -> Tensor<3>) {
    let what = &expected.json["interventions"];
    let (alpha, vector) = (what["alpha"].as_f64().unwrap(), expected.floats("steer.vector"));
    let add = move |x: &Tensor<3>| Tensor::<1>::from_floats(vector.as_slice(), &x.device()).unsqueeze::<3>() * alpha;
    (index(&what["layer"]), add)
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// A pass that stops early gives the same activations up to there.
#[test]
fn activations_are_the_same_whether_or_not_the_rest_is_run() {
    each(|model, expected, name| {
        let batch = prompt(expected, 0);
        let full = model.cache(&batch, model.sites().clone()).unwrap();
        for site in [embed().id(), resid_pre(1).id(), resid_post(0).id()] {
            let early = model.cache(&batch, site).unwrap();
            let (early, full) = (of_site(&early, site).1, of_site(&full, site).1);
            assert_close(&early, &full, 1e-5, 1e-6, &format!("{name}: {site}"));
        }
    });
}
