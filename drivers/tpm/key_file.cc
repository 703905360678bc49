#include "drivers/tpm/key_file.h"

#include "drivers/tpm/marshal.h"
#include "evidence/core/hex.h"

namespace attest {
namespace {

constexpr std::string_view kBegin = "-----BEGIN TSS2 PRIVATE KEY-----\n";
constexpr std::string_view kEnd = "-----END TSS2 PRIVATE KEY-----\n";
constexpr std::uint8_t kBoolean = 0x01, kInteger = 0x02, kOctetString = 0x04, kOid = 0x06, kSequence = 0x30;
constexpr std::uint8_t kEmptyAuth = 0xa0;                                      // [0] EXPLICIT
constexpr std::uint8_t kLoadableKey[] = {0x67, 0x81, 0x05, 0x0a, 0x01, 0x03};  // 2.23.133.10.1.3
constexpr std::size_t kMaxField = 4096;

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
  if (first > 0x82 || first == 0x80 || length > kMaxField) in.fail();
  if (first >= 0x80 && length < (first == 0x81 ? 0x80U : 0x100U)) in.fail();
  return in.take(length);
}

// A handle is an INTEGER of at most five octets, never negative.
TPM2_HANDLE read_handle(Reader& in) {
  Reader number(field(in, kInteger));
  if (number.left() == 0 || number.left() > 5) in.fail();
  std::uint64_t value = 0;
  for (bool first = true; number.more(); first = false) {
    std::uint8_t octet = number.u8();
    if (first && octet >= 0x80) in.fail();
    value = value << 8 | octet;
  }
  if (value > 0xffffffff) in.fail();
  return static_cast<TPM2_HANDLE>(value);
}

Bytes handle_octets(TPM2_HANDLE handle) {
  Bytes out = {0};
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(handle >> shift));
  while (out.size() > 1 && out[0] == 0 && out[1] < 0x80) out.erase(out.begin());
  return out;
}

Error bad(const std::string& why) { return {Errc::malformed, "tpm key file: " + why}; }

Result<Bytes> der_of(std::string_view pem) {
  std::size_t begin = pem.find(kBegin), end = pem.find(kEnd);
  if (begin == pem.npos || end == pem.npos || end < begin) return bad("no TSS2 PRIVATE KEY block");
  std::string base64;
  for (char c : pem.substr(begin + kBegin.size(), end - begin - kBegin.size()))
    if (c != '\n' && c != '\r') base64 += c;
  auto der = from_base64(base64, kMaxField);
  if (!der) return bad(der.error().what);
  return der;
}

}  // namespace

Result<std::string> encode_key_file(const KeyFile& file) {
  TRY(Bytes pub, marshalled(file.key.pub, Tss2_MU_TPM2B_PUBLIC_Marshal));
  TRY(Bytes priv, marshalled(file.key.priv, Tss2_MU_TPM2B_PRIVATE_Marshal));
  Writer fields;
  put_field(fields, kOid, kLoadableKey);
  put_field(fields, kEmptyAuth, Bytes{kBoolean, 1, 0xff});
  put_field(fields, kInteger, handle_octets(file.parent));
  put_field(fields, kOctetString, pub);
  put_field(fields, kOctetString, priv);
  TRY(Bytes body, std::move(fields).finish("tpm key file"));
  Writer out;
  put_field(out, kSequence, body);
  TRY(Bytes der, std::move(out).finish("tpm key file"));
  std::string base64 = to_base64(der), pem(kBegin);
  for (std::size_t i = 0; i < base64.size(); i += 64) pem += base64.substr(i, 64) + "\n";
  return pem + std::string(kEnd);
}

Result<KeyFile> parse_key_file(std::string_view pem) {
  TRY(Bytes der, der_of(pem));
  Reader in(der);
  Reader fields(field(in, kSequence));
  CHECK_OK(in.done("tpm key file"));
  if (!equal(field(fields, kOid), kLoadableKey))
    return Error{Errc::unsupported, "tpm key file: not a loadable key (2.23.133.10.1.3)"};
  Reader empty_auth(field(fields, kEmptyAuth));
  View flag = field(empty_auth, kBoolean);
  if (!fields.good() || !empty_auth.good() || flag.size() != 1 || flag[0] == 0)
    return Error{Errc::unsupported, "tpm key file: the key has an authorisation value"};
  KeyFile file;
  file.parent = read_handle(fields);
  View pub = field(fields, kOctetString), priv = field(fields, kOctetString);
  CHECK_OK(fields.done("tpm key file (a policy or a secret is not supported)"));
  TRY(file.key.pub, unmarshalled(pub, Tss2_MU_TPM2B_PUBLIC_Unmarshal, "tpm key file: public area"));
  TRY(file.key.priv, unmarshalled(priv, Tss2_MU_TPM2B_PRIVATE_Unmarshal, "tpm key file: private area"));
  return file;
}

}  // namespace attest
