// Kinds "snp" (reports of AMD SEV-SNP guests) and "amd-certs" (the certificates behind them).
#include "apps/attestctl/artefacts/kinds.h"
#include "apps/attestctl/artefacts/snp_files.h"
#include "evidence/core/hex.h"
#include "verifier/snp/checks.h"
#include "verifier/snp/judge.h"

namespace attest::ctl {
namespace {

Facts optional_fact(const std::optional<bool>& fact) { return fact ? Facts(*fact) : Facts(nullptr); }

bool is_report(View bytes) {
  Reader in(bytes);
  std::uint32_t version = in.u32le();
  return bytes.size() == kSnpReportBytes && version >= 2 && version <= 5;
}

// inspect_report shows the TCB versions in the layout of the processor; version 2 does not name it, a certificate does.
Result<Facts> inspect_report(const ArtefactInput& input) {
  TRY(SnpReport report, parse_snp_report(input.file.bytes));
  SnpProduct product = report.product();
  if (auto files = read_snp_files(input))
    if (auto key = parse_snp_key_certificate(files->key_for(&report)); key && !report.cpuid) product = key->product;
  Facts out = {{"product", snp_product_name(product)}};
  out.update(snp_report_facts(report, product));
  return out;
}

Result<ArtefactAppraisal> appraise_report(const ArtefactInput& input) {
  TRY(SnpFiles files, read_snp_files(input));
  TRY(SnpTrust trust, snp_trust_of(input, files.crls));
  TRY(SnpPolicy policy, parse_snp_policy(policy_text(input), "policy"));
  SnpCase question;
  question.report = input.file.bytes;
  auto parsed = parse_snp_report(input.file.bytes);
  question.key_der = files.key_for(parsed ? &*parsed : nullptr);
  question.others = files.others;
  question.trust = &trust;
  question.when = input.at;
  question.report_data = input.nonce;
  SnpFindings found = judge_snp(question, policy);
  ArtefactAppraisal out;
  out.checks = found.checks;
  out.facts["product"] = snp_product_name(found.product);
  out.facts["chain"] = found.key ? Facts((*found.key)->chain) : Facts(nullptr);
  out.facts["signature_valid"] = optional_fact(found.signature_valid);
  out.facts["vek_chain_valid"] = optional_fact(found.chain_valid);
  out.facts["tcb_matches_vek_extensions"] = optional_fact(found.tcb_matches);
  out.facts["chip_id_matches_vek_hwid"] = optional_fact(found.chip_matches);
  if (found.certificate) out.facts.update(snp_key_facts(*found.certificate));
  if (found.report) out.facts.update(snp_report_facts(*found.report, found.product));
  return out;
}

bool is_amd_certificate(View bytes) {
  auto ders = split_certificates(bytes, "file");
  if (!ders) return false;
  auto certificate = parse_certificate(ders->front());
  return certificate && snp_certificate_name(common_name(certificate->get()));
}

Facts certificate_facts(const Bytes& der) {
  auto certificate = parse_certificate(der);
  if (!certificate) return {{"error", certificate.error().what}};
  auto name = snp_certificate_name(common_name(certificate->get()));
  Facts out = {{"subject", subject_text(certificate->get())}, {"sha256", to_hex(sha256(View(der)).view())}};
  out["role"] = name ? Facts(snp_role_name(name->role)) : Facts(nullptr);
  if (name && name->product != SnpProduct::unknown) out["product"] = snp_product_name(name->product);
  if (auto key = parse_snp_key_certificate(der)) out.update(snp_key_facts(*key));
  return out;
}

Result<Facts> inspect_certificates(const ArtefactInput& input) {
  TRY(std::vector<Bytes> ders, split_certificates(input.file.bytes, input.file.path));
  Facts list = Facts::array();
  for (const Bytes& der : ders) list.push_back(certificate_facts(der));
  return Facts{{"certificates", list}};
}

// judge_key: one certificate of a VCEK or VLEK, by its chain.
ArtefactAppraisal judge_key(const ArtefactInput& input, const Bytes& der, const SnpFiles& files, const SnpTrust& trust) {
  ArtefactAppraisal out;
  auto certificate = parse_snp_key_certificate(der);
  if (!out.settle(snp_check::kCertificate, certificate ? ok() : Status(certificate.error()))) return out;
  out.facts = snp_key_facts(*certificate);
  auto key = trust.verify(der, files.others, input.at);
  out.settle(snp_check::kChain, key ? ok() : Status(key.error()));
  if (key) out.facts["chain"] = (*key)->chain;
  return out;
}

// judge_authorities: an ARK with the ASK and ASVK it certifies; trusted where the ARK is one we trust.
Result<ArtefactAppraisal> judge_authorities(const ArtefactInput& input, const std::vector<Bytes>& ders) {
  ArtefactAppraisal out;
  auto facts = inspect_amd_certificates(ders);
  if (!out.settle(snp_check::kCertificate, facts ? ok() : Status(facts.error()))) return out;
  out.facts = {{"product", snp_product_name(facts->product)},
               {"ark_self_signed", facts->ark_self_signed},
               {"ask_by_ark", optional_fact(facts->ask_by_ark)},
               {"asvk_by_ark", optional_fact(facts->asvk_by_ark)},
               {"ark_sha256", to_hex(facts->ark_sha256.view())},
               {"validity_ark", {format_rfc3339(facts->ark_not_before), format_rfc3339(facts->ark_not_after)}}};
  bool good = facts->ark_self_signed && facts->ask_by_ark.value_or(true) && facts->asvk_by_ark.value_or(true);
  good ? out.pass(snp_check::kSignature) : out.fail(snp_check::kSignature, "the ARK did not sign all of them, or not itself");
  std::span<const Bytes> roots = input.roots_der.empty() ? amd_certificates() : std::span<const Bytes>(input.roots_der);
  bool known = std::ranges::any_of(roots, [&](const Bytes& der) { return sha256(View(der)) == facts->ark_sha256; });
  bool current = facts->ark_not_before <= input.at && input.at <= facts->ark_not_after;
  known && current ? out.pass(snp_check::kChain, to_hex(facts->ark_sha256.view()))
                   : out.fail(snp_check::kChain, known ? "the ARK is not valid at this time" : "the ARK is not one that is trusted", {},
                              to_hex(facts->ark_sha256.view()));
  return out;
}

Result<ArtefactAppraisal> appraise_certificates(const ArtefactInput& input) {
  TRY(std::vector<Bytes> ders, split_certificates(input.file.bytes, input.file.path));
  if (ders.size() > 1 && !parse_snp_key_certificate(ders.front())) return judge_authorities(input, ders);
  TRY(SnpFiles files, read_snp_files(input));
  TRY(SnpTrust trust, snp_trust_of(input, files.crls));
  files.others.insert(files.others.begin(), ders.begin() + 1, ders.end());
  return judge_key(input, ders.front(), files, trust);
}

}  // namespace

ArtefactKind snp_kind() {
  return {"snp", "report of an AMD SEV-SNP guest (--with key=VCEK, ask=, auxblob=, crl=)", is_report, inspect_report,
          appraise_report};
}

ArtefactKind amd_certs_kind() {
  return {"amd-certs", "certificates behind SEV-SNP: ARK with ASK and ASVK, or a VCEK or VLEK", is_amd_certificate,
          inspect_certificates, appraise_certificates};
}

}  // namespace attest::ctl
