#include "evidence/native/request.h"

#include "evidence/cbor/cbor.h"
#include "evidence/native/known_key.h"

namespace attest {
namespace {

constexpr std::size_t kHeaderSize = 34;
constexpr std::uint32_t kMaxAge = 86400;

// A list of byte strings that is there is not empty.
void read_list(cbor::Reader& in, std::vector<Bytes>& out, std::size_t most, std::size_t shortest, std::size_t longest) {
  for (std::size_t n = in.array(most); n > 0 && in.good(); n--) out.push_back(to_bytes(in.bytes(longest, shortest)));
  if (out.empty()) in.fail("an empty list");
}

// Silence says native alone, so a list that says no more is refused: one request has one form.
void read_profiles(cbor::Reader& in, std::vector<std::uint8_t>& out) {
  for (std::size_t n = in.array(kMaxProfiles); n > 0 && in.good(); n--) {
    auto profile = static_cast<std::uint8_t>(in.uint(0xff));
    if (std::ranges::find(out, profile) != out.end()) in.fail("a profile twice");
    out.push_back(profile);
  }
  if (out.empty() || (out.size() == 1 && out.front() == static_cast<std::uint8_t>(Profile::native)))
    in.fail("a list of profiles that says nothing");
}

// Parameters: {0: max age in seconds, ? 1: [* known digest], ? 2: [* hint of a key], ? 3: [* hint of a distributor],
// ? 4: hint of the logs known, ? 5: [* profile]}
Status read_parameters(View bytes, Request& out) {
  cbor::Reader in(bytes);
  std::int64_t key = -1;
  std::size_t pairs = in.map(6);
  if (pairs == 0) in.fail("no parameters");
  for (std::size_t n = pairs; n > 0 && in.good(); n--) {
    bool first = key < 0;
    key = in.key(key);
    if (first && key != 0) in.fail("no max age");
    switch (key) {
      case 0: out.max_age_s = static_cast<std::uint32_t>(in.uint(kMaxAge)); break;
      case 1: read_list(in, out.known_digests, kMaxKnownDigests, kMinKnownDigest, 32); break;
      case 2: read_list(in, out.known_keys, kMaxKnownKeys, kKeyHint, kKeyHint); break;
      case 3: read_list(in, out.distributors, kMaxDistributors, kKeyHint, kKeyHint); break;
      case 4: out.cursor = to_bytes(in.bytes(kKeyHint, kKeyHint)); break;
      case 5: read_profiles(in, out.profiles); break;
      default: in.fail("unknown parameter " + std::to_string(key));
    }
  }
  if (in.good() && out.max_age_s == 0 && (!out.known_keys.empty() || !out.distributors.empty()))
    in.fail("keys of earlier quotes where evidence must cover this handshake");
  return in.done("request parameters");
}

void write_list(cbor::Writer& out, std::uint64_t key, const std::vector<Bytes>& list) {
  if (list.empty()) return;
  out.uint(key);
  out.array(list.size());
  for (const Bytes& item : list) out.bytes(item);
}

}  // namespace

Result<Bytes> encode_request(const Request& request) {
  if (request.known_digests.size() > kMaxKnownDigests || request.known_keys.size() > kMaxKnownKeys ||
      request.distributors.size() > kMaxDistributors || request.profiles.size() > kMaxProfiles)
    return Error{Errc::denied, "request: more than 16 known digests, 4 keys, 2 distributors or 4 profiles"};
  cbor::Writer parameters;
  std::size_t lists = 0;
  for (const auto* list : {&request.known_digests, &request.known_keys, &request.distributors}) lists += list->empty() ? 0 : 1;
  parameters.map(1 + lists + (request.cursor.empty() ? 0 : 1) + (request.profiles.empty() ? 0 : 1));
  parameters.uint(0);
  parameters.uint(request.max_age_s);
  write_list(parameters, 1, request.known_digests);
  write_list(parameters, 2, request.known_keys);
  write_list(parameters, 3, request.distributors);
  if (!request.cursor.empty()) {
    parameters.uint(4);
    parameters.bytes(request.cursor);
  }
  if (!request.profiles.empty()) {
    parameters.uint(5);
    parameters.array(request.profiles.size());
    for (std::uint8_t profile : request.profiles) parameters.uint(profile);
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
