// cmc_connection.h: calls of CMC's agent API over its socket, to cmcd-lite or to CMC's own agent.
#pragma once
#include <chrono>

#include "evidence/cmc/api.h"

namespace attest {

// CmcClientOptions: address is "unix://PATH", "tcp://HOST:PORT", a path, or HOST:PORT ([V6]:PORT).
struct CmcClientOptions {
  std::string address = "/run/attest/cmc.sock";
  cmc::Encoding encoding = cmc::Encoding::cbor;  // of the call, its answer and the report inside
  std::chrono::milliseconds timeout{10000};      // of the whole call; TLSCreate can take many seconds
  std::size_t max_answer = 96U << 20;            // bytes
};

// cmc_call makes one call on a connection of its own and waits for the answer. io: the agent does not answer, with the
// address in the text; denied: the agent refused, with its text; malformed: the answer is none. Thread safe.
Result<cmc::ApiResponse> cmc_call(const CmcClientOptions& options, const cmc::ApiRequest& request);

// CmcAnswer is an answer as it came.
struct CmcAnswer {
  std::uint32_t type = 0;
  Bytes payload;
};
// cmc_exchange hands a payload on as it is, for fronts that only carry calls.
Result<CmcAnswer> cmc_exchange(const CmcClientOptions& options, cmc::Call call, View payload);

}  // namespace attest
