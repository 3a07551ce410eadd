//! From the tensors of a file to the weights of a decoder.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use isinglass_core::burn::tensor::{DType, TensorData, bf16};
use isinglass_core::{Device, Tensor};
use isinglass_formats::{FormatError, TensorFile};
use isinglass_kernels::Cpu;
use rayon::prelude::*;

use crate::decoder::{Attention, Block, Decoder, Linear, MlpBlock, NormBlock};
use crate::error::LoadError;
use crate::spec::{DecoderSpec, Mlp, Norm, Positions, Residual};

/// How a matrix lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matrix {
    /// `[d_out, d_in]`, as PyTorch's `Linear` and GGUF have it.
    OutIn,
    /// `[d_in, d_out]`, as GPT-2's `Conv1D` has it.
    InOut,
}

/// Where queries, keys and values are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Qkv {
    /// A matrix each: names of q, k, v.
    Split([&'static str; 3]),
    /// One matrix of all queries, then all keys, then all values.
    Fused(&'static str),
    /// One matrix of each head's query, key and value, head after head.
    PerHead(&'static str),
}

/// What a family's file calls its tensors. Names of layer parts follow `layer`, in which `{}` is the layer; `.weight`
/// and `.bias` are added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// Prefixes that all names may have: the first that the file uses counts.
    pub(crate) prefixes: &'static [&'static str],
    pub(crate) embed: &'static str,
    pub(crate) pos_embed: &'static str,
    pub(crate) final_norm: &'static str,
    /// Never prefixed: the first that the file uses counts.
    pub(crate) unembed: &'static [&'static str],
    pub(crate) layer: &'static str,
    /// The configuration key that says how many layers there are.
    pub(crate) n_layers: &'static str,
    pub(crate) ln1: &'static str,
    /// Not there where attention and MLP read through one norm.
    pub(crate) ln2: &'static str,
    /// Norms of what attention and MLP add, where the family has them.
    pub(crate) ln1_post: &'static str,
    pub(crate) ln2_post: &'static str,
    /// Norms of queries and keys, where the family has them.
    pub(crate) q_norm: &'static str,
    pub(crate) k_norm: &'static str,
    /// Added to every stored gain: 1 where the file holds the gain's difference from 1.
    pub(crate) gain_offset: f64,
    pub(crate) qkv: Qkv,
    pub(crate) attn_out: &'static str,
    /// Gate projection of a gated MLP, up projection of a plain one.
    pub(crate) mlp_pre: &'static str,
    /// Up projection of a gated MLP; empty where `mlp_pre` holds the gate projection and then the up projection.
    pub(crate) mlp_linear: &'static str,
    pub(crate) mlp_down: &'static str,
    pub(crate) matrix: Matrix,
    /// Whether rows of q and k are interleaved for a rotation of neighbouring pairs, as llama.cpp stores them.
    pub(crate) interleaved: bool,
    /// Buffers that are no weights: names that end so are left alone.
    pub(crate) ignored: &'static [&'static str],
    /// Parts of a larger model that are not its decoder: names that begin so are left alone.
    pub(crate) other_parts: &'static [&'static str],
}

/// Reads tensors one by one, remembering which.
struct Reader<'a> {
    file: &'a dyn TensorFile,
    path: PathBuf,
    spec: &'a DecoderSpec,
    names: &'a Names,
    prefix: &'static str,
    device: &'a Device,
    read: RefCell<BTreeSet<String>>,
}

/// The decoder in a file. Memory is taken tensor by tensor, and only for tensors that are in the file.
pub(crate) fn decoder(
    file: &dyn TensorFile,
    spec: &DecoderSpec,
    names: &Names,
    device: &Device,
) -> Result<Decoder, LoadError> {
    let path = file.paths().first().map_or_else(PathBuf::new, |p| Path::to_path_buf(p));
    let uses = |prefix: &&&str| file.contains(&format!("{prefix}{}.weight", names.embed));
    let prefix = names.prefixes.iter().find(uses).or(names.prefixes.first()).copied().unwrap_or("");
    let reader = Reader { file, path, spec, names, prefix, device, read: RefCell::default() };
    let decoder = reader.decoder()?;
    reader.finish()?;
    Ok(decoder)
}

