//! Every kernel gives what plain Burn gives: on random inputs of odd sizes and any strides, and on extreme ones.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of a test fail by panicking, as the test does")]

use std::ops::Range;

use burn::tensor::activation::{gelu, relu, silu, softmax};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use isinglass_kernels::{Activation, Cpu, Scores, Turns, instructions};

#[path = "shared/drawn.rs"]
mod shared;

use shared::{close, cpu, draw, of, values, with_narrower_instructions};

const EXTREME: [f32; 17] = [
    0.0,
    -0.0,
    1e-45,
    -1e-40,
    f32::MIN_POSITIVE,
    f32::EPSILON,
    -1.0,
    20.0,
    -20.0,
    88.0,
    -88.0,
    104.0,
    -104.0,
    1e10,
    -1e10,
    f32::INFINITY,
    f32::NEG_INFINITY,
];

fn plain(f: Activation, x: Tensor<3>) -> Tensor<3> {
    match f {
        Activation::Silu => silu(x),
        Activation::Gelu => gelu(x),
        Activation::GeluTanh => {
            let cubed = x.clone() * x.clone() * x.clone();
            let inner = (x.clone() + cubed * 0.044_715) * (2.0 / std::f64::consts::PI).sqrt();
            x * 0.5 * (inner.tanh() + 1.0)
        }
        Activation::Relu => relu(x),
    }
}

const ACTIVATIONS: [Activation; 4] = [Activation::Silu, Activation::Gelu, Activation::GeluTanh, Activation::Relu];

#[test]
fn only_plain_tensors_of_flex_are_taken() {
    assert!(Cpu::of(&draw(0).tensor([2, 3], 1.0)).is_some());
    let tracked = Tensor::<2>::zeros([2, 3], &Device::flex().autodiff());
    assert!(Cpu::of(&tracked).is_none(), "autodiff");
    assert!(Cpu::of(&(tracked * 2.0)).is_none(), "autodiff");
}

#[test]
fn narrower_instructions_give_the_same() {
    println!("here: {}", instructions());
    with_narrower_instructions();
}

#[test]
fn activations() {
    for shape in [[1, 1, 1], [1, 3, 7], [2, 5, 33], [3, 70, 257], [0, 2, 3]] {
        for f in ACTIVATIONS {
            let x = draw(1).tensor(shape, 6.0);
            close(&format!("{f:?} {shape:?}"), cpu(&x).activate(f, x.clone()), plain(f, x), 2e-6);
        }
    }
    let x = of(EXTREME[..15].to_vec(), [1, 1, 15]);
    for f in ACTIVATIONS {
        close(&format!("{f:?}"), cpu(&x).activate(f, x.clone()), plain(f, x.clone()), 2e-6);
        // What plain Burn makes 0 · ∞ of differs between functions: here the limits are kept, and NaN stays NaN.
        let ends = of(vec![f32::INFINITY, f32::NEG_INFINITY, f32::NAN], [1, 1, 3]);
        let [up, down, none] = values(cpu(&x).activate(f, ends))[..] else { panic!() };
        assert!(up == f32::INFINITY && down == 0.0 && none.is_nan(), "{f:?}: {up} {down} {none}");
    }
}

#[test]
fn a_tensor_that_others_hold_is_not_changed() {
    let x = draw(2).tensor([2, 3, 5], 2.0);
    let before = values(x.clone());
    let _ = cpu(&x).activate(Activation::Silu, x.clone());
    let _ = cpu(&x).softmax(x.clone());
    let _ = cpu(&x).activate(Activation::Silu, x.clone().narrow(1, 1, 1));
    assert_eq!(values(x), before);
}

#[test]
fn gated_activations() {
    for shape in [[1, 1, 1], [1, 4, 9], [2, 33, 130], [1, 300, 256], [1, 0, 4]] {
        let mut draw = draw(3);
        let (gate, up) = (draw.tensor(shape, 4.0), draw.tensor(shape, 4.0));
        for f in ACTIVATIONS {
            let expected = plain(f, gate.clone()) * up.clone();
            close(&format!("{f:?} {shape:?}"), cpu(&up).gated(f, gate.clone(), up.clone()), expected, 5e-6);
        }
        // Halves of one projection.
        let [batch, pos, d] = shape;
        let both = Tensor::cat(vec![gate, up], 2);
        let [gate, up] = [0, d].map(|at| both.clone().narrow(2, at, d));
        let expected = plain(Activation::Silu, gate.clone()) * up.clone();
        close("halves", cpu(&both).gated(Activation::Silu, gate, up), expected, 5e-6);
        assert_eq!(both.dims(), [batch, pos, 2 * d]);
    }
}

