#include "evidence/native/request.h"

#include "evidence/cbor/cbor.h"

namespace attest {
namespace {

constexpr std::size_t kHeaderSize = 34;
constexpr std::uint32_t kMaxAge = 86400;

// Parameters: {0: max age in seconds, ? 1: [* known digest]}
Status read_parameters(View bytes, Request& out) {
  cbor::Reader in(bytes);
  std::int64_t key = -1;
  std::size_t pairs = in.map(2);
  if (pairs == 0) in.fail("no parameters");
  for (std::size_t n = pairs; n > 0 && in.good(); n--) {
    bool first = key < 0;
    key = in.key(key);
    if (first && key != 0) in.fail("no max age");
    if (key == 0) {
      out.max_age_s = static_cast<std::uint32_t>(in.uint(kMaxAge));
    } else if (key == 1) {
      for (std::size_t k = in.array(kMaxKnownDigests); k > 0 && in.good(); k--)
        out.known_digests.push_back(to_bytes(in.bytes(32, kMinKnownDigest)));
      if (out.known_digests.empty()) in.fail("an empty list of known digests");
    } else {
      in.fail("unknown parameter " + std::to_string(key));
    }
  }
  return in.done("request parameters");
}

}  // namespace

Result<Bytes> encode_request(const Request& request) {
  if (request.known_digests.size() > kMaxKnownDigests) return Error{Errc::denied, "request: more than 16 known digests"};
  cbor::Writer parameters;
  parameters.map(request.known_digests.empty() ? 1 : 2);
  parameters.uint(0);
  parameters.uint(request.max_age_s);
  if (!request.known_digests.empty()) {
    parameters.uint(1);
    parameters.array(request.known_digests.size());
    for (const Bytes& digest : request.known_digests) parameters.bytes(digest);
  }
  Writer out;
  out.u8(RequestHeader::kVersion);
  out.u8(request.header.flags);
  out.put(request.header.nonce);
  out.put(parameters.bytes_so_far());
  return std::move(out).finish("request");
}

Result<Request> decode_request(View bytes) {
  Request out;
  TRY(out.header, parse_request_header(bytes));
  if ((out.header.flags & ~(RequestHeader::kCanAttest | RequestHeader::kRequires)) != 0)
    return Error{Errc::unsupported, "request: unknown flags " + std::to_string(out.header.flags)};
  CHECK_OK(read_parameters(bytes.subspan(kHeaderSize), out));
  return out;
}

}  // namespace attest
