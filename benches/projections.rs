//! Products with the weights of a model of 135 million parameters, beside plain Burn's: in multiply-adds a second, which is
//! half of what FLOP/s say, and for one row in bytes of weights a second.

#[path = "shared/bench.rs"]
mod bench;

use bench::tensor;
use criterion::{Criterion, Throughput};
use isinglass::core::burn::tensor::DType;
use isinglass::core::burn::tensor::activation::silu;
use isinglass::prelude::*;
use isinglass_kernels::{Activation, Cpu, Scores, Weights};

/// As PyTorch stores it: outputs are rows.
fn weight(d_in: usize, d_out: usize) -> Tensor<2> {
    tensor([d_out, d_in]).transpose()
}

fn plain(x: Tensor<3>, weight: &Tensor<2>) -> Tensor<3> {
    let ([batch, pos, d_in], [_, d_out]) = (x.dims(), weight.dims());
    x.reshape([batch * pos, d_in]).matmul(weight.clone()).reshape([batch, pos, d_out])
}

fn products(c: &mut Criterion, cpu: Cpu) {
    for (rows, d_in, d_out) in
        [(512, 576, 576), (512, 576, 1536), (512, 1536, 576), (64, 576, 1536), (8, 576, 1536), (1, 576, 49152)]
    {
        let (x, weight) = (tensor([1, rows, d_in]), weight(d_in, d_out));
        let kernel = Weights::new(weight.clone(), None);
        let mut group = c.benchmark_group(format!("project/{rows}x{d_in}x{d_out}"));
        group.throughput(if rows == 1 {
            Throughput::Bytes((d_in * d_out * size_of::<f32>()) as u64)
        } else {
            Throughput::Elements((rows * d_in * d_out) as u64)
        });
        group.bench_function("kernel", |b| b.iter(|| cpu.project(x.clone(), [&kernel])));
        if rows == 1 {
            let narrow = Weights::new(weight.clone().cast(DType::BF16), None);
            group.bench_function("kernel_bf16", |b| b.iter(|| cpu.project(x.clone(), [&narrow])));
        }
        group.bench_function("plain", |b| b.iter(|| plain(x.clone(), &weight)));
        group.finish();
    }
}

fn fused(c: &mut Criterion, cpu: Cpu) {
    for rows in [512, 1] {
        let x = tensor([1, rows, 576]);
        let [gate, up] = [0, 1].map(|_| weight(576, 1536));
        let [q, k, v] = [576, 192, 192].map(|d_out| weight(576, d_out));
        let [g, u, wq, wk, wv] = [&gate, &up, &q, &k, &v].map(|weight| Weights::new(weight.clone(), None));
        let mut group = c.benchmark_group(format!("gated/{rows}"));
        group.bench_function("kernel", |b| b.iter(|| cpu.project_gated(Activation::Silu, x.clone(), &g, &u)));
        group.bench_function("plain", |b| b.iter(|| silu(plain(x.clone(), &gate)) * plain(x.clone(), &up)));
        group.finish();
        let mut group = c.benchmark_group(format!("qkv/{rows}"));
        group.bench_function("kernel", |b| b.iter(|| cpu.project(x.clone(), [&wq, &wk, &wv])));
        group.bench_function("plain", |b| b.iter(|| [&q, &k, &v].map(|weight| plain(x.clone(), weight))));
        group.finish();
        let mut group = c.benchmark_group(format!("added/{rows}"));
        group.bench_function("kernel", |b| b.iter(|| cpu.project_onto(x.clone(), &wq, x.clone())));
        group.bench_function("plain", |b| b.iter(|| x.clone() + plain(x.clone(), &q)));
        group.finish();
    }
}

fn pieces(c: &mut Criterion, cpu: Cpu) {
    let (q, k) = (tensor([1, 512, 9, 64]), tensor([1, 9, 512, 64]));
    let scores = Scores { scale: 0.125, softcap: None, seen: vec![0..512; 512] };
    let mut group = c.benchmark_group("scores/512");
    group.bench_function("kernel", |b| b.iter(|| cpu.scores(q.clone(), k.clone(), &scores)));
    group.bench_function("plain", |b| {
        b.iter(|| q.clone().swap_dims(1, 2).matmul(k.clone().swap_dims(2, 3)) * 0.125);
    });
    group.finish();
    let pattern = tensor([1, 9, 512, 512]);
    let mut group = c.benchmark_group("mixed/512");
    group.bench_function("kernel", |b| b.iter(|| cpu.mixed(pattern.clone(), k.clone())));
    group.bench_function("plain", |b| b.iter(|| pattern.clone().matmul(k.clone()).swap_dims(1, 2)));
    group.finish();
}

fn main() {
    let mut criterion = bench::criterion();
    if let Some(cpu) = Cpu::of(&tensor([1])) {
        products(&mut criterion, cpu);
        fused(&mut criterion, cpu);
        pieces(&mut criterion, cpu);
    }
    criterion.final_summary();
}
