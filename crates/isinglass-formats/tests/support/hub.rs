//! A hub and the host of its large files, both on this machine.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, missing_docs, reason = "it is part of tests")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use isinglass_formats::hub::HubConfig;
use isinglass_formats::{HubCache, sha256_bytes};
use serde_json::json;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Files at least as long lie on the other host, as those of LFS do.
const LARGE: usize = 1000;

#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// How many bytes of the body are sent before the connection ends.
    pub cut: Option<usize>,
}

impl Reply {
    pub fn new(status: u16, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { status, headers, ..Self::default() }
    }
}

/// Answers requests until the process ends.
pub struct Server {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (seen.clone(), answer.clone());
                thread::spawn(move || {
                    let stream = stream.unwrap();
                    let request = read(&stream);
                    seen.lock().unwrap().push(request.clone());
                    let reply = answer(&request);
                    // The other side may have gone away.
                    let _ = write(&stream, &request, &reply);
                });
            }
        });
        Self { address, requests }
    }

    /// The requests so far, forgotten with this.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn read(stream: &TcpStream) -> Request {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let header = |line: String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers = lines.take_while(|line| !line.is_empty()).filter_map(header).collect();
    Request { method, path, headers }
}

fn write(mut stream: &TcpStream, request: &Request, reply: &Reply) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {} X\r\nconnection: close\r\ncontent-length: {}\r\n", reply.status, reply.body.len())?;
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    if request.method != "HEAD" {
        stream.write_all(&reply.body[..reply.cut.unwrap_or(reply.body.len())])?;
    }
    stream.flush()
}

/// What the hub does beyond its duty.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub files: BTreeMap<String, Vec<u8>>,
    pub commit: String,
    /// After how many bytes the coming bodies of large files end.
    pub cuts: Vec<usize>,
    /// Large files come whole, whatever range was asked for.
    pub no_ranges: bool,
    /// The bytes of large files are wrong.
    pub corrupt: bool,
    /// Instead of `etag` and `x-linked-etag`.
    pub etag: Option<String>,
    /// Instead of any answer about files.
    pub refusal: Option<Reply>,
    /// Instead of any answer about a model.
    pub info: Option<Reply>,
}

/// A hub with one model, and the host of its large files.
pub struct Hub {
    pub front: Server,
    pub cdn: Server,
    rules: Arc<Mutex<Rules>>,
}

impl Hub {
    pub fn new(id: &'static str, files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        let rules = Arc::new(Mutex::new(Rules { files, commit: COMMIT.into(), ..Rules::default() }));
        let of = rules.clone();
        let cdn = Server::new(move |request| serve_large(&mut of.lock().unwrap(), request));
        let (of, cdn_address) = (rules.clone(), cdn.address.clone());
        let front = Server::new(move |request| serve(&of.lock().unwrap(), id, &cdn_address, request));
        Self { front, cdn, rules }
    }

    pub fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap()
    }

    pub fn config(&self, cache: &Path) -> HubConfig {
        HubConfig { endpoint: self.front.address.clone(), ..HubConfig::new(HubCache::new(cache)) }
    }

    /// The requests to both so far, forgotten with this: method and file or path.
    pub fn asked(&self) -> Vec<String> {
        let all = self.front.requests().into_iter().chain(self.cdn.requests());
        all.map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

fn serve(rules: &Rules, id: &str, cdn: &str, request: &Request) -> Reply {
    let path = &*request.path;
    if let Some(revision) = path.strip_prefix(&format!("/api/models/{id}/revision/")) {
        return rules.info.clone().unwrap_or_else(|| info(rules, revision));
    }
    if let Some(rest) = path.strip_prefix(&format!("/{id}/resolve/")) {
        return rules.refusal.clone().unwrap_or_else(|| file(rules, rest, cdn, request));
    }
    Reply::new(404, &[("x-error-code", "RepoNotFound")])
}

fn info(rules: &Rules, revision: &str) -> Reply {
    if ![&*rules.commit, "main", "v1", "refs%2Fpr%2F1"].contains(&revision) {
        return Reply::new(404, &[("x-error-code", "RevisionNotFound")]);
    }
    let siblings: Vec<_> = rules.files.keys().map(|name| json!({ "rfilename": name })).collect();
    let body = json!({ "id": "any", "sha": rules.commit, "gated": false, "siblings": siblings });
    Reply { status: 200, body: body.to_string().into_bytes(), ..Reply::default() }
}

fn file(rules: &Rules, rest: &str, cdn: &str, request: &Request) -> Reply {
    let (commit, name) = rest.split_once('/').unwrap();
    let Some(bytes) = rules.files.get(name).filter(|_| commit == rules.commit) else {
        return Reply::new(404, &[("x-error-code", "EntryNotFound")]);
    };
    let sha256 = sha256_bytes(bytes);
    let etag = |own: &str| format!("\"{}\"", rules.etag.as_deref().unwrap_or(own));
    if bytes.len() < LARGE {
        let headers = [("x-repo-commit", commit), ("etag", &etag(&sha256[..40])), ("accept-ranges", "bytes")];
        return ranged(Reply::new(200, &headers), bytes, request);
    }
    let headers = [
        ("x-repo-commit", commit),
        ("etag", "\"of the redirect\""),
        ("x-linked-etag", &etag(&sha256)),
        ("x-linked-size", &bytes.len().to_string()),
        ("location", &format!("{cdn}/large/{name}?signature=yes")),
    ];
    Reply::new(302, &headers)
}

fn serve_large(rules: &mut Rules, request: &Request) -> Reply {
    let name = request.path.strip_prefix("/large/").and_then(|path| path.strip_suffix("?signature=yes"));
    let mut bytes = rules.files[name.unwrap()].clone();
    if rules.corrupt {
        bytes[7] ^= 1;
    }
    let plain = Reply::new(200, &[("etag", "\"of the other host\"")]);
    let whole = Reply { body: bytes.clone(), ..plain.clone() };
    let mut reply = if rules.no_ranges { whole } else { ranged(plain, &bytes, request) };
    if !rules.cuts.is_empty() {
        reply.cut = Some(rules.cuts.remove(0).min(reply.body.len()));
    }
    reply
}

/// All of the bytes, or those that were asked for.
fn ranged(mut reply: Reply, bytes: &[u8], request: &Request) -> Reply {
    let from = request.header("range").map(|range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap());
    let Some(from) = from.map(|from| from.parse::<usize>().unwrap()) else {
        return Reply { body: bytes.to_vec(), ..reply };
    };
    if from >= bytes.len() {
        return Reply::new(416, &[]);
    }
    reply.headers.push(("content-range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len())));
    Reply { status: 206, body: bytes[from..].to_vec(), ..reply }
}
