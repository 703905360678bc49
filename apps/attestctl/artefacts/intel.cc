// Kind "intel": what Intel publishes for its TEEs: TCB info, enclave identities, CRLs, certificates of the
// hierarchy.
#include "apps/attestctl/artefacts/dcap_facts.h"
#include "apps/attestctl/artefacts/dcap_input.h"
#include "apps/attestctl/artefacts/kinds.h"
#include "evidence/core/hex.h"

namespace attest::ctl {
namespace {

constexpr std::string_view kOrganization = "Intel Corporation";

// looks_like: JSON with one of the service's members, or DER or PEM of Intel's SGX hierarchy.
bool looks_like(View bytes) {
  std::string_view text = as_text(bytes);
  text = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (text.starts_with('{')) {
    for (std::string_view name :
         {"\"tcbInfo\"", "\"enclaveIdentity\"", "\"qeIdentity\"", "\"tcb_info_signature\""})
      if (text.find(name) != text.npos) return true;
    return false;
  }
  DcapCollateral read;
  if (!add_collateral(bytes, read)) return false;
  if (!read.crls.empty()) return read.crls.front().issuer_cn.starts_with("Intel SGX");
  return !read.certificates.empty() && read.certificates.front().issuer_cn.starts_with("Intel SGX") &&
         as_text(read.certificates.front().issuer).find(kOrganization) != std::string_view::npos;
}

Facts facts_of(const DcapCollateral& collateral) {
  Facts out;
  for (const auto& item : collateral.tcb_infos) out["tcb_info"].push_back(tcb_info_facts(item.value));
  for (const auto& item : collateral.identities)
    out["enclave_identity"].push_back(identity_facts(item.value));
  for (const DcapCrl& crl : collateral.crls) {
    Facts one = crl_facts(crl);
    for (View serial : crl.revoked) one["revoked"].push_back(to_hex(serial));
    out["crl"].push_back(std::move(one));
  }
  for (const DcapCertificate& certificate : collateral.certificates)
    out["certificate"].push_back(certificate_facts(certificate));
  return out;
}

Result<Facts> inspect(const ArtefactInput& input) {
  DcapCollateral read;
  CHECK_OK(add_collateral(input.file.bytes, read));
  return facts_of(read);
}

std::string between(UnixTime from, UnixTime until) {
  return format_rfc3339(from) + " to " + format_rfc3339(until);
}

void judge_time(std::string_view id, const Validity& validity, UnixTime at, NamedChecks& checks) {
  if (validity.holds(at)) return checks.pass(id);
  checks.fail(id, "outside its validity", between(validity.from, validity.until), format_rfc3339(at));
}

template <class T>
void judge_document(const Checked<SignedJson<T>>& item, std::string_view id, UnixTime at,
                    NamedChecks& checks) {
  if (!checks.settle(id, item.signature)) return;
  const T& value = item.document.value;
  judge_time(dcap_check::kTime, item.signer->validity.meet({value.issue_date, value.next_update}), at,
             checks);
}

void judge_certificate(const DcapCertificate& certificate, const Issuers& issuers, UnixTime at,
                       NamedChecks& checks) {
  bool pinned = false;
  for (const auto& issuer : issuers.all()) pinned = pinned || issuer->der == certificate.der;
  Status chain = ok();
  if (!pinned) {
    auto signer = issuers.signer(certificate);
    if (!signer) chain = std::move(signer).error();
  }
  if (!checks.settle("certificate-chain", chain)) return;
  judge_time("certificate-time", {certificate.not_before, certificate.not_after}, at, checks);
}

Result<ArtefactAppraisal> appraise(const ArtefactInput& input) {
  DcapCollateral read;
  CHECK_OK(add_collateral(input.file.bytes, read));
  ArtefactAppraisal out;
  out.facts = facts_of(read);
  if (const Bytes* chain = input.companion("chain")) CHECK_OK(add_collateral(*chain, read));
  std::vector<std::string> problems;
  if (!input.collateral.empty()) {
    TRY(DcapCollateral more, read_collateral_folder(input.collateral, problems));
    for (DcapCertificate& certificate : more.certificates)
      read.certificates.push_back(std::move(certificate));
  }
  TRY(Issuers roots, Issuers::make(input.roots_der));
  DcapCollateral subject;
  CHECK_OK(add_collateral(input.file.bytes, subject));
  std::vector<DcapCertificate> own = std::move(subject.certificates);
  TRY(CheckedCollateral checked, CheckedCollateral::make(std::move(read), roots));
  NamedChecks checks("intel");
  for (const auto& item : checked.tcb_infos)
    judge_document(item, dcap_check::kTcbInfoSignature, input.at, checks);
  for (const auto& item : checked.identities)
    judge_document(item, dcap_check::kQeIdentitySignature, input.at, checks);
  for (const auto& item : checked.crls)
    if (checks.settle(dcap_check::kCrl, item.signature))
      judge_time(dcap_check::kTime,
                 item.signer->validity.meet({item.document.this_update, item.document.next_update}), input.at,
                 checks);
  for (const DcapCertificate& certificate : own)
    judge_certificate(certificate, checked.issuers, input.at, checks);
  out.checks.insert(out.checks.end(), checks.list().begin(), checks.list().end());
  return out;
}

}  // namespace

ArtefactKind intel_kind() {
  return {"intel", "Intel's collateral: TCB info, enclave identity, CRL, certificates", looks_like, inspect,
          appraise};
}

}  // namespace attest::ctl