#[test]
fn norms() {
    for shape in [[1, 1, 1], [1, 2, 7], [2, 5, 48], [2, 70, 577]] {
        let mut draw = draw(4);
        let (x, gain, bias) = (draw.tensor(shape, 3.0), draw.tensor([shape[2]], 1.0), draw.tensor([shape[2]], 1.0));
        let scaled =
            |x: Tensor<3>| x.clone() / ((x.clone() * x).mean_dim(2) + 1e-5).sqrt() * gain.clone().unsqueeze::<3>();
        close(&format!("rms {shape:?}"), cpu(&x).rms_norm(x.clone(), gain.clone(), 1e-5), scaled(x.clone()), 3e-6);
        let centred = x.clone() - x.clone().mean_dim(2);
        let expected = scaled(centred) + bias.clone().unsqueeze::<3>();
        close(&format!("layer {shape:?}"), cpu(&x).layer_norm(x.clone(), gain.clone(), bias, 1e-5), expected, 5e-6);
        // Strided rows.
        let turned = x.clone().swap_dims(0, 1);
        close("turned", cpu(&x).rms_norm(turned.clone(), gain.clone(), 1e-5), scaled(turned), 3e-6);
        let columns = x.clone().swap_dims(1, 2);
        let gain = Tensor::<1>::ones([shape[1]], &Device::flex());
        let expected = columns.clone() / ((columns.clone() * columns.clone()).mean_dim(2) + 1e-5).sqrt();
        close("columns", cpu(&x).rms_norm(columns, gain, 1e-5), expected, 3e-6);
    }
    // A row of zeros, of denormals, and one that overflows when squared.
    let x = of([[0.0; 3], [1e-40; 3], [1e30; 3], [f32::NAN, 1.0, 1.0]].concat(), [4, 3]);
    let found = values(cpu(&x).rms_norm(x, Tensor::ones([3], &Device::flex()), 1e-6));
    assert_eq!(found[..3], [0.0; 3]);
    assert!(found[3..6].iter().all(|x| x.abs() < 1e-30) && found[6..9] == [0.0; 3] && found[9].is_nan(), "{found:?}");
}

#[test]
fn softmaxes() {
    for shape in [[1, 1, 1, 1], [1, 2, 3, 17], [2, 3, 40, 65], [1, 4, 100, 128]] {
        let x = draw(5).tensor(shape, 20.0);
        close(&format!("{shape:?}"), cpu(&x).softmax(x.clone()), softmax(x.clone(), 3), 1e-6);
        let turned = x.swap_dims(2, 3);
        close(&format!("{shape:?} turned"), cpu(&turned).softmax(turned.clone()), softmax(turned, 3), 1e-6);
    }
    let x = of(EXTREME.iter().map(|x| if *x == f32::INFINITY { 3.0 } else { *x }).collect(), [1, 17]);
    close("extreme", cpu(&x).softmax(x.clone()), softmax(x, 1), 1e-6);
    for bad in [[f32::NEG_INFINITY; 3], [1.0, f32::INFINITY, 2.0], [1.0, f32::NAN, 2.0]] {
        let x = of(bad.to_vec(), [1, 3]);
        assert!(values(cpu(&x).softmax(x)).iter().all(|x| x.is_nan()), "{bad:?}");
    }
}

