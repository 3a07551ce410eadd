//! The families as llama.cpp's GGUF files have them: metadata keys and tensor names.

use std::path::Path;

use isinglass_formats::{Gguf, TensorFile};
use serde_json::Value;

use crate::config::Config;
use crate::error::LoadError;
use crate::spec::{Activation, Biases, DecoderSpec, Mlp, Norm, Positions, Residual, RopeScaling, Window, Windowed};
use crate::weights::{Matrix, Names, Qkv};

const LLAMA: Names = Names {
    prefixes: &[""],
    embed: "token_embd",
    pos_embed: "position_embd",
    final_norm: "output_norm",
    unembed: &["output"],
    layer: "blk.{}.",
    n_layers: "llama.block_count",
    ln1: "attn_norm",
    ln2: "ffn_norm",
    ln1_post: "post_attention_norm",
    ln2_post: "post_ffw_norm",
    q_norm: "attn_q_norm",
    k_norm: "attn_k_norm",
    // The converter adds Gemma's 1.
    gain_offset: 0.0,
    qkv: Qkv::Split(["attn_q", "attn_k", "attn_v"]),
    attn_out: "attn_output",
    mlp_pre: "ffn_gate",
    mlp_linear: "ffn_up",
    mlp_down: "ffn_down",
    matrix: Matrix::OutIn,
    interleaved: true,
    ignored: &["rope_freqs.weight"],
    other_parts: &[],
};

const QWEN2: Names = Names { n_layers: "qwen2.block_count", interleaved: false, ..LLAMA };
const QWEN3: Names = Names { n_layers: "qwen3.block_count", ..QWEN2 };
const GEMMA: Names = Names { n_layers: "gemma.block_count", ..QWEN2 };
const GEMMA2: Names = Names { n_layers: "gemma2.block_count", ..QWEN2 };
const GEMMA3: Names = Names { n_layers: "gemma3.block_count", ..QWEN2 };

const PHI3: Names = Names {
    n_layers: "phi3.block_count",
    qkv: Qkv::Fused("attn_qkv"),
    mlp_pre: "ffn_up",
    mlp_linear: "",
    ignored: &["rope_factors_long.weight", "rope_factors_short.weight"],
    ..QWEN2
};

const GPT2: Names =
    Names { n_layers: "gpt2.block_count", qkv: Qkv::Fused("attn_qkv"), mlp_pre: "ffn_up", mlp_linear: "", ..QWEN2 };

/// Keys that say nothing about the forward pass: counts that tensors have as well, a layout that is the only one left, how
/// a context was stretched in training where the file also says how to stretch it.
const IGNORED: &[&str] = &[
    "attention.value_length",
    "expert_used_count",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "tensor_data_layout",
    "vocab_size",
];

const SUPPORTED: &str =
    "`gemma`, `gemma2`, `gemma3`, `gpt2`, `llama`, `phi3`, `qwen2`, `qwen3` (key `general.architecture`)";

/// The decoder that a GGUF's metadata describes, and what its tensors are called.
pub(crate) fn of_gguf(path: &Path, gguf: &Gguf) -> Result<(DecoderSpec, &'static Names), LoadError> {
    let (family, read, names): (_, Read, &'static Names) = match gguf.get_str("general.architecture")? {
        "llama" => ("llama", |file, spec| Ok(llama(file, spec)), &LLAMA),
        "qwen2" => ("qwen2", |_, spec| Ok(qwen2(spec)), &QWEN2),
        "qwen3" => ("qwen3", |file, spec| Ok(qwen3(file, spec)), &QWEN3),
        "gemma" => ("gemma", |_, spec| Ok(gemma(spec)), &GEMMA),
        "gemma2" => ("gemma2", gemma2, &GEMMA2),
        "gemma3" => ("gemma3", gemma3, &GEMMA3),
        "phi3" => ("phi3", phi3, &PHI3),
        "gpt2" => ("gpt2", |_, spec| Ok(gpt2(spec)), &GPT2),
        other => {
            return Err(LoadError::UnsupportedArchitecture {
                path: path.into(),
                architecture: other.into(),
                supported: SUPPORTED,
            });
        }
    };
    let file = File { path, gguf, keys: Config::of_gguf(path, family, gguf) };
    let spec = read(&file, file.common(family)?)?;
    file.keys.finish(IGNORED)?;
    Ok((spec, names))
}

