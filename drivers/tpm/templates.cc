#include "drivers/tpm/templates.h"

#include <string>

namespace attest {
namespace {

constexpr TPMA_OBJECT kOurs = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                              TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA;
constexpr TPMA_OBJECT kStorage = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;

void no_symmetric(TPMT_PUBLIC& area) {
  if (area.type == TPM2_ALG_ECC) area.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
  if (area.type == TPM2_ALG_RSA) area.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
}

TPM2B_PUBLIC ecc(TPMI_ECC_CURVE curve) {
  TPM2B_PUBLIC out{};
  out.publicArea.type = TPM2_ALG_ECC;
  out.publicArea.nameAlg = TPM2_ALG_SHA256;
  auto& detail = out.publicArea.parameters.eccDetail;
  detail.curveID = curve;
  detail.scheme.scheme = TPM2_ALG_NULL;
  detail.kdf.scheme = TPM2_ALG_NULL;
  no_symmetric(out.publicArea);
  return out;
}

TPM2B_PUBLIC rsa(TPMI_RSA_KEY_BITS bits) {
  TPM2B_PUBLIC out{};
  out.publicArea.type = TPM2_ALG_RSA;
  out.publicArea.nameAlg = TPM2_ALG_SHA256;
  out.publicArea.parameters.rsaDetail.keyBits = bits;
  out.publicArea.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
  no_symmetric(out.publicArea);
  return out;
}

Result<TPM2B_PUBLIC> by_name(std::string_view algorithm) {
  if (algorithm == "ec-p256") return ecc(TPM2_ECC_NIST_P256);
  if (algorithm == "ec-p384") return ecc(TPM2_ECC_NIST_P384);
  if (algorithm == "rsa-2048") return rsa(2048);
  if (algorithm == "rsa-3072") return rsa(3072);
  return Error{Errc::unsupported, "tpm: no key algorithm \"" + std::string(algorithm) +
                                      "\"; there are ec-p256, ec-p384, rsa-2048, rsa-3072"};
}

void protect_children(TPMT_PUBLIC& area, TPMI_AES_KEY_BITS bits) {
  TPMT_SYM_DEF_OBJECT aes{};
  aes.algorithm = TPM2_ALG_AES;
  aes.keyBits.aes = bits;
  aes.mode.aes = TPM2_ALG_CFB;
  if (area.type == TPM2_ALG_ECC) area.parameters.eccDetail.symmetric = aes;
  if (area.type == TPM2_ALG_RSA) area.parameters.rsaDetail.symmetric = aes;
}

// PolicySecret(TPM_RH_ENDORSEMENT), SHA-256: "PolicyA" of the EK Credential Profile, annex B.6.2.
constexpr std::uint8_t kPolicyA256[] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
                                        0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
                                        0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};
// PolicyOR(PolicyA, PolicyC), "PolicyB", for the high range.
constexpr std::uint8_t kPolicyB256[] = {0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34,
                                        0x24, 0x14, 0xef, 0xcf, 0xb3, 0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd,
                                        0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0};
constexpr std::uint8_t kPolicyB384[] = {
    0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a,
    0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca,
    0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12};

template <std::size_t N>
TPM2B_PUBLIC endorsement(TPM2B_PUBLIC key, const std::uint8_t (&policy)[N], TPMA_OBJECT more) {
  TPMT_PUBLIC& area = key.publicArea;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                          TPMA_OBJECT_ADMINWITHPOLICY | kStorage | more;
  area.nameAlg = N == 48 ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
  area.authPolicy.size = N;
  for (std::size_t i = 0; i < N; i++) area.authPolicy.buffer[i] = policy[i];
  protect_children(area, N == 48 ? 256 : 128);
  return key;
}

// The low range fills `unique` with zeros, the high range leaves it empty: the primary seed gives another key
// for each.
TPM2B_PUBLIC low_rsa() {
  TPM2B_PUBLIC key = endorsement(rsa(2048), kPolicyA256, 0);
  key.publicArea.unique.rsa.size = 256;
  return key;
}
TPM2B_PUBLIC low_ecc() {
  TPM2B_PUBLIC key = endorsement(ecc(TPM2_ECC_NIST_P256), kPolicyA256, 0);
  key.publicArea.unique.ecc.x.size = 32;
  key.publicArea.unique.ecc.y.size = 32;
  return key;
}
TPM2B_PUBLIC high_p256() {
  return endorsement(ecc(TPM2_ECC_NIST_P256), kPolicyB256, TPMA_OBJECT_USERWITHAUTH);
}
TPM2B_PUBLIC high_p384() {
  return endorsement(ecc(TPM2_ECC_NIST_P384), kPolicyB384, TPMA_OBJECT_USERWITHAUTH);
}
TPM2B_PUBLIC high_rsa2048() { return endorsement(rsa(2048), kPolicyB256, TPMA_OBJECT_USERWITHAUTH); }
TPM2B_PUBLIC high_rsa3072() { return endorsement(rsa(3072), kPolicyB384, TPMA_OBJECT_USERWITHAUTH); }

constexpr EkTemplate kEkTemplates[] = {
    {"rsa-2048", 0x01c00002, 0x81010001, true, low_rsa},
    {"ec-p256", 0x01c0000a, 0x81010002, true, low_ecc},
    {"ec-p384, high range", 0x01c00016, 0x81010016, false, high_p384},
    {"ec-p256, high range", 0x01c00014, 0x81010014, false, high_p256},
    {"rsa-2048, high range", 0x01c00012, 0x81010012, false, high_rsa2048},
    {"rsa-3072, high range", 0x01c0001c, 0x8101001c, false, high_rsa3072},
};

}  // namespace

Result<TPM2B_PUBLIC> attestation_template(std::string_view algorithm) {
  TRY(TPM2B_PUBLIC key, by_name(algorithm));
  TPMT_PUBLIC& area = key.publicArea;
  area.objectAttributes = kOurs | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
  if (area.type == TPM2_ALG_ECC) {
    area.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
    area.parameters.eccDetail.scheme.details.ecdsa.hashAlg =
        algorithm == "ec-p384" ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
  } else {
    area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_RSASSA;
    area.parameters.rsaDetail.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
  }
  return key;
}

Result<TPM2B_PUBLIC> tls_template(std::string_view algorithm) {
  TRY(TPM2B_PUBLIC key, by_name(algorithm));
  key.publicArea.objectAttributes = kOurs | TPMA_OBJECT_SIGN_ENCRYPT;
  return key;
}

TPM2B_PUBLIC storage_template() {
  TPM2B_PUBLIC key = ecc(TPM2_ECC_NIST_P256);
  key.publicArea.objectAttributes = kOurs | kStorage;
  protect_children(key.publicArea, 128);
  return key;
}

EkTable ek_templates() { return {kEkTemplates, std::size(kEkTemplates)}; }

}  // namespace attest
