#include "evidence/cmc/intel_collateral.h"

#include <algorithm>

#include "evidence/core/hex.h"

namespace attest::cmc {
namespace {

constexpr std::string_view kTcbSigner = "Intel SGX TCB Signing";

Error missing(const std::string& what) { return {Errc::mismatch, "Intel's collateral: no " + what + " at hand"}; }

// newest of the documents that fit; nullptr if none does.
template <class T, class Fits>
const SignedJson<T>* newest(const std::vector<SignedJson<T>>& documents, Fits fits) {
  const SignedJson<T>* best = nullptr;
  for (const SignedJson<T>& one : documents)
    if (fits(one.value) && (best == nullptr || one.value.issue_date > best->value.issue_date)) best = &one;
  return best;
}

// body_of is the service's answer: what was signed stands in it as it was signed.
template <class T>
Bytes body_of(const char* name, const SignedJson<T>& document) {
  std::string out = std::string("{\"") + name + "\":" + std::string(as_text(document.signed_bytes)) + ",\"signature\":\"" +
                    to_hex(document.signature) + "\"}";
  return to_bytes(as_view(out));
}

Result<Bytes> crl_of(const DcapCollateral& held, const DcapCertificate& issuer) {
  const DcapCrl* best = nullptr;
  for (const DcapCrl& crl : held.crls)
    if (equal(crl.issuer, issuer.subject) && (best == nullptr || crl.this_update > best->this_update)) best = &crl;
  if (best == nullptr) return missing("CRL of \"" + issuer.subject_cn + "\"");
  return best->der;
}

// Chain is a PCK chain, told apart.
struct Chain {
  const DcapCertificate *leaf = nullptr, *ca = nullptr, *root = nullptr;
};

Result<Chain> sort(const std::vector<DcapCertificate>& certificates) {
  Chain out;
  for (const DcapCertificate& one : certificates) {
    bool own = equal(one.subject, one.issuer);
    (one.pck ? out.leaf : own ? out.root : out.ca) = &one;
  }
  if (certificates.size() == 3 && out.leaf != nullptr && out.ca != nullptr && out.root != nullptr) return out;
  return Error{Errc::malformed, "quote: its chain is not that of a PCK"};
}

Result<std::vector<DcapCertificate>> chain_in(const Quote& quote) {
  constexpr std::uint16_t kPckChain = 5;
  if (quote.certification.type != kPckChain) return Error{Errc::unsupported, "quote: it carries no chain of its PCK"};
  return parse_dcap_chain(quote.certification.data);
}

Status pick_documents(const DcapCollateral& held, const Quote& quote, const PckExtension& pck, IntelCollateral& out) {
  bool tdx = quote.tee == TeeType::tdx;
  std::string_view id = tdx ? "TDX" : "SGX", qe = tdx ? "TD_QE" : "QE";
  const auto* info = newest(held.tcb_infos, [&](const TcbInfo& one) { return one.id == id && one.fmspc == pck.fmspc; });
  if (info == nullptr) return missing("TCB info of FMSPC " + to_hex(pck.fmspc) + " for " + std::string(id));
  const auto* identity = newest(held.identities, [&](const EnclaveIdentity& one) { return one.id == qe; });
  if (identity == nullptr) return missing("identity of the quoting enclave " + std::string(qe));
  out.tcb_info = body_of("tcbInfo", *info);
  out.qe_identity = body_of("enclaveIdentity", *identity);
  return ok();
}

}  // namespace

Result<std::vector<Bytes>> pck_chain(const Quote& quote) {
  TRY(std::vector<DcapCertificate> certificates, chain_in(quote));
  TRY(Chain chain, sort(certificates));
  return std::vector<Bytes>{chain.leaf->der, chain.ca->der, chain.root->der};
}

Result<IntelCollateral> pick_intel_collateral(const DcapCollateral& held, const Quote& quote) {
  TRY(std::vector<DcapCertificate> certificates, chain_in(quote));
  TRY(Chain chain, sort(certificates));
  IntelCollateral out;
  CHECK_OK(pick_documents(held, quote, *chain.leaf->pck, out));
  TRY(out.root_ca_crl, crl_of(held, *chain.root));
  TRY(out.pck_crl, crl_of(held, *chain.ca));
  auto signer = std::ranges::find(held.certificates, kTcbSigner, &DcapCertificate::subject_cn);
  if (signer == held.certificates.end()) return missing("certificate of \"" + std::string(kTcbSigner) + "\"");
  out.pck_crl_intermediate = chain.ca->der;
  out.tcb_info_intermediate = out.qe_identity_intermediate = signer->der;
  out.pck_crl_root = out.tcb_info_root = out.qe_identity_root = chain.root->der;
  return out;
}

}  // namespace attest::cmc
