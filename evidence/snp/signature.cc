#include "evidence/snp/signature.h"

#include <openssl/ecdsa.h>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"

namespace attest {
namespace {

using OwnedSignature = Owned<ECDSA_SIG, ECDSA_SIG_free>;
using OwnedNumber = Owned<BIGNUM, BN_free>;
constexpr std::uint32_t kEcdsaP384Sha384 = 1;

Error failed(const char* what) { return {Errc::io, std::string("snp report: ") + what + ": OpenSSL failed"}; }

// der_signature turns r and s into the form OpenSSL verifies.
Result<Bytes> der_signature(const SnpReport& report) {
  OwnedSignature signature(ECDSA_SIG_new());
  OwnedNumber r(BN_bin2bn(report.r.data(), static_cast<int>(report.r.size()), nullptr));
  OwnedNumber s(BN_bin2bn(report.s.data(), static_cast<int>(report.s.size()), nullptr));
  if (!signature || !r || !s) return failed("signature");
  if (BN_is_zero(r.get()) || BN_is_zero(s.get())) return Error{Errc::untrusted, "snp report: its signature is zero"};
  if (ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return failed("signature");
  (void)r.release(), (void)s.release();
  unsigned char* out = nullptr;
  int size = i2d_ECDSA_SIG(signature.get(), &out);
  if (size <= 0) return failed("signature");
  Owned<unsigned char, [](unsigned char* p) { OPENSSL_free(p); }> owner(out);
  return Bytes(out, out + size);
}

Status check(View bytes, const SnpReport& report, EVP_PKEY* key) {
  ErrorMark mark;
  if (report.signature_algorithm != kEcdsaP384Sha384)
    return Error{Errc::unsupported, "snp report: signature algorithm " + std::to_string(report.signature_algorithm) +
                                        ", 1 (ECDSA P-384 with SHA-384) is known"};
  TRY(Bytes der, der_signature(report));
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
