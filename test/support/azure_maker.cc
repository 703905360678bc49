#include "test/support/azure_maker.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/tpm/public_area.h"
#include "evidence/x509/certificate.h"
#include "test/support/recording.h"
#include "test/support/snp_samples.h"
#include "test/support/test_ak.h"

namespace attest::test {
namespace {

constexpr std::size_t kRsaBytes = 256, kTdReport = 1024;

Bytes rsa_area(View modulus) {
  Writer out;
  out.u16be(0x0001);  // RSA
  out.u16be(0x000b);  // nameAlg SHA-256
  out.u32be(kAkAttributes);
  out.u16be(0);       // authPolicy
  out.u16be(0x0010);  // no symmetric algorithm
  out.u16be(0x0014);  // RSASSA
  out.u16be(0x000b);
  out.u16be(2048);
  out.u32be(0);
  out.u16be(static_cast<std::uint16_t>(modulus.size()));
  out.put(modulus);
  return must(std::move(out).finish("public area"));
}

Bytes td_report(View report_data) {
  Bytes out(kTdReport);
  out[0] = 0x81;
  std::ranges::copy(report_data, out.begin() + 128);
  out.resize(1184);
  return out;
}

Bytes snp_report(View report_data, unsigned vmpl) {
  return snp_resigned("turin-v5-report.bin", [&](Bytes& r) {
    std::ranges::copy(report_data, r.begin() + 0x50);
    r[0x30] = static_cast<std::uint8_t>(vmpl);
  });
}

}  // namespace

Bytes modulus_of(EVP_PKEY* key) {
  BIGNUM* n = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1) return {};
  Bytes out(static_cast<std::size_t>(BN_num_bytes(n)));
  BN_bn2bin(n, out.data());
  BN_free(n);
  return out;
}

RsaAk make_rsa_ak() {
  RsaAk ak;
  ak.key = {EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}), EVP_PKEY_free};
  ak.modulus = modulus_of(ak.key.get());
  ak.public_area = rsa_area(ak.modulus);
  return ak;
}

Bytes RsaAk::name() const { return must(parse_public(public_area)).name(); }

Bytes RsaAk::sign(View message) const {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  Bytes signature(kRsaBytes);
  std::size_t size = signature.size();
  EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key.get(), nullptr);
  EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size());
  Writer out;
  out.u16be(0x0014);
  out.u16be(0x000b);
  out.u16be(static_cast<std::uint16_t>(size));
  out.put(signature);
  return must(std::move(out).finish("signature"));
}

std::string hcl_claims(View modulus, View user_data) {
  Bytes data = to_bytes(user_data);
  data.resize(64);
  return R"({"keys":[{"kid":"HCLAkPub","key_ops":["sign"],"kty":"RSA","e":"AQAB","n":")" + to_base64url(modulus) +
         R"("}],"vm-configuration":{"secure-boot":true,"vmUniqueId":"X"},"user-data":")" + to_hex(data) + "\"}";
}

Bytes hcl_report(const std::string& claims, unsigned vmpl, bool tdx) {
  Bytes digest = to_bytes(sha256(as_view(claims)).view());
  digest.resize(64);
  auto size = static_cast<std::uint32_t>(claims.size());
  Writer out;
  out.put(as_view("HCLA"));
  for (std::uint32_t value : {1U, 32 + 1184 + 20 + size, 2U, 0U, 0U, 0U, 0U}) out.u32le(value);
  out.put(tdx ? td_report(digest) : snp_report(digest, vmpl));
  for (std::uint32_t value : {20 + size, 1U, tdx ? 4U : 2U, 1U, size}) out.u32le(value);
  out.put(as_view(claims));
  return must(std::move(out).finish("hcl report"));
}

}  // namespace attest::test
