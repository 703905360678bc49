#include "drivers/tls_scheme.h"

#include <cstdio>

namespace attest {
namespace {

constexpr TlsScheme kSchemes[] = {
    {0x0403, HashAlg::sha256, "ec-p256"},  // ecdsa_secp256r1_sha256
    {0x0503, HashAlg::sha384, "ec-p384"},  // ecdsa_secp384r1_sha384
    {0x0804, HashAlg::sha256, nullptr},    // rsa_pss_rsae_sha256
    {0x0805, HashAlg::sha384, nullptr},    // rsa_pss_rsae_sha384
    {0x0806, HashAlg::sha512, nullptr},    // rsa_pss_rsae_sha512
};

}  // namespace

Result<TlsScheme> tls_scheme(std::uint16_t id, std::string_view algorithm) {
  for (const TlsScheme& scheme : kSchemes) {
    bool fits = scheme.curve != nullptr ? algorithm == scheme.curve : algorithm.starts_with("rsa-");
    if (scheme.id == id && fits) return scheme;
  }
  char text[16];
  std::snprintf(text, sizeof text, "0x%04x", id);
  return Error{Errc::unsupported,
               std::string("key: SignatureScheme ") + text + " with a key of " + std::string(algorithm)};
}

}  // namespace attest