/// What a family adds to what all files say.
type Read = fn(&File<'_>, DecoderSpec) -> Result<DecoderSpec, LoadError>;

struct File<'a> {
    path: &'a Path,
    gguf: &'a Gguf,
    keys: Config,
}

fn llama(file: &File<'_>, spec: DecoderSpec) -> DecoderSpec {
    let there = |tensor: &str| file.gguf.contains(tensor);
    let biases = Biases {
        qkv: there("blk.0.attn_q.bias"),
        attn_out: there("blk.0.attn_output.bias"),
        mlp: there("blk.0.ffn_gate.bias"),
        unembed: false,
    };
    DecoderSpec { biases, ..spec }
}

fn qwen2(spec: DecoderSpec) -> DecoderSpec {
    DecoderSpec { biases: Biases { qkv: true, ..Biases::default() }, ..spec }
}

fn qwen3(file: &File<'_>, spec: DecoderSpec) -> DecoderSpec {
    DecoderSpec { qk_norm: true, ..llama(file, spec) }
}

fn gemma(spec: DecoderSpec) -> DecoderSpec {
    let embed_scale = Some((spec.d_model as f64).sqrt());
    DecoderSpec { mlp: Mlp::Gated(Activation::GeluTanh), embed_scale, ..spec }
}

fn gemma2(file: &File<'_>, spec: DecoderSpec) -> Result<DecoderSpec, LoadError> {
    let size = file.keys.count_or("attention.sliding_window", Some(4096))?;
    let window = size.map(|size| Window { size, layers: Windowed::AllButEvery(2) });
    let attn_softcap = Some(file.keys.positive_or("attn_logit_softcapping", Some(50.0))?);
    let logits_softcap = Some(file.keys.positive_or("final_logit_softcapping", Some(30.0))?);
    let spec = gemma(by_layers(spec, 46));
    Ok(DecoderSpec { window, attn_softcap, logits_softcap, post_norms: true, ..spec })
}

fn gemma3(file: &File<'_>, spec: DecoderSpec) -> Result<DecoderSpec, LoadError> {
    let size = file.keys.count_or("attention.sliding_window", None)?;
    let layers = Windowed::AllButEvery(file.keys.count_or("attention.sliding_window_pattern", Some(6))?.unwrap_or(6));
    let local = file.keys.at_least_one_or("rope.freq_base_swa", Some(10_000.0))?;
    let positions = match spec.positions.clone() {
        Positions::Rotary { d_rotary, theta, scaling, .. } => {
            Positions::Rotary { d_rotary, theta, scaling, local_theta: Some(local) }
        }
        learned @ Positions::Learned => learned,
    };
    let cap = |key: &str| -> Result<Option<f64>, LoadError> {
        if file.keys.value(key).is_none() { Ok(None) } else { file.keys.positive_or(key, None).map(Some) }
    };
    let (attn_softcap, logits_softcap) = (cap("attn_logit_softcapping")?, cap("final_logit_softcapping")?);
    let window = size.map(|size| Window { size, layers });
    let spec = gemma(by_layers(spec, 62));
    Ok(DecoderSpec { window, positions, attn_softcap, logits_softcap, qk_norm: true, post_norms: true, ..spec })
}

/// What queries are scaled by is in no key: llama.cpp tells the models that do not scale by their head's width, the largest
/// of Gemma 2 and of Gemma 3, by their number of layers.
fn by_layers(spec: DecoderSpec, of_the_largest: usize) -> DecoderSpec {
    if spec.n_layers != of_the_largest {
        return spec;
    }
    DecoderSpec { attn_scale: (spec.d_model as f64 / spec.n_heads as f64).powf(-0.5), ..spec }
}

