//! What the documents say is what the code says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use std::path::Path;
use std::{env, fs};

use isinglass::core::{BURN_VERSION, site};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_table_of_sites_is_the_one_in_the_code() {
    let head = "# Sites\n\n\
        Every place in the forward pass that a hook can watch or edit, in the order of the pass.\n\
        A name is TransformerLens's, and means the same tensor as there, with one exception: \
        `hook_normalized` is before gain and bias in every norm, which TransformerLens's unfolded LayerNorm applies first.\n\
        Parsing also takes a name without `hook_`.\n\
        A model has those that its kind has: rotary models no `pos_embed`, plain MLPs no `mlp_pre_linear`, parallel layers \
        no `resid_mid`; asking for one it lacks is an error that names the nearest.\n\
        Printed from `crates/isinglass-core/src/site.rs`; `ISINGLASS_UPDATE=1 cargo test --workspace --release --test docs` \
        prints it anew.\n\n";
    let table = format!("{head}{}", site::table());
    if env::var_os("ISINGLASS_UPDATE").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SITES.md"), &table).unwrap();
    }
    assert!(read("docs/SITES.md") == table, "docs/SITES.md differs from the code: run with ISINGLASS_UPDATE=1");
}

#[test]
fn the_version_of_burn_is_the_one_that_is_pinned() {
    assert!(read("Cargo.toml").contains(&format!("burn = {{ version = \"={BURN_VERSION}\"")));
}
