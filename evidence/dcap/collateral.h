// collateral.h: what Intel publishes about a platform, gathered from files; parsed, nothing of it verified.
#pragma once
#include "evidence/dcap/certificate.h"
#include "evidence/dcap/tcb.h"

namespace attest {

inline constexpr std::size_t kMaxCollateralItems = 64;  // of each kind
inline constexpr std::size_t kMaxCollateralBytes = 8 << 20;

// DcapCollateral may hold documents of several platforms and TEEs: who judges picks those that fit.
struct DcapCollateral {
  std::vector<SignedJson<TcbInfo>> tcb_infos;
  std::vector<SignedJson<EnclaveIdentity>> identities;
  std::vector<DcapCrl> crls;
  std::vector<DcapCertificate> certificates;  // issuer chains, in any order

  bool empty() const {
    return tcb_infos.empty() && identities.empty() && crls.empty() && certificates.empty();
  }
};

// add_collateral tells by content what a file is and adds it: responses of the provisioning service (TCB
// info, enclave identity), CRLs and certificates in DER, PEM or hex, a JSON bundle of all of them ("tcb_info"
// and "tcb_info_signature", "qe_identity", "pck_crl", ... as texts). What is there already is not added
// again. unsupported for a file that is none of these; malformed for one of these that is broken.
Status add_collateral(View file, DcapCollateral& out);

}  // namespace attest
