#include "evidence/snp/signature.h"

#include <algorithm>

#include "evidence/core/crypto.h"
#include "evidence/core/ecdsa_der.h"
#include "evidence/core/error_mark.h"

namespace attest {
namespace {

constexpr std::uint32_t kEcdsaP384Sha384 = 1;

Error failed(const char* what) { return {Errc::io, std::string("snp report: ") + what + ": OpenSSL failed"}; }

Status check(View bytes, const SnpReport& report, EVP_PKEY* key) {
  ErrorMark mark;
  if (report.signature_algorithm != kEcdsaP384Sha384)
    return Error{Errc::unsupported, "snp report: signature algorithm " + std::to_string(report.signature_algorithm) +
                                        ", 1 (ECDSA P-384 with SHA-384) is known"};
  auto zero = [](View number) { return std::ranges::all_of(number, [](std::uint8_t b) { return b == 0; }); };
  if (zero(report.r) || zero(report.s)) return Error{Errc::untrusted, "snp report: its signature is zero"};
  Bytes der = ecdsa_der(report.r, report.s);
  if (der.empty()) return failed("signature");
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  if (!ctx || EVP_DigestVerifyInit_ex(ctx.get(), nullptr, "SHA384", private_libctx(), nullptr, key, nullptr) != 1)
    return failed("verify");
  View covered = bytes.first(kSnpSignedBytes);
  if (EVP_DigestVerify(ctx.get(), der.data(), der.size(), covered.data(), covered.size()) != 1)
    return Error{Errc::untrusted, "snp report: its signature does not verify with this key"};
  return ok();
}

}  // namespace

Status check_snp_signature(View bytes, EVP_PKEY* key) {
  TRY(SnpReport report, parse_snp_report(bytes));
  return check(bytes, report, key);
}

Result<Verified<SnpReport>> verify_snp_report(View bytes, const Verified<SnpKey>& key) {
  TRY(SnpReport report, parse_snp_report(bytes));
  auto due = key->certificate.role == SnpCertificateRole::vcek ? SnpSigningKey::vcek : SnpSigningKey::vlek;
  if (report.signing_key != static_cast<std::uint8_t>(due))
    return Error{Errc::untrusted, std::string("snp report: says it is signed by ") + signing_key_name(report.signing_key) +
                                      ", the certificate is a " + snp_role_name(key->certificate.role) + "'s"};
  CHECK_OK(check(bytes, report, key->certificate.key.get()));
  return SignatureCheck::mint(std::move(report));
}

}  // namespace attest
