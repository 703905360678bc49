#include "evidence/dcap/quote.h"
#include "verifier/dcap/quote.h"

// A quote that is read lies wholly inside its bytes, and judging it with any certificates ends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto wrapped = attest::unwrap_quote({data, size});
  if (!wrapped) return 0;
  auto quote = attest::parse_quote(wrapped->quote);
  if (!quote) return 0;
  if (quote->signed_part.size() + quote->trailing.size() + 4 > wrapped->quote.size()) __builtin_trap();
  if (quote->report_data().size() != 64 || quote->attestation_key.size() != 64) __builtin_trap();
  if ((quote->td() == nullptr) == (quote->enclave() == nullptr)) __builtin_trap();
  (void)attest::parse_platform_identity(quote->certification);
  static const auto roots = attest::Issuers::make({});
  attest::NamedChecks checks("tdx");
  attest::QuoteJudgement judgement;
  // No input of ours is signed by Intel: nothing may get past the signatures.
  if (attest::judge_signatures(*quote, *roots, {}, 1749945600, judgement, checks)) __builtin_trap();
  return 0;
}
