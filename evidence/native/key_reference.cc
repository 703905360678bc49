#include "evidence/native/key_reference.h"

#include "evidence/core/hash.h"
#include "evidence/core/hex.h"

namespace attest {
namespace {

constexpr std::string_view kVersion = "attest-key-1";
constexpr std::string_view kBegin = "-----BEGIN ATTEST KEY REFERENCE-----";
constexpr std::string_view kEnd = "-----END ATTEST KEY REFERENCE-----";
constexpr std::string_view kReplaced = ".old-";
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::uint8_t kUtf8String = 0x0c;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kSequence = 0x30;

Error bad(std::string why) { return {Errc::malformed, "key.reference: " + std::move(why)}; }

// X.690 8.1.3 and 10.1: definite lengths in the fewest octets. Two octets suffice here; more spoil the
// reader.
std::size_t der_length(Reader& in) {
  std::size_t first = in.u8();
  if (first < 0x80) return first;
  std::size_t length = first == 0x81 ? in.u8() : first == 0x82 ? in.u16be() : 0;
  if (length < (first == 0x81 ? 0x80U : 0x100U)) in.fail();
  return length;
}

View der_field(Reader& in, std::uint8_t tag, std::size_t max) {
  if (in.u8() != tag) in.fail();
  std::size_t length = der_length(in);
  if (length > max) in.fail();
  return in.take(length);
}

void put_field(Writer& out, std::uint8_t tag, View value) {
  out.u8(tag);
  if (value.size() >= 0x100) {
    out.u8(0x82);
    out.u16be(static_cast<std::uint16_t>(value.size()));
  } else {
    if (value.size() >= 0x80) out.u8(0x81);
    out.u8(static_cast<std::uint8_t>(value.size()));
  }
  out.put(value);
}

// A socket is named by its absolute path: a relative one would depend on where a program happens to run.
bool valid_socket(std::string_view path) {
  if (path.empty()) return true;
  bool printable = std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f; });
  return path.size() <= kMaxSocketPath && path.front() == '/' && printable;
}

Status check(const KeyReference& reference) {
  if (!valid_key_name(reference.name))
    return bad("a key name is 1 to 128 characters of A-Z a-z 0-9 . _ - and does not begin with a dot");
  if (!valid_socket(reference.socket))
    return bad("the socket is an absolute path of at most 107 printable characters");
  if (reference.spki_der.empty() || reference.spki_der.size() > kMaxReferenceSpki)
    return bad("public key of " + std::to_string(reference.spki_der.size()) + " bytes");
  return ok();
}

std::string_view trimmed(std::string_view text) {
  std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string without_line_ends(std::string_view text) {
  std::string out;
  for (char c : text)
    if (kBlanks.find(c) == std::string_view::npos) out += c;
  return out;
}

}  // namespace

bool valid_key_name(std::string_view name) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxKeyName && name.front() != '.' &&
         std::ranges::all_of(name, allowed);
}

std::string replaced_key_name(std::string_view name, View spki_der) {
  return std::string(name) + std::string(kReplaced) + to_hex(sha256(spki_der).view().first(4));
}

std::string_view replaced_by(std::string_view name) {
  std::size_t at = name.rfind(kReplaced);
  if (at == name.npos || at == 0 || name.size() - at != kReplaced.size() + 8) return {};
  return name.substr(0, at);
}

Result<Bytes> encode_key_reference(const KeyReference& reference) {
  CHECK_OK(check(reference));
  Writer fields;
  put_field(fields, kUtf8String, as_view(kVersion));
  put_field(fields, kUtf8String, as_view(reference.name));
  put_field(fields, kUtf8String, as_view(reference.socket));
  put_field(fields, kOctetString, reference.spki_der);
  TRY(Bytes body, std::move(fields).finish("key reference"));
  Writer out;
  put_field(out, kSequence, body);
  return std::move(out).finish("key reference");
}

Result<KeyReference> parse_key_reference(View der) {
  Reader in(der);
  Reader fields(der_field(in, kSequence, kMaxKeyReference));
  CHECK_OK(in.done("key.reference: outer SEQUENCE"));
  View version = der_field(fields, kUtf8String, kVersion.size());
  if (fields.good() && as_text(version) != kVersion) return bad("not of version attest-key-1");
  KeyReference out;
  out.name = as_text(der_field(fields, kUtf8String, kMaxKeyName));
  out.socket = as_text(der_field(fields, kUtf8String, kMaxSocketPath));
  out.spki_der = to_bytes(der_field(fields, kOctetString, kMaxReferenceSpki));
  CHECK_OK(fields.done("key.reference: fields"));
  CHECK_OK(check(out));
  return out;
}

Result<std::string> key_reference_pem(const KeyReference& reference) {
  TRY(Bytes der, encode_key_reference(reference));
  std::string base64 = to_base64(der);
  std::string out(kBegin);
  for (std::size_t i = 0; i < base64.size(); i += 64) out += "\n" + base64.substr(i, 64);
  return out + "\n" + std::string(kEnd) + "\n";
}

Result<KeyReference> parse_key_reference_pem(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with(kBegin)) return bad("no line \"" + std::string(kBegin) + "\" at the beginning");
  if (text.size() < kBegin.size() + kEnd.size() || !text.ends_with(kEnd))
    return bad("no line \"" + std::string(kEnd) + "\" at the end");
  text.remove_prefix(kBegin.size());
  text.remove_suffix(kEnd.size());
  auto der = from_base64(without_line_ends(text), kMaxKeyReference);
  if (!der) return bad(der.error().what);
  return parse_key_reference(*der);
}

}  // namespace attest
