//! Places in the forward pass: what each is called, its shape, and the equation that defines it.
//!
//! The functions of this module name sites: `resid_post(12)` is a [`Site<3>`], `pattern(3)` a [`Site<4>`].
//! Names are TransformerLens's, and a site is the same tensor as the one of that name there; but `hook_normalized` is
//! before gain and bias in every norm, which TransformerLens's unfolded `LayerNorm` applies first.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::spec::ModelSpec;

/// One axis of an activation, as its length depends on the model and the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Rows of the batch.
    Batch,
    /// Columns of the batch; in a cached step only the new ones.
    Pos,
    /// Query heads.
    Head,
    /// Key and value heads, not repeated.
    KvHead,
    /// Query positions, the same columns as `pos`.
    Query,
    /// Key positions: every column so far, cached ones included.
    Key,
    /// Width of the residual stream.
    DModel,
    /// Width of one head.
    DHead,
    /// Neurons of the MLP.
    DMlp,
    /// Token ids.
    Vocab,
    /// A single number.
    One,
}

impl Axis {
    const fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Pos => "pos",
            Self::Head => "head",
            Self::KvHead => "kv_head",
            Self::Query => "query",
            Self::Key => "key",
            Self::DModel => "d_model",
            Self::DHead => "d_head",
            Self::DMlp => "d_mlp",
            Self::Vocab => "vocab",
            Self::One => "1",
        }
    }
}

/// A row of the site table.
struct Row {
    kind: Kind,
    function: &'static str,
    /// The name after `blocks.{layer}.`, or the whole name of a site outside the layers.
    name: &'static str,
    stage: Stage,
    axes: &'static [Axis],
    equation: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Before,
    Layer,
    After,
}

macro_rules! sites {
    ($( $stage:ident $kind:ident $function:ident $rank:literal $name:literal [$($axis:ident),*] $equation:literal; )*) => {
        /// What flows at a site, whatever the layer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Kind { $( #[doc = concat!("`", $name, "`: ", $equation)] $kind, )* }

        impl Kind {
            /// Every kind of site, in the order of the forward pass.
            pub const ALL: &'static [Self] = &[ $( Self::$kind, )* ];
        }

        const TABLE: &[Row] = &[ $( Row {
            kind: Kind::$kind,
            function: stringify!($function),
            name: $name,
            stage: Stage::$stage,
            axes: &[ $( Axis::$axis, )* ],
            equation: $equation,
        }, )* ];

        $( sites!(@function $stage $kind $function $rank $name $equation); )*
    };
    (@function Layer $kind:ident $function:ident $rank:literal $name:literal $equation:literal) => {
        #[doc = concat!("`blocks.{layer}.", $name, "`: ", $equation)]
        pub const fn $function(layer: usize) -> Site<$rank> { Site { kind: Kind::$kind, layer } }
    };
    (@function $stage:ident $kind:ident $function:ident $rank:literal $name:literal $equation:literal) => {
        #[doc = concat!("`", $name, "`: ", $equation)]
        pub const fn $function() -> Site<$rank> { Site { kind: Kind::$kind, layer: 0 } }
    };
}

