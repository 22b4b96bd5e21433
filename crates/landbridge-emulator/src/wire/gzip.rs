//! Compressed requests: clients compress what they put into CloudWatch once it is large ("httpRequestCompression" trait of
//! Smithy).

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Request};

use crate::refusal::Refusal;

fn is_packed(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

/// The request with its body unpacked, up to one byte beyond `most`; none if it is not packed.
pub(crate) fn unpacked(request: &Request<Bytes>, most: usize) -> Result<Option<Request<Bytes>>, Refusal> {
    if !is_packed(request.headers()) {
        return Ok(None);
    }
    let mut body = Vec::new();
    let mut reader = MultiGzDecoder::new(&request.body()[..]).take(most as u64 + 1);
    reader.read_to_end(&mut body).map_err(|error| Refusal::serialization(format!("the body is no gzip: {error}")))?;
    let mut unpacked = request.clone();
    unpacked.headers_mut().remove(CONTENT_ENCODING);
    *unpacked.body_mut() = Bytes::from(body);
    Ok(Some(unpacked))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(body: &[u8]) -> Request<Bytes> {
        let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
        writer.write_all(body).unwrap();
        let body = Bytes::from(writer.finish().unwrap());
        Request::post("/").header(CONTENT_ENCODING, "gzip").body(body).unwrap()
    }

    #[test]
    fn a_packed_body_is_unpacked_and_a_bomb_is_cut() {
        assert_eq!(&unpacked(&packed(b"hello"), 10).unwrap().unwrap().body()[..], b"hello");
        let bomb = unpacked(&packed(&vec![0; 1_000_000]), 10).unwrap().unwrap();
        assert_eq!(bomb.body().len(), 11);
    }

    #[test]
    fn what_says_gzip_and_is_none_is_refused_and_anything_else_left_alone() {
        let mut request = packed(b"hello");
        *request.body_mut() = Bytes::from_static(b"hello");
        assert_eq!(unpacked(&request, 10).unwrap_err().code, "SerializationException");
        request.headers_mut().remove(CONTENT_ENCODING);
        assert!(unpacked(&request, 10).unwrap().is_none());
    }
}
