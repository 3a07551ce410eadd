//! Picked elements are those that plain Burn picks: the largest ones, those at an index, whole rows.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the test does")]

use burn::tensor::{DType, Device, Int, IntDType, Tensor, TensorData};
use isinglass_kernels::Cpu;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[path = "shared/drawn.rs"]
mod shared;

use shared::of;

/// Every kind of number; NaN of either sign.
fn extreme() -> Vec<f32> {
    let numbers = [0.0, 1e-45, 1e-40, f32::MIN_POSITIVE, 1.0, f32::MAX, f32::INFINITY, f32::NAN];
    numbers.iter().flat_map(|x| [*x, -*x, *x]).collect()
}

fn draw<const R: usize>(seed: u64, shape: [usize; R]) -> Tensor<R> {
    shared::draw(seed).tensor(shape, 1.0)
}

fn indices<const R: usize>(seed: u64, shape: [usize; R], below: i64) -> Tensor<R, Int> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<i64> = (0..shape.iter().product()).map(|_| rng.random_range(0..below)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Bits, so that −0 is not 0 and a NaN is itself.
fn bits<const R: usize>(x: Tensor<R>) -> Vec<u32> {
    x.into_data().iter::<f32>().map(f32::to_bits).collect()
}

fn ints<const R: usize>(x: Tensor<R, Int>) -> Vec<i64> {
    x.into_data().iter::<i64>().collect()
}

#[track_caller]
fn same<const R: usize>(what: &str, actual: Tensor<R>, expected: Tensor<R>) {
    assert_eq!(actual.dims(), expected.dims(), "{what}");
    assert!(bits(actual) == bits(expected), "{what}");
}

fn cpu() -> Cpu {
    Cpu::of(&draw(0, [1])).unwrap()
}

/// Values as in Burn; indices that name them, equal values in the order in which they stand.
#[track_caller]
fn check_top<const R: usize>(what: &str, x: Tensor<R>, k: usize) {
    let what = format!("{what} {:?}, {k}", x.dims());
    let (values, places) = cpu().top_k(x.clone(), k);
    let (expected, like) = x.clone().topk_with_indices(k, R - 1);
    assert_eq!((places.dims(), places.dtype()), (like.dims(), like.dtype()), "{what}");
    same(&what, values.clone(), expected);
    if k == 0 || x.shape().num_elements() == 0 {
        return;
    }
    same(&what, x.gather(R - 1, places.clone()), values.clone());
    let (values, places) = (bits(values), ints(places));
    for (values, places) in values.chunks_exact(k).zip(places.chunks_exact(k)) {
        for (values, places) in values.windows(2).zip(places.windows(2)) {
            assert!(values[0] != values[1] || places[0] < places[1], "{what}: {places:?} hold the same");
        }
    }
}

#[test]
fn the_largest() {
    for (seed, width) in [1, 2, 31, 63, 64, 65, 97, 300, 1000, 5003].into_iter().enumerate() {
        for k in [0, 1, 2, 5, 32, 33, 200, width / 2, width - 1, width] {
            if k <= width {
                check_top("random", draw(seed as u64, [3, width]), k);
            }
        }
    }
    check_top("vector", draw(1, [777]), 10);
    check_top("cube", draw(2, [4, 5, 300]), 7);
    check_top("over threads", draw(3, [70, 9216]), 32);
    for shape in [[0, 5], [3, 0], [0, 0]] {
        check_top("empty", Tensor::<2>::zeros(shape, &Device::flex()), 0);
    }
    check_top("no rows", Tensor::<2>::zeros([0, 5], &Device::flex()), 3);
}

#[test]
fn the_largest_of_unkind_rows() {
    let n = 4000_usize;
    let rows: [(&str, Vec<f32>); 5] = [
        ("rising", (0..n).map(|i| i as f32).collect()),
        ("falling", (0..n).rev().map(|i| i as f32).collect()),
        ("one value", vec![1.0; n]),
        ("few values", (0..n).map(|i| (i * 7919 % 5) as f32).collect()),
        ("extreme", (0..n).map(|i| extreme()[i * 7919 % extreme().len()]).collect()),
    ];
    for (what, row) in rows {
        for k in [1, 3, 32, 500, 1999, 3000, n] {
            check_top(what, of(row.clone(), [1, n]), k);
        }
    }
    for k in 1..=extreme().len() {
        check_top("each kind", of(extreme(), [1, extreme().len()]), k);
    }
}

#[test]
fn the_largest_of_views() {
    let x = draw(5, [40, 6, 90]);
    check_top("turned", x.clone().swap_dims(0, 2), 4);
    check_top("turned", x.clone().swap_dims(0, 1), 4);
    check_top("narrowed", x.clone().narrow(2, 3, 70).narrow(0, 5, 9), 11);
    check_top("turned round", x.clone().flip([2]), 11);
    check_top("repeated", x.narrow(0, 0, 1).expand([7, 6, 90]), 2);
}

#[test]
#[should_panic(expected = "4 of a width of 3")]
fn no_more_than_there_are() {
    let _ = cpu().top_k(draw(0, [2, 3]), 4);
}

#[test]
fn gathered() {
    for (shape, picked) in
        [([1, 1, 1], 1), ([2, 3, 7], 5), ([2, 3, 7], 20), ([0, 3, 7], 2), ([2, 3, 7], 0), ([9, 70, 257], 130)]
    {
        let [a, b, width] = shape;
        let (x, at) = (draw(6, shape), indices(7, [a, b, picked], width as i64));
        let what = format!("{shape:?} {picked}");
        same(&what, cpu().gather(x.clone(), at.clone()), x.clone().gather(2, at.clone()));
        let long = at.clone().cast(IntDType::I64);
        assert_eq!(long.dtype(), DType::I64);
        same(&what, cpu().gather(x.clone(), long), x.clone().gather(2, at.clone()));
        let bytes = at.clone().remainder_scalar(7).cast(IntDType::U8);
        same(&what, cpu().gather(x.clone(), bytes.clone()), x.gather(2, bytes));
    }
    let (x, at) = (draw(8, [30, 8, 50]), indices(9, [8, 30, 12], 30));
    let views = [
        ("turned", x.clone().permute([1, 2, 0]).narrow(1, 0, 30)),
        ("swapped", x.clone().swap_dims(0, 1)),
        ("narrowed", x.clone().narrow(0, 4, 8).narrow(1, 1, 1).expand([8, 30, 50])),
        ("turned round", x.swap_dims(0, 1).flip([1, 2])),
    ];
    for (what, x) in views {
        same(what, cpu().gather(x.clone(), at.clone()), x.clone().gather(2, at.clone()));
        let turned: Tensor<3, Int> = Tensor::from_data(at.clone().swap_dims(1, 2).into_data(), &Device::flex());
        same(what, cpu().gather(x.clone(), turned.swap_dims(1, 2)), x.gather(2, at.clone()));
    }
    let x = of(extreme(), [1, 24]);
    let at = Tensor::<1, Int>::arange(0..24, &Device::flex()).flip([0]).unsqueeze();
    same("extreme", cpu().gather(x.clone(), at.clone()), x.gather(1, at));
}

#[test]
fn rows() {
    for (n, width, picked) in [(1, 1, 1), (5, 7, 3), (5, 7, 40), (5, 0, 3), (5, 7, 0), (300, 129, 900)] {
        let (x, at) = (draw(10, [n, width]), indices(11, [picked], n as i64));
        let which: Vec<usize> = ints(at.clone()).into_iter().map(|i| i as usize).collect();
        let turned = draw(12, [width, n]).swap_dims(0, 1);
        for (what, x) in [
            ("whole", x.clone()),
            ("turned", turned),
            ("turned round", x.clone().flip([0, 1])),
            ("part", Tensor::cat(vec![x.clone(), x.clone(), x], 1).slice([0..n, width..2 * width])),
        ] {
            let what = format!("{what} {n} {width} {picked}");
            let expected = x.clone().select(0, at.clone());
            same(&what, cpu().rows(x.clone(), &which), expected.clone());
            same(&what, cpu().rows_at(x.clone(), at.clone()), expected.clone());
            same(&what, cpu().rows_at(x, at.clone().cast(IntDType::I64)), expected);
        }
    }
}

#[test]
#[should_panic(expected = "row 3 of 3")]
fn no_row_that_is_not_there() {
    let _ = cpu().rows(draw(0, [3, 2]), &[1, 3]);
}

#[test]
#[should_panic(expected = "of 3")]
fn no_negative_row() {
    let at = Tensor::<1, Int>::from_data([-1], &Device::flex());
    let _ = cpu().rows_at(draw(0, [3, 2]), at);
}

#[test]
#[should_panic(expected = "index")]
fn no_element_that_is_not_there() {
    let _ = cpu().gather(draw(0, [1, 3]), Tensor::from_data([[0, 3]], &Device::flex()));
}
