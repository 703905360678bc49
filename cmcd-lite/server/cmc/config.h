// config.h: what cmcd.json says about the API of CMC's agent ("cmc").
#pragma once
#include <filesystem>
#include <optional>
#include <vector>

#include "cmcd-lite/protocol/loopback.h"
#include "cmcd-lite/server/cmc/est.h"
#include "evidence/cmc/api.h"
#include "evidence/json/config.h"

namespace attest {

struct CallerRule;

// CmcSocket is a listening Unix socket of the API. remote: who connects speaks for others (a front for gRPC or CoAP), so
// its credentials say nothing and it is served what strangers are served.
struct CmcSocket {
  std::string path;
  unsigned mode = 0600;
  std::vector<std::string> callers;  // empty: all of the configuration
  bool remote = false;
  bool operator==(const CmcSocket&) const = default;
};

struct CmcConfig {
  std::vector<CmcSocket> sockets;
  std::vector<std::string> tcp;         // "127.0.0.1:9955", "[::1]:9955"; loopback alone
  std::vector<cmc::Call> remote_calls;  // served without peer credentials beside Verify and PeerCache
  std::vector<std::filesystem::path> signer_roots, ak_roots;  // PEM
  bool one_root = false;                // both are the same authority's
  std::vector<std::filesystem::path> metadata;  // signed items of this machine: folders, or files
  std::vector<std::filesystem::path> policies;  // scripts that every peer has to pass
  bool omsp = false;
  HashAlg hash = HashAlg::sha256;       // of the report context
  std::string name;                     // of this machine in reports; empty: its host name
  EstConfig enroll;                     // where TLSCreate has its keys certified
  bool serves() const { return !sockets.empty() || !tcp.empty(); }
};

// read_cmc reads the member "cmc"; errors are recorded in the file. An absent member serves nothing.
CmcConfig read_cmc(const Object& root, const std::filesystem::path& state_dir, const std::vector<CallerRule>& callers);

}  // namespace attest
