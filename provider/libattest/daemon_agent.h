// daemon_agent.h: reports made and judged by the agent on this machine, cmcd-lite or CMC's own, through its API.
#pragma once
#include <optional>

#include "cmcd-lite/client/cmc_connection.h"
#include "provider/libattest/agent.h"

namespace attest::atls {

class DaemonAgent final : public Agent {
 public:
  // policies: JavaScript that may refuse what the daemon would accept; nullopt asks for none.
  explicit DaemonAgent(CmcClientOptions options, std::optional<Bytes> policies = std::nullopt);
  Result<std::vector<std::string>> peer_cache(const std::string& peer_id) override;
  Result<Bytes> attest(View nonce, const std::vector<std::string>& cached) override;
  Result<Judgement> verify(View report, View nonce, const PeerName& peer) override;

 private:
  CmcClientOptions options_;
  std::optional<Bytes> policies_;
};

// read_judgement takes the status out of an attestation result in JSON; malformed if it has none. Every status but
// success and warn is a refusal.
Result<Judgement> read_judgement(Bytes result);

}  // namespace attest::atls