sites! {
    Before Embed embed 3 "hook_embed" [Batch, Pos, DModel] "row of the token embedding for each token (times the family's constant, if it has one)";
    Before PosEmbed pos_embed 3 "hook_pos_embed" [Batch, Pos, DModel] "row of the learned position embedding; models with rotary positions have none";
    Layer ResidPre resid_pre 3 "hook_resid_pre" [Batch, Pos, DModel] "layer 0: embed (+ pos_embed); after that resid_post of the layer before";
    Layer Ln1Scale ln1_scale 3 "ln1.hook_scale" [Batch, Pos, One] "root of (mean square + eps) of resid_pre, after its mean is taken off where the norm is a LayerNorm";
    Layer Ln1Normalized ln1_normalized 3 "ln1.hook_normalized" [Batch, Pos, DModel] "(resid_pre − mean) / ln1_scale, before gain and bias; RMSNorm takes no mean off";
    Layer Q q 4 "attn.hook_q" [Batch, Pos, Head, DHead] "query projection of the normed stream, before any norm or rotation";
    Layer K k 4 "attn.hook_k" [Batch, Pos, KvHead, DHead] "key projection, not repeated over the heads that share it";
    Layer V v 4 "attn.hook_v" [Batch, Pos, KvHead, DHead] "value projection, not repeated over the heads that share it";
    Layer QNormScale q_norm_scale 4 "attn.q_norm.hook_scale" [Batch, Pos, Head, One] "root of (mean square + eps) of q over its head";
    Layer QNormNormalized q_norm_normalized 4 "attn.q_norm.hook_normalized" [Batch, Pos, Head, DHead] "q / q_norm_scale, before the gain";
    Layer KNormScale k_norm_scale 4 "attn.k_norm.hook_scale" [Batch, Pos, KvHead, One] "root of (mean square + eps) of k over its head";
    Layer KNormNormalized k_norm_normalized 4 "attn.k_norm.hook_normalized" [Batch, Pos, KvHead, DHead] "k / k_norm_scale, before the gain";
    Layer QNormed q_normed 4 "attn.hook_q_normed" [Batch, Pos, Head, DHead] "q after the query norm, before rotation; only where the family norms queries";
    Layer KNormed k_normed 4 "attn.hook_k_normed" [Batch, Pos, KvHead, DHead] "k after the key norm, before rotation; only where the family norms keys";
    Layer RotQ rot_q 4 "attn.hook_rot_q" [Batch, Pos, Head, DHead] "queries after rotation by position";
    Layer RotK rot_k 4 "attn.hook_rot_k" [Batch, Pos, KvHead, DHead] "keys after rotation by position, as they enter the KV cache";
    Layer Scores scores 4 "attn.hook_attn_scores" [Batch, Head, Query, Key] "rot_q · rot_k × scale, soft-capped where the family caps it; −inf where the query may not look";
    Layer Pattern pattern 4 "attn.hook_pattern" [Batch, Head, Query, Key] "softmax of scores over keys";
    Layer Z z 4 "attn.hook_z" [Batch, Pos, Head, DHead] "pattern · v, per head";
    Layer Result result 4 "attn.hook_result" [Batch, Pos, Head, DModel] "z of one head times its rows of W_O; the bias of W_O belongs to no head";
    Layer AttnRaw attn_raw 3 "attn.hook_out" [Batch, Pos, DModel] "sum of result over heads (+ bias of W_O), before a post-norm";
    Layer Ln1PostScale ln1_post_scale 3 "ln1_post.hook_scale" [Batch, Pos, One] "scale of the norm after attention; only where the family has one";
    Layer Ln1PostNormalized ln1_post_normalized 3 "ln1_post.hook_normalized" [Batch, Pos, DModel] "attn_raw over ln1_post_scale, before the gain";
    Layer AttnOut attn_out 3 "hook_attn_out" [Batch, Pos, DModel] "what attention adds to the stream: attn_raw, after the post-norm where there is one";
    Layer ResidMid resid_mid 3 "hook_resid_mid" [Batch, Pos, DModel] "resid_pre + attn_out; parallel layers have none";
    Layer Ln2Scale ln2_scale 3 "ln2.hook_scale" [Batch, Pos, One] "scale of the norm before the MLP, of resid_mid (parallel layers: of resid_pre)";
    Layer Ln2Normalized ln2_normalized 3 "ln2.hook_normalized" [Batch, Pos, DModel] "(resid_mid − mean) / ln2_scale, before gain and bias; parallel layers: of resid_pre";
    Layer MlpPre mlp_pre 3 "mlp.hook_pre" [Batch, Pos, DMlp] "input of the activation function: gate projection of a gated MLP, up projection of a plain one";
    Layer MlpPreLinear mlp_pre_linear 3 "mlp.hook_pre_linear" [Batch, Pos, DMlp] "up projection of a gated MLP; a plain MLP has none";
    Layer MlpPost mlp_post 3 "mlp.hook_post" [Batch, Pos, DMlp] "neurons: act(mlp_pre), times mlp_pre_linear where gated; what enters the down projection";
    Layer MlpRaw mlp_raw 3 "mlp.hook_out" [Batch, Pos, DModel] "mlp_post · W_down (+ bias), before a post-norm";
    Layer Ln2PostScale ln2_post_scale 3 "ln2_post.hook_scale" [Batch, Pos, One] "scale of the norm after the MLP; only where the family has one";
    Layer Ln2PostNormalized ln2_post_normalized 3 "ln2_post.hook_normalized" [Batch, Pos, DModel] "mlp_raw over ln2_post_scale, before the gain";
    Layer MlpOut mlp_out 3 "hook_mlp_out" [Batch, Pos, DModel] "what the MLP adds to the stream: mlp_raw, after the post-norm where there is one";
    Layer ResidPost resid_post 3 "hook_resid_post" [Batch, Pos, DModel] "resid_mid + mlp_out; parallel layers: resid_pre + attn_out + mlp_out";
    After FinalNormScale final_norm_scale 3 "ln_final.hook_scale" [Batch, Pos, One] "scale of the final norm, of the last resid_post";
    After FinalNormalized final_normalized 3 "ln_final.hook_normalized" [Batch, Pos, DModel] "(last resid_post − mean) / final_norm_scale, before gain and bias";
    After FinalNorm final_norm 3 "ln_final.hook_out" [Batch, Pos, DModel] "final norm with gain and bias: what is unembedded";
    After Logits logits 3 "logits" [Batch, Pos, Vocab] "final_norm · W_U (+ bias), soft-capped where the family caps it";
}

