#include "evidence/azure/hcl.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/json/reader.h"
#include "evidence/snp/report.h"
#include "evidence/tpm/public_key.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

constexpr std::uint32_t kMagic = 0x414c4348;  // "HCLA", little-endian
constexpr std::size_t kHead = 32, kRuntimeHead = 20;
constexpr std::size_t kUserData = 64, kMaxKeys = 8, kMaxSettings = 64, kMaxText = 256;
constexpr std::size_t kTdReportDataAt = 128;  // REPORTMACSTRUCT.REPORTDATA
constexpr std::uint8_t kTdReportType = 0x81;

Error bad(std::string_view what) { return {Errc::malformed, "hcl report: " + std::string(what)}; }

std::optional<HashAlg> hash_by_number(std::uint32_t number) {
  switch (number) {
    case 1: return HashAlg::sha256;
    case 2: return HashAlg::sha384;
    case 3: return HashAlg::sha512;
    default: return std::nullopt;
  }
}

// read_runtime reads the part behind the hardware report: sizes, kinds, claims.
Status read_runtime(Reader& in, HclReport& out) {
  std::uint32_t size = in.u32le();
  std::uint32_t version = in.u32le();
  std::uint32_t type = in.u32le();
  auto hash = hash_by_number(in.u32le());
  std::uint32_t claims = in.u32le();
  if (!in.good()) return bad("truncated");
  if (version != 1 || (type != 2 && type != 4) || !hash)
    return Error{Errc::unsupported, "hcl report: runtime data of version " + std::to_string(version) + ", type " + std::to_string(type)};
  if (size != kRuntimeHead + std::uint64_t{claims})
    return bad("its sizes disagree with each other");
  out.type = static_cast<HclReportType>(type);
  out.hash = *hash;
  out.claims = to_bytes(in.take(claims));
  in.zeros(in.left());
  return in.done("hcl report");
}

std::string short_text(JsonReader& json) {
  std::string_view text = json.text();
  if (text.size() > kMaxText) json.fail("a text of more than 256 bytes");
  return printable(text, kMaxText);
}

Bytes number(JsonReader& json) {
  auto bytes = from_base64url(json.text(), 1024);
  if (bytes && !bytes->empty()) return *std::move(bytes);
  json.fail("a number that is not base64url");
  return {};
}

void read_key(JsonReader& json, HclClaims& claims) {
  HclKey key;
  bool rsa = false;
  json.object([&](std::string_view member) {
    if (member == "kid")
      key.kid = short_text(json);
    else if (member == "kty")
      rsa = json.text() == "RSA";
    else if (member == "key_ops")
      json.array([&] {
        key.operations.push_back(short_text(json));
        if (key.operations.size() > kMaxKeys) json.fail("too many operations");
      });
    else if (member == "n")
      key.modulus = number(json);
    else if (member == "e")
      key.exponent = number(json);
    else
      json.skip();
  });
  if (!json.good()) return;
  if (claims.keys.size() == kMaxKeys) return json.fail("too many keys");
  if (!rsa || key.kid.empty() || key.modulus.empty() || key.exponent.empty()) return json.fail("a key that is not a named RSA key");
  if (claims.key(key.kid) != nullptr) return json.fail("two keys \"" + key.kid + "\"");
  claims.keys.push_back(std::move(key));
}

void read_configuration(JsonReader& json, HclClaims& claims) {
  json.object([&](std::string_view member) {
    if (claims.configuration.size() == kMaxSettings) return json.fail("too many settings");
    std::string name = printable(member, kMaxText), value;
    switch (json.kind()) {
      case JsonReader::Kind::boolean: value = json.boolean() ? "true" : "false"; break;
      case JsonReader::Kind::string: value = short_text(json); break;
      case JsonReader::Kind::number: value = std::to_string(json.integer(INT64_MIN, INT64_MAX)); break;
      default: return json.skip();
    }
    claims.configuration.emplace_back(std::move(name), std::move(value));
  });
}

