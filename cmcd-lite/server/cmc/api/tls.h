// tls.h: TLSCreate, TLSSign and TLSCert.
#pragma once
#include "cmcd-lite/server/cmc/csr.h"
#include "cmcd-lite/server/cmc/api/session.h"
#include "cmcd-lite/server/cmc/api/tls_keys.h"
#include "cmcd-lite/server/cmc/report_maker.h"
#include "cmcd-lite/server/engine/engine.h"

namespace attest {

// CmcTls serves the calls of TLS keys; whether a caller may make them at all was decided before, which key is decided here.
// Keys are enrolled one after the other on a thread of their own, since that takes seconds; the destructor waits for the
// one in work and must come before the TPM's thread ends.
class CmcTls {
 public:
  CmcTls(Engine& engine, ReportMaker& reports) : engine_(engine), reports_(reports), enrolments_(1, 16) {}
  Status open(std::filesystem::path folder) { return keys_.open(std::move(folder)); }
  void create(CmcCall call, cmc::ApiRequest request, std::shared_ptr<const State> state, CmcReply reply);
  void sign(const CmcCall& call, cmc::ApiRequest request, const State& state, const CmcReply& reply);
  // enrolments is lent: the thread on which servers that certify keys are waited for.
  WorkerPool& enrolments() { return enrolments_; }
  Result<cmc::ApiResponse> certificate(const CmcCall& call, const cmc::ApiRequest& request, const State& state);

 private:
  struct Wish {
    CmcCall call;
    cmc::ApiRequest request;
    std::shared_ptr<const State> state;
  };
  Result<FleetKey> make_key(const Wish& wish);
  Result<FleetKey> find_permitted(const CmcCall& call, const std::string& id, const State& state);
  Result<Bytes> sign_now(const FleetKey& key, uid_t source, const DigestScheme& scheme, View digest);
  Result<std::vector<Bytes>> enroll(const Wish& wish, const FleetKey& key);
  Result<std::string> create_now(const Wish& wish);

  Engine& engine_;
  ReportMaker& reports_;  // of the TPM's thread alone
  FleetKeys keys_;
  WorkerPool enrolments_;
};

}  // namespace attest
