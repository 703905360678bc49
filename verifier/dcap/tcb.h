// tcb.h: what TCB info and identities say about a platform: Intel's algorithm, level by level in the order
// served.
#pragma once
#include "evidence/dcap/pck_extension.h"
#include "evidence/dcap/quote.h"
#include "evidence/dcap/tcb.h"

namespace attest {

// QeMatch is the comparison of a quoting enclave with its identity; level is null if none of its levels is
// reached.
struct QeMatch {
  bool mr_signer = false, isv_prod_id = false, misc_select = false, attributes = false;
  const IsvLevel* level = nullptr;
  bool identity() const { return mr_signer && isv_prod_id && misc_select && attributes; }
};
QeMatch match_qe(const EnclaveIdentity& identity, const EnclaveReport& qe);

// TdxModuleMatch: which module identity counts (null: the TCB info's own "tdxModule"), and whether the report
// fits.
struct TdxModuleMatch {
  std::string id;  // "TDX_01"; empty for the module of version 0
  const TdxModuleIdentity* identity = nullptr;
  const IsvLevel* level = nullptr;
  bool missing = false;  // the TCB info has no identity of this version
  bool mr_signer = false, attributes = false;
};
TdxModuleMatch match_tdx_module(const TcbInfo& info, const TdReport& report);

// TcbConclusion is the outcome. levels are null where none is reached.
struct TcbConclusion {
  const TcbLevel* sgx_level = nullptr;                // first that the SGX components and the PCE reach
  const TcbLevel* level = nullptr;                    // first that TDX reaches too; for SGX the same
  TcbStatus platform = TcbStatus::no_matching_level;  // of that level alone
  TcbStatus status = TcbStatus::no_matching_level;    // with TDX module and quoting enclave
  TcbStatus advised =
      TcbStatus::no_matching_level;     // with the advice to relaunch a TD (TD report 1.5): this one counts
  std::vector<std::string> advisories;  // of everything that took part, each once
};
// conclude evaluates the TCB. qe is null where no identity was given; module is null for SGX.
TcbConclusion conclude(const TcbInfo& info, const PckExtension& pck, const TdReport* td,
                       const TdxModuleMatch* module, const QeMatch* qe);

}  // namespace attest
