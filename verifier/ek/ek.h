// ek.h: judging the certificate of a TPM's key: endorsement key, attestation key of a cloud's vTPM, IDevID or
// IAK.
#pragma once
#include "evidence/ek/ek_certificate.h"
#include "verifier/x509/path.h"

namespace attest {

// EkQuestion is a certificate with its store. The store's anchors are the vendors' roots.
struct EkQuestion {
  const EkFile* file = nullptr;                // leaf first; the others serve as intermediates
  const EkCertificate* certificate = nullptr;  // the parsed leaf of file
  const std::vector<Bytes>* anchors = nullptr;
  const std::vector<Bytes>* intermediates = nullptr;  // of the store and of what came with the certificate
  EkRole role = EkRole::ek;
  UnixTime at = 0;
  Bytes key_spki;  // SubjectPublicKeyInfo of the TPM's own key; empty: not given
};

struct EkFindings : Findings {
  CertificatePath path;
};

// judge_ek fails only where a certificate of the store cannot be parsed.
Result<EkFindings> judge_ek(const EkQuestion& question);

}  // namespace attest
