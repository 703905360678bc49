// intel.cc: what TDX and SGX evidence of a CMC report have in common: the quote, Intel's documents beside it, and the roots
// that the signed manifests name.
#include <algorithm>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "verifier/cmc/hardware.h"

namespace attest::cmc {
namespace {

constexpr std::string_view name_of(TeeType tee) { return tee == TeeType::tdx ? "tdx" : "sgx"; }

// find_collateral is the one event of the one artefact that holds Intel's documents.
const IntelCollateral* find_collateral(const Measured& m, TeeType tee, Finding& summary) {
  std::string_view type = tee == TeeType::tdx ? "TDX Collateral" : "SGX Collateral";
  const Artifact* found = nullptr;
  for (const Artifact& artifact : m.collateral.artifacts) {
    if (artifact.type != type) continue;
    if (found != nullptr) summary.fail(kParseCollateral, "Intel's collateral came twice");
    found = &artifact;
  }
  if (found != nullptr && found->events.size() == 1 && found->events.front().intel) return &*found->events.front().intel;
  summary.fail(found == nullptr ? kCollateralNotPresent : kParseCollateral, "no collateral of Intel's");
  return nullptr;
}

template <class T>
bool take(Result<T> parsed, Code code, Finding& summary, std::vector<T>& out) {
  if (!parsed) {
    summary.fail(code, parsed.error().what);
    return false;
  }
  out.push_back(*std::move(parsed));
  return true;
}

bool parse_documents(const IntelCollateral& in, Finding& summary, DcapCollateral& out) {
  bool good = take(parse_tcb_info(as_text(in.tcb_info)), kParseTcbInfo, summary, out.tcb_infos);
  good = take(parse_enclave_identity(as_text(in.qe_identity)), kParseQeIdentity, summary, out.identities) && good;
  for (const Bytes* crl : {&in.root_ca_crl, &in.pck_crl}) good = take(parse_dcap_crl(*crl), kParseCollateral, summary, out.crls) && good;
  for (const Bytes* der : {&in.pck_crl_intermediate, &in.tcb_info_intermediate, &in.qe_identity_intermediate}) {
    bool known = std::ranges::find(out.certificates, *der, &DcapCertificate::der) != out.certificates.end();
    good = (known || take(parse_dcap_certificate(*der), kParseCollateral, summary, out.certificates)) && good;
  }
  return good;
}

// roots_of trusts the roots that stand in the collateral, if the manifests name every one of them.
std::optional<Issuers> roots_of(const Measured& m, const IntelCollateral& in, Finding& chain) {
  std::vector<Bytes> roots;
  if (!m.collateral.certs.empty()) roots.push_back(m.collateral.certs.back());
  for (const Bytes* der : {&in.pck_crl_root, &in.tcb_info_root, &in.qe_identity_root})
    if (std::ranges::find(roots, *der) == roots.end()) roots.push_back(*der);
  for (const Bytes& der : roots)
    if (!named_root(m.items, der)) {
      chain.fail(kCaFingerprint, "the manifests name another root than the collateral has");
      return std::nullopt;
    }
  auto issuers = Issuers::make(roots);
  if (!issuers) chain.fail(kVerifyPckChain, issuers.error().what);
  return issuers ? std::optional(*std::move(issuers)) : std::nullopt;
}

// accepted_statuses: what the policy lists, and always a platform that is up to date.
std::vector<TcbStatus> accepted_statuses(const nlohmann::json& policy, Finding& summary) {
  std::vector<TcbStatus> out = {TcbStatus::up_to_date};
  const nlohmann::json& listed = member_of(policy, "acceptedTcbStatuses");
  if (!listed.is_array()) return out;
  for (const nlohmann::json& name : listed) {
    auto status = any_tcb_status(name.is_string() ? name.get<std::string>() : std::string());
    status ? out.push_back(*status) : summary.fail(kPolicyNotPresent, "the policy accepts a TCB status that Intel does not have");
  }
  return out;
}

// certificates_beside are those of the collateral, where the quote carries none; a broken one is told and left out.
std::vector<DcapCertificate> certificates_beside(const Measured& m, const Quote& quote, Finding& chain) {
  std::vector<DcapCertificate> out;
  auto own = certificates_of(quote);
  if (own && !own->empty()) return out;
  for (const Bytes& der : m.collateral.certs) take(parse_dcap_certificate(der), kParseCert, chain, out);
  return out;
}

bool parse_evidence(const Measured& m, TeeType tee, IntelCase& c, Finding& summary) {
  auto quote = parse_quote(m.evidence.evidence);
  if (!quote) {
    summary.fail(kParseEvidence, quote.error().what);
    return false;
  }
  c.quote = *std::move(quote);
  if (c.quote->tee == tee && std::ranges::all_of(c.quote->trailing, [](std::uint8_t b) { return b == 0; })) return true;
  summary.fail(kParseEvidence, "the quote is of another TEE, or something stands behind it");
  return false;
}

// tell_status adds what CMC has codes of its own for.
void tell_status(const IntelCase& c, Finding& summary) {
  if (c.judgement.tcb && c.judgement.tcb->advised == TcbStatus::revoked) summary.fail(kTcbLevelRevoked);
  if (c.judgement.tcb_info == nullptr || c.judgement.pck == nullptr) return;
  const auto& pce = c.judgement.tcb_info->document.value.pce_id;
  if (pce && *pce != c.judgement.pck->pck->pce_id) summary.fail(kSgxPceidMismatch);
}

}  // namespace

void judge_intel(const Measured& m, TeeType tee, const nlohmann::json& policy, IntelCase& c, MeasurementFinding& out) {
  out.signature.certs = m.collateral.certs;
  if (!parse_evidence(m, tee, c, out.summary)) return;
  const IntelCollateral* intel = find_collateral(m, tee, out.summary);
  if (intel == nullptr) return;
  DcapCollateral documents;
  auto roots = roots_of(m, *intel, out.signature.chain);
  if (!parse_documents(*intel, out.summary, documents) || !roots) return out.summary.fail("Intel's collateral cannot be used");
  auto checked = CheckedCollateral::make(std::move(documents), *roots);
  if (!checked) return out.summary.fail(kVerifyTcbChain, checked.error().what);
  c.collateral = *std::move(checked);
  NamedChecks checks(name_of(tee));
  c.genuine = judge_signatures(*c.quote, c.collateral->issuers, certificates_beside(m, *c.quote, out.signature.chain), m.question.now, c.judgement,
                               checks);
  if (c.genuine) judge_platform(*c.collateral, {accepted_statuses(policy, out.summary), true}, m.question.now, c.judgement, checks);
  tell(checks.list(), out);
  tell_status(c, out.summary);
  if (!out.signature.chain.good()) out.summary.fail("the chain is not good");
}

namespace {

// at_least shows a platform's number beside the one that a level needs.
Finding at_least(unsigned measured, unsigned due) {
  Finding out;
  out.got = std::to_string(measured);
  out.expected = std::to_string(due);
  if (measured < due) out.fail();
  return out;
}

// show_components shows the platform against the level that counts, or the first one where it reaches none.
void show_components(const IntelCase& c, TcbInfoFinding& out) {
  const QuoteJudgement& j = c.judgement;
  if (j.tcb_info == nullptr || j.pck == nullptr || !j.pck->pck) return;
  const auto& levels = j.tcb_info->document.value.levels;
  const TcbLevel* level = j.tcb->level != nullptr ? j.tcb->level : levels.empty() ? nullptr : &levels.front();
  if (level == nullptr) return;
  out.pce_svn = at_least(j.pck->pck->pce_svn, level->pce_svn);
  for (std::size_t i = 0; i < level->sgx.size(); i++) out.sgx_components.push_back(at_least(j.pck->pck->comp[i], level->sgx[i]));
  const TdReport* td = c.quote->td();
  if (td == nullptr || !level->tdx) return;
  for (std::size_t i = 0; i < level->tdx->size(); i++) out.tdx_components.push_back(at_least(td->tee_tcb_svn[i], (*level->tdx)[i]));
}

}  // namespace

void show_intel(const IntelCase& c, TcbInfoFinding& tcb, QeFinding& qe) {
  const QuoteJudgement& j = c.judgement;
  if (j.tcb_info != nullptr) {
    const TcbInfo& info = j.tcb_info->document.value;
    tcb.id.compare(info.id, c.quote->tee == TeeType::tdx ? "TDX" : "SGX");
    tcb.version.compare(std::to_string(info.version), "3");
    if (!j.tcb_info->signature) tcb.summary.fail(kVerifyTcbInfo);
  }
  if (j.tcb) {
    tcb.status = tcb_status_name(j.tcb->advised);
    if (j.tcb->level != nullptr && j.tcb->level->date != 0) tcb.date = format_rfc3339(j.tcb->level->date);
    show_components(c, tcb);
  }
  if (!j.qe) return;
  if (!j.qe->mr_signer) qe.mr_signer.fail();
  if (!j.qe->isv_prod_id) qe.isv_prod_id.fail();
  if (!j.qe->misc_select) qe.misc_select.fail();
  if (!j.qe->attributes) qe.attributes.fail();
  qe.isv_svn.got = std::to_string(c.quote->qe_report.isv_svn);
  qe.cpu_svn.got = to_hex(c.quote->qe_report.cpu_svn);
  if (!j.qe->identity()) qe.summary.fail(kVerifyQeIdentity);
  if (j.qe->level == nullptr) return;
  qe.status = tcb_status_name(j.qe->level->status);
  if (j.qe->level->date != 0) qe.date = format_rfc3339(j.qe->level->date);
}

}  // namespace attest::cmc
