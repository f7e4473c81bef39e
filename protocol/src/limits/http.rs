//! The limits of HTTP, each with its reason.

use std::time::Duration;

use super::{RESPONSE_BYTES, SHARDS_MAX};

/// Idle connections that one shard keeps to one host.
pub const HTTP_IDLE_PER_HOST: usize = 20;
/// Idle connections of all tools together: with more, the one that is idle longest is closed.
pub const HTTP_IDLE_CONNECTIONS: usize = 100;
/// Open connections to all tools together, where the process may open as many files.
pub const HTTP_CONNECTIONS: usize = 16_384;
/// Open files that are left for everything else of the process: the store, the journal, the backend itself. Where the process
/// may open few, half of them are.
pub const HTTP_FILES_LEFT: usize = 256;
/// How long a connection stays idle before it is closed.
pub const HTTP_IDLE: Duration = Duration::from_secs(90);
/// Requests at once to one host, by all shards, unless configured.
pub const HTTP_OPEN_PER_HOST: usize = 50;
/// Requests at once of one tenant to one host, unless configured: one tenant cannot take every permit.
pub const HTTP_OPEN_PER_HOST_OF_TENANT: usize = 40;
/// Name look-up, connection and TLS handshake together.
pub const HTTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Hosts, and tenants at hosts, with requests under way.
pub const HTTP_HOSTS: usize = 8_192;
/// Connection pools: one for each combination of shard, TLS setting and proxy.
pub const HTTP_POOLS: usize = 1_024;
/// Entries of an allow-list.
pub const HTTP_ALLOWED: usize = 256;
/// A URL with its query: the longest that common servers accept.
pub const HTTP_URL_BYTES: usize = 16 << 10;
/// How often a value in a path is decoded in search of `..`. Nested percent signs are decoded in one pass, so an honest
/// text takes two; a text that takes more is refused.
pub const HTTP_URL_READINGS: usize = 8;
/// Headers of one request.
pub const HTTP_HEADERS: usize = 64;
/// Tokens of OAuth 2 that one integration keeps, one for each tenant, tool and scope, and that it fetches at once: with
/// [`HTTP_HEADER_BYTES`] the bound of their memory.
pub const HTTP_TOKENS: usize = 4_096;
/// The same for one tenant, whose playbooks may take a client's name from data: it cannot displace tokens of others.
pub const HTTP_TOKENS_OF_TENANT: usize = 64;
/// Refresh tokens that servers gave in place of configured ones, and that one integration keeps. A token that is
/// displaced here must be configured again, so access tokens have a bound of their own.
pub const HTTP_REFRESH_TOKENS: usize = 4_096;
/// See [`HTTP_REFRESH_TOKENS`]: for one tenant.
pub const HTTP_REFRESH_TOKENS_OF_TENANT: usize = 64;
/// How long a token server has for its answer, whatever the timeout of the step is, and how long one use of a refresh
/// token waits for earlier ones. An honest server takes a second or two. A slower one may have consumed a refresh token
/// that works once: if its answer is not awaited, the next token is lost. During this time waiting calls do not ask
/// again.
pub const HTTP_TOKEN_FETCH: Duration = Duration::from_secs(30);
/// The part of a token server's answer that is read.
pub const HTTP_TOKEN_ANSWER_BYTES: usize = 64 << 10;
/// How long a token without an expiry is used.
pub const HTTP_TOKEN_LIFE: Duration = Duration::from_secs(300);
/// How long before its end a token is renewed, at most: clocks differ, and a request takes time. A token with a short
/// life is renewed after three quarters of it.
pub const HTTP_TOKEN_RENEW: Duration = Duration::from_secs(60);
/// The longest that a token is kept, whatever its server reports.
pub const HTTP_TOKEN_LIFE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Parts of one multipart body.
pub const HTTP_PARTS: usize = 64;
/// One header's text.
pub const HTTP_HEADER_BYTES: usize = 16 << 10;
/// Entries of `expect`, `retry_on`, `acted` and `not_acted`.
pub const HTTP_STATUSES: usize = 64;
/// The JSONPath that selects the part of an answer to keep.
pub const HTTP_KEEP_BYTES: usize = 1 << 10;
/// JSONPaths that select parts of one answer, each under a name.
pub const HTTP_KEEP_PATHS: usize = 32;
/// Nested filters, parentheses and functions of that JSONPath: parsing and evaluation recurse this deep.
pub const HTTP_KEEP_NESTING: usize = 16;
/// Work of one evaluation of it: one for each byte that is compared, [`HTTP_KEEP_NODE_WORK`] for each node that is
/// visited or kept in a list. Some dozen visits of each value of the largest answer; half a second.
pub const HTTP_KEEP_WORK: u64 = 128 << 20;
/// See [`HTTP_KEEP_WORK`]: a kept node takes some dozen bytes of memory.
pub const HTTP_KEEP_NODE_WORK: u64 = 16;
/// Larger answers are read on another thread than the shard's.
pub const HTTP_INLINE_BYTES: usize = 64 << 10;
/// The part of one answer that is read, compressed and decompressed: a page of the largest lists. At most
/// [`RESPONSE_BYTES`] of it are kept.
pub const HTTP_READ_BYTES: usize = 16 << 20;
/// Values of one JSON answer: each takes some 50 to 100 bytes of memory, however few it has in the answer.
pub const HTTP_VALUES: usize = 1_000_000;
/// Answers over [`RESPONSE_BYTES`] that one integration receives at once: with [`HTTP_READ_BYTES`] the bound of their
/// memory.
pub const HTTP_LARGE_ANSWERS: usize = 8;
/// See [`HTTP_LARGE_ANSWERS`]: for one tenant.
pub const HTTP_LARGE_ANSWERS_OF_TENANT: usize = 4;
/// Answers that one integration decompresses, parses and selects from at once on other threads, each with at most
/// [`HTTP_READ_BYTES`] and [`HTTP_VALUES`].
pub const HTTP_PARSED_AT_ONCE: usize = 8;
/// See [`HTTP_PARSED_AT_ONCE`]: for one tenant.
pub const HTTP_PARSED_AT_ONCE_OF_TENANT: usize = 4;
/// Files of executions that one integration receives or sends at once: each holds a thread that waits for the disk.
pub const HTTP_FILES: usize = 64;
/// See [`HTTP_FILES`]: for one tenant.
pub const HTTP_FILES_OF_TENANT: usize = 16;
/// Nested content codings of one answer: a tool uses one, a proxy may add one.
pub const HTTP_CODINGS: usize = 3;
/// Window of zstd as a power of two, 8 MiB: the requirement of RFC 9659.
pub const HTTP_ZSTD_WINDOW_LOG: u32 = 23;
/// Names in `keep_headers`.
pub const HTTP_KEEP_HEADERS: usize = 32;
/// All headers that are kept of one answer.
pub const HTTP_KEPT_HEADERS_BYTES: usize = 8 << 10;
/// The part of the body that is kept of an answer with an unexpected status.
pub const HTTP_FAILURE_BODY_BYTES: usize = 4 << 10;
/// How long such a body is awaited: the status alone already fails the attempt.
pub const HTTP_FAILURE_READ: Duration = Duration::from_secs(2);
/// How long before [`ATTEMPT_UNSENT`](super::ATTEMPT_UNSENT) the wait for a permit ends: the rest is for the
/// connection.
pub const HTTP_UNSENT_REST: Duration = Duration::from_secs(30);
/// Headers of one answer; an answer with more is unreadable.
pub const HTTP_ANSWER_HEADERS: usize = 512;
/// The largest number of redirects in a step: the longest chains of sign-on have five or six.
pub const HTTP_REDIRECTS: u8 = 10;
/// Interim answers (1xx) to one request: a server sends one or two, a slow one several.
pub const HTTP_INTERIM_ANSWERS: usize = 16;
/// Settings of TLS, and rules of proxies, that are searched for each request.
pub const HTTP_HOST_SETTINGS: usize = 256;
/// The head of a proxy's answer to `CONNECT`.
pub const HTTP_PROXY_HEAD_BYTES: usize = 8 << 10;
/// Requests at once on one connection of HTTP/2 until the server reports its limit.
pub const HTTP2_STREAMS: usize = 100;
/// Streams of one connection of HTTP/2 whose headers are counted: those that have not ended, as far as is known.
pub const HTTP2_STREAMS_COUNTED: usize = 1_024;
/// The most that a server of HTTP/2 may send of one answer before it is read.
pub const HTTP2_STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The most that it may send of all answers on one connection: with [`HTTP_IDLE_PER_HOST`] the bound of unread data.
pub const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// The headers of one answer of HTTP/2, decompressed.
pub const HTTP2_HEADERS_BYTES: u32 = 64 << 10;
/// How often a connection of HTTP/2 is pinged, also while it is idle.
pub const HTTP2_PING: Duration = Duration::from_secs(30);
/// How long it has to answer.
pub const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);

const _: () = {
    assert!(HTTP2_STREAM_WINDOW_BYTES <= HTTP2_CONNECTION_WINDOW_BYTES);
    assert!(HTTP_OPEN_PER_HOST <= HTTP2_STREAMS && HTTP2_STREAMS <= HTTP2_STREAMS_COUNTED);
    assert!(HTTP_OPEN_PER_HOST_OF_TENANT <= HTTP_OPEN_PER_HOST && HTTP_OPEN_PER_HOST <= HTTP_HOSTS);
    assert!(SHARDS_MAX <= HTTP_POOLS);
    // If every token in use has a refresh token, an unused one can still make room.
    assert!(HTTP_TOKENS <= HTTP_REFRESH_TOKENS && HTTP_TOKENS_OF_TENANT <= HTTP_REFRESH_TOKENS_OF_TENANT);
    assert!(HTTP_CONNECT_TIMEOUT.as_secs() < HTTP_TOKEN_FETCH.as_secs());
    assert!(HTTP_INLINE_BYTES <= RESPONSE_BYTES && RESPONSE_BYTES <= HTTP_READ_BYTES);
    assert!(HTTP_KEPT_HEADERS_BYTES + HTTP_FAILURE_BODY_BYTES < RESPONSE_BYTES);
};