impl Reader<'_> {
    fn decoder(&self) -> Result<Decoder, LoadError> {
        let (spec, names) = (self.spec, self.names);
        let global = |part: &str| format!("{}{part}", self.prefix);
        let embed: Tensor<2> = self.tensor(&global(names.embed), ".weight", [spec.vocab, spec.d_model])?;
        let pos_embed = match spec.positions {
            Positions::Learned => Some(self.tensor(&global(names.pos_embed), ".weight", [spec.n_ctx, spec.d_model])?),
            Positions::Rotary { .. } => None,
        };
        let (weight, bias) = if spec.tied {
            // A tied checkpoint may still store the copy.
            names.unembed.iter().for_each(|name| self.skip(&format!("{name}.weight")));
            (embed.clone().transpose(), None)
        } else {
            let stored = |name: &&&str| self.file.contains(&format!("{name}.weight"));
            let name = names.unembed.iter().find(stored).or(names.unembed.first()).copied().unwrap_or_default();
            let unembed: Tensor<2> = self.tensor(name, ".weight", [spec.vocab, spec.d_model])?;
            let bias = if spec.biases.unembed { Some(self.tensor(name, ".bias", [spec.vocab])?) } else { None };
            (unembed.transpose(), bias)
        };
        let blocks = (0..spec.n_layers).map(|layer| self.block(layer)).collect::<Result<_, _>>()?;
        let final_norm = self.norm(&global(names.final_norm), spec.d_model)?;
        Ok(Decoder { embed, pos_embed, blocks, final_norm, unembed: Linear::new(weight, bias) })
    }

    fn block(&self, layer: usize) -> Result<Block, LoadError> {
        let (spec, names) = (self.spec, self.names);
        let part = |name: &str| format!("{}{}{name}", self.prefix, names.layer.replace("{}", &layer.to_string()));
        let d = spec.d_model;
        // Both are what a file claims: a product that overflows is a shape that no tensor has.
        let [d_q, d_kv] = [spec.n_heads, spec.n_kv_heads].map(|heads| heads.saturating_mul(spec.d_head));
        let [q, k, v] = match names.qkv {
            Qkv::Split([q, k, v]) => {
                let bias = spec.biases.qkv;
                [
                    self.rotated(&part(q), d, d_q, spec.n_heads, bias)?,
                    self.rotated(&part(k), d, d_kv, spec.n_kv_heads, bias)?,
                    self.linear(&part(v), d, d_kv, bias)?,
                ]
            }
            Qkv::Fused(name) => {
                let fused = self.linear(&part(name), d, d_kv.saturating_mul(2).saturating_add(d_q), spec.biases.qkv)?;
                [(0, d_q), (d_q, d_kv), (d_q + d_kv, d_kv)].map(|(from, len)| columns(&fused, from, len))
            }
            Qkv::PerHead(name) => {
                let fused = self.linear(&part(name), d, d_kv.saturating_mul(2).saturating_add(d_q), spec.biases.qkv)?;
                [0, 1, 2].map(|which| of_each_head(&fused, spec.n_heads, spec.d_head, which))
            }
        };
        let qk_norms = if spec.qk_norm {
            Some((self.norm(&part(names.q_norm), spec.d_head)?, self.norm(&part(names.k_norm), spec.d_head)?))
        } else {
            None
        };
        let attention = Attention {
            q,
            k,
            v,
            o: self.linear(&part(names.attn_out), d_q, d, spec.biases.attn_out)?,
            qk_norms,
            n_heads: spec.n_heads,
            n_kv_heads: spec.n_kv_heads,
            d_head: spec.d_head,
            scale: spec.attn_scale,
            softcap: spec.attn_softcap,
        };
        let bias = spec.biases.mlp;
        let (activation, pre, linear) = match spec.mlp {
            Mlp::Gated(activation) if names.mlp_linear.is_empty() => {
                let fused = self.linear(&part(names.mlp_pre), d, spec.d_mlp.saturating_mul(2), bias)?;
                (activation, columns(&fused, 0, spec.d_mlp), Some(columns(&fused, spec.d_mlp, spec.d_mlp)))
            }
            Mlp::Gated(activation) => {
                let linear = self.linear(&part(names.mlp_linear), d, spec.d_mlp, bias)?;
                (activation, self.linear(&part(names.mlp_pre), d, spec.d_mlp, bias)?, Some(linear))
            }
            Mlp::Plain(activation) => (activation, self.linear(&part(names.mlp_pre), d, spec.d_mlp, bias)?, None),
        };
        let mlp = MlpBlock { activation, pre, linear, down: self.linear(&part(names.mlp_down), spec.d_mlp, d, bias)? };
        Ok(Block {
            ln1: self.norm(&part(names.ln1), d)?,
            attention,
            ln1_post: self.norm_if(spec.post_norms, &part(names.ln1_post))?,
            ln2: self.norm_if(spec.residual != Residual::ParallelOneNorm, &part(names.ln2))?,
            mlp,
            ln2_post: self.norm_if(spec.post_norms, &part(names.ln2_post))?,
            residual: spec.residual,
        })
    }

    fn norm_if(&self, there: bool, name: &str) -> Result<Option<NormBlock>, LoadError> {
        there.then(|| self.norm(name, self.spec.d_model)).transpose()
    }

    fn norm(&self, name: &str, width: usize) -> Result<NormBlock, LoadError> {
        let gain = self.tensor(name, ".weight", [width])?;
        let offset = self.names.gain_offset;
        let gain = if offset == 0.0 { gain } else { gain + offset };
        let bias = match self.spec.norm {
            Norm::Layer { .. } => Some(self.tensor(name, ".bias", [width])?),
            Norm::Rms { .. } => None,
        };
        Ok(NormBlock { norm: self.spec.norm, gain, bias })
    }

    fn linear(&self, name: &str, d_in: usize, d_out: usize, bias: bool) -> Result<Linear, LoadError> {
        let weight: Tensor<2> = match self.names.matrix {
            Matrix::OutIn => self.tensor(name, ".weight", [d_out, d_in])?.transpose(),
            Matrix::InOut => self.tensor(name, ".weight", [d_in, d_out])?,
        };
        let bias = if bias { Some(self.tensor(name, ".bias", [d_out])?) } else { None };
        Ok(Linear::new(weight, bias))
    }

    /// A projection whose heads will be rotated: halves against each other, whatever the file's order.
    fn rotated(&self, name: &str, d_in: usize, d_out: usize, heads: usize, bias: bool) -> Result<Linear, LoadError> {
        let linear = self.linear(name, d_in, d_out, bias)?;
        if !self.names.interleaved {
            return Ok(linear);
        }
        // In each head, row 2i of the file is row i, and row 2i + 1 is row i + d_head / 2.
        let half = d_out / heads / 2;
        let weight = linear.weight.transpose().reshape([heads, half, 2, d_in]).swap_dims(1, 2);
        let weight = weight.reshape([d_out, d_in]).transpose();
        let bias = linear.bias.map(|b| b.reshape([heads, half, 2]).swap_dims(1, 2).reshape([d_out]));
        Ok(Linear::new(weight, bias))
    }

    fn tensor<const R: usize>(&self, name: &str, suffix: &str, shape: [usize; R]) -> Result<Tensor<R>, LoadError> {
        let name = format!("{name}{suffix}");
        let (path, family) = (self.path.clone(), self.spec.family.clone());
        if !self.file.contains(&name) {
            return Err(LoadError::MissingTensor { path, tensor: name, family });
        }
        let view = self.file.get(&name)?;
        if view.shape() != shape {
            let (found, expected) = (view.shape().to_vec(), shape.to_vec());
            return Err(LoadError::Shape { path, tensor: name, found, expected });
        }
        if !view.dtype().is_float() {
            return Err(LoadError::Dtype { path, tensor: name, found: view.dtype() });
        }
        let values = match view.to_finite_f32() {
            Ok(values) => values,
            Err(FormatError::NotFinite { index, found, .. }) => {
                return Err(LoadError::NotFinite { path, tensor: name, index, value: found });
            }
            Err(other) => return Err(other.into()),
        };
        self.skip(&name);
        Ok(placed(values, shape, self.device))
    }

    fn skip(&self, name: &str) {
        self.read.borrow_mut().insert(name.into());
    }

    /// Refuses a file with tensors that nobody asked for: the config and the weights belong to different models.
    fn finish(&self) -> Result<(), LoadError> {
        let read = self.read.borrow();
        let ignored = |name: &str| {
            let mut others = self.names.other_parts.iter();
            self.names.ignored.iter().any(|end| name.ends_with(end)) || others.any(|start| name.starts_with(start))
        };
        let extra: Vec<&str> =
            self.file.names().into_iter().filter(|name| !read.contains(*name) && !ignored(name)).collect();
        match extra.first() {
            Some(first) => Err(LoadError::ExtraTensors {
                path: self.path.clone(),
                tensor: (*first).into(),
                n: extra.len(),
                family: self.spec.family.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// The values as a tensor. A matrix for the kernels is kept in bf16 if that is what its values are, whatever they were
/// stored in: half the memory, and half of what generating a token reads. It is computed with in f32 all the same.
fn placed<const R: usize>(values: Vec<f32>, shape: [usize; R], device: &Device) -> Tensor<R> {
    let are_bf16 = |part: &[f32]| part.iter().all(|x| x.to_bits().trailing_zeros() >= 16);
    if R == 2 && Cpu::runs_on(device) && values.par_chunks(1 << 16).all(are_bf16) {
        let narrow: Vec<bf16> = values.par_iter().map(|x| bf16::from_bits((x.to_bits() >> 16) as u16)).collect();
        return Tensor::from_data(TensorData::new(narrow, shape), (device, DType::BF16));
    }
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Some outputs of a projection, in the same memory.
fn columns(fused: &Linear, from: usize, len: usize) -> Linear {
    Linear::new(fused.weight.clone().narrow(1, from, len), fused.bias.clone().map(|b| b.narrow(0, from, len)))
}

/// The query (0), key (1) or value (2) outputs of a projection that holds all three, head after head.
fn of_each_head(fused: &Linear, heads: usize, d_head: usize, which: usize) -> Linear {
    let [d_in, d_out] = fused.weight.dims();
    let weight = fused.weight.clone().transpose().reshape([heads, 3, d_head, d_in]).narrow(1, which, 1);
    let bias = |bias: Tensor<1>| bias.reshape([heads, 3, d_head]).narrow(1, which, 1).reshape([d_out / 3]);
    Linear::new(weight.reshape([d_out / 3, d_in]).transpose(), fused.bias.clone().map(bias))
}