#[test]
fn rotations() {
    for ([batch, pos, heads, d], half, rows) in [
        ([1, 1, 1, 2], 1, 1),
        ([2, 5, 3, 8], 4, 1),
        ([2, 5, 3, 8], 2, 2),
        ([1, 200, 4, 64], 32, 1),
        ([3, 60, 2, 20], 4, 3),
    ] {
        let mut draw = draw(6);
        let x = draw.tensor([batch, pos, heads, d], 2.0);
        let angles: Vec<f32> = draw.values(rows * pos * half, 9.0);
        let (cos, sin): (Vec<f32>, Vec<f32>) = angles.iter().map(|a| (a.cos(), a.sin())).unzip();
        let table = |t: &[f32]| of(t.to_vec(), [rows, pos, 1, half]);
        let (c, s) = (table(&cos), table(&sin));
        let [first, second] = [0, half].map(|at| x.clone().narrow(3, at, half));
        let mut parts =
            vec![first.clone() * c.clone() - second.clone() * s.clone(), second * c.clone() + first * s.clone()];
        if d > 2 * half {
            parts.push(x.clone().narrow(3, 2 * half, d - 2 * half));
        }
        let expected = Tensor::cat(parts, 3);
        let turns = Turns::new(cos, sin, rows, half);
        close(&format!("{pos} {half}"), cpu(&x).turned(x.clone(), &turns), expected.clone(), 1e-6);
        // As it lies in a fused projection.
        let wide = Tensor::cat(vec![x.clone().reshape([batch, pos, heads * d]), draw.tensor([batch, pos, 5], 1.0)], 2);
        let part = wide.narrow(2, 0, heads * d).reshape([batch, pos, heads, d]);
        close("part", cpu(&x).turned(part, &turns), expected, 1e-6);
    }
}

/// Keys that queries see: causal, within a window, from the first column with a token on; a padded query only itself.
fn seen(pos: usize, past: usize, window: usize, starts: &[usize]) -> Vec<Range<usize>> {
    let one = |start: usize, query: usize| {
        let end = past + query + 1;
        if end <= start { end - 1..end } else { start.max(end.saturating_sub(window))..end }
    };
    starts.iter().flat_map(|start| (0..pos).map(move |query| one(*start, query))).collect()
}

fn repeated(x: Tensor<4>, heads: usize) -> Tensor<4> {
    let [batch, kv_heads, keys, d] = x.dims();
    let x = x.reshape([batch, kv_heads, 1, keys * d]).expand([batch, kv_heads, heads / kv_heads, keys * d]);
    x.reshape([batch, heads, keys, d])
}

fn plain_scores(q: Tensor<4>, k: Tensor<4>, scores: &Scores) -> Tensor<4> {
    let ([batch, pos, heads, _], [_, kv_heads, keys, _]) = (q.dims(), k.dims());
    assert_eq!(heads % kv_heads, 0);
    let s = q.swap_dims(1, 2).matmul(repeated(k, heads).swap_dims(2, 3)) * scores.scale;
    let s = match scores.softcap {
        Some(cap) => (s / cap).tanh() * cap,
        None => s,
    };
    let hidden: Vec<bool> = scores.seen.iter().flat_map(|seen| (0..keys).map(|key| !seen.contains(&key))).collect();
    let rows = scores.seen.len() / pos;
    let mask = Tensor::<4, Bool>::from_data(TensorData::new(hidden, [rows, 1, pos, keys]), &Device::flex());
    s.mask_fill(mask.expand([batch, heads, pos, keys]), f32::NEG_INFINITY)
}

fn plain_attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, scores: &Scores) -> Tensor<4> {
    let [_, _, heads, _] = q.dims();
    softmax(plain_scores(q, k, scores), 3).matmul(repeated(v, heads)).swap_dims(1, 2)
}

