// platform.cc: what Intel's collateral says about the platform that signed a quote.
#include "evidence/core/hex.h"
#include "verifier/dcap/quote.h"

namespace attest {
namespace {

using namespace dcap_check;

template <class T>
Status genuine(const Checked<T>* document, const char* what) {
  if (document == nullptr) return Error{Errc::denied, std::string("collateral: no ") + what};
  return document->signature;
}

// check_documents: everything is there and signed by whom it should be. The PCK CRL's issuer must be the
// PCK's.
bool check_documents(QuoteJudgement& out, NamedChecks& checks) {
  if (!checks.settle(kTcbInfoSignature, genuine(out.tcb_info, "TCB info"))) return false;
  if (!checks.settle(kQeIdentitySignature, genuine(out.identity, "enclave identity"))) return false;
  Status root = genuine(out.root_crl, "CRL of the root CA");
  Status pck = genuine(out.pck_crl, "CRL of the PCK's issuer");
  return checks.settle(kCrl, root ? pck : root);
}

// Windows narrows the time in which all documents are current and remembers the first that is not.
class Windows {
 public:
  explicit Windows(UnixTime when) : when_(when) {}
  void document(const std::string& what, UnixTime from, UnixTime until, const Signer& signer) {
    Validity own{from, until};
    window_ = window_ ? window_->meet(own) : own;
    note(what, own);
    note("signer of the " + what, signer.validity);
  }
  Status result() const { return why_.empty() ? ok() : Status(Error{Errc::stale, why_}); }
  const std::optional<Validity>& window() const { return window_; }

