#include "provider/keys/scheme.h"

#include <openssl/rsa.h>

namespace attest {
namespace {

struct Row {
  KeyKind kind;
  HashAlg hash;
  std::uint16_t scheme;
};
constexpr Row kSchemes[] = {
    {KeyKind::ec_p256, HashAlg::sha256, 0x0403},  // ecdsa_secp256r1_sha256
    {KeyKind::ec_p384, HashAlg::sha384, 0x0503},  // ecdsa_secp384r1_sha384
    {KeyKind::rsa, HashAlg::sha256, 0x0804},      // rsa_pss_rsae_sha256
    {KeyKind::rsa, HashAlg::sha384, 0x0805},      // rsa_pss_rsae_sha384
    {KeyKind::rsa, HashAlg::sha512, 0x0806},      // rsa_pss_rsae_sha512
};

Error refused(std::string why) { return {Errc::unsupported, "key.scheme: " + std::move(why)}; }

Status check_pss(const SignatureSettings& settings, HashAlg hash) {
  if (settings.padding != RSA_PKCS1_PSS_PADDING)
    return refused("RSA padding mode " + std::to_string(settings.padding) + "; TLS 1.3 knows PSS alone");
  if (settings.salt_length != RSA_PSS_SALTLEN_DIGEST &&
      settings.salt_length != static_cast<int>(digest_size(hash)))
    return refused("PSS salt length " + std::to_string(settings.salt_length) + "; TLS 1.3 wants the hash's");
  if (!settings.mgf1_digest.empty() && hash_alg_from_openssl_name(settings.mgf1_digest) != hash)
    return refused("MGF1 with " + settings.mgf1_digest + "; TLS 1.3 wants the signature's hash");
  return ok();
}

}  // namespace

std::optional<HashAlg> hash_alg_from_openssl_name(std::string_view name) {
  if (name.starts_with("SHA2-")) return hash_alg_from_name("SHA" + std::string(name.substr(5)));
  return hash_alg_from_name(name);
}

Result<std::uint16_t> tls13_scheme(KeyKind kind, const SignatureSettings& settings) {
  auto hash = hash_alg_from_openssl_name(settings.digest);
  for (const Row& row : kSchemes) {
    if (row.kind != kind || row.hash != hash) continue;
    if (kind == KeyKind::rsa) CHECK_OK(check_pss(settings, row.hash));
    return row.scheme;
  }
  return refused("digest \"" + settings.digest + "\" makes no TLS 1.3 signature scheme with this key");
}

}  // namespace attest
