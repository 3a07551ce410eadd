//! What can be wrong with a download.

use std::io;
use std::path::PathBuf;

use crate::FormatError;

/// Why a model could not be had from the hub, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the facts that the message above them names")]
pub enum HubError {
    // --- what the hub says
    /// There is no such model, or it is private.
    #[error(
        "`{endpoint}` has no model `{id}` for you, and nothing is at a path of that name: check the spelling; \
         if it is private, set HF_TOKEN"
    )]
    NoRepository { endpoint: String, id: String },
    /// There is no such branch, tag or commit.
    #[error("model `{id}` has no revision `{revision}` on the hub: give a branch, a tag or a commit of it")]
    NoRevision { id: String, revision: String },
    /// The file went away between two requests.
    #[error("model `{id}` has no file `{file}` at `{revision}` on the hub: its index or its list of files is wrong")]
    NoFile { id: String, revision: String, file: String },
    /// A model without safetensors, or without a configuration.
    #[error("model `{id}` has no `{file}` on the hub: only models with config.json and safetensors can be fetched")]
    NotAModel { id: String, file: &'static str },
    /// The licence must be accepted first.
    #[error(
        "model `{id}` is gated: accept its licence on the hub's page of the model ({endpoint}/{id}) and set HF_TOKEN to \
         a token of the account that did"
    )]
    Gated { endpoint: String, id: String },
    /// The token is not one, or may not read the model.
    #[error("the hub refused the token for `{id}`: set HF_TOKEN to a valid one that may read it, or unset it")]
    Token { id: String },
    /// Any other refusal.
    #[error("`{url}` answers with status {status}: try again later")]
    Status { url: String, status: u16 },
    /// An answer that is none of a hub.
    #[error("`{url}` answers without {what}: HF_ENDPOINT must be the address of a hub")]
    Answer { url: String, what: &'static str },

    // --- the way there
    /// The cache is all there is, and not enough.
    #[error(
        "model `{id}` is not complete in the cache `{cache}` and HF_HUB_OFFLINE is set: unset it, or copy the model there"
    )]
    Offline { id: String, cache: PathBuf },
    /// The hub cannot be reached.
    #[error(
        "cannot reach `{url}` for model `{id}`, which is not complete in the cache `{cache}`: check the connection, \
         HF_ENDPOINT and the proxy; or copy the model into the cache"
    )]
    NoConnection { url: String, id: String, cache: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },

    // --- the file
    /// The bytes stopped coming.
    #[error("`{file}` of model `{id}` broke off after {found} of {expected} bytes: run again to go on from there")]
    Truncated { id: String, file: String, found: u64, expected: u64 },
    /// The bytes are not those that the hub has; they were thrown away.
    #[error("`{file}` of model `{id}` has SHA-256 {found}, not {expected}: run again to download it anew")]
    Checksum { id: String, file: String, found: String, expected: String },
    /// A name that would leave the cache.
    #[error("model `{id}` names the {what} `{found}`, which is not a plain name: do not use it")]
    Name { id: String, what: &'static str, found: String },
    /// The index of a sharded model, or what the cache holds, is wrong.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The cache cannot be written.
    #[error("cannot write `{path}`: the cache must be writable and have room; HF_HOME says where it is")]
    Write { path: PathBuf, source: io::Error },
}
