//! A copy in row-major order holds what the view does.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the test does")]

use burn::backend::flex::Flex;
use burn::tensor::{Device, Slice, Tensor, TensorData};
use isinglass_kernels::Cpu;

/// Numbers that are all different, and some of every kind of extreme.
fn of<const R: usize>(shape: [usize; R]) -> Tensor<R> {
    let n: usize = shape.iter().product();
    let mut values: Vec<f32> = (0..n).map(|i| i as f32).collect();
    let extreme = [-0.0, 1e-45, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN];
    values.iter_mut().step_by(7).zip(extreme).for_each(|(x, extreme)| *x = extreme);
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// The same bits as a plain copy, in row-major order and alone in its memory.
#[track_caller]
fn check<const R: usize>(what: &str, x: Tensor<R>) {
    let what = format!("{what} {:?}", x.dims());
    let copy = Cpu::of(&x).unwrap().contiguous(x.clone());
    assert_eq!(copy.dims(), x.dims(), "{what}");
    let tensor = copy.clone().try_into_primitive::<Flex>().unwrap();
    let n = x.shape().num_elements();
    assert!(tensor.is_contiguous() && tensor.layout().start_offset() == 0, "{what}");
    assert_eq!(tensor.storage::<f32>().len(), n, "{what}");
    let bits = |x: Tensor<R>| x.into_data().iter::<f32>().map(f32::to_bits).collect::<Vec<_>>();
    assert!(bits(copy) == bits(x), "{what}");
}

#[test]
fn every_order_of_axes() {
    let orders = [0, 1, 2, 3].into_iter().flat_map(|a| {
        let others = move |taken: [usize; 2]| (0..4).filter(move |i| *i != a && !taken.contains(i));
        others([4, 4]).flat_map(move |b| others([b, 4]).flat_map(move |c| others([b, c]).map(move |d| [a, b, c, d])))
    });
    let orders: Vec<[usize; 4]> = orders.collect();
    assert_eq!(orders.len(), 24);
    for shape in [[2, 3, 4, 5], [1, 17, 1, 33], [3, 16, 2, 32], [2, 40, 9, 64], [5, 1, 7, 0], [1, 1, 1, 1]] {
        for order in &orders {
            let x = of(shape).permute([0, 1, 2, 3].map(|i| order[i] as isize));
            check(&format!("{order:?}"), x.clone());
            let [a, b, _, d] = x.dims();
            if a > 2 && b > 1 && d > 3 {
                check(&format!("{order:?} narrowed"), x.clone().narrow(0, 1, a - 1).narrow(3, 1, d - 2));
                check(&format!("{order:?} turned round"), x.clone().flip([1, 3]));
                check(&format!("{order:?} all turned round"), x.clone().flip([0, 1, 2, 3]));
                check(&format!("{order:?} every other"), x.slice_dim(3, Slice::new(0, None, 2)));
            }
        }
    }
}

#[test]
fn matrices() {
    for [n, m] in [[1, 1], [1, 50], [15, 17], [16, 16], [32, 48], [31, 100], [257, 129], [64, 1024], [1000, 33]] {
        let x = of([n, m]);
        check("as it is", x.clone());
        check("transposed", x.clone().transpose());
        check("transposed back", x.clone().transpose().transpose());
        check("rows", x.clone().narrow(0, n / 3, n - n / 3));
        check("columns", x.clone().narrow(1, m / 3, m - m / 3));
        check("columns as rows", x.clone().narrow(1, m / 3, m - m / 3).transpose());
        check("rows as columns", x.narrow(0, n / 3, n - n / 3).transpose());
    }
}

#[test]
fn repeated_vectors_and_nothing() {
    check("vector", of([9]));
    check("part", of([90_000]).narrow(0, 7, 80_001));
    check("turned round", of([90_000]).flip([0]));
    check("repeated", of([1, 7, 1]).expand([30, 7, 4]));
    check("repeated", of([5, 1, 300]).expand([5, 40, 300]).swap_dims(1, 2));
    check("repeated", of([1, 1]).expand([40, 30]));
    check("nothing", of([0, 7]).transpose());
    check("nothing", of([8, 7]).slice([0..8, 3..3]));
}

#[test]
fn what_is_in_order_is_not_copied() {
    let x = of([30, 40]);
    let place = |x: &Tensor<2>| x.clone().try_into_primitive::<Flex>().unwrap().storage::<f32>().as_ptr();
    let cpu = Cpu::of(&x).unwrap();
    assert_eq!(place(&cpu.contiguous(x.clone())), place(&x));
}