fn phi3(file: &File<'_>, spec: DecoderSpec) -> Result<DecoderSpec, LoadError> {
    // 0 is none.
    let size = Some(file.keys.whole_or("attention.sliding_window", 0)?).filter(|size| *size > 0);
    let window = size.map(|size| Window { size, layers: Windowed::Every });
    let (original, magnitude) = (
        file.keys.count_or("rope.scaling.original_context_length", None)?,
        file.keys.positive_or("rope.scaling.attn_factor", Some(1.0))?,
    );
    let positions = match spec.positions.clone() {
        Positions::Rotary { d_rotary, theta, .. } if file.gguf.contains("rope_factors_short.weight") => {
            let scaling = RopeScaling::Long {
                short: file.factors("rope_factors_short.weight", d_rotary)?,
                long: file.factors("rope_factors_long.weight", d_rotary)?,
                original_context: original.unwrap_or(spec.n_ctx),
                magnitude,
            };
            Positions::Rotary { d_rotary, theta, scaling, local_theta: None }
        }
        plain => plain,
    };
    Ok(DecoderSpec { positions, window, ..spec })
}

fn gpt2(spec: DecoderSpec) -> DecoderSpec {
    DecoderSpec {
        mlp: Mlp::Plain(Activation::GeluTanh),
        positions: Positions::Learned,
        biases: Biases { qkv: true, attn_out: true, mlp: true, unembed: false },
        ..spec
    }
}

