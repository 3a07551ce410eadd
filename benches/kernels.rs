//! Each fused kernel beside the plain Burn that it stands for, at the sizes of a model of 135 million parameters.

#[path = "shared/bench.rs"]
mod bench;

use bench::tensor;
use criterion::{BatchSize, Criterion};
use isinglass::core::burn::tensor::activation::{gelu, relu, silu, softmax};
use isinglass::core::burn::tensor::{Int, TensorData};
use isinglass::prelude::*;
use isinglass_kernels::{Activation, Cpu, Scores, Turns};

/// A function of plain Burn.
type Plain<'a> = &'a dyn Fn(Tensor<3>) -> Tensor<3>;

/// Times a kernel and its plain twin on inputs that `make` gives, alone in their memory where it makes them anew.
fn pair<I, O, P>(
    criterion: &mut Criterion,
    name: &str,
    make: impl Fn() -> I,
    kernel: impl Fn(I) -> O,
    plain: impl Fn(I) -> P,
) {
    let mut group = criterion.benchmark_group(name);
    group.bench_function("kernel", |bencher| bencher.iter_batched(&make, &kernel, BatchSize::LargeInput));
    group.bench_function("plain", |bencher| bencher.iter_batched(&make, &plain, BatchSize::LargeInput));
    group.finish();
}

fn norms(c: &mut Criterion, cpu: Cpu) {
    let (gain, bias) = (tensor([576]), tensor([576]));
    for n in [1, 512] {
        let x = tensor([1, n, 576]);
        let g = || gain.clone().unsqueeze::<3>();
        pair(
            c,
            &format!("rms_norm/{n}"),
            || x.clone(),
            |x| cpu.rms_norm(x, gain.clone(), 1e-5),
            |x| x.clone() / ((x.clone() * x).mean_dim(2) + 1e-5).sqrt() * g(),
        );
        pair(
            c,
            &format!("layer_norm/{n}"),
            || x.clone(),
            |x| cpu.layer_norm(x, gain.clone(), bias.clone(), 1e-5),
            |x| {
                let centred = x.clone() - x.mean_dim(2);
                let variance = (centred.clone() * centred.clone()).mean_dim(2);
                centred / (variance + 1e-5).sqrt() * g() + bias.clone().unsqueeze::<3>()
            },
        );
    }
}

