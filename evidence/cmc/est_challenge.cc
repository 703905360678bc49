#include "evidence/cmc/est_challenge.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/core/sealed.h"
#include "evidence/http/head.h"
#include "evidence/x509/der.h"

namespace attest {
namespace {

constexpr std::size_t kParts = 3;
constexpr std::size_t kMaxPart = 128 << 10;
constexpr std::size_t kMaxBoundary = 70;  // RFC 2046
constexpr std::uint8_t kCmcParameters = 0x10;  // SEQUENCE without the bit that says so
constexpr std::size_t kNonce = 12;
constexpr std::uint32_t kTag = 16;

Error bad_answer(const std::string& what) { return {Errc::malformed, "enrolment: the answer of the server " + what}; }

// boundary_of is what separates the parts, as the head says.
Result<std::string> boundary_of(const http::Head& head) {
  const std::string* type = head.find("Content-Type");
  constexpr std::string_view kMark = "boundary=";
  std::size_t at = type == nullptr ? std::string::npos : type->find(kMark);
  if (at == std::string::npos || !type->starts_with("multipart/mixed;")) return bad_answer("is no multipart body");
  std::string boundary = type->substr(at + kMark.size());
  if (boundary.size() >= 2 && boundary.front() == '"' && boundary.back() == '"') boundary = boundary.substr(1, boundary.size() - 2);
  auto plain = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; };
  if (boundary.empty() || boundary.size() > kMaxBoundary || !std::ranges::all_of(boundary, plain))
    return bad_answer("has parts behind a boundary of odd characters");
  return "--" + boundary;
}

Result<Bytes> decode_part(std::string_view part) {
  std::size_t end = part.find("\r\n\r\n");
  if (end == std::string_view::npos) return bad_answer("has a part without a head");
  std::string joined;
  for (char c : part.substr(end + 4))
    if (c != '\r' && c != '\n') joined += c;
  auto bytes = from_base64(joined, kMaxPart);
  if (!bytes) return bad_answer("has a part that is no base64 or is too long");
  return bytes;
}

// split_parts: body is boundary, part, boundary, …, boundary with two hyphens behind it. Nothing stands around that.
Result<std::vector<Bytes>> split_parts(std::string_view body, const std::string& boundary) {
  std::vector<Bytes> out;
  if (!body.starts_with(boundary + "\r\n")) return bad_answer("does not begin with its boundary");
  body.remove_prefix(boundary.size());
  while (body.starts_with("\r\n") && out.size() < kParts) {
    std::size_t end = body.find("\r\n" + boundary);
    if (end == std::string_view::npos) return bad_answer("is cut");
    TRY(Bytes part, decode_part(body.substr(2, end - 2)));
    out.push_back(std::move(part));
    body.remove_prefix(end + 2 + boundary.size());
  }
  if (out.size() != kParts || (body != "--" && body != "--\r\n")) return bad_answer("has other than three parts");
  return out;
}

bool is(DerReader& in, std::string_view oid) { return oid_text(in.take(der_tag::kOid)) == oid; }

// nonce_of reads GCMParameters: nonce, length of the tag.
Result<View> nonce_of(DerReader& algorithm) {
  DerReader parameters = algorithm.at(kCmcParameters) ? algorithm.inside(kCmcParameters).inside(der_tag::kSequence)
                                                      : algorithm.inside(der_tag::kSequence);
  constexpr std::uint8_t kCmcNonce = der_tag::context(4, false);
  View nonce = parameters.take(parameters.at(kCmcNonce) ? kCmcNonce : der_tag::kOctetString);
  std::uint32_t tag = parameters.small(der_tag::kInteger, kTag);
  CHECK_OK(parameters.done("enrolment: parameters of the encrypted certificate"));
  CHECK_OK(algorithm.done("enrolment: algorithm of the encrypted certificate"));
  if (nonce.size() != kNonce || tag != kTag) return bad_answer("is encrypted with a nonce or tag of an odd length");
  return nonce;
}

// content_of is the ciphertext with its tag behind it.
Result<View> content_of(DerReader& encrypted) {
  constexpr std::uint8_t kCmcContent = der_tag::context(0, true), kContent = der_tag::context(0, false);
  if (!encrypted.at(kCmcContent)) return encrypted.take(kContent);
  DerReader within = encrypted.inside(kCmcContent);
  View content = within.take(der_tag::kOctetString);
  CHECK_OK(within.done("enrolment: encrypted certificate"));
  return content;
}

}  // namespace

Result<EstChallenge> parse_est_challenge(View answer) {
  auto size = http::head_size(answer);
  if (!size) return bad_answer("is no HTTP");
  TRY(http::Head head, http::parse_response(answer.first(*size)));
  std::string_view body = as_text(answer.subspan(*size));
  if (head.status != 200)
    return Error{Errc::denied, "enrolment: the server answered " + std::to_string(head.status) + ": " + printable(body, 300)};
  TRY(std::string boundary, boundary_of(head));
  TRY(std::vector<Bytes> parts, split_parts(body, boundary));
  return EstChallenge{std::move(parts[0]), std::move(parts[1]), std::move(parts[2])};
}

Result<Bytes> open_est_certificate(View cms, const Secret& secret) {
  constexpr std::string_view kEncryptedData = "1.2.840.113549.1.7.6", kData = "1.2.840.113549.1.7.1", kAesGcm = "2.16.840.1.101.3.4.1.46";
  DerReader all(cms);
  DerReader info = all.inside(der_tag::kSequence);
  CHECK_OK(all.done("enrolment: encrypted certificate"));
  bool known = is(info, kEncryptedData);
  DerReader wrapped = info.inside(der_tag::context(0, true));
  CHECK_OK(info.done("enrolment: encrypted certificate"));
  DerReader data = wrapped.inside(der_tag::kSequence);
  CHECK_OK(wrapped.done("enrolment: encrypted certificate"));
  static_cast<void>(data.small(der_tag::kInteger, 0));  // version
  DerReader encrypted = data.inside(der_tag::kSequence);
  CHECK_OK(data.done("enrolment: encrypted certificate"));
  known = is(encrypted, kData) && known;
  DerReader algorithm = encrypted.inside(der_tag::kSequence);
  if (!is(algorithm, kAesGcm) || !known) return bad_answer("holds no certificate under AES-256-GCM");
  TRY(View nonce, nonce_of(algorithm));
  TRY(View content, content_of(encrypted));
  CHECK_OK(encrypted.done("enrolment: encrypted certificate"));
  Bytes sealed = to_bytes(nonce);
  sealed.insert(sealed.end(), content.begin(), content.end());
  return open_sealed(secret, sealed);
}

}  // namespace attest
