#include "evidence/tpm/certified_key.h"

#include "evidence/core/hex.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

Error refused(std::string why) { return {Errc::denied, "TLS key: " + std::move(why)}; }

}  // namespace

Bytes tls_key_qualifying(const Digest& spki) {
  Bytes out(kTlsKeyLabel.size() + spki.size());
  std::ranges::copy(as_view(kTlsKeyLabel), out.begin());
  std::ranges::copy(spki.view(), out.end() - static_cast<std::ptrdiff_t>(spki.size()));
  return out;
}

Status check_tls_key(const PublicArea& key, const std::vector<Bytes>& policies) {
  constexpr std::uint32_t kMust =
      tpm::kFixedTpm | tpm::kFixedParent | tpm::kSensitiveDataOrigin | tpm::kSign;
  if (std::uint32_t missing = kMust & ~key.attributes; missing != 0)
    return refused("lacks " + attributes_text(missing));
  if (std::uint32_t extra = (tpm::kRestricted | tpm::kDecrypt) & key.attributes; extra != 0)
    return refused("has " + attributes_text(extra) + " set");
  if (key.name_alg == HashAlg::sha1) return refused("nameAlg is sha1");
  if (!key.auth_policy.empty() && std::ranges::find(policies, key.auth_policy) == policies.end())
    return refused("has the authPolicy " + to_hex(key.auth_policy) + ", which is not allowed");
  return ok();
}

Status check_certified(const CertifiedKey& certified, const PublicArea& key, const PublicArea& ak,
                       const Digest& spki) {
  TRY(Verified<Attest> attest, verify_attest(certified.attest, certified.signature, ak));
  const CertifyInfo* info = attest->certify();
  if (info == nullptr)
    return Error{Errc::mismatch, std::string("the attestation key signed a ") +
                                     attest_type_name(attest->type) + " statement, not a certification"};
  if (attest->extra_data != tls_key_qualifying(spki))
    return Error{Errc::mismatch, "the certification was not made for this TLS key under our label"};
  Bytes name = key.name();
  if (name.empty() || info->name != name)
    return Error{Errc::mismatch, "the attestation key certified " + to_hex(info->name) + ", the TLS key is " +
                                     to_hex(name)};
  return ok();
}

}  // namespace attest
