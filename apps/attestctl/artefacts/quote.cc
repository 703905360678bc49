// Kind "quote": statements of a TPM with signature and key, and the structures that lie around them.
#include "verifier/quote/quote.h"
#include "apps/attestctl/artefacts/ek_store.h"
#include "apps/attestctl/artefacts/kinds.h"
#include "apps/attestctl/artefacts/quote_facts.h"
#include "apps/attestctl/field.h"
#include "evidence/core/hex.h"
#include "evidence/ek/ek_certificate.h"
#include "evidence/tpm/tpm_ids.h"
#include "verifier/quote/checks.h"

namespace attest::ctl {
namespace {

bool is_public_area(View bytes) {
  Reader in(bytes);
  std::uint16_t type = in.u16be(), name_alg = in.u16be();
  return (type == tpm::kAlgRsa || type == tpm::kAlgEcc) && hash_alg_from_id(name_alg) && parse_public(bytes);
}

bool is_tpm2b_public(View bytes) {
  Reader in(bytes);
  return in.u16be() + std::size_t{2} == bytes.size() && is_public_area(bytes.subspan(2));
}

bool is_statement(View bytes) {
  Reader in(attest_body(bytes));
  return in.u32be() == tpm::kGenerated;
}

bool looks_like(View bytes) {
  return is_statement(bytes) || is_public_area(bytes) || is_tpm2b_public(bytes) || parse_signature(bytes) ||
         parse_creation_data(bytes) || parse_pcr_file(bytes);
}

// inspect_statement decodes a TPMS_ATTEST; bytes behind it are counted, and no appraisal accepts them.
Result<Facts> inspect_statement(View bytes) {
  Reader in(attest_body(bytes));
  TRY(Attest statement, read_attest(in));
  Facts out = attest_facts(statement);
  out["trailing_bytes"] = in.left();
  if (in.left() > 0) out["trailing"] = hexdump(in.rest());
  return out;
}

Result<Facts> inspect(const ArtefactInput& input) {
  View bytes = input.file.bytes;
  if (is_tpm2b_public(bytes)) bytes = bytes.subspan(2);
  if (is_public_area(bytes)) {
    TRY(PublicArea area, parse_public(bytes));
    Facts out = {{"structure", "TPMT_PUBLIC"}};
    out.update(public_facts(area));
    return out;
  }
  if (auto signature = parse_signature(bytes)) {
    Facts out = {{"structure", "TPMT_SIGNATURE"}};
    out.update(signature_facts(*signature));
    return out;
  }
  if (!is_statement(bytes)) {
    if (auto pcrs = parse_pcr_file(bytes)) return pcr_facts(*pcrs);
    if (auto made = parse_creation_data(bytes)) {
      Facts out = {{"structure", "TPMS_CREATION_DATA"}};
      out.update(creation_facts(*made));
      return out;
    }
  }
  return inspect_statement(bytes);
}

// Companions holds what QuoteCase lends.
struct Companions {
  std::optional<SigningKey> ak;
  std::optional<PublicArea> parent, object;
  std::optional<CreationData> creation;
  std::optional<PcrValues> pcrs;
  std::optional<Attest> earlier;
  EkStore store;
};

Result<PublicArea> area_of(const Bytes& bytes) {
  TRY(SigningKey key, read_signing_key(bytes));
  if (!key.has_area) return Error{Errc::malformed, "companion key: a TPMT_PUBLIC or TPM2B_PUBLIC is needed"};
  return std::move(key.area);
}

Status read_companions(const ArtefactInput& input, Companions& out) {
  if (const Bytes* bytes = input.companion("ak")) {
    TRY(out.ak, read_signing_key(*bytes));
  }
  if (const Bytes* bytes = input.companion("ek")) {
    TRY(out.parent, area_of(*bytes));
  }
  if (const Bytes* bytes = input.companion("object")) {
    TRY(out.object, area_of(*bytes));
  }
  if (const Bytes* bytes = input.companion("creation-data")) {
    TRY(out.creation, parse_creation_data(*bytes));
  }
  if (const Bytes* bytes = input.companion("pcrs")) {
    TRY(out.pcrs, parse_pcr_values(*bytes));
  }
  TRY(out.store, ek_store(input));
  return ok();
}

// read_earlier takes the clock of an earlier statement only where the same key signed it.
Status read_earlier(const ArtefactInput& input, Companions& companions, bool allow_sha1) {
  const Bytes* earlier = input.companion("earlier");
  const Bytes* signature = input.companion("earlier-signature");
  if (earlier == nullptr) return ok();
  if (signature == nullptr || !companions.ak)
    return Error{Errc::untrusted, "earlier statement: its signature and the key are needed"};
  QuoteCase question;
  question.attest = attest_body(*earlier);
  question.signature = *signature;
  question.ak = &*companions.ak;
  question.allow_sha1 = allow_sha1;
  QuoteFindings found = judge_quote(question);
  if (!found.signature_valid) return Error{Errc::untrusted, "earlier statement: not signed by this key"};
  companions.earlier = std::move(found.statement);
  return ok();
}

View view_of(const Bytes* bytes) { return bytes == nullptr ? View{} : View{*bytes}; }

QuoteCase case_of(const ArtefactInput& input, const Companions& companions) {
  QuoteCase question;
  question.attest = attest_body(input.file.bytes);
  question.signature = view_of(input.companion("signature"));
  question.ak_name = view_of(input.companion("ak-name"));
  if (companions.ak) question.ak = &*companions.ak;
  if (companions.parent) question.parent = &*companions.parent;
  if (companions.object) question.object = &*companions.object;
  if (!companions.object && companions.creation && companions.ak && companions.ak->has_area)
    question.object = &companions.ak->area;  // a key that certifies its own making
  if (companions.creation) question.creation = &*companions.creation;
  if (companions.pcrs) question.pcrs = &*companions.pcrs;
  if (companions.earlier) question.earlier = &*companions.earlier;
  if (input.nonce) question.nonce = View{*input.nonce};
  question.anchors = &companions.store.anchors;
  question.intermediates = &companions.store.intermediates;
  question.at = input.at;
  question.allow_sha1 = flag_of(input.policy, "allow_sha1");
  question.hash = hash_alg_from_name(text_of(input.policy, "signature_hash"));
  return question;
}

void add_key_facts(const SigningKey& key, Facts& facts) {
  facts["ak_algorithm"] = key.area.algorithm();
  if (!key.chain_der.empty())
    if (Result<EkCertificate> leaf = parse_ek_certificate(key.chain_der.front()))
      facts["ak_cert_validity"] = {format_rfc3339(leaf->not_before), format_rfc3339(leaf->not_after)};
  if (!key.has_area) return;
  facts["ak_name"] = to_hex(key.area.name());
  facts["ak_attributes"] = public_facts(key.area)["attributes"];
  facts["ak_attributes_text"] = attributes_text(key.area.attributes);
}

Result<ArtefactAppraisal> appraise(const ArtefactInput& input) {
  Companions companions;
  CHECK_OK(read_companions(input, companions));
  CHECK_OK(read_earlier(input, companions, flag_of(input.policy, "allow_sha1")));
  QuoteFindings found = judge_quote(case_of(input, companions));
  ArtefactAppraisal out;
  if (found.statement) {
    out.facts = attest_facts(*found.statement);
    out.facts["trailing_bytes"] = 0;
  }
  if (companions.ak) add_key_facts(*companions.ak, out.facts);
  if (companions.pcrs) out.facts.update(pcr_facts(*companions.pcrs));
  if (companions.creation) out.facts["creation_data"] = creation_facts(*companions.creation);
  out.facts["signature_valid"] = found.signature_valid;
  if (!found.pcr_digest_bank.empty()) out.facts["pcr_digest_matches_pcrs"] = found.pcr_digest_bank;
  out.checks = std::move(found.checks);
  return out;
}

}  // namespace

ArtefactKind quote_kind() {
  return {"quote", "statements of a TPM (TPMS_ATTEST), their signatures and keys", looks_like, inspect,
          appraise};
}

}  // namespace attest::ctl
