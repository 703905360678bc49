#include "cmcd-lite/server/cmc/api.h"

namespace attest {

void serve_measure(Engine&, const CmcCall&, cmc::ApiRequest, const CmcReply& reply) {
  reply.fail({Errc::unsupported, "Measure: this agent records no containers"});
}

}  // namespace attest