#[test]
fn attention() {
    for ([batch, pos, heads, kv_heads, d, past], window, softcap) in [
        ([1, 1, 1, 1, 2, 0], 9, None),
        ([1, 7, 4, 2, 8, 0], 99, None),
        ([1, 100, 6, 2, 16, 0], 999, Some(3.0)),
        ([2, 65, 4, 1, 12, 3], 20, None),
        ([3, 33, 2, 2, 5, 0], 1, Some(1.0)),
        ([1, 1, 9, 3, 64, 200], 999, None),
        ([3, 1, 4, 2, 16, 40], 8, Some(5.0)),
        ([2, 1, 3, 1, 7, 1], 9, None),
        ([1, 130, 9, 3, 64, 0], 999, None),
    ] {
        let mut draw = draw(7);
        let keys = past + pos;
        let q = draw.tensor([batch, pos, heads, d], 2.0);
        let [k, v] = [0, 1].map(|_| draw.tensor([batch, kv_heads, keys, d], 2.0));
        let aligned = vec![0; 1];
        let ragged: Vec<usize> = (0..batch).map(|row| (row * 3).min(keys - 1)).collect();
        for starts in [aligned, ragged] {
            let scores = Scores { scale: 0.4, softcap, seen: seen(pos, past, window, &starts) };
            let expected = plain_attention(q.clone(), k.clone(), v.clone(), &scores);
            let what = format!("{batch} {pos} {heads} {kv_heads} {d} {past} {window} {starts:?}");
            close(&what, cpu(&q).attention(q.clone(), k.clone(), v.clone(), &scores), expected.clone(), 5e-6);
            // In the pieces that a hook may want.
            let found = cpu(&q).scores(q.clone(), k.clone(), &scores);
            close(&format!("{what} scores"), found.clone(), plain_scores(q.clone(), k.clone(), &scores), 5e-6);
            let mixed = cpu(&q).mixed(cpu(&found).softmax(found), v.clone());
            close(&format!("{what} mixed"), mixed, expected.clone(), 5e-6);
            // Keys and values as a cache has them, with room after them.
            let room = |x: Tensor<4>| Tensor::cat(vec![x, Tensor::ones([batch, kv_heads, 4, d], &Device::flex())], 2);
            let (k, v) = (room(k.clone()).narrow(2, 0, keys), room(v.clone()).narrow(2, 0, keys));
            close(&format!("{what} cache"), cpu(&q).attention(q.clone(), k, v, &scores), expected, 5e-6);
        }
    }
}

#[test]
fn attention_of_extreme_and_of_no_values() {
    for pos in [1, 40] {
        let (heads, d, keys) = (2, 8, 40);
        let mut draw = draw(8);
        let shape = [1, pos, heads, d];
        let mut queries = draw.values(pos * heads * d, 2.0);
        // Of the last position: NaN in the first head, denormals and huge values in the second.
        let last = (pos - 1) * heads * d;
        queries[last] = f32::NAN;
        queries[last + d..last + 2 * d].copy_from_slice(&[1e-45, -1e-40, 1e10, -1e10, 0.0, -0.0, 1.0, 88.0]);
        let [keys_all, mut values_all] = [0, 1].map(|_| draw.values(heads * keys * d, 2.0));
        // At the first key, which every query sees.
        values_all[1] = f32::INFINITY;
        values_all[2] = f32::NEG_INFINITY;
        values_all[3] = 1e-42;
        let (q, k) = (of(queries, shape), of(keys_all, [1, heads, keys, d]));
        let v = of(values_all, [1, heads, keys, d]);
        let scores = Scores { scale: 0.3, softcap: None, seen: seen(pos, keys - pos, 999, &[0]) };
        let expected = plain_attention(q.clone(), k.clone(), v.clone(), &scores);
        let found = cpu(&q).attention(q.clone(), k.clone(), v.clone(), &scores);
        let infinite = values(found.clone()).iter().filter(|x| x.is_infinite()).count();
        let nan = values(found.clone()).iter().filter(|x| x.is_nan()).count();
        assert!(nan == d && infinite == 2 * (pos - 1), "{pos}: {nan} NaN, {infinite} infinite");
        close(&format!("extreme {pos}"), found, expected.clone(), 5e-6);
        let mixed = cpu(&q).mixed(cpu(&q).softmax(cpu(&q).scores(q.clone(), k, &scores)), v);
        close(&format!("extreme pieces {pos}"), mixed, expected, 5e-6);
    }
    let none = |shape: [usize; 4]| Tensor::<4>::zeros(shape, &Device::flex());
    for (batch, pos) in [(0, 5), (2, 0)] {
        let scores = Scores { scale: 1.0, softcap: None, seen: seen(pos, 0, 9, &[0]) };
        let (q, k) = (none([batch, pos, 2, 4]), none([batch, 2, 5, 4]));
        assert_eq!(cpu(&q).attention(q.clone(), k.clone(), k.clone(), &scores).dims(), [batch, pos, 2, 4]);
        assert_eq!(cpu(&q).scores(q.clone(), k.clone(), &scores).dims(), [batch, 2, pos, 5]);
        assert_eq!(cpu(&q).mixed(none([batch, 2, pos, 5]), k).dims(), [batch, pos, 2, 4]);
    }
}
