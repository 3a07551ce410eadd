//! What must hold at every site of every model.

use std::collections::BTreeMap;

use isinglass_core::site::{
    attn_out, attn_raw, mlp_out, pattern, resid_mid, resid_post, resid_pre, result, scores, v, z,
};
use isinglass_core::{Cache, Cached, Device, Forward, Hook, Run, SiteId, SiteSet, Tensor, TokenBatch, Visit, edit};

use crate::close::{assert_close, values};

/// A batch of rows of these lengths, with ids the model has.
pub fn tokens_of(model: &dyn Forward, lengths: &[usize]) -> TokenBatch {
    let vocab = model.spec().vocab;
    let row = |(r, &n): (usize, &usize)| (0..n).map(|i| ((i * 7 + r * 13 + 3) % vocab) as u32).collect();
    TokenBatch::new(lengths.iter().enumerate().map(row)).unwrap()
}

/// Counts visits and notes shapes.
struct Count {
    wanted: SiteSet,
    seen: BTreeMap<SiteId, (usize, Vec<usize>)>,
}

impl Count {
    fn note(&mut self, site: SiteId, dims: &[usize]) {
        let seen = self.seen.entry(site).or_default();
        *seen = (seen.0 + 1, dims.to_vec());
    }
}

impl Hook for Count {
    fn sites(&self) -> SiteSet {
        self.wanted.clone()
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        self.note(at.site.id(), &x.dims());
        x
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        self.note(at.site.id(), &x.dims());
        x
    }
}

/// Every declared site fires once in a pass, with the shape it declares, and watching changes nothing.
///
/// # Panics
/// If not.
pub fn sites_fire_once_with_their_shape(model: &dyn Forward) {
    let tokens = tokens_of(model, &[6, 4]);
    let mut count = Count { wanted: model.sites().clone(), seen: BTreeMap::new() };
    let watched = model.run(&tokens, &mut count).unwrap();
    for site in model.sites().iter() {
        let declared = site.shape(model.spec(), 2, 6, 0);
        assert_eq!(count.seen.get(&site), Some(&(1, declared)), "{}: {site}", model.spec().name);
    }
    let plain = model.run(&tokens, ()).unwrap();
    assert_close(&values(watched), &values(plain), 1e-4, 1e-5, "logits with every site watched");
}

/// Changing the value at any site changes the logits.
///
/// # Panics
/// If not.
pub fn edits_change_the_logits(model: &dyn Forward) {
    let tokens = tokens_of(model, &[6]);
    let plain = values(model.run(&tokens, ()).unwrap());
    for site in model.sites().iter() {
        let edited = match (site.stream(), site.heads()) {
            (Some(site), _) => model.run(&tokens, edit(site, sloped)),
            (_, Some(site)) => model.run(&tokens, edit(site, uneven)),
            _ => panic!("{site} is of neither rank"),
        };
        let edited = values(edited.unwrap());
        let change = edited.iter().zip(&plain).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(change > 1e-3, "{}: editing {site} changes the logits by {change:e}", model.spec().name);
        assert!(edited.iter().all(|l| l.is_finite()), "{}: editing {site}", model.spec().name);
    }
}

/// A layer norm undoes scaling and a constant; nothing undoes a slope along positions and width.
fn sloped(x: Tensor<3>) -> Tensor<3> {
    let [a, b, c] = x.dims();
    let ramp = Tensor::arange(0..(b * c) as i64, &x.device()).float().reshape([1, b, c]);
    x * 1.5 + ramp.expand([a, b, c]) * 0.05
}

/// Scaling scores or adding one constant to them all would leave a softmax much as it was; a ramp does not.
fn uneven(x: Tensor<4>) -> Tensor<4> {
    let [a, b, c, d] = x.dims();
    let ramp = Tensor::arange(0..(c * d) as i64, &x.device()).float().reshape([1, 1, c, d]);
    x * 1.5 + ramp.expand([a, b, c, d]) * 0.05
}