void read_user_data(JsonReader& json, HclClaims& claims) {
  auto bytes = from_hex(json.text(), kUserData);
  if (bytes && bytes->size() == kUserData)
    claims.user_data = *std::move(bytes);
  else
    json.fail("user-data is not 64 bytes in hex");
}

}  // namespace

Result<HclReport> parse_hcl_report(View bytes) {
  if (bytes.size() > kMaxHclReport) return bad("more than 64 KiB");
  Reader in(bytes);
  HclReport out;
  if (in.u32le() != kMagic) return bad("does not begin with HCLA");
  out.version = in.u32le();
  std::uint32_t report_size = in.u32le();
  out.request_type = in.u32le();
  out.status = in.u32le();
  in.take(12);
  View hardware = in.take(kHclHardwareBytes);
  if (!in.good()) return bad("truncated");
  if (out.version != 1 && out.version != 2)
    return Error{Errc::unsupported, "hcl report: version " + std::to_string(out.version)};
  CHECK_OK(read_runtime(in, out));
  if (report_size != kHead + kHclHardwareBytes + kRuntimeHead + out.claims.size()) return bad("its sizes disagree with each other");
  std::size_t used = out.type == HclReportType::snp ? kSnpReportBytes : kTdReportBytes;
  Reader rest(hardware.subspan(used));
  rest.zeros(rest.left());
  CHECK_OK(rest.done("hcl report: behind the hardware report"));
  out.hardware = to_bytes(hardware.first(used));
  return out;
}

Result<HclReport> parse_hcl_runtime(View bytes) {
  if (bytes.size() > kMaxHclReport) return bad("more than 64 KiB");
  Reader in(bytes);
  HclReport out;
  CHECK_OK(read_runtime(in, out));
  return out;
}

Result<Bytes> hardware_report_data(const HclReport& report) {
  if (report.type == HclReportType::snp) {
    TRY(SnpReport snp, parse_snp_report(report.hardware));
    return to_bytes(snp.report_data);
  }
  if (report.hardware.size() != kTdReportBytes || report.hardware[0] != kTdReportType) return bad("its hardware report is no TDREPORT");
  return to_bytes(View(report.hardware).subspan(kTdReportDataAt, kSnpReportDataBytes));
}

Bytes claims_digest(const HclReport& report) {
  Bytes out = to_bytes(hash_of(report.hash, {View(report.claims)}).view());
  out.resize(kSnpReportDataBytes);
  return out;
}

const HclKey* HclClaims::key(std::string_view kid) const {
  auto found = std::ranges::find(keys, kid, &HclKey::kid);
  return found == keys.end() ? nullptr : &*found;
}

std::optional<std::string> HclClaims::setting(std::string_view name) const {
  for (const auto& [key, value] : configuration)
    if (key == name) return value;
  return std::nullopt;
}

Result<HclClaims> parse_hcl_claims(View bytes) {
  HclClaims claims;
  JsonReader json(as_text(bytes));
  json.object([&](std::string_view member) {
    if (member == "keys")
      json.array([&] { read_key(json, claims); });
    else if (member == "vm-configuration")
      read_configuration(json, claims);
    else if (member == "user-data")
      read_user_data(json, claims);
    else
      json.skip();
  });
  CHECK_OK(json.done("hcl claims"));
  if (claims.user_data.empty()) claims.user_data.resize(kUserData);
  return claims;
}

Result<Bytes> hcl_key_spki(const HclKey& key) {
  Reader in(key.exponent);
  std::uint32_t exponent = 0;
  if (key.exponent.size() > 4) return Error{Errc::unsupported, "hcl claims: an RSA exponent of more than 32 bits"};
  while (in.more()) exponent = exponent << 8 | in.u8();
  if (exponent == 0) return Error{Errc::malformed, "hcl claims: an RSA exponent of zero"};
  TRY(OwnedPkey rsa, make_rsa_key(static_cast<std::uint16_t>(key.modulus.size() * 8), exponent, key.modulus));
  Bytes der = spki_der(rsa.get());
  if (der.empty()) return Error{Errc::io, "hcl claims: cannot encode a key"};
  return der;
}

}  // namespace attest
