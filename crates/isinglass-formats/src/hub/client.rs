//! Questions to the hub, and what its refusals mean.
//!
//! Redirects are followed here rather than by the HTTP client: the token must stay with the hub, whatever host a file is
//! on, and the first answer of a chain is the one that knows the file.

use std::time::Duration;

use serde::Deserialize;
use ureq::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LOCATION, RANGE};
use ureq::http::{Request, Response, Uri};
use ureq::{Agent, Body};

use super::{HubConfig, HubError};
use crate::hub_cache::{HubId, is_commit};

/// More hops than any file takes (two).
const MOST_REDIRECTS: usize = 10;

/// More than the list of any model's files takes.
const MOST_INFO_BYTES: u64 = 32 << 20;

/// How long a server may keep silent.
const PATIENCE: Duration = Duration::from_mins(1);

/// One model on one hub.
pub(super) struct Client<'c> {
    config: &'c HubConfig,
    id: &'c HubId,
    agent: Agent,
}

/// What the hub knows of a model at a revision.
pub(super) struct Info {
    pub(super) commit: String,
    pub(super) files: Vec<String>,
}

/// What the hub knows of a file.
pub(super) struct Metadata {
    /// The name of its bytes: their SHA-256 where the file is a large one, else that of git.
    pub(super) etag: String,
    pub(super) n_bytes: u64,
}

/// Bytes that are coming.
pub(super) struct Stream {
    /// Where in the file they start.
    pub(super) start: u64,
    pub(super) body: Body,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Head,
    Get { from: u64 },
}