impl File<'_> {
    /// What all architectures say in the same way.
    fn common(&self, family: &str) -> Result<DecoderSpec, LoadError> {
        let keys = &self.keys;
        let (d_model, n_heads) = (keys.count("embedding_length")?, keys.count("attention.head_count")?);
        let n_kv_heads = keys.count_or("attention.head_count_kv", Some(n_heads))?.unwrap_or(n_heads);
        if !n_heads.is_multiple_of(n_kv_heads) {
            let expected = format!("a divisor of {family}.attention.head_count = {n_heads}");
            return Err(keys.wrong("attention.head_count_kv", &n_kv_heads.into(), &expected));
        }
        let d_head = match keys.count_or("attention.key_length", None)? {
            Some(d_head) => d_head,
            None if d_model.is_multiple_of(n_heads) => d_model / n_heads,
            None => {
                let expected = format!("a divisor of {family}.embedding_length = {d_model}");
                return Err(keys.wrong("attention.head_count", &n_heads.into(), &expected));
            }
        };
        if !d_head.is_multiple_of(2) {
            return Err(keys.wrong("attention.key_length", &d_head.into(), "an even number, whose pairs rotate"));
        }
        let experts = keys.whole_or("expert_count", 0)?;
        if experts > 0 {
            return Err(keys.wrong("expert_count", &experts.into(), "0: mixtures of experts are not built"));
        }
        let norm = match keys.value("attention.layer_norm_epsilon") {
            Some(_) => Norm::Layer { eps: keys.positive_or("attention.layer_norm_epsilon", None)? },
            None => Norm::Rms { eps: keys.positive_or("attention.layer_norm_rms_epsilon", None)? },
        };
        Ok(DecoderSpec {
            family: family.into(),
            n_layers: keys.count("block_count")?,
            d_model,
            n_heads,
            n_kv_heads,
            d_head,
            d_mlp: keys.count("feed_forward_length")?,
            vocab: self.vocab()?,
            n_ctx: keys.count("context_length")?,
            norm,
            mlp: Mlp::Gated(Activation::Silu),
            positions: self.rotation(d_head, family == "phi3")?,
            residual: Residual::Sequential,
            attn_scale: (d_head as f64).powf(-0.5),
            attn_softcap: None,
            logits_softcap: None,
            embed_scale: None,
            window: None,
            qk_norm: false,
            post_norms: false,
            biases: Biases::default(),
            tied: !self.gguf.contains("output.weight"),
            end_tokens: self.end_tokens()?,
        })
    }

    fn vocab(&self) -> Result<usize, LoadError> {
        let embed = self.gguf.get("token_embd.weight")?;
        embed.shape().first().copied().filter(|n| *n > 0).ok_or_else(|| {
            let found = format!("of shape {:?}", embed.shape());
            self.wrong("token_embd.weight", found, "a matrix of at least one row")
        })
    }

    fn end_tokens(&self) -> Result<Vec<u32>, LoadError> {
        let mut ids = Vec::new();
        for key in ["eos", "eot", "eom"].map(|which| format!("tokenizer.ggml.{which}_token_id")) {
            if self.gguf.value(&key).is_some() {
                ids.push(self.gguf.get_u32(&key)?);
            }
        }
        ids.dedup();
        Ok(ids)
    }

    fn rotation(&self, d_head: usize, may_be_partial: bool) -> Result<Positions, LoadError> {
        let keys = &self.keys;
        let d_rotary = keys.count_or("rope.dimension_count", Some(d_head))?.unwrap_or(d_head);
        let right = if may_be_partial { d_rotary <= d_head && d_rotary.is_multiple_of(2) } else { d_rotary == d_head };
        if !right {
            let expected = format!("the head width, {d_head}");
            return Err(keys.wrong("rope.dimension_count", &d_rotary.into(), &expected));
        }
        let theta = keys.at_least_one_or("rope.freq_base", Some(10_000.0))?;
        let stretched = self.stretch()?;
        let scaling = if self.gguf.contains("rope_freqs.weight") {
            if stretched != RopeScaling::None {
                let expected = "none, where the factors are in `rope_freqs.weight`";
                return Err(keys.wrong("rope.scaling.type", &"linear".into(), expected));
            }
            RopeScaling::Factors(self.factors("rope_freqs.weight", d_head)?)
        } else {
            stretched
        };
        Ok(Positions::Rotary { d_rotary, theta, scaling, local_theta: None })
    }

    /// Linear scaling, which llama.cpp also means where a factor comes without a type; 0 and 1 scale nothing.
    fn stretch(&self) -> Result<RopeScaling, LoadError> {
        let mut factor = 1.0;
        for key in ["rope.scale_linear", "rope.scaling.factor"] {
            if let Some(found) = self.keys.value(key)
                && found.as_f64() != Some(0.0)
            {
                factor = self.keys.at_least_one_or(key, None)?;
            }
        }
        match self.keys.text("rope.scaling.type")? {
            Some("none") => Ok(RopeScaling::None),
            None | Some("linear") if factor <= 1.0 => Ok(RopeScaling::None),
            None | Some("linear") => Ok(RopeScaling::Linear { factor }),
            Some(other) => Err(self.keys.wrong("rope.scaling.type", &Value::from(other), "`none` or `linear`")),
        }
    }

    fn factors(&self, tensor: &str, d_rotary: usize) -> Result<Vec<f32>, LoadError> {
        let view = self.gguf.get(tensor)?;
        let (found, expected) = (view.shape().to_vec(), vec![d_rotary / 2]);
        if found != expected {
            return Err(LoadError::Shape { path: self.path.into(), tensor: tensor.into(), found, expected });
        }
        let factors = view.to_f32()?;
        match factors.iter().position(|f| !f.is_finite() || *f <= 0.0) {
            Some(index) => {
                Err(self.wrong(&format!("{tensor}[{index}]"), factors[index].to_string(), "a number above 0"))
            }
            None => Ok(factors),
        }
    }

    fn wrong(&self, key: &str, found: String, expected: &str) -> LoadError {
        LoadError::ConfigValue { path: self.path.into(), key: key.into(), found, expected: expected.into() }
    }
}
