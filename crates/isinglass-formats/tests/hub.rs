//! Downloads from a hub that this test plays itself; no network.
#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests are tests too")]

#[path = "support/hub.rs"]
mod local;

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use hf_hub::{Cache, Repo, RepoType};
use isinglass_formats::hub::{HubConfig, HubError, cached_model, fetch_model};
use isinglass_formats::{FormatError, HubId, sha256_bytes};
use local::{COMMIT, Hub, Reply, Server};
use tempfile::TempDir;

const ID: &str = "org/name";

const WEIGHTS: &[u8] = &[7; 300_000];

fn hub() -> Hub {
    let files: &[(&str, &[u8])] = &[
        (".gitattributes", b"none"),
        ("README.md", b"none"),
        ("config.json", b"{}"),
        ("model.safetensors", WEIGHTS),
        ("pytorch_model.bin", &[0; 5000]),
        ("tokenizer.json", b"{\"a\": 1}"),
    ];
    Hub::new(ID, files)
}

fn sharded() -> Hub {
    let index = br#"{"weight_map": {"a": "x-1.safetensors", "b": "x-2.safetensors", "c": "x-1.safetensors"}}"#;
    let files: &[(&str, &[u8])] = &[
        ("config.json", b"{}"),
        ("model.safetensors.index.json", index),
        ("tokenizer.json", b"{}"),
        ("x-1.safetensors", &[1; 2000]),
        ("x-2.safetensors", &[2; 3000]),
        ("x-3.safetensors", &[3; 4000]),
    ];
    Hub::new(ID, files)
}

fn fetch_id(config: &HubConfig, id: &str) -> Result<PathBuf, HubError> {
    fetch_model(config, &HubId::parse(id).unwrap(), &mut |_| {})
}

fn fetch(config: &HubConfig) -> Result<PathBuf, HubError> {
    fetch_id(config, ID)
}

fn repository(cache: &TempDir) -> PathBuf {
    cache.path().join("models--org--name")
}

/// Names in a folder, sorted; none where there is no folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_model_is_fetched_once_into_the_standard_cache() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let config = hub.config(cache.path());
    let id = HubId::parse(ID).unwrap();
    assert_eq!(cached_model(&config, &id).unwrap(), None);
    let mut seen: Vec<(String, u64, u64)> = Vec::new();
    let folder = fetch_model(&config, &id, &mut |p| seen.push((p.file.into(), p.done, p.total))).unwrap();

    assert_eq!(names(&folder), ["config.json", "model.safetensors", "tokenizer.json"]);
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), WEIGHTS);
    assert_eq!(folder, repository(&cache).join("snapshots").join(COMMIT));
    let blobs = repository(&cache).join("blobs");
    let sha256 = sha256_bytes(WEIGHTS);
    assert!(names(&blobs).contains(&sha256) && names(&blobs).len() == 3, "{:?}", names(&blobs));
    #[cfg(unix)]
    assert_eq!(fs::read_link(folder.join("model.safetensors")).unwrap(), Path::new("../../blobs").join(&sha256));
    // The hub's own crate finds every file by the reference.
    let theirs = Cache::new(cache.path().into()).repo(Repo::with_revision(ID.into(), RepoType::Model, "main".into()));
    for name in names(&folder) {
        assert_eq!(theirs.get(&name), Some(folder.join(name)));
    }

    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let of: Vec<_> = seen.iter().filter(|(name, ..)| name == file).collect();
        assert!(of.is_sorted_by(|a, b| a.1 <= b.1) && of.iter().all(|(_, done, total)| done <= total), "{of:?}");
        assert_eq!((of[0].1, of[of.len() - 1].1), (0, of[0].2), "{file}");
    }
    assert!(seen.len() > 6, "a large file reports as it comes: {seen:?}");

    assert!(!hub.asked().is_empty());
    assert_eq!(cached_model(&config, &id).unwrap().as_ref(), Some(&folder));
    assert_eq!(fetch_model(&config, &id, &mut |p| panic!("{p:?}")).unwrap(), folder);
    assert_eq!(fetch_id(&config, &format!("{ID}@{COMMIT}")).unwrap(), folder);
    assert!(hub.asked().is_empty(), "what is there is not asked for");
}

#[test]
fn revisions_have_references_of_their_own() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let config = hub.config(cache.path());
    let folder = fetch_id(&config, "org/name@refs/pr/1").unwrap();
    assert_eq!(fs::read_to_string(repository(&cache).join("refs/refs/pr/1")).unwrap(), COMMIT);
    assert_eq!(names(&repository(&cache).join("refs")), ["refs"], "`main` was not asked for");
    assert!(hub.asked().contains(&"GET /api/models/org/name/revision/refs%2Fpr%2F1".into()));
    // Another name of the same commit costs one question.
    assert_eq!(fetch_id(&config, "org/name@v1").unwrap(), folder);
    assert_eq!(hub.asked(), ["GET /api/models/org/name/revision/v1"]);
    let error = fetch_id(&config, "org/name@v2").unwrap_err();
    assert!(matches!(error, HubError::NoRevision { .. }), "{error:?}");
    assert!(error.to_string().starts_with("model `org/name` has no revision `v2` on the hub: give a branch"));
}

