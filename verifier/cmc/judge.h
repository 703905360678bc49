// judge.h: CMC's attestation reports judged, with the result CMC's fleets expect and none of their open doors.
#pragma once
#include "evidence/cmc/report.h"
#include "evidence/cmc/result.h"
#include "evidence/x509/chain.h"
#include "verifier/cmc/memory.h"

namespace attest::cmc {

// Question is one appraisal of a report. Everything is lent for its length.
struct Question {
  View report;
  View nonce;                                 // the verifier's; an empty one is never fresh
  UnixTime now = 0;
  const TrustStore* signers = nullptr;        // of metadata and revocation answers
  const TrustStore* attestation_keys = nullptr;
  std::span<const Bytes> roots;               // DER; to show whole chains
  std::span<const Bytes> held;                // signed items held for this peer, for reports that name them only
  bool check_omsp = false;
  bool one_root = false;                      // the two stores are the same by a switch; every result says so
  std::string peer_id, peer_ip;
  Memory* memory = nullptr;                   // of earlier appraisals; used only where both stores are its own
};

// Judged is the result and what may be kept for the peer's next report. It is moved, never copied.
struct Judged {
  Judged() = default;
  Judged(Judged&&) = default;
  Judged& operator=(Judged&&) = default;
  AttestationResult result;
  bool trusted = false;            // nothing failed; a warning is no failure
  HashAlg alg = HashAlg::sha256;   // by which the report lists its items
  // Signed items of this report whose signatures and digests were good: lent by the question, or by decoded.
  std::vector<View> verified_items;
  std::map<std::string, Bytes> decoded;
  // What else a caller may want of the report, so that it is read once:
  std::optional<Error> malformed;     // set if it could not be read at all
  std::vector<EvidenceItem> evidences;
  Bytes tpm_certificate;              // of the key of its TPM evidence; empty if there is none
};

// judge works as CMC does where it is safe: it collects every failure instead of stopping, so that the result names all
// of them. Stricter than CMC: digests are recomputed, an item signed in another role does not count, references of
// items that failed are not used, evidence is due for every anchor the references name, no kind twice, a quote of exactly
// the registers that are explained, start values only where a register can have them (docs/CMC.md has the whole list).
Judged judge(const Question& question);

}  // namespace attest::cmc
