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
constexpr Field kLevel[] = {{"status", 5}, {"date", 6}, {"pceSvn", 7}, {"sgxComponents", 8}, {"tdxComponents", 9}};
constexpr Field kQe[] = {{"summary", 0}, {"mrsigner", 1}, {"isvProdId", 2}, {"cpuSvn", 3}, {"isvSvn", 4}, {"miscSelect", 5},
                         {"attributes", 6}, {"status", 7}, {"date", 8}};
constexpr Field kTdAttributes[] = {{"debug", 0}, {"septVEDisable", 1}, {"pks", 2}, {"kl", 3}};
constexpr Field kSgxAttributes[] = {{"initted", 0},    {"debug", 1}, {"mode64Bit", 2}, {"provisionKey", 3},
                                    {"eInitToken", 4}, {"kss", 5},   {"legacy", 6},    {"avx", 7}};
constexpr Field kDigest[] = {{"success", 0},  {"launched", 1}, {"type", 2},        {"name", 3},        {"index", 4},
                             {"digest", 5},   {"hashAlg", 6},  {"measured", 7},    {"description", 8}, {"eventData", 9},
                             {"ctrDetails", 10}, {"version", 11}, {"purl", 12}};

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

void hex(Sink& out, const Field& field, View value) {
  if (value.empty()) return;
  out.key(field);
  out.hex(value);
}

void write_digest(Sink& out, const DigestFinding& finding) {
  out.object();
  out.key(kDigest[0]);
  out.boolean(finding.success);
  out.key(kDigest[1]);
  out.boolean(finding.launched);
  write_some(out, kDigest[2], finding.type);
  write_some(out, kDigest[3], finding.name);
  out.key(kDigest[4]);
  out.integer(finding.index);
  hex(out, kDigest[5], finding.digest);
  write_some(out, kDigest[6], finding.hash_alg);
  hex(out, kDigest[7], finding.measured);
  write_some(out, kDigest[8], finding.description);
  if (finding.ctr) {
    out.key(kDigest[10]);
    write_ctr_data(out, *finding.ctr);
  }
  write_some(out, kDigest[11], finding.version);
  write_some(out, kDigest[12], finding.purl);
  out.end_object();
}

// components: none is null.
void components(Sink& out, const Field& field, const std::vector<Finding>& findings) {
  out.key(field);
  if (findings.empty()) return out.null();
  out.array();
  for (const Finding& finding : findings) write_finding(out, finding);
  out.end_array();
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
  write_finding_as(out, kLevel[2], finding.pce_svn);
  components(out, kLevel[3], finding.sgx_components);
  components(out, kLevel[4], finding.tdx_components);
  out.end_object();
  out.end_object();
}

void write(Sink& out, const Field& field, const QeFinding& finding) {
  out.key(field);
  out.object();
  const Finding* parts[] = {&finding.summary, &finding.mr_signer, &finding.isv_prod_id, &finding.cpu_svn,
                            &finding.isv_svn, &finding.misc_select, &finding.attributes};
  for (std::size_t i = 0; i < std::size(parts); i++) write_finding_as(out, kQe[i], *parts[i]);
  write_some(out, kQe[7], finding.status);
  write_some(out, kQe[8], finding.date);
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

void write_digests(Sink& out, const Field& field, const std::vector<DigestFinding>& findings) {
  write_list(out, field, findings, [&](const DigestFinding& finding) { write_digest(out, finding); });
}

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
  out.key(kTdx[3]);
  out.object();
  const BoolFinding* flags[] = {&finding.debug, &finding.sept_ve_disable, &finding.pks, &finding.key_locker};
  for (std::size_t i = 0; i < std::size(flags); i++) write(out, kTdAttributes[i], *flags[i]);
  out.end_object();
  write_finding_as(out, kTdx[4], finding.seam_attributes);
  write_finding_as(out, kTdx[5], finding.xfam);
  write_digests(out, kTdx[6], finding.registers);
  if (finding.registers.empty()) {
    out.key(kTdx[6]);
    out.null();
  }
  out.end_object();
}

void write_hardware(Sink& out, const SgxFinding& finding) {
  out.key(kSgxResult);
  out.object();
  write_finding_as(out, kSgx[0], finding.quote_version);
  write(out, kSgx[1], finding.tcb);
  write(out, kSgx[2], finding.qe);
  out.key(kSgx[3]);
  out.object();
  for (std::size_t i = 0; i < finding.attributes.size(); i++) write(out, kSgxAttributes[i], finding.attributes[i]);
  out.end_object();
  out.end_object();
}

std::vector<const Finding*> findings_in(const SnpFinding& f) {
  std::vector<const Finding*> out = {&f.report_version, &f.tcb, &f.policy};
  for (const Finding& extension : f.extensions) out.push_back(&extension);
  return out;
}

std::vector<const Finding*> findings_in(const TdxFinding& f) {
  return {&f.quote_version, &f.tcb.summary, &f.qe.summary, &f.seam_attributes, &f.xfam};
}

std::vector<const Finding*> findings_in(const SgxFinding& f) {
  return {&f.quote_version, &f.tcb.summary, &f.qe.summary};
}

}  // namespace attest::cmc