#[test]
fn the_token_stays_with_the_hub() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let config = HubConfig { token: Some("hf_secret".into()), ..hub.config(cache.path()) };
    fetch(&config).unwrap();
    let (ours, theirs) = (hub.front.requests(), hub.cdn.requests());
    assert!(ours.len() > 3 && !theirs.is_empty());
    assert!(ours.iter().all(|request| request.header("authorization") == Some("Bearer hf_secret")), "{ours:?}");
    for request in theirs {
        let told = request.headers.values().any(|value| value.contains("secret"));
        assert!(request.header("authorization").is_none() && !told, "{request:?}");
    }
}

#[test]
fn a_renamed_model_is_followed_with_the_token() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let new = hub.front.address.clone();
    let old = Server::new(move |request| {
        assert_eq!(request.header("authorization"), Some("Bearer hf_a"));
        match request.path.strip_prefix("/moved/") {
            // A relative path stays on this host, from where it leads to another one, which gets no token.
            Some(rest) => Reply::new(307, &[("location", &format!("{new}/{rest}"))]),
            None => Reply::new(307, &[("location", &format!("/moved{}", request.path))]),
        }
    });
    let config = HubConfig { endpoint: old.address.clone(), token: Some("hf_a".into()), ..hub.config(cache.path()) };
    fetch(&config).unwrap();
    assert!(hub.front.requests().iter().all(|request| request.header("authorization").is_none()));

    let circle = Server::new(|request| Reply::new(302, &[("location", &request.path)]));
    let config = HubConfig { endpoint: circle.address.clone(), ..hub.config(&cache.path().join("other")) };
    let error = fetch(&config).unwrap_err();
    assert!(matches!(error, HubError::Answer { what: "an end to its redirects", .. }), "{error:?}");
    assert!(circle.requests().len() <= 10);
}

#[test]
fn only_the_shards_of_the_index_are_fetched() {
    let (hub, cache) = (sharded(), tempfile::tempdir().unwrap());
    let config = hub.config(cache.path());
    let folder = fetch(&config).unwrap();
    let all = ["config.json", "model.safetensors.index.json", "tokenizer.json", "x-1.safetensors", "x-2.safetensors"];
    assert_eq!(names(&folder), all);
    hub.asked();

    // A missing shard alone is fetched again, of the same commit, although the branch went on.
    fs::remove_file(fs::canonicalize(folder.join("x-2.safetensors")).unwrap()).unwrap();
    assert_eq!(cached_model(&config, &HubId::parse(ID).unwrap()).unwrap(), None);
    assert_eq!(fetch(&config).unwrap(), folder);
    assert_eq!(fs::read(folder.join("x-2.safetensors")).unwrap(), [2; 3000]);
    let resolve = format!("/org/name/resolve/{COMMIT}/x-2.safetensors");
    let info = format!("GET /api/models/org/name/revision/{COMMIT}");
    let large = "GET /large/x-2.safetensors?signature=yes".into();
    assert_eq!(hub.asked(), [info, format!("HEAD {resolve}"), format!("GET {resolve}"), large]);

    // Where that commit is gone, the branch is taken as it is.
    fs::remove_file(folder.join("x-1.safetensors")).unwrap();
    hub.rules().commit = "fedcba9876543210fedcba9876543210fedcba98".into();
    let newer = fetch(&config).unwrap();
    assert_eq!(newer, repository(&cache).join("snapshots/fedcba9876543210fedcba9876543210fedcba98"));
    assert_eq!(names(&newer), all);
}

#[test]
fn a_body_cut_short_is_resumed() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let config = hub.config(cache.path());
    hub.rules().cuts = vec![100_000, 50_000];
    let folder = fetch(&config).unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), WEIGHTS);
    let requests = hub.cdn.requests();
    let ranges: Vec<_> = requests.iter().map(|request| request.header("range")).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-"), Some("bytes=150000-")]);
}