impl Kind {
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Whether there is one site of this kind per layer.
    pub fn in_layers(self) -> bool {
        self.row().stage == Stage::Layer
    }

    /// Rank of the tensor: 3 is visited by [`Hook::stream`](crate::Hook::stream), 4 by
    /// [`Hook::heads`](crate::Hook::heads).
    pub fn rank(self) -> usize {
        self.row().axes.len()
    }

    /// Axes of the tensor, in order.
    pub fn axes(self) -> &'static [Axis] {
        self.row().axes
    }

    /// Name of the function that makes such a site, for instance `resid_post`.
    pub fn function(self) -> &'static str {
        self.row().function
    }

    /// The equation that defines it, in words.
    pub fn equation(self) -> &'static str {
        self.row().equation
    }

    /// Name with `{layer}` in place of the layer, for instance `blocks.{layer}.hook_resid_post`.
    pub fn name(self) -> String {
        let row = self.row();
        if row.stage == Stage::Layer { format!("blocks.{{layer}}.{}", row.name) } else { row.name.into() }
    }

    /// Shape with named axes, for instance `[batch, pos, d_model]`.
    pub fn shape(self) -> String {
        let axes: Vec<_> = self.axes().iter().map(|a| a.name()).collect();
        format!("[{}]", axes.join(", "))
    }
}

/// A place in the forward pass; `R` is the rank of the tensor that flows there.
///
/// Asking a cache for a site with the wrong rank does not compile:
/// ```compile_fail,E0308
/// use isinglass_core::{Cache, Cached, Tensor, site::pattern};
/// fn wrong(cache: &Cache) -> &Tensor<3> { cache.get(pattern(0)).unwrap() }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Site<const R: usize> {
    kind: Kind,
    layer: usize,
}

impl<const R: usize> Site<R> {
    /// The same site without its rank, for files, flags and errors.
    pub const fn id(self) -> SiteId {
        SiteId { kind: self.kind, layer: self.layer }
    }

    /// What flows here.
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// The layer, or `None` for a site outside the layers.
    pub fn layer(self) -> Option<usize> {
        self.id().layer()
    }
}

impl<const R: usize> fmt::Display for Site<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}

/// A site whose rank is not in its type: what files, flags and errors use.
///
/// Displays as the TransformerLens name and parses that, with or without `hook_`.
/// ```
/// use isinglass_core::{SiteId, site::resid_post};
/// let site: SiteId = "blocks.12.resid_post".parse()?;
/// assert_eq!(site, resid_post(12).id());
/// assert_eq!(site.to_string(), "blocks.12.hook_resid_post");
/// # Ok::<(), isinglass_core::UnknownSite>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SiteId {
    kind: Kind,
    layer: usize,
}

impl SiteId {
    /// A site by kind and layer; the layer is ignored outside the layers.
    pub fn new(kind: Kind, layer: usize) -> Self {
        Self { kind, layer: if kind.in_layers() { layer } else { 0 } }
    }

    /// What flows here.
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// The layer, or `None` for a site outside the layers.
    pub fn layer(self) -> Option<usize> {
        self.kind.in_layers().then_some(self.layer)
    }

    /// This site as one of rank 3, if it is.
    pub fn stream(self) -> Option<Site<3>> {
        (self.kind.rank() == 3).then_some(Site { kind: self.kind, layer: self.layer })
    }

    /// This site as one of rank 4, if it is.
    pub fn heads(self) -> Option<Site<4>> {
        (self.kind.rank() == 4).then_some(Site { kind: self.kind, layer: self.layer })
    }

    /// Lengths of the axes in a pass over `batch` rows and `pos` columns after `past` cached ones.
    pub fn shape(self, spec: &ModelSpec, batch: usize, pos: usize, past: usize) -> Vec<usize> {
        let length = |axis: &Axis| match axis {
            Axis::Batch => batch,
            Axis::Pos | Axis::Query => pos,
            Axis::Key => past + pos,
            Axis::Head => spec.n_heads,
            Axis::KvHead => spec.n_kv_heads,
            Axis::DModel => spec.d_model,
            Axis::DHead => spec.d_head,
            Axis::DMlp => spec.d_mlp,
            Axis::Vocab => spec.vocab,
            Axis::One => 1,
        };
        self.kind.axes().iter().map(length).collect()
    }

