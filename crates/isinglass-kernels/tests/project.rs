//! Projections give what plain Burn's matrix products give.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of a test fail by panicking, as the test does")]

use burn::tensor::activation::{gelu, silu};
use burn::tensor::{DType, Device, Tensor};
use isinglass_kernels::{Activation, Weights};

#[path = "shared/drawn.rs"]
mod shared;

use shared::{Draw, close, cpu, draw, of, values, with_narrower_instructions};

/// `[batch, pos, d_in, d_out]`: few rows and many, parts of vectors, strips, tiles and depths.
const SHAPES: [[usize; 4]; 16] = [
    [1, 1, 1, 1],
    [1, 1, 576, 192],
    [2, 1, 17, 49],
    [1, 3, 15, 47],
    [3, 5, 64, 100],
    [1, 16, 33, 48],
    [1, 17, 1, 5],
    [2, 9, 31, 95],
    [1, 19, 320, 96],
    [2, 11, 321, 50],
    [1, 23, 700, 7],
    [1, 130, 96, 256],
    [1, 600, 40, 60],
    [3, 0, 8, 8],
    [0, 4, 8, 8],
    [1, 20, 8, 0],
];

fn plain(x: Tensor<3>, weight: &Tensor<2>, bias: Option<&Tensor<1>>) -> Tensor<3> {
    let ([batch, pos, d_in], [_, d_out]) = (x.dims(), weight.dims());
    if batch * pos * d_out == 0 {
        return Tensor::zeros([batch, pos, d_out], &Device::flex());
    }
    let y = x.reshape([batch * pos, d_in]).matmul(weight.clone()).reshape([batch, pos, d_out]);
    bias.map_or(y.clone(), |bias| y + bias.clone().unsqueeze::<3>())
}

/// As PyTorch stores it: outputs are rows.
fn weights(draw: &mut Draw, d_in: usize, d_out: usize) -> Tensor<2> {
    let width = 1.0 / (d_in as f32).sqrt();
    draw.tensor([d_out, d_in], width).transpose()
}

#[test]
fn narrower_instructions_give_the_same() {
    with_narrower_instructions();
}

#[test]
fn products_with_and_without_bias() {
    for shape @ [batch, pos, d_in, d_out] in SHAPES {
        let mut draw = draw(1);
        let x = draw.tensor([batch, pos, d_in], 2.0);
        let (a, b) = (weights(&mut draw, d_in, d_out), weights(&mut draw, d_in, d_out + 3));
        let bias = draw.tensor([d_out + 3], 1.0);
        let expected = [plain(x.clone(), &a, None), plain(x.clone(), &b, Some(&bias))];
        let (with, without) = (Weights::new(b, Some(bias)), Weights::new(a, None));
        let found = cpu(&x).project(x.clone(), [&without, &with]);
        for (found, expected) in found.into_iter().zip(expected) {
            close(&format!("{shape:?}"), found, expected, 4e-6);
        }
    }
}

#[test]
fn streams_and_weights_may_lie_in_any_way() {
    for [batch, pos, d_in, d_out] in [[2, 3, 20, 50], [2, 40, 33, 50]] {
        let mut draw = draw(2);
        let turned = draw.tensor([pos, batch, d_in], 2.0).swap_dims(0, 1);
        let part = draw.tensor([batch, pos + 2, d_in + 5], 2.0).narrow(1, 1, pos).narrow(2, 3, d_in);
        let columns = draw.tensor([batch, d_in, pos], 2.0).swap_dims(1, 2);
        let in_out = draw.tensor([d_in, d_out], 0.3);
        let rows = draw.tensor([d_out + 9, d_in], 0.3).narrow(0, 4, d_out).transpose();
        let parts = draw.tensor([d_out, d_in + 9], 0.3).narrow(1, 4, d_in).transpose();
        for x in [turned, part, columns] {
            for weight in [&in_out, &rows, &parts] {
                let expected = plain(x.clone(), weight, None);
                let kernel = Weights::new(weight.clone(), None);
                let [found] = cpu(&x).project(x.clone(), [&kernel]);
                close("strided", found, expected, 4e-6);
                assert_eq!(values(kernel.weight()), values(weight.clone()));
            }
        }
    }
}

#[test]
fn products_added_to_a_stream() {
    for shape @ [batch, pos, d_in, d_out] in SHAPES {
        let mut draw = draw(3);
        let (x, onto) = (draw.tensor([batch, pos, d_in], 2.0), draw.tensor([batch, pos, d_out], 2.0));
        let (weight, bias) = (weights(&mut draw, d_in, d_out), draw.tensor([d_out], 1.0));
        let before = values(onto.clone());
        let kernel = Weights::new(weight.clone(), Some(bias.clone()));
        let [product] = cpu(&x).project(x.clone(), [&kernel]);
        let apart = onto.clone() + product;
        let expected = onto.clone() + plain(x.clone(), &weight, Some(&bias));
        close(&format!("{shape:?}"), apart.clone(), expected, 4e-6);
        let found = cpu(&x).project_onto(x.clone(), &kernel, onto.clone());
        assert!(values(found) == values(apart.clone()), "{shape:?}: the same sum, bit for bit");
        assert_eq!(values(onto.clone()), before, "{shape:?}: a stream that others hold is not changed");
        assert!(values(cpu(&x).project_onto(x.clone(), &kernel, onto)) == values(apart), "{shape:?}: alone");
    }
}