#[test]
fn a_later_attempt_goes_on_where_an_earlier_one_ended() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let config = hub.config(cache.path());
    hub.rules().cuts = vec![1000; 3];
    let error = fetch(&config).unwrap_err();
    assert!(matches!(&error, HubError::Truncated { found: 3000, expected: 300_000, .. }), "{error:?}");
    let text =
        "`model.safetensors` of model `org/name` broke off after 3000 of 300000 bytes: run again to go on from there";
    assert_eq!(error.to_string(), text);
    let part = repository(&cache).join("blobs").join(format!("{}.incomplete", sha256_bytes(WEIGHTS)));
    assert_eq!(fs::metadata(&part).unwrap().len(), 3000);
    let snapshot = repository(&cache).join("snapshots").join(COMMIT);
    assert_eq!(names(&snapshot), ["config.json", "tokenizer.json"], "a part is not in place");
    assert!(!repository(&cache).join("refs").exists(), "nor does a branch stand for it");

    hub.cdn.requests();
    let id = HubId::parse(ID).unwrap();
    let mut first = None;
    fetch_model(&config, &id, &mut |p| _ = first.get_or_insert((p.file.to_owned(), p.done, p.total))).unwrap();
    assert_eq!(first, Some(("model.safetensors".into(), 3000, 300_000)), "progress counts what was there");
    let requests = hub.cdn.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("range"), Some("bytes=3000-"));
    assert_eq!(fs::read(snapshot.join("model.safetensors")).unwrap(), WEIGHTS);
    assert!(!part.exists());
}

#[test]
fn a_server_without_ranges_starts_anew() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let config = hub.config(cache.path());
    hub.rules().cuts = vec![1000];
    hub.rules().no_ranges = true;
    let folder = fetch(&config).unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), WEIGHTS);

    // What is longer than the file is no part of it.
    let other = tempfile::tempdir().unwrap();
    let blobs = repository(&other).join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(format!("{}.incomplete", sha256_bytes(WEIGHTS))), vec![7; 300_001]).unwrap();
    fs::write(blobs.join(sha256_bytes(WEIGHTS)), b"a blob of another length").unwrap();
    let folder = fetch(&hub.config(other.path())).unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), WEIGHTS);
}

#[test]
fn wrong_bytes_are_not_kept() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let config = hub.config(cache.path());
    hub.rules().corrupt = true;
    let error = fetch(&config).unwrap_err();
    assert!(matches!(&error, HubError::Checksum { expected, .. } if *expected == sha256_bytes(WEIGHTS)), "{error:?}");
    assert!(error.to_string().ends_with("run again to download it anew"), "{error}");
    let repository = repository(&cache);
    assert!(!names(&repository.join("snapshots").join(COMMIT)).contains(&"model.safetensors".into()));
    assert_eq!(names(&repository.join("blobs")).len(), 2, "{:?}", names(&repository.join("blobs")));
    hub.rules().corrupt = false;
    fetch(&config).unwrap();
}

#[test]
fn a_refusal_says_what_to_do() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let anonymous = hub.config(cache.path());
    let with_token = HubConfig { token: Some("hf_a".into()), ..anonymous.clone() };
    let check = |config: &HubConfig, status, headers: &[(&'static str, &str)], text: &str| {
        hub.rules().refusal = Some(Reply::new(status, headers));
        let error = fetch(config).unwrap_err();
        let said = error.to_string().replace(&hub.front.address, "HUB");
        assert_eq!(said, text, "{status} {headers:?}");
    };
    let gated = "model `org/name` is gated: accept its licence on the hub's page of the model (HUB/org/name) and set \
                 HF_TOKEN to a token of the account that did";
    check(&anonymous, 401, &[("x-error-code", "GatedRepo")], gated);
    check(&with_token, 403, &[("x-error-code", "GatedRepo")], gated);
    let token = "the hub refused the token for `org/name`: set HF_TOKEN to a valid one that may read it, or unset it";
    check(&with_token, 401, &[("x-error-message", "Invalid credentials in Authorization header")], token);
    check(&with_token, 401, &[], token);
    check(&with_token, 403, &[], token);
    let none = "`HUB` has no model `org/name` for you, and nothing is at a path of that name: check the spelling; \
                if it is private, set HF_TOKEN";
    check(&anonymous, 401, &[("x-error-code", "RepoNotFound")], none);
    check(&with_token, 404, &[("x-error-code", "RepoNotFound")], none);
    check(&anonymous, 401, &[], none);
    let missing = format!(
        "model `org/name` has no file `config.json` at `{COMMIT}` on the hub: its index or its list of files is wrong"
    );
    check(&anonymous, 404, &[("x-error-code", "EntryNotFound")], &missing);
    let busy = format!("`HUB/org/name/resolve/{COMMIT}/config.json` answers with status 503: try again later");
    check(&anonymous, 503, &[], &busy);
    let nothing = format!(
        "`HUB/org/name/resolve/{COMMIT}/config.json` answers without `etag` and the length of a file: \
         HF_ENDPOINT must be the address of a hub"
    );
    check(&anonymous, 200, &[], &nothing);
    check(&HubConfig { token: Some("a\nb".into()), ..anonymous.clone() }, 200, &[], token);
    assert!(names(&repository(&cache).join("blobs")).is_empty());

    hub.rules().refusal = None;
    let error = fetch_id(&anonymous, "org/other").unwrap_err();
    assert!(matches!(error, HubError::NoRepository { .. }), "{error:?}");
    hub.rules().info = Some(Reply { status: 200, body: b"<html>".to_vec(), ..Reply::default() });
    let error = fetch(&anonymous).unwrap_err();
    assert!(matches!(error, HubError::Answer { what: "the commit and the files of a model", .. }), "{error:?}");
    hub.rules().info = None;
    for (gone, said) in [("model.safetensors", "`model.safetensors`"), ("config.json", "`config.json`")] {
        hub.rules().files.remove(gone);
        let error = fetch(&anonymous).unwrap_err();
        assert!(matches!(error, HubError::NotAModel { .. }) && error.to_string().contains(said), "{error:?}");
    }
}

