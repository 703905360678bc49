#include "evidence/cmc/result.h"

#include <algorithm>
#include <set>

#include "evidence/cmc/certificate_forms.h"

namespace attest::cmc {
namespace {

constexpr Field kResult[] = {{"version", 0},   {"type", 1},      {"summary", 2},   {"prover", 3},       {"verifier", 4},
                             {"created", 5},   {"freshness", 6}, {"certLevel", 7}, {"measurements", 8}, {"metadata", 9}};
constexpr Field kParty[] = {{"hostname", 0}, {"ip", 1}, {"peerId", 2}};
constexpr Field kMetadata[] = {{"imageDescriptionResult", 0},  {"manifestResults", 1},     {"companyDescriptionResult", 2},
                               {"unknownResults", 3},          {"compatibilityResult", 4}, {"omspSignatureResults", 5}};
constexpr Field kCompatibility[] = {{"result", 0}, {"descriptionMatch", 1}, {"manifestMatch", 2}, {"manifestCompatibility", 3}};
constexpr Field kItem[] = {{"summary", 40},       {"validityCheck", 41}, {"signatureValidation", 42}, {"manifestHash", 50},
                           {"omspValidity", 51},  {"omspStatus", 52},    {"revocationTime", 53},      {"revocationReason", 54}};
constexpr Field kSignature[] = {{"signatureVerification", 0}, {"certChainValidation", 1}, {"certs", 2}};
constexpr Field kMeasurement[] = {{"type", 0}, {"summary", 1}, {"freshness", 2}, {"signature", 3}, {"artifacts", 4}, {"tpmResult", 5}};
constexpr Field kTpm[] = {{"pcrMatch", 0}, {"aggPcrQuoteMatch", 1}};

void write(Sink& out, const Field& field, const Finding& finding) { write_finding_as(out, field, finding); }

void write_all(Sink& out, const Field& field, const std::vector<Finding>& findings) {
  write_list(out, field, findings, [&](const Finding& finding) { write_finding(out, finding); });
}

void write_signature(Sink& out, const SignatureFinding& finding, CertificateForms* forms) {
  out.object();
  write(out, kSignature[0], finding.signature);
  write(out, kSignature[1], finding.chain);
  if (!finding.certs.empty()) {
    out.key(kSignature[2]);
    out.array();
    out.array();
    for (const Bytes& der : finding.certs) forms != nullptr ? forms->write(out, der) : write_certificate(out, der);
    out.end_array();
    out.end_array();
  }
  out.end_object();
}

void write_item(Sink& out, const MetadataFinding& item, CertificateForms* forms) {
  out.object();
  write_members(out, item.metadata);
  write(out, kItem[0], item.summary);
  write(out, kItem[1], item.validity);
  write_list(out, kItem[2], item.signatures, [&](const SignatureFinding& signature) { write_signature(out, signature, forms); });
  write_some(out, kItem[3], item.manifest_hash);
  if (item.omsp_validity) write(out, kItem[4], *item.omsp_validity);
  if (item.omsp_status) write(out, kItem[5], *item.omsp_status);
  write_some(out, kItem[6], item.revocation_time);
  write_some(out, kItem[7], item.revocation_reason);
  out.end_object();
}

void write_items(Sink& out, const Field& field, const std::vector<MetadataFinding>& items, CertificateForms* forms, bool always = false) {
  write_list(out, field, items, [&](const MetadataFinding& item) { write_item(out, item, forms); });
  if (!items.empty() || !always) return;
  out.key(field);
  out.null();
}

bool nobody(const Party& party) { return party.hostname.empty() && party.ip.empty() && party.peer_id.empty(); }

void write_party(Sink& out, const Field& field, const Party& party) {
  out.key(field);
  out.object();
  write_some(out, kParty[0], party.hostname);
  write_some(out, kParty[1], party.ip);
  write_some(out, kParty[2], party.peer_id);
  out.end_object();
}

void write_measurement(Sink& out, const MeasurementFinding& m, CertificateForms* forms) {
  out.object();
  out.key(kMeasurement[0]);
  out.text(m.type);
  write(out, kMeasurement[1], m.summary);
  write(out, kMeasurement[2], m.freshness);
  out.key(kMeasurement[3]);
  write_signature(out, m.signature, forms);
  write_digests(out, kMeasurement[4], m.artifacts);
  if (m.snp) write_hardware(out, *m.snp);
  if (m.tdx) write_hardware(out, *m.tdx);
  if (m.sgx) write_hardware(out, *m.sgx);
  if (m.tpm) {
    out.key(kMeasurement[5]);
    out.object();
    write_digests(out, kTpm[0], m.tpm->pcrs);
    write(out, kTpm[1], m.tpm->aggregate);
    out.end_object();
  }
  out.end_object();
}

void write_metadata(Sink& out, const AttestationResult& r, CertificateForms* forms) {
  out.key(kResult[9]);
  out.object();
  out.key(kMetadata[0]);
  write_item(out, r.image, forms);
  write_items(out, kMetadata[1], r.manifests, forms, true);
  if (!r.companies.empty()) {  // one, as in CMC's form: the last; each of them counts for the verdict
    out.key(kMetadata[2]);
    write_item(out, r.companies.back(), forms);
  }
  write_items(out, kMetadata[3], r.unknown, forms);
  out.key(kMetadata[4]);
  out.object();
  write(out, kCompatibility[0], r.compatibility.result);
  write_all(out, kCompatibility[1], r.compatibility.description_match);
  write_all(out, kCompatibility[2], r.compatibility.manifest_match);
  write_all(out, kCompatibility[3], r.compatibility.manifest_compatibility);
  out.end_object();
  write_items(out, kMetadata[5], r.omsp_responses, forms);
  out.end_object();
}

void add(std::set<int>& out, const Finding& finding) { out.insert(finding.codes.begin(), finding.codes.end()); }

void add(std::set<int>& out, const MetadataFinding& item) {
  add(out, item.summary);
  add(out, item.validity);
  for (const SignatureFinding& s : item.signatures) {
    add(out, s.signature);
    add(out, s.chain);
  }
  if (item.omsp_validity) add(out, *item.omsp_validity);
  if (item.omsp_status) add(out, *item.omsp_status);
}

void add_hardware(std::set<int>& out, const MeasurementFinding& m) {
  auto all = [&](const auto& hardware) {
    if (!hardware) return;
    for (const Finding* finding : findings_in(*hardware)) add(out, *finding);
  };
  all(m.snp);
  all(m.tdx);
  all(m.sgx);
}

}  // namespace

std::vector<int> codes_of(const AttestationResult& r) {
  std::set<int> out;
  add(out, r.summary);
  add(out, r.freshness);
  add(out, r.image);
  for (const auto* items : {&r.manifests, &r.companies, &r.unknown, &r.omsp_responses})
    for (const MetadataFinding& item : *items) add(out, item);
  add(out, r.compatibility.result);
  for (const auto* findings :
       {&r.compatibility.description_match, &r.compatibility.manifest_match, &r.compatibility.manifest_compatibility})
    for (const Finding& finding : *findings) add(out, finding);
  for (const MeasurementFinding& m : r.measurements) {
    for (const Finding* finding : {&m.summary, &m.freshness, &m.signature.signature, &m.signature.chain}) add(out, *finding);
    if (m.tpm) add(out, m.tpm->aggregate);
    add_hardware(out, m);
  }
  return {out.begin(), out.end()};
}

void write_result(Sink& out, const AttestationResult& r, CertificateForms* forms) {
  out.object();
  out.key(kResult[0]);
  out.text(kResultVersion);
  out.key(kResult[1]);
  out.text(kResultType);
  write(out, kResult[2], r.summary);
  write_party(out, kResult[3], r.prover);
  if (!nobody(r.verifier) || out.encoding() == Encoding::json) write_party(out, kResult[4], r.verifier);  // CMC leaves it out of CBOR
  write_some(out, kResult[5], r.created);
  write(out, kResult[6], r.freshness);
  out.key(kResult[7]);
  out.integer(r.cert_level);
  out.key(kResult[8]);
  if (r.measurements.empty()) out.null();
  if (!r.measurements.empty()) {
    out.array();
    for (const MeasurementFinding& m : r.measurements) write_measurement(out, m, forms);
    out.end_array();
  }
  write_metadata(out, r, forms);
  out.end_object();
}

Bytes encode_result(const AttestationResult& result, Encoding encoding, CertificateForms* forms) {
  auto out = make_sink(encoding);
  write_result(*out, result, forms);
  return out->finish();
}

}  // namespace attest::cmc
