// quote.cc: the integrity of a TPM anchor: key, signature, freshness, PCR selection. Stops at the first failure.
#include <algorithm>

#include "evidence/core/hex.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/signature.h"
#include "verifier/appraisers.h"
#include "verifier/tpm/key_trust.h"
#include "verifier/tpm/tls_key.h"

namespace attest {
namespace {

constexpr std::uint8_t kImaPcr = 10;

const AnchorIdentity& identity_of(const Case& c) {
  return *std::ranges::find(c.context.anchors, AnchorKind::tpm, &AnchorIdentity::kind);
}

Failed check_signature(const TpmAnchor& anchor, const PublicArea& ak, std::optional<Verified<Attest>>& out) {
  auto signature = parse_signature(anchor.signature);
  if (!signature) return failed(check::kQuoteSignature, signature.error().what);
  auto verified = verify_attest(anchor.attest, anchor.signature, ak);
  if (!verified) {
    bool forged = verified.error().code == Errc::untrusted || verified.error().code == Errc::io;
    return failed(forged ? check::kQuoteSignature : check::kQuoteType, verified.error().what);
  }
  out.emplace(*std::move(verified));
  return {};
}

Failed check_type(const Attest& attest) {
  if (attest.quote() != nullptr) return {};
  return failed(check::kQuoteType, std::string("the TPM signed a ") + attest_type_name(attest.type) + " statement, not a quote");
}

Failed check_fresh(const Case& c, const Attest& attest) {
  if (!c.qualifying.empty() && equal(attest.extra_data, c.qualifying.view())) return {};
  return failed(check::kQuoteNotFresh,
                "the quote covers " + short_hex(attest.extra_data) + ", this handshake needs " + short_hex(c.qualifying.view()) + "",
                "connect without a TLS middle box; otherwise take it for an attack");
}

std::string pcr_list(const std::vector<std::uint8_t>& pcrs) {
  std::string out;
  for (std::uint8_t pcr : pcrs) out += (out.empty() ? "" : ", ") + std::to_string(pcr);
  return out;
}

Failed check_required(const Case& c, const PcrSelection& selection) {
  if (std::ranges::find(c.policy.banks, selection.bank) == c.policy.banks.end())
    return failed(check::kQuoteSelection, std::string("the quote is of the ") + hash_alg_name(selection.bank) + " bank, which the policy does not accept",
                  "set tpm.bank in the peer's cmcd.json");
  std::vector<std::uint8_t> absent;
  for (std::uint8_t pcr : c.policy.required_pcrs)
    if (!std::ranges::binary_search(selection.pcrs, pcr)) absent.push_back(pcr);
  if (!absent.empty())
    return failed(check::kQuoteSelection, "the quote leaves out PCR " + pcr_list(absent) + ", which the policy requires",
                  "widen tpm.pcrs in the peer's cmcd.json");
  if (c.policy.ima_required && !std::ranges::binary_search(selection.pcrs, kImaPcr))
    return failed(check::kImaMissing, "the policy demands file measurements and the quote leaves out PCR 10",
                  "widen tpm.pcrs in the peer's cmcd.json");
  return {};
}

Failed check_selection(const Case& c, const QuoteInfo& quote) {
  auto selection = only_bank(quote.selections);
  if (!selection) return failed(check::kQuoteSelection, selection.error().what);
  if (!c.context.pcrs || *selection != *c.context.pcrs)
    return failed(check::kQuoteSelection, "the quote covers " + selection_text(*selection) + ", the report context says " +
                                              (c.context.pcrs ? selection_text(*c.context.pcrs) : "none"));
  return check_required(c, *selection);
}

// check_values: the PCR values that came are those the TPM digested. They name the PCR when a replay fails.
Failed check_values(const Case& c, const TpmAnchor& anchor, const QuoteInfo& quote) {
  const PcrSelection& selection = *c.context.pcrs;
  bool sized = anchor.pcr_values.size() == selection.pcrs.size();
  for (const Digest& value : anchor.pcr_values) sized = sized && value.size() == digest_size(selection.bank);
  if (!sized)
    return failed(check::kEvidenceInconsistent, "the evidence carries other PCR values than " + selection_text(selection) + " has");
  auto signature = parse_signature(anchor.signature);
  if (!signature || !equal(pcr_digest(signature->hash, anchor.pcr_values).view(), quote.pcr_digest))
    return failed(check::kPcrReplay, "the PCR values in the evidence are not those the TPM quoted");
  return {};
}

}  // namespace

namespace {

// verify_key judges the attestation key: that is a matter of policy, each time anew.
bool verify_key(const Case& c, const PublicArea& ak, const std::vector<Bytes>& chain, Verdict& verdict) {
  if (!note(verdict, check::kAkDenied, check_ak_name(c, ak, identity_of(c)))) return false;
  Status restricted = check_attestation_key(ak);
  if (!note(verdict, check::kAkAttributes, restricted ? Failed{} : failed(check::kAkAttributes, restricted.error().what))) return false;
  return note(verdict, check::kAkUntrusted, check_ak_trust(c, ak, chain));
}

// verify_known: the quote of a short-lived key was verified when it came.
bool verify_known(const Case& c, const TpmAnchor& anchor, Verdict& verdict) {
  if (!c.known->tpm) return note(verdict, {}, failed(check::kEvidenceInconsistent, "nothing is known of the quote behind this key"));
  if (!verify_key(c, *c.known->tpm->ak, anchor.ak_chain, verdict)) return false;
  if (!note(verdict, check::kQuoteSelection, check_selection(c, *c.known->tpm->attest->quote()))) return false;
  return verify_tls_key(c, *c.known->tpm->ak, verdict);
}

}  // namespace

bool verify_tpm(const Case& c, const Anchor& any, Verdict& verdict) {
  const TpmAnchor& anchor = std::get<TpmAnchor>(any);
  if (c.known != nullptr) return verify_known(c, anchor, verdict);
  auto known = c.facts.public_area(anchor.ak_public);
  if (!known) {
    bool form = known.error().code == Errc::malformed;
    return note(verdict, {}, failed(form ? check::kEvidenceMalformed : check::kAkAttributes, known.error().what));
  }
  const PublicArea& ak = **known;
  if (!verify_key(c, ak, anchor.ak_chain, verdict)) return false;
  std::optional<Verified<Attest>> attest;
  if (!note(verdict, check::kQuoteSignature, check_signature(anchor, ak, attest))) return false;
  if (!note(verdict, check::kQuoteType, check_type(**attest))) return false;
  if (!note(verdict, check::kQuoteNotFresh, check_fresh(c, **attest))) return false;
  if (!note(verdict, check::kQuoteSelection, check_selection(c, *(*attest)->quote()))) return false;
  Failed values = check_values(c, anchor, *(*attest)->quote());
  if (values) return note(verdict, check::kPcrReplay, std::move(values));  // passes only when the log was replayed
  c.learnt->tpm.emplace(TpmFacts{*known, *std::move(attest)});
  return verify_tls_key(c, ak, verdict);
}

}  // namespace attest