/// The equations that define the sites hold between their values.
///
/// # Panics
/// If not.
pub fn the_equations_hold(model: &dyn Forward) {
    let tokens = tokens_of(model, &[7, 5]);
    let cache = model.cache(&tokens, model.sites().clone()).unwrap();
    let spec = model.spec();
    let group = spec.n_heads / spec.n_kv_heads;
    let same = |a: Tensor<3>, b: &Tensor<3>, what: &str| {
        assert_close(&values(a), &values(b.clone()), 1e-4, 1e-5, &format!("{}: {what}", spec.name));
    };
    for l in 0..spec.n_layers {
        let stream = |site| cache.get(site).unwrap().clone();
        let sum = stream(resid_pre(l)) + stream(attn_out(l));
        if model.sites().contains(resid_mid(l)) {
            same(sum.clone(), cache.get(resid_mid(l)).unwrap(), "resid_pre + attn_out = resid_mid");
        }
        let total = sum + stream(mlp_out(l));
        same(total, cache.get(resid_post(l)).unwrap(), "resid_pre + attn_out + mlp_out = resid_post");
        if l > 0 {
            same(stream(resid_post(l - 1)), cache.get(resid_pre(l)).unwrap(), "resid_post = next resid_pre");
        }
        attention(&cache, l, group, &spec.name);
        sum_of_heads(&cache, model, l);
    }
}

fn attention(cache: &Cache, l: usize, group: usize, name: &str) {
    let pattern = cache.get(pattern(l)).unwrap().clone();
    let [batch, heads, pos, keys] = pattern.dims();
    let rows = pattern.clone().sum_dim(3);
    assert_close(&values(rows.clone()), &values(rows.ones_like()), 1e-5, 0.0, "rows of pattern sum to 1");
    let hidden = cache.get(scores(l)).unwrap().clone().is_inf().float() * pattern.clone();
    assert_close(&values(hidden.clone()), &values(hidden.zeros_like()), 0.0, 0.0, "hidden keys get no weight");
    let v = cache.get(v(l)).unwrap().clone();
    let [_, _, kv_heads, d_head] = v.dims();
    let v = v.swap_dims(1, 2).reshape([batch, kv_heads, 1, keys, d_head]);
    let v = v.expand([batch, kv_heads, group, keys, d_head]).reshape([batch, heads, keys, d_head]);
    let mixed = pattern.matmul(v).swap_dims(1, 2);
    assert_eq!(mixed.dims(), [batch, pos, heads, d_head]);
    let z = cache.get(z(l)).unwrap().clone();
    assert_close(&values(mixed), &values(z), 1e-5, 1e-5, &format!("{name}: pattern · v = z"));
}

/// The heads sum to what attention gives, but for the bias of the output projection.
fn sum_of_heads(cache: &Cache, model: &dyn Forward, l: usize) {
    let summed = cache.get(result(l)).unwrap().clone().sum_dim(2);
    let [batch, pos, _, d] = summed.dims();
    let raw = cache.get(attn_raw(l)).unwrap().clone();
    // What is left of attention when every head is silenced is the bias.
    let mut left = Cache::at(attn_raw(l));
    model.activations(&tokens_of(model, &[7, 5]), (edit(z(l), |x| x.zeros_like()), &mut left)).unwrap();
    let bias = left.get(attn_raw(l)).unwrap().clone();
    let name = format!("{}: sum of result + bias = attn_raw", model.spec().name);
    assert_close(&values(summed.reshape([batch, pos, d]) + bias), &values(raw), 1e-4, 1e-5, &name);
}

/// The operations that `run` causes, recorded on the capture device by a model built there.
///
/// # Panics
/// If they cannot be recorded.
pub fn graph<M: Forward>(build: impl FnOnce(&Device) -> M, run: impl FnOnce(&M, &TokenBatch)) -> Vec<String> {
    let device = Device::capture();
    let captured = device.capture_scope(|scope| {
        let model = build(&device);
        run(&model, &tokens_of(&model, &[5, 3]));
        drop(model);
        scope.complete([], [])
    });
    captured.unwrap().graph.operations.iter().map(|op| kind(&format!("{op:?}"))).collect()
}

/// An operation without the ids of its tensors, which differ from run to run.
fn kind(operation: &str) -> String {
    operation.split(['(', '{', ' ']).take(2).collect::<Vec<_>>().join("/")
}
