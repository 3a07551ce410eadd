//! What can be wrong with a file.
//!
//! Long because each way of being wrong is a variant of its own, with its facts and its advice.

use std::fmt;
use std::path::PathBuf;

use crate::Dtype;

/// What is wrong with a file, and what would be right.
///
/// `path` is always the file in question, and `tensor` or `key` the name in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the facts that the message above them names")]
pub enum FormatError {
    // --- the file system
    /// There is no such file, or it may not be read.
    #[error("cannot open `{path}`")]
    Open { path: PathBuf, source: std::io::Error },
    /// Reading broke off.
    #[error("cannot read `{path}` to its end")]
    Read { path: PathBuf, source: std::io::Error },
    /// The file cannot be written; what was there before still is.
    #[error("cannot write `{path}`; its folder must exist and be writable")]
    Write { path: PathBuf, source: std::io::Error },
    /// A folder, a device or a pipe.
    #[error("`{path}` is not a regular file; give the path of one file, not of a folder or device")]
    NotAFile { path: PathBuf },
    /// No bytes at all.
    #[error("`{path}` is empty; copy or download it again")]
    Empty { path: PathBuf },

    // --- any format
    /// The file ends inside something.
    #[error("`{path}` is cut short: {what} needs {needed} bytes at byte {at}, where {left} are left")]
    Truncated { path: PathBuf, what: &'static str, at: u64, needed: u64, left: u64 },
    /// A count that the bytes left cannot hold.
    #[error("`{path}` declares {found} {what}, but the bytes left hold at most {room}; it is corrupt or cut short")]
    Count { path: PathBuf, what: &'static str, found: u64, room: u64 },
    /// A count beyond what any real file has.
    #[error("`{path}` has more than {most} {what}; no model file needs as many")]
    TooMany { path: PathBuf, what: &'static str, most: usize },
    /// Text that is not UTF-8.
    #[error("`{path}` has a byte at {at} in {what} that is not UTF-8")]
    NotUtf8 { path: PathBuf, what: &'static str, at: u64 },
    /// One name, two things.
    #[error("`{path}` has the {what} `{name}` twice; names must differ")]
    Duplicate { path: PathBuf, what: &'static str, name: String },

    // --- tensors
    /// A way of storing numbers that this crate does not read.
    #[error(
        "tensor `{tensor}` of `{path}` has dtype `{found}`, which cannot be read; \
         f64, f32, f16, bf16, integers and bool can"
    )]
    UnknownDtype { path: PathBuf, tensor: String, found: String },
    /// A quantisation of ggml's that this crate does not read.
    #[error(
        "tensor `{tensor}` of `{path}`: quantisation `{found}` is not supported: \
         use a file of f32, f16, bf16, q8_0, q6_k, q5_k, q5_1, q5_0, q4_k, q4_1 or q4_0"
    )]
    Quantisation { path: PathBuf, tensor: String, found: String },
    /// More axes than a tensor has.
    #[error("tensor `{tensor}` of `{path}` has {found} axes; at most {most} are allowed")]
    TooManyDims { path: PathBuf, tensor: String, found: u64, most: usize },
    /// The product of the shape is no number of bytes.
    #[error("tensor `{tensor}` of `{path}` has shape {shape:?}, whose size overflows")]
    ShapeOverflow { path: PathBuf, tensor: String, shape: Vec<usize> },
    /// An offset so large that the tensor would end beyond any file.
    #[error("tensor `{tensor}` of `{path}` has offset {offset}, from which its size overflows")]
    OffsetOverflow { path: PathBuf, tensor: String, offset: u64 },
    /// A quantised tensor whose rows are not whole blocks.
    #[error("tensor `{tensor}` of `{path}` has rows of {found} values; dtype `{dtype}` needs a multiple of {block}")]
    PartialBlock { path: PathBuf, tensor: String, dtype: Dtype, found: usize, block: usize },
    /// The bytes set aside do not fit dtype and shape.
    #[error("tensor `{tensor}` of `{path}` has {found} bytes; dtype `{dtype}` and shape {shape:?} need {expected}")]
    WrongLength { path: PathBuf, tensor: String, dtype: Dtype, shape: Vec<usize>, found: u64, expected: u64 },
    /// Data offsets with the end before the start.
    #[error("tensor `{tensor}` of `{path}` has data offsets [{start}, {end}]; the end must not be first")]
    BackwardOffsets { path: PathBuf, tensor: String, start: u64, end: u64 },
    /// An offset that is no multiple of the alignment.
    #[error("tensor `{tensor}` of `{path}` has offset {offset}; it must be a multiple of {alignment}")]
    Misaligned { path: PathBuf, tensor: String, offset: u64, alignment: u64 },
    /// Bytes behind the end; `start` and `end` count from the start of the data.
    #[error(
        "tensor `{tensor}` of `{path}` takes bytes {start} to {end} of the data, which has {data_bytes}; \
         the file is corrupt or cut short"
    )]
    OutsideFile { path: PathBuf, tensor: String, start: u64, end: u64, data_bytes: u64 },
    /// Two tensors share bytes.
    #[error("tensors `{other}` and `{tensor}` of `{path}` overlap; each must have bytes of its own")]
    Overlap { path: PathBuf, tensor: String, other: String },
    /// Bytes of a safetensors file that belong to no tensor.
    #[error("`{path}` has {n_bytes} bytes at byte {at} that belong to no tensor; tensors must follow one another")]
    Unclaimed { path: PathBuf, at: u64, n_bytes: u64 },
    /// A name the file does not have.
    #[error("`{path}` has no tensor `{tensor}`{}", Nearest(nearest.as_deref()))]
    NoSuchTensor { path: PathBuf, tensor: String, nearest: Option<String> },
    /// Real numbers asked of integers, or the other way round.
    #[error("tensor `{tensor}` of `{path}` has dtype `{found}`, not {expected}")]
    WrongDtype { path: PathBuf, tensor: String, found: Dtype, expected: &'static str },
    /// An unsigned number beyond `i64`.
    #[error("tensor `{tensor}` of `{path}` holds {found}, which is more than an i64 can be")]
    IntegerTooLarge { path: PathBuf, tensor: String, found: u64 },
    /// An infinity or a NaN where there may be none; the index is that of the first, row-major.
    #[error("tensor `{tensor}` of `{path}` holds `{found}` at element {index}, which is not finite")]
    NotFinite { path: PathBuf, tensor: String, index: usize, found: f32 },

    // --- safetensors
    /// The first 8 bytes claim more header than there is file.
    #[error("`{path}` declares a header of {found} bytes, but {room} follow; it is cut short or not safetensors")]
    HeaderLength { path: PathBuf, found: u64, room: u64 },
    /// The header is not the JSON object it must be.
    #[error("the header of `{path}` is not that of a safetensors file")]
    Header { path: PathBuf, source: serde_json::Error },
    /// The index of a sharded model is not the JSON object it must be.
    #[error("`{path}` is not the index of a sharded safetensors model; it needs an object `weight_map`")]
    Index { path: PathBuf, source: serde_json::Error },
    /// A shard that is not a plain file name.
    #[error(
        "`{path}` names the shard `{shard}`; a shard must be the plain name of a `.safetensors` file beside its index"
    )]
    ShardName { path: PathBuf, shard: String },
    /// A shard that is not there.
    #[error("`{path}` names the shard `{shard}`, which is not beside it; download it too")]
    MissingShard { path: PathBuf, shard: String },
    /// A tensor that the index places in a shard without it.
    #[error("`{path}` places tensor `{tensor}` in the shard `{shard}`, which has none of that name")]
    NotInShard { path: PathBuf, shard: String, tensor: String },

    // --- GGUF
    /// Other first bytes.
    #[error("`{path}` is not GGUF: it starts with {found:02x?}, not with `GGUF`")]
    NotGguf { path: PathBuf, found: [u8; 4] },
    /// Written for a big-endian machine.
    #[error("`{path}` is big-endian GGUF; convert it to little-endian")]
    BigEndian { path: PathBuf },
    /// Too old or too new.
    #[error("`{path}` is GGUF version {found}; versions 2 and 3 can be read")]
    Version { path: PathBuf, found: u32 },
    /// A kind of metadata that GGUF does not have.
    #[error("key `{key}` of `{path}` has kind {found}; GGUF has kinds 0 to 12")]
    UnknownKind { path: PathBuf, key: String, found: u32 },
    /// Arrays in arrays in arrays.
    #[error("key `{key}` of `{path}` nests arrays more than {most} deep")]
    TooDeep { path: PathBuf, key: String, most: usize },
    /// A boolean byte beyond 1.
    #[error("key `{key}` of `{path}` has the boolean byte {found}; it must be 0 or 1")]
    NotABool { path: PathBuf, key: String, found: u8 },
    /// An alignment that is none.
    #[error("`{path}` has `general.alignment` {found}; it must be a power of two")]
    Alignment { path: PathBuf, found: u32 },
    /// A key the file does not have.
    #[error("`{path}` has no key `{key}`{}", Nearest(nearest.as_deref()))]
    NoSuchKey { path: PathBuf, key: String, nearest: Option<String> },
    /// Metadata of another kind than asked for.
    #[error("key `{key}` of `{path}` is {found}, not {expected}")]
    WrongKind { path: PathBuf, key: String, found: String, expected: &'static str },
    /// A number that does not fit what was asked for.
    #[error("key `{key}` of `{path}` is {found}, which is not {expected}")]
    OutOfRange { path: PathBuf, key: String, found: i128, expected: &'static str },

    // --- wheels
    /// No directory at the end.
    #[error("`{path}` is not a zip or wheel: no central directory at its end; it may be cut short")]
    NotAZip { path: PathBuf },
    /// Something in the zip's structure is not what must stand there.
    #[error("`{path}` is a corrupt zip: byte {at} is not where {what} starts")]
    BadZip { path: PathBuf, what: &'static str, at: u64 },
    /// No model inside.
    #[error("`{path}` holds no `.gguf` member; it must hold one; it has {}", Members(members, *n_members))]
    NoGguf { path: PathBuf, members: Vec<String>, n_members: usize },
    /// More than one model inside.
    #[error("`{path}` holds several `.gguf` members; it must hold one; it has {}", Members(members, *n_members))]
    SeveralGgufs { path: PathBuf, members: Vec<String>, n_members: usize },
    /// A member behind a password.
    #[error("member `{member}` of `{path}` is encrypted; unpack it first")]
    Encrypted { path: PathBuf, member: String },
    /// A compression other than deflate.
    #[error("member `{member}` of `{path}` has compression method {found}; stored (0) and deflated (8) can be read")]
    Compression { path: PathBuf, member: String, found: u16 },
    /// More bytes than deflate can make of those there.
    #[error(
        "member `{member}` of `{path}` declares {declared} bytes; {compressed} compressed ones cannot make as many"
    )]
    ImpossibleSize { path: PathBuf, member: String, declared: u64, compressed: u64 },
    /// The compressed bytes make no sense.
    #[error("member `{member}` of `{path}` cannot be inflated")]
    Inflate { path: PathBuf, member: String, source: std::io::Error },
    /// More bytes than declared.
    #[error("member `{member}` of `{path}` has more than the {declared} bytes it declares")]
    TooLong { path: PathBuf, member: String, declared: u64 },
    /// Fewer bytes than declared.
    #[error("member `{member}` of `{path}` has {found} bytes, not the {declared} it declares")]
    TooShort { path: PathBuf, member: String, found: u64, declared: u64 },
    /// Other bytes than those that were packed.
    #[error("member `{member}` of `{path}` has checksum {found:08x}, not {expected:08x}; download it again")]
    Checksum { path: PathBuf, member: String, found: u32, expected: u32 },

    // --- writing
    /// Shape and values disagree.
    #[error("tensor `{tensor}` for `{path}` has {found} values; its shape {shape:?} asks for another number")]
    ShapeMismatch { path: PathBuf, tensor: String, shape: Vec<usize>, found: usize },
    /// A way of storing numbers that safetensors has no name for.
    #[error(
        "tensor `{tensor}` for `{path}` has dtype `{found}`, which safetensors does not have; \
         f64, f32, f16, bf16, integers and bool can be written"
    )]
    UnwritableDtype { path: PathBuf, tensor: String, found: Dtype },
    /// The name that safetensors keeps for metadata.
    #[error("a tensor for `{path}` is named `{name}`, which safetensors keeps for metadata; rename it")]
    ReservedName { path: PathBuf, name: String },
}

/// The end of a message about a name that is not there.
struct Nearest<'a>(Option<&'a str>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nearest) => write!(f, "; the nearest name is `{nearest}`"),
            None => f.write_str(", nor one like it; list the names it has"),
        }
    }
}

/// The first few names, and how many more.
struct Members<'a>(&'a [String], usize);

impl fmt::Display for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        write!(f, "`{}`", self.0.join("`, `"))?;
        match self.1 - self.0.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
