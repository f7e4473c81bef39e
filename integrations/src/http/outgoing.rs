//! A request as it goes out. Sends nothing.

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

/// A request, as it goes out at each hop.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}