#[test]
fn activated_products() {
    for shape @ [batch, pos, d_in, d_out] in SHAPES {
        let mut draw = draw(4);
        let x = draw.tensor([batch, pos, d_in], 2.0);
        let [gate, up] = [0, 1].map(|_| weights(&mut draw, d_in, d_out));
        let bias = draw.tensor([d_out], 1.0);
        let (g, u) = (Weights::new(gate.clone(), None), Weights::new(up.clone(), Some(bias.clone())));
        let expected = silu(plain(x.clone(), &gate, None)) * plain(x.clone(), &up, Some(&bias));
        close(&format!("{shape:?}"), cpu(&x).project_gated(Activation::Silu, x.clone(), &g, &u), expected, 8e-6);
        let expected = gelu(plain(x.clone(), &up, Some(&bias)));
        close(&format!("{shape:?}"), cpu(&x).project_activated(Activation::Gelu, x.clone(), &u), expected, 8e-6);
        // What a hook between them would see is what the fused kernel computes.
        let [pre, linear] = cpu(&x).project(x.clone(), [&g, &u]);
        let apart = cpu(&x).gated(Activation::Silu, pre, linear);
        assert!(values(cpu(&x).project_gated(Activation::Silu, x, &g, &u)) == values(apart), "{shape:?}");
    }
}

#[test]
fn a_row_does_not_depend_on_the_rows_beside_it() {
    for rows in [1, 2, 7, 14, 16, 18, 41, 700] {
        let mut draw = draw(5);
        let weight = weights(&mut draw, 333, 70);
        let kernel = Weights::new(weight, None);
        // Few rows and many are summed in different orders: the others are as many as make the same choice.
        let others = if rows < 16 { 15 - rows } else { 30 };
        let (row, others) = (draw.tensor([1, rows, 333], 2.0), draw.tensor([1, others, 333], 2.0));
        let [alone] = cpu(&row).project(row.clone(), [&kernel]);
        let [beside] = cpu(&row).project(Tensor::cat(vec![others.clone(), row], 1), [&kernel]);
        let [_, n, _] = others.dims();
        assert!(values(alone) == values(beside.narrow(1, n, rows)), "{rows}");
    }
}

#[test]
fn weights_in_bf16_give_the_same_bits_as_in_f32() {
    for shape @ [batch, pos, d_in, d_out] in SHAPES.into_iter().filter(|shape| shape[3] > 0) {
        let mut draw = draw(7);
        let x = draw.tensor([batch, pos, d_in], 2.0);
        let narrow = draw.tensor([d_out + 5, d_in + 3], 1.0).cast(DType::BF16);
        let [wide, narrow] = [narrow.clone().cast(DType::F32), narrow].map(|weight| {
            let weight = weight.narrow(0, 2, d_out).narrow(1, 1, d_in).transpose();
            let [y] = cpu(&x).project(x.clone(), [&Weights::new(weight, None)]);
            values(y)
        });
        assert!(wide == narrow, "{shape:?}");
    }
}

#[test]
fn infinities_and_nan_go_where_they_belong() {
    for pos in [3, 40] {
        let mut draw = draw(6);
        let weight = weights(&mut draw, 20, 50);
        let kernel = Weights::new(weight.clone(), None);
        let mut stream = draw.values(pos * 20, 2.0);
        (stream[0], stream[20], stream[40], stream[41]) = (f32::INFINITY, f32::NAN, 1e-42, -1e-45);
        let x = of(stream, [1, pos, 20]);
        let expected = values(plain(x.clone(), &weight, None));
        let [found] = cpu(&x).project(x, [&kernel]);
        for (i, (found, expected)) in values(found).into_iter().zip(expected).enumerate() {
            let same = found.to_bits() == expected.to_bits()
                || found.is_nan() && expected.is_nan()
                || (found - expected).abs() < 1e-5;
            assert!(same, "{pos}: {i} is {found}, expected {expected}");
            assert!(i / 50 != 1 || found.is_nan(), "{pos}: NaN spreads over its row");
        }
        let zeros = of(vec![0.0; pos * 20], [1, pos, 20]);
        assert!(values(cpu(&zeros).project(zeros.clone(), [&kernel])[0].clone()).iter().all(|x| *x == 0.0));
    }
}