fn activations(c: &mut Criterion, cpu: Cpu) {
    let plain_tanh = |x: Tensor<3>| {
        let inner = (x.clone() + x.clone().powf_scalar(3.0) * 0.044_715) * (2.0 / std::f64::consts::PI).sqrt();
        x * 0.5 * (inner.tanh() + 1.0)
    };
    let make = || tensor([1, 512, 1536]);
    let functions: [(&str, Activation, Plain<'_>); 4] = [
        ("silu", Activation::Silu, &silu),
        ("gelu", Activation::Gelu, &gelu),
        ("gelu_tanh", Activation::GeluTanh, &plain_tanh),
        ("relu", Activation::Relu, &relu),
    ];
    for (name, f, plain) in functions {
        pair(c, &format!("activation/{name}"), make, |x| cpu.activate(f, x), plain);
    }
    let two = || (make(), make());
    pair(c, "gated/silu", two, |(g, u)| cpu.gated(Activation::Silu, g, u), |(g, u)| silu(g) * u);
    let scores = || tensor([1, 9, 256, 256]);
    pair(c, "softmax", scores, |x| cpu.softmax(x), |x| softmax(x, 3));
}

fn attention(c: &mut Criterion, cpu: Cpu) {
    let angles = bench::values(512 * 32);
    let [cos, sin]: [Vec<f32>; 2] = [f32::cos, f32::sin].map(|f| angles.iter().map(|x| f(*x)).collect());
    let table = |t: &[f32]| Tensor::<4>::from_data(TensorData::new(t.to_vec(), [1, 512, 1, 32]), &Device::flex());
    let (c_table, s_table) = (table(&cos), table(&sin));
    let turns = Turns::new(cos, sin, 1, 32);
    let q = tensor([1, 512, 9, 64]);
    let plain = |x: Tensor<4>| {
        let [a, b] = [0, 32].map(|at| x.clone().narrow(3, at, 32));
        let first = a.clone() * c_table.clone() - b.clone() * s_table.clone();
        Tensor::cat(vec![first, b * c_table.clone() + a * s_table.clone()], 3)
    };
    pair(c, "rope", || q.clone(), |x| cpu.turned(x, &turns), plain);

    let (k, v) = (tensor([1, 3, 512, 64]), tensor([1, 3, 512, 64]));
    for pos in [512, 1] {
        let seen = (0..pos).map(|query| 0..512 - pos + query + 1).collect();
        let scores = Scores { scale: 0.125, softcap: None, seen };
        let hidden = Tensor::<2, Int>::ones([pos, 512], &Device::flex()).triu(513 - pos as i64).bool().unsqueeze();
        let q = q.clone().narrow(1, 0, pos);
        let repeated =
            |x: &Tensor<4>| x.clone().unsqueeze_dim::<5>(2).expand([1, 3, 3, 512, 64]).reshape([1, 9, 512, 64]);
        pair(
            c,
            &format!("attention/{pos}"),
            || q.clone(),
            |q| cpu.attention(q, k.clone(), v.clone(), &scores),
            |q| {
                let s = q.swap_dims(1, 2).matmul(repeated(&k).swap_dims(2, 3)) * 0.125;
                let pattern = softmax(s.mask_fill(hidden.clone(), f32::NEG_INFINITY), 3);
                pattern.matmul(repeated(&v)).swap_dims(1, 2)
            },
        );
    }
}

fn picks(c: &mut Criterion, cpu: Cpu) {
    for ([rows, width], k) in [([256, 9216], 32), ([1, 49152], 50)] {
        let x = tensor([rows, width]);
        let name = format!("top_k/{rows}x{width}_{k}");
        pair(c, &name, || x.clone(), |x| cpu.top_k(x, k), |x| x.topk_with_indices(k, 1));
    }
    let x = tensor([256, 9216]);
    let (_, at) = x.clone().topk_with_indices(128, 1);
    pair(c, "gather", || (x.clone(), at.clone()), |(x, at)| cpu.gather(x, at), |(x, at)| x.gather(1, at));
    let table = tensor([49152, 576]);
    for n in [1, 512] {
        let ids: Vec<i64> = bench::text(n).into_iter().map(|id| i64::from(id) * 12).collect();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [n]), &Device::flex());
        let make = || (table.clone(), ids.clone());
        pair(c, &format!("rows/{n}"), make, |(x, at)| cpu.rows_at(x, at), |(x, at)| x.select(0, at));
    }
}

fn copies(c: &mut Criterion, cpu: Cpu) {
    let views: [(&str, Tensor<4>); 5] = [
        ("transposed", tensor([1, 1, 1536, 576]).swap_dims(2, 3)),
        ("transposed_1024", tensor([1, 1, 1024, 1024]).swap_dims(2, 3)),
        ("heads_first", tensor([1, 512, 9, 64]).swap_dims(1, 2)),
        ("keys_as_columns", tensor([1, 512, 9, 64]).permute([0, 2, 3, 1])),
        ("columns", tensor([1, 1, 512, 960]).narrow(3, 0, 576)),
    ];
    for (name, x) in views {
        // What plain Burn copies for whoever wants the numbers.
        let plain = |x: Tensor<4>| x.into_data();
        pair(c, &format!("contiguous/{name}"), || x.clone(), |x| cpu.contiguous(x), plain);
    }
}

fn main() {
    let mut criterion = bench::criterion();
    // None where the kernels do not run: then there is nothing to compare.
    let Some(cpu) = Cpu::of(&tensor([1])) else { return };
    for kernels in [norms, activations, attention, picks, copies] {
        kernels(&mut criterion, cpu);
    }
    criterion.final_summary();
}
