// appraisers.h: one row per kind of evidence that is judged.
#pragma once
#include <span>

#include "verifier/case.h"

namespace attest {

// Appraiser judges one kind of anchor, in two steps. verify is integrity: it stops at the first failure, notes it and
// returns false. measure compares what was measured with the reference values; it collects every disagreement and runs
// only if verify and the metadata left something to compare.
struct Appraiser {
  AnchorKind kind;
  bool (*verify)(const Case& c, const Anchor& anchor, Verdict& verdict);
  void (*measure)(const Case& c, const Anchor& anchor, const ClaimedMetadata& metadata, Appraisal& out);
};

std::span<const Appraiser> appraisers();
// find_appraiser: nullptr for a kind that is not judged.
const Appraiser* find_appraiser(AnchorKind kind);

bool verify_tpm(const Case& c, const Anchor& anchor, Verdict& verdict);
void measure_tpm(const Case& c, const Anchor& anchor, const ClaimedMetadata& metadata, Appraisal& out);
bool verify_sw(const Case& c, const Anchor& anchor, Verdict& verdict);
void measure_sw(const Case& c, const Anchor& anchor, const ClaimedMetadata& metadata, Appraisal& out);
bool verify_snp(const Case& c, const Anchor& anchor, Verdict& verdict);
void measure_snp(const Case& c, const Anchor& anchor, const ClaimedMetadata& metadata, Appraisal& out);
bool verify_tdx(const Case& c, const Anchor& anchor, Verdict& verdict);
void measure_tdx(const Case& c, const Anchor& anchor, const ClaimedMetadata& metadata, Appraisal& out);
bool verify_sgx(const Case& c, const Anchor& anchor, Verdict& verdict);
void measure_sgx(const Case& c, const Anchor& anchor, const ClaimedMetadata& metadata, Appraisal& out);
bool verify_azure(const Case& c, const Anchor& anchor, Verdict& verdict);
void measure_azure(const Case& c, const Anchor& anchor, const ClaimedMetadata& metadata, Appraisal& out);

}  // namespace attest
