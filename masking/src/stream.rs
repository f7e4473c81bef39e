//! The masking of bytes that come in pieces and are not held, such as those of a file: text or not. Owns what is held back
//! because a secret may begin in it.

use updraft_protocol::limits::{MASKED_STREAM_BYTES, MASKED_STREAM_REST_BYTES, SHORTEST_SECRET_BYTES};

use crate::masker::{MASK, Masker};
use crate::search::{Search, search};

/// Bytes of which secrets are masked as they go by. A secret in any of the encodings of [`Masker`] is found where it has at most
/// [`MASKED_STREAM_REST_BYTES`]; bytes that are no text stay as they are.
pub struct StreamMasker {
    masker: Masker,
    rest: Vec<u8>,
}

impl StreamMasker {
    /// Nothing has come yet.
    pub fn new(masker: Masker) -> Self {
        Self { masker, rest: Vec::new() }
    }

    /// Takes what comes next; gives what is certain of all that has come.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.masker.is_empty() {
            return bytes.to_vec();
        }
        self.rest.extend_from_slice(bytes);
        if self.rest.len() < MASKED_STREAM_BYTES + MASKED_STREAM_REST_BYTES {
            return Vec::new();
        }
        let spans = self.spans();
        let cut = self.rest.len() - MASKED_STREAM_REST_BYTES;
        // What goes over the cut waits for its end, unless it is all that there is.
        let over = spans.iter().find(|(start, end)| *start < cut && cut < *end);
        let cut = match over {
            Some((0, end)) => *end,
            Some((start, _)) => *start,
            None => cut,
        };
        let masked = self.masked(&spans, cut);
        self.rest.drain(..cut);
        masked
    }

    /// Gives what is left: nothing comes any more.
    pub fn end(self) -> Vec<u8> {
        match self.masker.is_empty() {
            true => self.rest,
            false => self.masked(&self.spans(), self.rest.len()),
        }
    }

    /// Where secrets stand, in order.
    fn spans(&self) -> Vec<(usize, usize)> {
        let (mut spans, mut at) = (Vec::new(), 0);
        for chunk in self.rest.utf8_chunks() {
            let text = chunk.valid();
            if text.len() >= SHORTEST_SECRET_BYTES || chunk.invalid().is_empty() {
                let found = search(text, self.masker.tables(), Search::WHOLE).spans;
                spans.extend(found.into_iter().map(|(start, end)| (at + start, at + end)));
            }
            at += text.len() + chunk.invalid().len();
        }
        spans
    }

    fn masked(&self, spans: &[(usize, usize)], end: usize) -> Vec<u8> {
        let mut masked = Vec::with_capacity(end);
        let mut done = 0;
        for (start, over) in spans.iter().filter(|(_, over)| *over <= end) {
            masked.extend_from_slice(self.rest.get(done..*start).unwrap_or_default());
            masked.extend_from_slice(MASK.as_bytes());
            done = *over;
        }
        masked.extend_from_slice(self.rest.get(done..end).unwrap_or_default());
        masked
    }
}

impl std::fmt::Debug for StreamMasker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamMasker(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2-the-secret\"x";

    fn masked(pieces: &[&[u8]]) -> Vec<u8> {
        let mut masker = Masker::new();
        masker.add(SECRET);
        let mut stream = StreamMasker::new(masker);
        let mut out: Vec<u8> = pieces.iter().flat_map(|piece| stream.push(piece)).collect();
        out.extend(stream.end());
        out
    }

    #[test]
    fn a_secret_is_masked_wherever_pieces_and_blocks_end() {
        let whole = MASKED_STREAM_BYTES + MASKED_STREAM_REST_BYTES;
        let escaped = SECRET.replace('"', "\\\"");
        for at in [0, 100, MASKED_STREAM_BYTES - 9, MASKED_STREAM_BYTES, whole - 3, whole] {
            let mut text = vec![b'.'; at];
            text.extend_from_slice(escaped.as_bytes());
            text.extend_from_slice(&vec![b','; 2 * MASKED_STREAM_BYTES]);
            for piece in [7_777, 1 << 20] {
                let out = masked(&text.chunks(piece).collect::<Vec<_>>());
                let expected =
                    [vec![b'.'; at], b"***".to_vec(), vec![b','; 2 * MASKED_STREAM_BYTES]].concat();
                assert!(out == expected, "at {at}, in pieces of {piece}");
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_and_secrets_between_them_do_not() {
        let out = masked(&[b"\xff\x00a", &SECRET.as_bytes()[..5], &SECRET.as_bytes()[5..], b"\xfe\xc3"]);
        assert_eq!(out, b"\xff\x00a***\xfe\xc3");
        assert_eq!(masked(&[b"\xff\xfe", b"plain"]), b"\xff\xfeplain");
        assert_eq!(StreamMasker::new(Masker::new()).push(b"as it is"), b"as it is");
    }
}
