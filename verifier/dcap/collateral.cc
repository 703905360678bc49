#include "verifier/dcap/collateral.h"

namespace attest {
namespace {

constexpr std::string_view kTcbSigning = "Intel SGX TCB Signing";

// SigningKey is a TCB signing certificate that a root vouches for.
struct SigningKey {
  P256PublicKey key;
  std::shared_ptr<const Signer> signer;
};

Result<SigningKey> signing_key(const DcapCertificate& certificate, const Issuers& issuers) {
  CHECK_OK(check_profile(certificate));
  if (!certificate.digital_signature)
    return Error{Errc::untrusted, "TCB signing certificate: not for signatures"};
  TRY(auto issuer, issuers.signer(certificate));
  if (!issuer->root) return Error{Errc::untrusted, "TCB signing certificate: not issued by a root"};
  TRY(P256PublicKey key, P256PublicKey::make(certificate.point));
  Validity own{certificate.not_before, certificate.not_after};
  return SigningKey{std::move(key), std::make_shared<const Signer>(
                                        Signer{to_bytes(certificate.serial), to_bytes(certificate.issuer),
                                               own.meet(issuer->validity), issuer->intel})};
}

// signing_keys are the usable TCB signing certificates; why keeps what is wrong with the last of the others.
std::vector<SigningKey> signing_keys(const std::vector<DcapCertificate>& certificates, const Issuers& issuers,
                                     std::string& why) {
  std::vector<SigningKey> out;
  for (const DcapCertificate& certificate : certificates) {
    if (certificate.subject_cn != kTcbSigning || certificate.is_ca) continue;
    auto key = signing_key(certificate, issuers);
    if (key)
      out.push_back(*std::move(key));
    else
      why = key.error().what;
  }
  return out;
}

template <class T>
Checked<SignedJson<T>> check_json(SignedJson<T> document, const std::vector<SigningKey>& keys,
                                  const std::string& why, const char* what) {
  Checked<SignedJson<T>> out{std::move(document), ok(), nullptr};
  for (const SigningKey& candidate : keys) {
    if (!candidate.key.verify_raw(out.document.signed_bytes, out.document.signature, what)) continue;
    out.signer = candidate.signer;
    return out;
  }
  std::string reason = !keys.empty() ? "signature does not verify"
                       : why.empty() ? "no TCB signing certificate"
                                     : why;
  out.signature = Error{Errc::untrusted, std::string(what) + ": " + reason};
  return out;
}

Checked<DcapCrl> check_crl(DcapCrl crl, const Issuers& issuers) {
  Checked<DcapCrl> out{std::move(crl), ok(), nullptr};
  auto issuer = issuers.signer(out.document);
  if (!issuer) {
    out.signature = std::move(issuer).error();
    return out;
  }
  const Issuer& by = **issuer;
  out.signer = std::make_shared<const Signer>(Signer{by.serial, by.issuer, by.validity, by.intel});
  return out;
}

void admit_all(const std::vector<DcapCertificate>& certificates, Issuers& issuers) {
  for (const DcapCertificate& certificate : certificates)
    if (certificate.is_ca && !equal(certificate.issuer, certificate.subject))
      if (Status admitted = issuers.admit(certificate); !admitted)
        continue;  // not ours: nothing will lead to it
}

std::string_view tcb_id(TeeType tee) { return tee == TeeType::tdx ? "TDX" : "SGX"; }

}  // namespace

Result<CheckedCollateral> CheckedCollateral::make(DcapCollateral collateral, const Issuers& roots,
                                                  const std::vector<DcapCertificate>& more) {
  CheckedCollateral out{{}, {}, {}, roots};
  admit_all(collateral.certificates, out.issuers);
  admit_all(more, out.issuers);
  std::string why;
  std::vector<SigningKey> keys = signing_keys(collateral.certificates, out.issuers, why);
  for (auto& document : collateral.tcb_infos)
    out.tcb_infos.push_back(check_json(std::move(document), keys, why, "TCB info"));
  for (auto& document : collateral.identities)
    out.identities.push_back(check_json(std::move(document), keys, why, "enclave identity"));
  for (DcapCrl& crl : collateral.crls) out.crls.push_back(check_crl(std::move(crl), out.issuers));
  return out;
}

const Checked<SignedJson<TcbInfo>>* CheckedCollateral::tcb_info(
    TeeType tee, const std::array<std::uint8_t, 6>& fmspc) const {
  const Checked<SignedJson<TcbInfo>>* best = nullptr;
  auto rank = [&](const Checked<SignedJson<TcbInfo>>& item) {
    const TcbInfo& info = item.document.value;
    bool of_tee = info.id.empty() ? tee == TeeType::sgx : info.id == tcb_id(tee);
    return std::tuple(of_tee, info.fmspc == fmspc, static_cast<bool>(item.signature), info.issue_date);
  };
  for (const auto& item : tcb_infos)
    if (best == nullptr || rank(item) > rank(*best)) best = &item;
  return best;
}

const Checked<SignedJson<EnclaveIdentity>>* CheckedCollateral::identity(TeeType tee) const {
  const Checked<SignedJson<EnclaveIdentity>>* best = nullptr;
  auto rank = [&](const Checked<SignedJson<EnclaveIdentity>>& item) {
    const EnclaveIdentity& identity = item.document.value;
    bool of_tee = tee == TeeType::tdx ? identity.id == "TD_QE" : identity.id == "QE" || identity.id.empty();
    return std::tuple(of_tee, static_cast<bool>(item.signature), identity.issue_date);
  };
  for (const auto& item : identities)
    if (best == nullptr || rank(item) > rank(*best)) best = &item;
  return best;
}

const Checked<DcapCrl>* CheckedCollateral::crl(View issuer) const {
  const Checked<DcapCrl>* best = nullptr;
  auto rank = [](const Checked<DcapCrl>& item) {
    return std::tuple(static_cast<bool>(item.signature), item.document.this_update);
  };
  for (const auto& item : crls)
    if (equal(item.document.issuer, issuer) && (best == nullptr || rank(item) > rank(*best))) best = &item;
  return best;
}

}  // namespace attest