impl<'c> Client<'c> {
    pub(super) fn new(config: &'c HubConfig, id: &'c HubId) -> Self {
        let mut settings = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(config.endpoint.starts_with("https://"))
            .user_agent(concat!("isinglass/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(PATIENCE / 2))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE));
        if is_here(&config.endpoint) {
            // No proxy reaches this machine from elsewhere.
            settings = settings.proxy(None);
        }
        Self { config, id, agent: settings.build().into() }
    }

    /// The commit of a revision, and the files it has.
    pub(super) fn info(&self, revision: &str) -> Result<Info, HubError> {
        #[derive(Deserialize)]
        struct Answer {
            sha: String,
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let (endpoint, id) = (&self.config.endpoint, self.id.id());
        let url = format!("{endpoint}/api/models/{id}/revision/{}", revision.replace('/', "%2F"));
        let response = self.ask(Ask::Get { from: 0 }, &url)?;
        if !response.status().is_success() {
            return Err(self.refusal(&url, &response, revision, None));
        }
        let what = "the commit and the files of a model";
        let bytes = response.into_body().with_config().limit(MOST_INFO_BYTES).read_to_vec();
        let bytes = bytes.map_err(|source| self.no_connection(&url, source))?;
        let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| HubError::Answer { url, what })?;
        if !is_commit(&answer.sha) {
            return Err(HubError::Name { id: self.id.to_string(), what: "commit", found: answer.sha });
        }
        let files = answer.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
        Ok(Info { commit: answer.sha, files })
    }

    /// Length and name of a file's bytes, without them.
    pub(super) fn metadata(&self, commit: &str, file: &str) -> Result<Metadata, HubError> {
        let url = self.resolve(commit, file);
        let response = self.ask(Ask::Head, &url)?;
        let known = header(&response, "x-linked-etag");
        if !response.status().is_success() && known.is_none() {
            return Err(self.refusal(&url, &response, commit, Some(file)));
        }
        // A large file lies elsewhere, under a name and a length of its own.
        let etag = known.or_else(|| header(&response, ETAG.as_str()));
        let n_bytes = header(&response, "x-linked-size").or_else(|| header(&response, CONTENT_LENGTH.as_str()));
        let (Some(etag), Some(n_bytes)) = (etag, n_bytes.and_then(|n| n.parse().ok())) else {
            return Err(HubError::Answer { url, what: "`etag` and the length of a file" });
        };
        let etag = etag.trim_start_matches("W/").trim_matches('"');
        if !is_commit(etag) {
            return Err(HubError::Name { id: self.id.to_string(), what: "etag", found: etag.into() });
        }
        Ok(Metadata { etag: etag.into(), n_bytes })
    }

    /// The bytes of a file from one on, or from the first where the server cannot do that.
    pub(super) fn bytes(&self, commit: &str, file: &str, from: u64) -> Result<Stream, HubError> {
        let url = self.resolve(commit, file);
        let response = self.ask(Ask::Get { from }, &url)?;
        match response.status().as_u16() {
            200 => Ok(Stream { start: 0, body: response.into_body() }),
            206 => {
                let range = header(&response, CONTENT_RANGE.as_str()).unwrap_or_default();
                let start = range.strip_prefix("bytes ").and_then(|range| range.split_once('-')?.0.parse().ok());
                match start {
                    Some(start) if start == from => Ok(Stream { start, body: response.into_body() }),
                    _ => Err(HubError::Answer { url, what: "the range of bytes that was asked for" }),
                }
            }
            416 if from > 0 => self.bytes(commit, file, 0),
            _ => Err(self.refusal(&url, &response, commit, Some(file))),
        }
    }

    fn resolve(&self, commit: &str, file: &str) -> String {
        format!("{}/{}/resolve/{commit}/{file}", self.config.endpoint, self.id.id())
    }

    /// Asks, and follows where it is sent; a head only as far as somebody knows the file.
    fn ask(&self, ask: Ask, url: &str) -> Result<Response<Body>, HubError> {
        let bad = |url: &str| HubError::Answer { url: url.into(), what: "an address" };
        let mut at: Uri = url.parse().map_err(|_| bad(url))?;
        let asked = at.clone();
        for _ in 0..MOST_REDIRECTS {
            let mut request = Request::builder().uri(at.clone()).header(ACCEPT_ENCODING, "identity");
            request = match ask {
                Ask::Head => request.method("HEAD"),
                Ask::Get { from: 0 } => request.method("GET"),
                Ask::Get { from } => request.method("GET").header(RANGE, format!("bytes={from}-")),
            };
            if let Some(token) = self.config.token.as_ref().filter(|_| origin(&at) == origin(&asked)) {
                request = request.header(AUTHORIZATION, format!("Bearer {token}"));
            }
            // The rest was valid before: only a token can have what no header may.
            let request = request.body(()).map_err(|_| HubError::Token { id: self.id.to_string() })?;
            let response = self.agent.run(request).map_err(|source| self.no_connection(url, source))?;
            let known = ask == Ask::Head && header(&response, "x-linked-etag").is_some();
            if known || !response.status().is_redirection() {
                return Ok(response);
            }
            let next = header(&response, LOCATION.as_str()).and_then(|to| join(&at, to));
            at = next.ok_or_else(|| bad(url))?;
        }
        Err(HubError::Answer { url: url.into(), what: "an end to its redirects" })
    }

    /// What a refusal means: the hub names its reason in a header, since it hides private models from strangers.
    fn refusal(&self, url: &str, response: &Response<Body>, revision: &str, file: Option<&str>) -> HubError {
        let (endpoint, id) = (self.config.endpoint.clone(), self.id.id().to_owned());
        let status = response.status().as_u16();
        let invalid = header(response, "x-error-message").is_some_and(|text| text.starts_with("Invalid credentials"));
        match (header(response, "x-error-code"), status, file) {
            (Some("GatedRepo"), ..) => HubError::Gated { endpoint, id },
            (Some("RevisionNotFound"), ..) => HubError::NoRevision { id, revision: revision.into() },
            (Some("EntryNotFound"), _, Some(file)) => {
                HubError::NoFile { id, revision: revision.into(), file: file.into() }
            }
            (_, 401, _) if invalid => HubError::Token { id },
            (Some("RepoNotFound"), ..) => HubError::NoRepository { endpoint, id },
            (_, 401 | 403, _) if self.config.token.is_some() => HubError::Token { id },
            (_, 401 | 404, _) => HubError::NoRepository { endpoint, id },
            _ => HubError::Status { url: url.into(), status },
        }
    }

    fn no_connection(&self, url: &str, source: ureq::Error) -> HubError {
        let cache = self.config.cache.folder().to_path_buf();
        HubError::NoConnection { url: url.into(), id: self.id.to_string(), cache, source: Box::new(source) }
    }
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

/// Whom a request reaches: scheme, host and port.
fn origin(uri: &Uri) -> Option<(&str, &str, u16)> {
    let scheme = uri.scheme_str()?;
    let usual = if scheme == "https" { 443 } else { 80 };
    Some((scheme, uri.host()?, uri.port_u16().unwrap_or(usual)))
}

/// Where `to` leads from `at`: another host, another path, or a neighbour.
fn join(at: &Uri, to: &str) -> Option<Uri> {
    let (scheme, authority) = (at.scheme_str()?, at.authority()?);
    let full = match to {
        _ if to.starts_with("https://") || to.starts_with("http://") => to.to_owned(),
        _ if to.starts_with("//") => format!("{scheme}:{to}"),
        _ if to.starts_with('/') => format!("{scheme}://{authority}{to}"),
        _ => {
            let folder = at.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{to}")
        }
    };
    full.parse().ok()
}

fn is_here(endpoint: &str) -> bool {
    let host = endpoint.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    host.is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_they_say() {
        let at: Uri = "https://hub.test/org/name/resolve/c/f?x=1".parse().unwrap();
        let check = |to: &str, want: &str| assert_eq!(join(&at, to).unwrap().to_string(), want);
        check("https://cdn.test/f?sig=1", "https://cdn.test/f?sig=1");
        check("//cdn.test/f", "https://cdn.test/f");
        check("/other/f", "https://hub.test/other/f");
        check("g", "https://hub.test/org/name/resolve/c/g");
        assert!(join(&at, "https://").is_none());
    }

    #[test]
    fn the_token_is_for_one_origin() {
        let of = |uri: &str| origin(&uri.parse().unwrap()).map(|(s, h, p)| (s.to_owned(), h.to_owned(), p));
        assert_eq!(of("https://hub.test/a"), of("https://hub.test:443/b"));
        for other in ["http://hub.test/", "https://cdn.hub.test/", "https://hub.test:8443/"] {
            assert_ne!(of("https://hub.test/"), of(other), "{other}");
        }
    }

    #[test]
    fn this_machine_needs_no_proxy() {
        assert!(["http://localhost:1", "http://127.0.0.1:80/x", "http://[::1]:1"].into_iter().all(is_here));
        assert!(!["https://hub.test", "http://localhost.test"].into_iter().any(is_here));
    }
}
