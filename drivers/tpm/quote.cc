#include "drivers/tpm/quote.h"

#include "drivers/tpm/marshal.h"
#include "evidence/tpm/attest.h"

namespace attest {
namespace {

constexpr UINT8 kBitmapBytes = 3;

TPML_PCR_SELECTION to_tpml(const PcrSelection& selection) {
  TPML_PCR_SELECTION out{};
  out.count = 1;
  TPMS_PCR_SELECTION& bank = out.pcrSelections[0];
  bank.hash = static_cast<TPMI_ALG_HASH>(selection.bank);
  bank.sizeofSelect = kBitmapBytes;
  for (std::uint8_t pcr : selection.pcrs)
    if (pcr < kBitmapBytes * 8)
      bank.pcrSelect[pcr / 8] = static_cast<BYTE>(bank.pcrSelect[pcr / 8] | 1U << pcr % 8);
  return out;
}

}  // namespace

Result<TpmAnchor> tpm_quote(TpmContext& context, AttestationKey& key, const PcrSelection& selection,
                            View qualifying) {
  TRY(TPM2B_DATA data, sized<TPM2B_DATA>(qualifying, "tpm quote: qualifying data"));
  TRY(ESYS_TR handle, key.handle());
  TPML_PCR_SELECTION pcrs = to_tpml(selection);
  TPMT_SIG_SCHEME scheme{};
  scheme.scheme = TPM2_ALG_NULL;
  TPM2B_ATTEST* quoted = nullptr;
  TPMT_SIGNATURE* signature = nullptr;
  TSS2_RC rc = Esys_Quote(context.get(), handle, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, &scheme,
                          &pcrs, &quoted, &signature);
  Esys<TPM2B_ATTEST> attest_owner(quoted);
  Esys<TPMT_SIGNATURE> signature_owner(signature);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "quote");
  TpmAnchor anchor;
  anchor.attest.assign(quoted->attestationData, quoted->attestationData + quoted->size);
  TRY(anchor.signature, marshalled(*signature, Tss2_MU_TPMT_SIGNATURE_Marshal));
  anchor.ak_public = key.area().encoded;
  return anchor;
}

Result<std::vector<Digest>> read_pcrs(TpmContext& context, const PcrSelection& selection) {
  std::vector<Digest> values;
  PcrSelection left = selection;
  while (!left.pcrs.empty()) {  // the TPM answers at most eight at a time
    TPML_PCR_SELECTION wanted = to_tpml(left);
    UINT32 counter = 0;
    TPML_PCR_SELECTION* given = nullptr;
    TPML_DIGEST* digests = nullptr;
    TSS2_RC rc = Esys_PCR_Read(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &wanted, &counter,
                               &given, &digests);
    Esys<TPML_PCR_SELECTION> given_owner(given);
    Esys<TPML_DIGEST> digests_owner(digests);
    if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "read PCRs");
    if (digests->count == 0 || digests->count > left.pcrs.size())
      return Error{Errc::unsupported, std::string("tpm: the ") + hash_alg_name(selection.bank) +
                                          " bank has no PCR " + std::to_string(left.pcrs.front()) +
                                          "; remedy: configure a bank that tpm2_getcap pcrs lists"};
    for (UINT32 i = 0; i < digests->count; i++)
      values.push_back(Digest::of({digests->digests[i].buffer, digests->digests[i].size}));
    left.pcrs.erase(left.pcrs.begin(), left.pcrs.begin() + digests->count);
  }
  return values;
}

Result<Digest> quoted_pcr_digest(View attest) {
  TRY(Attest parsed, parse_attest(attest));
  const QuoteInfo* quote = parsed.quote();
  if (quote == nullptr) return Error{Errc::malformed, "tpm: the statement is no quote"};
  return Digest::of(quote->pcr_digest);
}

Result<ClockInfo> read_clock(TpmContext& context) {
  TPMS_TIME_INFO* given = nullptr;
  TSS2_RC rc = Esys_ReadClock(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &given);
  Esys<TPMS_TIME_INFO> owner(given);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "read the clock");
  const TPMS_CLOCK_INFO& info = given->clockInfo;
  return ClockInfo{info.clock, info.resetCount, info.restartCount, info.safe != 0};
}

HashAlg scheme_hash(const PublicArea& key) {
  return hash_alg_from_id(key.scheme.hash).value_or(HashAlg::sha256);
}

}  // namespace attest