    fn key(self) -> (Stage, usize, Kind) {
        (self.kind.row().stage, self.layer, self.kind)
    }
}

/// Sites sort in the order of the forward pass.
impl Ord for SiteId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for SiteId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<const R: usize> From<Site<R>> for SiteId {
    fn from(site: Site<R>) -> Self {
        site.id()
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer() {
            Some(layer) => write!(f, "blocks.{layer}.{}", self.kind.row().name),
            None => f.write_str(self.kind.row().name),
        }
    }
}

impl Serialize for SiteId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SiteId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// A name that belongs to no site.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no site is called `{name}`: did you mean `{nearest}`?")]
pub struct UnknownSite {
    /// The name asked for.
    pub name: String,
    /// The known name nearest to it, by edit distance.
    pub nearest: String,
}

impl FromStr for SiteId {
    type Err = UnknownSite;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let (layer, rest) = match name.strip_prefix("blocks.").and_then(|s| s.split_once('.')) {
            Some((number, rest)) => match parse_layer(number) {
                Some(layer) => (Some(layer), rest),
                None => (Some(0), name),
            },
            None => (None, name),
        };
        let known = TABLE
            .iter()
            .filter(|row| (row.stage == Stage::Layer) == layer.is_some())
            .find(|row| matches(row.name, rest));
        match known {
            Some(row) => Ok(Self::new(row.kind, layer.unwrap_or(0))),
            None => Err(UnknownSite { name: name.into(), nearest: nearest(rest, layer) }),
        }
    }
}

/// Plain digits only: `+1` and `01` are not layers.
fn parse_layer(number: &str) -> Option<usize> {
    let layer: usize = number.parse().ok()?;
    (layer.to_string() == number).then_some(layer)
}

fn matches(name: &str, given: &str) -> bool {
    name == given || name.replace("hook_", "") == given
}

fn nearest(rest: &str, layer: Option<usize>) -> String {
    let short = |s: &str| s.rsplit('.').next().unwrap_or(s).replace("hook_", "");
    let distance = |row: &&Row| {
        let moved = usize::from((row.stage == Stage::Layer) != layer.is_some());
        (strsim::damerau_levenshtein(&short(row.name), &short(rest)), moved, row.name.len())
    };
    let Some(row) = TABLE.iter().min_by_key(distance) else { return String::new() };
    SiteId::new(row.kind, layer.unwrap_or(0)).to_string()
}

/// The table of every site, in Markdown: docs/SITES.md is this.
pub fn table() -> String {
    let mut out = String::from("| function | name | shape | equation |\n| --- | --- | --- | --- |\n");
    for row in TABLE {
        let argument = if row.stage == Stage::Layer { "layer" } else { "" };
        let (name, shape) = (row.kind.name(), row.kind.shape());
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| `{}({argument})` | `{name}` | `{shape}` | {} |", row.function, row.equation);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_kinds_and_ranks_agree() {
        for (row, kind) in TABLE.iter().zip(Kind::ALL) {
            assert_eq!(row.kind, *kind);
        }
        assert_eq!(TABLE.len(), Kind::ALL.len());
        assert_eq!(pattern(1).id().kind().rank(), 4);
        assert_eq!(resid_post(1).id().heads(), None);
    }

    #[test]
    fn every_name_parses_back_in_both_forms() {
        for kind in Kind::ALL {
            let site = SiteId::new(*kind, 7);
            let name = site.to_string();
            assert_eq!(name.parse(), Ok(site));
            assert_eq!(name.replace("hook_", "").parse(), Ok(site), "{name}");
        }
    }

    #[test]
    fn a_wrong_name_names_the_nearest() {
        let nearest = |s: &str| s.parse::<SiteId>().unwrap_err().nearest;
        assert_eq!(nearest("blocks.3.hook_resid_pots"), "blocks.3.hook_resid_post");
        assert_eq!(nearest("blocks.3.patern"), "blocks.3.attn.hook_pattern");
        assert_eq!(nearest("logit"), "logits");
        assert_eq!(nearest("resid_post"), "blocks.0.hook_resid_post");
        for bad in ["blocks.x.resid_post", "blocks.-1.resid_post", "blocks.01.resid_post", "blocks.1.embed", ""] {
            assert!(bad.parse::<SiteId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sites_sort_as_the_pass_runs() {
        let mut sites = [logits().id(), resid_pre(1).id(), resid_post(0).id(), embed().id()];
        sites.sort();
        assert_eq!(
            sites.map(|s| s.to_string()).join(" "),
            "hook_embed blocks.0.hook_resid_post blocks.1.hook_resid_pre logits"
        );
    }
}