 private:
  void note(const std::string& what, const Validity& validity) {
    if (validity.holds(when_) || !why_.empty()) return;
    why_ = what + ": valid from " + format_rfc3339(validity.from) + " to " + format_rfc3339(validity.until) +
           ", not at " + format_rfc3339(when_);
  }
  UnixTime when_;
  std::optional<Validity> window_;
  std::string why_;
};

Status check_times(UnixTime when, QuoteJudgement& out) {
  Windows windows(when);
  const TcbInfo& info = out.tcb_info->document.value;
  const EnclaveIdentity& identity = out.identity->document.value;
  windows.document("TCB info", info.issue_date, info.next_update, *out.tcb_info->signer);
  windows.document("enclave identity", identity.issue_date, identity.next_update, *out.identity->signer);
  for (const Checked<DcapCrl>* crl : {out.root_crl, out.pck_crl})
    windows.document("CRL of \"" + crl->document.issuer_cn + "\"", crl->document.this_update,
                     crl->document.next_update, *crl->signer);
  out.collateral_window = windows.window();
  return windows.result();
}

// check_revoked: neither the PCK, nor its issuer, nor who signed the documents stands in a CRL.
Status check_revoked(QuoteJudgement& out) {
  const DcapCrl& root = out.root_crl->document;
  out.pck_revoked = out.pck_crl->document.lists(out.pck->serial);
  if (*out.pck_revoked)
    return Error{Errc::untrusted, "the PCK certificate " + to_hex(out.pck->serial) + " is revoked"};
  if (root.lists(out.pck_issuer->serial)) return Error{Errc::untrusted, "the PCK CA is revoked"};
  for (const Signer* signer : {out.tcb_info->signer.get(), out.identity->signer.get()})
    if (equal(signer->issuer, root.issuer) && root.lists(signer->serial))
      return Error{Errc::untrusted, "the TCB signing certificate is revoked"};
  return ok();
}

void check_tcb_info(QuoteJudgement& out, NamedChecks& checks) {
  const TcbInfo& info = out.tcb_info->document.value;
  const PckExtension& pck = *out.pck->pck;
  std::string tee = out.quote->tee == TeeType::tdx ? "TDX" : "SGX";
  std::string id = info.id.empty() ? "SGX" : info.id;
  std::string expected = tee + " " + to_hex(pck.fmspc) + " " + to_hex(pck.pce_id);
  std::string pce_id = info.pce_id ? to_hex(*info.pce_id) : "none";
  checks.equals(kTcbInfoMatch, "TCB info (TEE, FMSPC, PCE-ID)", std::move(expected),
                id + " " + to_hex(info.fmspc) + " " + pce_id);
}

void check_identity(QuoteJudgement& out, NamedChecks& checks) {
  const EnclaveIdentity& identity = out.identity->document.value;
  std::string needed = out.quote->tee == TeeType::tdx ? "TD_QE" : "QE";
  std::string id = identity.id.empty() ? "QE" : identity.id;
  if (id != needed)
    return checks.fail(kQeIdentity, "the identity is of " + id + ", the quote needs " + needed, needed, id);
  const EnclaveReport& qe = out.quote->qe_report;
  const QeMatch& match = out.qe.emplace(match_qe(identity, qe));
  std::string wrong;
  if (!match.mr_signer) wrong += " MRSIGNER " + to_hex(qe.mr_signer);
  if (!match.isv_prod_id) wrong += " product " + std::to_string(qe.isv_prod_id);
  if (!match.misc_select) wrong += " MISCSELECT";
  if (!match.attributes) wrong += " attributes " + to_hex(qe.attributes);
  if (!wrong.empty()) return checks.fail(kQeIdentity, "the quoting enclave is not Intel's:" + wrong);
  checks.pass(kQeIdentity, id + " SVN " + std::to_string(qe.isv_svn));
}

void check_module(QuoteJudgement& out, NamedChecks& checks) {
  const TdReport* td = out.quote->td();
  if (td == nullptr) return;
  const TdxModuleMatch& match = out.module.emplace(match_tdx_module(out.tcb_info->document.value, *td));
  if (match.missing) return checks.fail(kTdxModule, "the TCB info has no identity " + match.id);
  if (!match.mr_signer)
    return checks.fail(kTdxModule,
                       "MRSIGNERSEAM " + to_hex(td->mr_signer_seam) + " is not the module's signer");
  if (!match.attributes)
    return checks.fail(kTdxModule,
                       "SEAMATTRIBUTES " + to_hex(td->seam_attributes) + " are not those of the module");
  checks.pass(kTdxModule, match.id);
}

void check_tcb(const TcbPolicy& policy, QuoteJudgement& out, NamedChecks& checks) {
  const TcbInfo& info = out.tcb_info->document.value;
  const TcbConclusion& tcb =
      out.tcb.emplace(conclude(info, *out.pck->pck, out.quote->td(), out.module ? &*out.module : nullptr,
                               out.qe ? &*out.qe : nullptr));
  bool never = tcb.advised == TcbStatus::revoked || tcb.advised == TcbStatus::no_matching_level;
  bool accepted = !never && std::ranges::find(policy.accepted, tcb.advised) != policy.accepted.end();
  std::string measured(tcb_status_name(tcb.advised)), expected;
  if (accepted) return checks.pass(kTcbStatus, std::move(measured));
  for (TcbStatus status : policy.accepted)
    expected += (expected.empty() ? "" : ", ") + std::string(tcb_status_name(status));
  std::string advisories;
  for (const std::string& advisory : tcb.advisories) advisories += " " + advisory;
  std::string why = "the platform's TCB is " + measured + (advisories.empty() ? "" : ":" + advisories);
  checks.fail(kTcbStatus, std::move(why), std::move(expected), std::move(measured));
}

}  // namespace

void judge_platform(const CheckedCollateral& collateral, const TcbPolicy& policy, UnixTime when,
                    QuoteJudgement& out, NamedChecks& checks) {
  out.tcb_info = collateral.tcb_info(out.quote->tee, out.pck->pck->fmspc);
  out.identity = collateral.identity(out.quote->tee);
  out.root_crl = collateral.crl(out.pck_issuer->issuer);
  out.pck_crl = collateral.crl(out.pck->issuer);
  if (!check_documents(out, checks)) return;
  checks.settle(kTime, check_times(when, out));
  checks.settle(kRevoked, check_revoked(out));
  check_tcb_info(out, checks);
  check_identity(out, checks);
  check_module(out, checks);
  check_tcb(policy, out, checks);
}

}  // namespace attest
