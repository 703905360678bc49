#include "evidence/cmc/hardware_result.h"

namespace attest::cmc {
namespace {

constexpr Field kSnpResult{"snpResult", 6}, kSgxResult{"sgxResult", 7}, kTdxResult{"tdxResult", 8};
constexpr Field kSnp[] = {{"reportVersionMatch", 0}, {"fwCheck", 1}, {"tcbCheck", 2}, {"policyCheck", 3}, {"extensionsCheck", 4}};
constexpr Field kTcb[] = {{"result", 0}, {"bl", 1}, {"tee", 2}, {"snp", 3}, {"ucode", 4}, {"fmc", 5}};
constexpr Field kPolicy[] = {{"result", 0}, {"abi", 1}, {"smt", 2}, {"migration", 3}, {"debug", 4}, {"singleSocket", 5}};
constexpr Field kCheck[] = {{"success", 0}, {"claimed", 1}, {"measured", 2}};
constexpr Field kTdx[] = {{"quoteVersionMatch", 0}, {"tcbInfoCheck", 1}, {"qeReportCheck", 2}, {"tdAttributesCheck", 3},
                          {"seamAttributesCheck", 4}, {"xfamCheck", 5}, {"mrMatch", 6}};
constexpr Field kSgx[] = {{"quoteVersionMatch", 0}, {"tcbInfoCheck", 1}, {"qeReportCheck", 2}, {"sgxAttributesCheck", 3}};
constexpr Field kTcbInfo[] = {{"summary", 0}, {"id", 1}, {"version", 2}, {"tcbLevelResult", 3}};
constexpr Field kLevel[] = {{"status", 5}, {"date", 6}};
constexpr Field kQe[] = {{"summary", 0}, {"mrsigner", 1}, {"isvProdId", 2}, {"isvSvn", 4}, {"miscSelect", 5},
                         {"attributes", 6}, {"status", 7}, {"date", 8}};

void numbers(Sink& out, const Field& field, const std::vector<std::int64_t>& values) {
  out.key(field);
  out.array();
  for (std::int64_t value : values) out.integer(value);
  out.end_array();
}

void write(Sink& out, const Field& field, const VersionFinding& finding) {
  out.key(field);
  out.object();
  out.key(kCheck[0]);
  out.boolean(finding.success);
  numbers(out, kCheck[1], finding.claimed);
  numbers(out, kCheck[2], finding.measured);
  out.end_object();
}

void write(Sink& out, const Field& field, const BoolFinding& finding) {
  out.key(field);
  out.object();
  const bool values[] = {finding.success, finding.claimed, finding.measured};
  for (std::size_t i = 0; i < 3; i++) {
    out.key(kCheck[i]);
    out.boolean(values[i]);
  }
  out.end_object();
}

void write(Sink& out, const Field& field, const TcbInfoFinding& finding) {
  out.key(field);
  out.object();
  write_finding_as(out, kTcbInfo[0], finding.summary);
  write_finding_as(out, kTcbInfo[1], finding.id);
  write_finding_as(out, kTcbInfo[2], finding.version);
  out.key(kTcbInfo[3]);
  out.object();
  write_some(out, kLevel[0], finding.status);
  write_some(out, kLevel[1], finding.date);
  out.end_object();
  out.end_object();
}

void write(Sink& out, const Field& field, const QeFinding& finding) {
  out.key(field);
  out.object();
  const Finding* parts[] = {&finding.summary, &finding.mr_signer, &finding.isv_prod_id, &finding.isv_svn, &finding.misc_select, &finding.attributes};
  for (std::size_t i = 0; i < std::size(parts); i++) write_finding_as(out, kQe[i], *parts[i]);
  write_some(out, kQe[6], finding.status);
  write_some(out, kQe[7], finding.date);
  out.end_object();
}

void write_tcb(Sink& out, const SnpFinding& finding) {
  out.key(kSnp[2]);
  out.object();
  write_finding_as(out, kTcb[0], finding.tcb);
  const VersionFinding* parts[] = {&finding.bl, &finding.tee, &finding.snp, &finding.ucode, &finding.fmc};
  for (std::size_t i = 0; i < std::size(parts); i++) write(out, kTcb[i + 1], *parts[i]);
  out.end_object();
}

void write_policy(Sink& out, const SnpFinding& finding) {
  out.key(kSnp[3]);
  out.object();
  write_finding_as(out, kPolicy[0], finding.policy);
  write(out, kPolicy[1], finding.abi);
  const BoolFinding* parts[] = {&finding.smt, &finding.migration, &finding.debug, &finding.single_socket};
  for (std::size_t i = 0; i < std::size(parts); i++) write(out, kPolicy[i + 2], *parts[i]);
  out.end_object();
}

}  // namespace

void write_hardware(Sink& out, const SnpFinding& finding) {
  out.key(kSnpResult);
  out.object();
  write_finding_as(out, kSnp[0], finding.report_version);
  write(out, kSnp[1], finding.firmware);
  write_tcb(out, finding);
  write_policy(out, finding);
  out.key(kSnp[4]);
  out.array();
  for (const Finding& extension : finding.extensions) write_finding(out, extension);
  out.end_array();
  out.end_object();
}

void write_hardware(Sink& out, const TdxFinding& finding) {
  out.key(kTdxResult);
  out.object();
  write_finding_as(out, kTdx[0], finding.quote_version);
  write(out, kTdx[1], finding.tcb);
  write(out, kTdx[2], finding.qe);
  const Finding* parts[] = {&finding.attributes, &finding.seam_attributes, &finding.xfam, &finding.registers};
  for (std::size_t i = 0; i < std::size(parts); i++) write_finding_as(out, kTdx[i + 3], *parts[i]);
  out.end_object();
}

void write_hardware(Sink& out, const SgxFinding& finding) {
  out.key(kSgxResult);
  out.object();
  write_finding_as(out, kSgx[0], finding.quote_version);
  write(out, kSgx[1], finding.tcb);
  write(out, kSgx[2], finding.qe);
  write_finding_as(out, kSgx[3], finding.attributes);
  out.end_object();
}

std::vector<const Finding*> findings_in(const SnpFinding& f) {
  std::vector<const Finding*> out = {&f.report_version, &f.tcb, &f.policy};
  for (const Finding& extension : f.extensions) out.push_back(&extension);
  return out;
}

std::vector<const Finding*> findings_in(const TdxFinding& f) {
  return {&f.quote_version, &f.tcb.summary, &f.qe.summary, &f.attributes, &f.seam_attributes, &f.xfam, &f.registers};
}

std::vector<const Finding*> findings_in(const SgxFinding& f) {
  return {&f.quote_version, &f.tcb.summary, &f.qe.summary, &f.attributes};
}

}  // namespace attest::cmc
