// quote.h: the judgement of one DCAP quote, up to what its measurements have to be.
#pragma once
#include "verifier/dcap/checks.h"
#include "verifier/dcap/collateral.h"
#include "verifier/dcap/tcb.h"

namespace attest {

// TcbPolicy is what a verifier accepts of a platform. Revoked and unmatched platforms are never accepted.
struct TcbPolicy {
  std::vector<TcbStatus> accepted = {TcbStatus::up_to_date};
  bool collateral_required = true;  // without it nobody knows the TCB's state nor whether the PCK was revoked
};

// QuoteJudgement is one quote on its way: the facts that were found. Views and pointers lead into the quote,
// its certificates and the collateral, which must live as long. Unset: not reached.
struct QuoteJudgement {
  const Quote* quote = nullptr;
  std::vector<DcapCertificate> certificates;  // of the certification data, or given beside the quote
  const DcapCertificate* pck = nullptr;       // among them
  std::shared_ptr<const Issuer> pck_issuer;
  std::optional<bool> pck_chain_valid, qe_report_signature_valid, qe_report_binds_key, quote_signature_valid;
  const Checked<SignedJson<TcbInfo>>* tcb_info = nullptr;
  const Checked<SignedJson<EnclaveIdentity>>* identity = nullptr;
  const Checked<DcapCrl>*root_crl = nullptr, *pck_crl = nullptr;
  std::optional<bool> pck_revoked;
  std::optional<Validity> collateral_window;  // in which all documents are current
  std::optional<QeMatch> qe;
  std::optional<TdxModuleMatch> module;
  std::optional<TcbConclusion> tcb;
};

// judge_signatures checks the chain of the PCK, the QE report, its binding and the quote's signature; it
// stops at the first failure and then returns false. `certificates` replaces those of the quote where it has
// none (types 1 to 3).
bool judge_signatures(const Quote& quote, const Issuers& issuers, std::vector<DcapCertificate> certificates,
                      UnixTime when, QuoteJudgement& out, NamedChecks& checks);

// judge_platform checks the collateral and what it says about this platform. Collateral that is not genuine
// ends it; all else is collected. Call it after judge_signatures succeeded.
void judge_platform(const CheckedCollateral& collateral, const TcbPolicy& policy, UnixTime when,
                    QuoteJudgement& out, NamedChecks& checks);

// certificates_of reads the chain a quote carries; empty for certification data without one.
Result<std::vector<DcapCertificate>> certificates_of(const Quote& quote);

}  // namespace attest