#[test]
fn offline_the_cache_is_all_there_is() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    let online = hub.config(cache.path());
    let offline = HubConfig { offline: true, ..online.clone() };
    let error = fetch(&offline).unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error:?}");
    assert!(error.to_string().ends_with("and HF_HUB_OFFLINE is set: unset it, or copy the model there"), "{error}");
    assert!(hub.asked().is_empty(), "offline nothing is asked");

    // A port that nobody listens at.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = HubConfig { endpoint: format!("http://{closed}"), ..online.clone() };
    let error = fetch(&unreachable).unwrap_err();
    assert!(matches!(error, HubError::NoConnection { .. }) && error.source().is_some(), "{error:?}");
    assert!(error.to_string().contains("check the connection, HF_ENDPOINT and the proxy"), "{error}");

    let folder = fetch(&online).unwrap();
    assert_eq!(fetch(&offline).unwrap(), folder);
    assert_eq!(fetch(&unreachable).unwrap(), folder);
    // Without its tokenizer a model still runs: it is asked for where that is possible.
    fs::remove_file(folder.join("tokenizer.json")).unwrap();
    hub.asked();
    assert_eq!(fetch(&offline).unwrap(), folder);
    assert_eq!(fetch(&unreachable).unwrap(), folder);
    assert!(hub.asked().is_empty());
    fetch(&online).unwrap();
    assert!(folder.join("tokenizer.json").is_file());
    // Without its weights it does not.
    fs::remove_file(folder.join("model.safetensors")).unwrap();
    assert!(matches!(fetch(&offline), Err(HubError::Offline { .. })));
    assert!(matches!(fetch(&unreachable), Err(HubError::NoConnection { .. })));
}

#[test]
fn a_model_without_a_tokenizer_is_complete() {
    let (hub, cache) = (hub(), tempfile::tempdir().unwrap());
    hub.rules().files.remove("tokenizer.json");
    let config = hub.config(cache.path());
    let folder = fetch(&config).unwrap();
    assert_eq!(names(&folder), ["config.json", "model.safetensors"]);
    hub.asked();
    fetch(&config).unwrap();
    assert!(hub.asked().is_empty(), "that it has none is remembered");
}

#[test]
fn nothing_is_written_outside_the_cache() {
    let hub = sharded();
    let outer = tempfile::tempdir().unwrap();
    let config = hub.config(&outer.path().join("a/cache"));
    for (shard, n) in [("../../../../x.safetensors", 2), ("/x.safetensors", 1), ("..\\x.safetensors", 1)] {
        let index = serde_json::json!({ "weight_map": { "a": shard, "b": "x-1.safetensors" } });
        hub.rules().files.insert("model.safetensors.index.json".into(), index.to_string().into_bytes());
        // The index is wrong when it is fetched, and again when it is found.
        for _ in 0..n {
            let error = fetch(&config).unwrap_err();
            assert!(matches!(&error, HubError::Format(FormatError::ShardName { .. })), "{error:?}");
        }
        fs::remove_dir_all(config.cache.folder()).unwrap();
    }
    for name in ["../../../x", "..", "", "a/b"] {
        hub.rules().etag = Some(name.into());
        let error = fetch(&config).unwrap_err();
        assert!(matches!(&error, HubError::Name { what: "etag", .. }), "{error:?}");
        hub.rules().etag = None;
        hub.rules().commit = name.into();
        let error = fetch(&config).unwrap_err();
        assert!(matches!(&error, HubError::Name { what: "commit", .. }), "{error:?}");
        hub.rules().commit = COMMIT.into();
    }
    hub.rules().files = sharded().rules().files.clone();
    fetch(&config).unwrap();
    assert_eq!(names(outer.path()), ["a"]);
    assert_eq!(names(&outer.path().join("a")), ["cache"]);
}
