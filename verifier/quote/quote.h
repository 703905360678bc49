// quote.h: judging one statement of a TPM (TPMS_ATTEST of any type) with what was given beside it.
#pragma once
#include "evidence/tpm/creation.h"
#include "evidence/tpm/pcr_file.h"
#include "evidence/tpm/signing_key.h"
#include "verifier/x509/path.h"

namespace attest {

// QuoteCase is a statement and its companions; views must outlive the call. Empty views and nullptrs were not
// given: what they would prove is then not claimed.
struct QuoteCase {
  View attest;     // TPMS_ATTEST
  View signature;  // TPMT_SIGNATURE or bare
  const SigningKey* ak = nullptr;
  View ak_name;                                 // what the key should be called
  const PublicArea* parent = nullptr;           // the EK (or storage key) the AK was made under
  const PcrValues* pcrs = nullptr;              // what the quote should be over
  const PublicArea* object = nullptr;           // what a certify or creation statement is about
  const CreationData* creation = nullptr;       // for creation statements
  const Attest* earlier = nullptr;              // of the same key, checked by the caller
  const std::vector<Bytes>* anchors = nullptr;  // for a key that came with its certificate
  const std::vector<Bytes>* intermediates = nullptr;
  UnixTime at = 0;
  std::optional<View> nonce;
  bool allow_sha1 = false;
  std::optional<HashAlg> hash;  // of a bare signature whose key does not say
};

// QuoteFindings is what was found; statement is there where the bytes could be read.
struct QuoteFindings : Findings {
  std::optional<Attest> statement;
  std::string pcr_digest_bank;  // the bank whose values gave the digest; empty if none did
  bool signature_valid = false;
};

// judge_key_chain: the certificate that the key came with leads to an anchor at the time given.
void judge_key_chain(const QuoteCase& question, Findings& out);

// judge_quote stops at the first failure of integrity (form, key, signature) and then collects the rest.
QuoteFindings judge_quote(const QuoteCase& question);

// attest_body strips the 16-bit length of a TPM2B_ATTEST, where there is one.
View attest_body(View bytes);

// judge_clock: the later statement of one key against an earlier one: resets and restarts never go backwards,
// and within one boot neither does the clock. Counters of keys outside the endorsement and platform
// hierarchies are offset by a secret of the TPM, so only differences count.
void judge_clock(const Attest& earlier, const Attest& later, Findings& out);

}  // namespace attest
