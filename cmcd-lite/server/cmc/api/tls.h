// tls.h: TLSCreate, TLSSign and TLSCert.
#pragma once
#include "cmcd-lite/server/cmc/csr.h"
#include "cmcd-lite/server/cmc/api/session.h"
#include "cmcd-lite/server/cmc/api/tls_keys.h"
#include "cmcd-lite/server/engine/engine.h"

namespace attest {

// CmcTls serves the calls of TLS keys; whether a caller may make them at all was decided before, which key is decided here.
// Keys are enrolled one after the other on a thread of their own, since that takes seconds; the destructor waits for the
// one in work and must come before the TPM's thread ends.
class CmcTls {
 public:
  explicit CmcTls(Engine& engine) : engine_(engine), enrolments_(1, 16) {}
  Status open(std::filesystem::path folder) { return keys_.open(std::move(folder)); }
  void create(CmcCall call, cmc::ApiRequest request, std::shared_ptr<const State> state, CmcReply reply);
  void sign(const CmcCall& call, cmc::ApiRequest request, const State& state, const CmcReply& reply);
  // enrolments is lent: the thread on which servers that certify keys are waited for.
  WorkerPool& enrolments() { return enrolments_; }
  // renew has a key's certificate issued anew, of the same names, where TLSCreate has its keys certified. The present one stays
  // unless the new one is for this key and these names and ends later. Waits for the server: of the thread of enrolments.
  Status renew(const std::string& id, const std::shared_ptr<const State>& state);
  std::vector<FleetKeyTerm> terms() const { return keys_.terms(); }
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
  // Asking is who wants a key certified, for which names.
  struct Asking {
    uid_t source = 0;
    cmc::Encoding encoding = cmc::Encoding::json;
    const std::shared_ptr<const State>& state;
    const cmc::KeyConfig& names;
  };
  Result<std::vector<EstPart>> proof_parts(const Asking& asking, const FleetKey& key);
  Result<std::vector<Bytes>> enroll(const Asking& asking, const FleetKey& key);
  Result<std::string> create_now(const Wish& wish);

  Engine& engine_;
  FleetKeys keys_;
  WorkerPool enrolments_;
};

}  // namespace attest
