// api.h: what the daemon does for a call of CMC's agent API.
#pragma once
#include "cmcd-lite/server/cmc/api/ak_renewal.h"
#include "cmcd-lite/server/cmc/api/peer_cache.h"
#include "cmcd-lite/server/cmc/api/session.h"
#include "cmcd-lite/server/cmc/api/staple_renewal.h"
#include "cmcd-lite/server/cmc/api/tls.h"
#include "cmcd-lite/server/cmc/api/tls_renewal.h"
#include "cmcd-lite/server/cmc/report_maker.h"
#include "cmcd-lite/server/engine/engine.h"

namespace attest {

// may_call decides over a call before it is looked into. With peer credentials an entry of "callers" has to give the
// right: raw for Attest, judge for Verify and PeerCache, sign for TLSSign and TLSCert, control for the others. Without
// them Verify and PeerCache are served, and what the configuration's "remote_calls" names.
Status may_call(const State& state, const CmcCall& call);

// CmcApi serves calls. serve is of the loop's thread and does not block; work goes to the TPM's thread and the judges,
// which have ended before this is destroyed; stop comes before that and waits for the enrolment in work.
class CmcApi {
 public:
  explicit CmcApi(Engine& engine) : engine_(engine), renewal_(engine), tls_renewal_(engine), staple_renewal_(engine), tls_(std::make_unique<CmcTls>(engine)) {}
  // open reads the TLS keys (cmc-keys in the state folder) and what software vouches for.
  Status open(const Config& config);
  void stop() { tls_.reset(); }
  // reports is lent; of the TPM's thread alone.
  ReportMaker* reports() { return &reports_; }
  // enrolments is lent until stop.
  WorkerPool* enrolments() { return &tls_->enrolments(); }
  void serve(CmcCall call, CmcReply reply);
  // poll is called every second or so, of the loop's thread.
  void poll() {
    renewal_.poll();
    tls_renewal_.poll(*tls_);
    staple_renewal_.poll();
  }

 private:
  using StatePtr = std::shared_ptr<const State>;
  struct Asked {
    CmcCall call;
    cmc::ApiRequest request;
    StatePtr state;
    CmcReply reply;
  };
  void attest(Asked asked);
  void verify(Asked asked);
  void peer_cache(const Asked& asked);
  void update(const Asked& asked);
  void enroll_and_read(const Asked& asked);
  void read_again(cmc::Call call, const CmcReply& reply);
  void measure(Asked asked);
  Engine& engine_;
  std::unique_ptr<SwContainers> containers_;  // null: the TPM vouches for containers, or nobody
  ReportMaker reports_;  // of the TPM's thread alone
  PeerCache peers_;
  AkRenewal renewal_;
  TlsRenewal tls_renewal_;
  StapleRenewal staple_renewal_;
  std::unique_ptr<CmcTls> tls_;
};

// judge_report judges one report for Verify, with the daemon's policies and then the request's, which can only refuse,
// and keeps what the peer's next report need not carry. On a judge's thread; the result is encoded as the call was.
Result<Bytes> judge_report(const cmc::ApiRequest& request, const CmcCall& call, const Fleet& fleet, PeerCache& peers,
                           Verdicts& verdicts, UnixTime now);

}  // namespace attest
