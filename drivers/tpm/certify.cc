#include "drivers/tpm/certify.h"

#include "drivers/secret_file.h"
#include "drivers/tpm/marshal.h"

namespace attest {
namespace {

constexpr std::size_t kMaxPart = 1024;

}  // namespace

Result<CertifiedKey> tpm_certify(TpmContext& context, AttestationKey& ak, ESYS_TR loaded, const PublicArea& key,
                                 const Digest& spki) {
  TRY(TPM2B_DATA qualifying, sized<TPM2B_DATA>(tls_key_qualifying(spki), "tpm certify: qualifying data"));
  TRY(ESYS_TR signer, ak.handle());
  TPMT_SIG_SCHEME scheme{};
  scheme.scheme = TPM2_ALG_NULL;  // the attestation key's own
  TPM2B_ATTEST* statement = nullptr;
  TPMT_SIGNATURE* signature = nullptr;
  TSS2_RC rc = Esys_Certify(context.get(), loaded, signer, ESYS_TR_PASSWORD, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                            &qualifying, &scheme, &statement, &signature);
  Esys<TPM2B_ATTEST> statement_owner(statement);
  Esys<TPMT_SIGNATURE> signature_owner(signature);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "certify a key");
  CertifiedKey out;
  out.public_area = key.encoded;
  out.attest.assign(statement->attestationData, statement->attestationData + statement->size);
  TRY(out.signature, marshalled(*signature, Tss2_MU_TPMT_SIGNATURE_Marshal));
  CHECK_OK(check_certified(out, key, ak.area(), spki));
  return out;
}

Result<CertifiedKey> read_certification(const std::filesystem::path& path, const PublicArea& key,
                                        const PublicArea& ak, const Digest& spki) {
  TRY(Secret bytes, read_secret_file(path, 3 * kMaxPart));
  Reader in(bytes.reveal());
  CertifiedKey out;
  out.public_area = to_bytes(in.take16be(kMaxPart));
  out.attest = to_bytes(in.take16be(kMaxPart));
  out.signature = to_bytes(in.take16be(kMaxPart));
  CHECK_OK(in.done("certification"));
  if (out.public_area != key.encoded) return Error{Errc::mismatch, "certification: of another key"};
  CHECK_OK(check_certified(out, key, ak, spki));
  return out;
}

Status write_certification(const std::filesystem::path& path, const CertifiedKey& certified) {
  Writer out;
  out.lv16(certified.public_area);
  out.lv16(certified.attest);
  out.lv16(certified.signature);
  TRY(Bytes bytes, std::move(out).finish("certification"));
  return write_secret_file(path, bytes);
}

}  // namespace attest
