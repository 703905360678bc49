#include "evidence/tpm/tss2_key.h"

#include "evidence/core/hex.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

constexpr std::uint8_t kBoolean = 0x01, kInteger = 0x02, kOctetString = 0x04, kOid = 0x06, kSequence = 0x30;
constexpr std::uint8_t kEmptyAuth = 0xa0;                                      // [0] EXPLICIT
constexpr std::uint8_t kLoadableKey[] = {0x67, 0x81, 0x05, 0x0a, 0x01, 0x03};  // 2.23.133.10.1.3
constexpr std::string_view kWhat = "tpm key file";

std::string begin_line() { return "-----BEGIN " + std::string(kTss2KeyLabel) + "-----"; }
std::string end_line() { return "-----END " + std::string(kTss2KeyLabel) + "-----"; }

void put_field(Writer& out, std::uint8_t tag, View value) {
  out.u8(tag);
  if (value.size() >= 0x80) out.u8(value.size() >= 0x100 ? 0x82 : 0x81);
  if (value.size() >= 0x100) out.u8(static_cast<std::uint8_t>(value.size() >> 8));
  out.u8(static_cast<std::uint8_t>(value.size()));
  out.put(value);
}

// Lengths of up to two octets, in the fewest octets (X.690, clause 10.1).
View field(Reader& in, std::uint8_t tag) {
  if (in.u8() != tag) in.fail();
  std::size_t first = in.u8();
  std::size_t length = first < 0x80 ? first : first == 0x81 ? in.u8() : in.u16be();
  if (first > 0x82 || first == 0x80 || length > kMaxTss2Key) in.fail();
  if (first >= 0x80 && length < (first == 0x81 ? 0x80U : 0x100U)) in.fail();
  return in.take(length);
}

// A handle is an INTEGER of at most five octets, never negative.
std::uint32_t read_handle(Reader& in) {
  View octets = field(in, kInteger);
  if (octets.empty() || octets.size() > 5 || octets[0] >= 0x80) in.fail();
  std::uint64_t value = 0;
  for (std::uint8_t octet : octets) value = value << 8 | octet;
  if (value > 0xffffffff) in.fail();
  return static_cast<std::uint32_t>(value);
}

Bytes handle_octets(std::uint32_t handle) {
  Bytes out = {0};
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(handle >> shift));
  while (out.size() > 1 && out[0] == 0 && out[1] < 0x80) out.erase(out.begin());
  return out;
}

Error bad(const std::string& why) { return {Errc::malformed, std::string(kWhat) + ": " + why}; }
Error unusable(const std::string& why) { return {Errc::unsupported, std::string(kWhat) + ": " + why}; }

// read_empty_auth: absent means false. The value of TRUE is written as 1 by some.
bool read_empty_auth(Reader& fields) {
  Reader explicit_tag(field(fields, kEmptyAuth));
  View flag = field(explicit_tag, kBoolean);
  if (!explicit_tag.good() || explicit_tag.more() || flag.size() != 1) fields.fail();
  return fields.good() && flag[0] != 0;
}

}  // namespace

Result<Tss2Key> parse_tss2_key(View der) {
  Reader in(der);
  Reader fields(field(in, kSequence));
  CHECK_OK(in.done(kWhat));
  View type = field(fields, kOid);
  if (!fields.good()) return bad("truncated or out of bounds");
  if (!equal(type, kLoadableKey)) return unusable("not a loadable key (2.23.133.10.1.3)");
  Tss2Key key;
  Reader ahead = fields;
  std::uint8_t tag = ahead.u8();
  key.empty_auth = tag == kEmptyAuth && read_empty_auth(fields);
  if (tag != kEmptyAuth && tag != kInteger && ahead.good())
    return unusable("a policy, a secret or an RSA parent is not supported");
  ahead = fields;
  if (ahead.u8() != kInteger && ahead.good())
    return unusable("a policy, a secret or an RSA parent is not supported");
  key.parent = read_handle(fields);
  key.pub = to_bytes(field(fields, kOctetString));
  key.priv = to_bytes(field(fields, kOctetString));
  CHECK_OK(fields.done(kWhat));
  return key;
}

Result<Bytes> encode_tss2_key(const Tss2Key& key) {
  Writer fields;
  put_field(fields, kOid, kLoadableKey);
  put_field(fields, kEmptyAuth, Bytes{kBoolean, 1, static_cast<std::uint8_t>(key.empty_auth ? 0xff : 0)});
  put_field(fields, kInteger, handle_octets(key.parent));
  put_field(fields, kOctetString, key.pub);
  put_field(fields, kOctetString, key.priv);
  TRY(Bytes body, std::move(fields).finish(kWhat));
  if (body.size() + 4 > kMaxTss2Key) return bad("too long");
  Writer out;
  put_field(out, kSequence, body);
  return std::move(out).finish(kWhat);
}

Result<Bytes> tss2_key_der(std::string_view pem) {
  std::size_t begin = pem.find(begin_line()), end = pem.find(end_line());
  if (begin == pem.npos || end == pem.npos || end < begin) return bad("no TSS2 PRIVATE KEY block");
  begin += begin_line().size();
  std::string base64;
  for (char c : pem.substr(begin, end - begin))
    if (c != '\n' && c != '\r') base64 += c;
  auto der = from_base64(base64, kMaxTss2Key);
  if (!der) return bad(der.error().what);
  return der;
}

Result<Tss2Key> parse_tss2_key_pem(std::string_view pem) {
  TRY(Bytes der, tss2_key_der(pem));
  return parse_tss2_key(der);
}

Result<std::string> tss2_key_pem(const Tss2Key& key) {
  TRY(Bytes der, encode_tss2_key(key));
  std::string base64 = to_base64(der), pem = begin_line() + "\n";
  for (std::size_t i = 0; i < base64.size(); i += 64) pem += base64.substr(i, 64) + "\n";
  return pem + end_line() + "\n";
}

Result<PublicArea> tss2_public(const Tss2Key& key) {
  TRY(PublicArea area, parse_tpm2b_public(key.pub));
  if (!area.has(tpm::kSign | tpm::kUserWithAuth) || area.has(tpm::kRestricted))
    return unusable("the key does not sign by its authorisation value alone (" +
                    attributes_text(area.attributes) + ")");
  if (!key.empty_auth && !area.has(tpm::kNoDa))
    return Error{Errc::denied,
                 std::string(kWhat) +
                     ": says that the key has an authorisation value, and nobody is there to enter it; remedy: "
                     "make the key without one, or, if it has none, write the file again with tpm2_encodeobject -p"};
  return area;
}

}  // namespace attest
