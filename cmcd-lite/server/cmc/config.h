// config.h: what cmcd.json says about the API of CMC's agent ("cmc").
#pragma once
#include <filesystem>
#include <optional>
#include <vector>

#include "cmcd-lite/protocol/loopback.h"
#include "cmcd-lite/server/cmc/est.h"
#include "drivers/table.h"
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

// CmcHandshakes is what there is to CMC reports in the TLS extension ("handshakes"): given where `give` says how, and taken
// under the policies listed, from the attestation keys listed. All are keys of daemons like this one: CMC's own agent
// would sign a handshake's nonce for any of its callers.
struct CmcHandshakes {
  struct Taken {
    std::string policy;        // by its name
    bool required = false;     // native evidence is refused then
    std::vector<Digest> keys;  // SHA-256 of the SPKI of attestation keys
  };
  std::optional<cmc::Encoding> give;  // unset: no reports are given
  std::vector<Taken> taken;
  const Taken* under(std::string_view policy) const {
    auto at = std::ranges::find(taken, policy.empty() ? "default" : policy, &Taken::policy);
    return at == taken.end() ? nullptr : &*at;
  }
};

// CmcContainers: what container runtimes measure is recorded, and vouched for by a register of the TPM or by a key in a file.
struct CmcContainers {
  bool in_tpm = false;
  ContainerLogConfig log;
  std::filesystem::path key;  // of the software's statements
  bool operator==(const CmcContainers&) const = default;
};

// CmcStaple: revocation answers about this machine's manifests are fetched from the servers that these name, and travel in its
// reports.
struct CmcStaple {
  cmc::Encoding format = cmc::Encoding::json;  // of requests and answers
  std::vector<std::filesystem::path> roots;    // of the servers' TLS certificates, PEM; empty: none is asked over TLS
  std::filesystem::path folder;                // where answers are kept
};

struct CmcConfig {
  std::vector<CmcSocket> sockets;
  std::vector<std::string> tcp;         // "127.0.0.1:9955", "[::1]:9955"; loopback alone
  std::vector<cmc::Call> remote_calls;  // served without peer credentials beside Verify and PeerCache
  std::vector<std::filesystem::path> signer_roots, ak_roots;  // PEM
  bool one_root = false;                // both are the same authority's
  std::vector<std::filesystem::path> metadata;  // signed items of this machine: folders, or files
  std::vector<std::filesystem::path> collateral;  // Intel's documents about this machine's platform: folders, or files
  std::vector<std::filesystem::path> policies;  // scripts that every peer has to pass
  bool omsp = false;
  std::optional<CmcStaple> staple;      // unset: nobody is asked
  HashAlg hash = HashAlg::sha256;       // of the report context
  std::string name;                     // of this machine in reports; empty: its host name
  EstConfig enroll;                     // where TLSCreate has its keys certified
  bool enroll_renew = true;             // and their certificates renewed: TlsRenewal
  EstConfig endorse;                    // where the attestation key is certified; that of TLSCreate unless it is named
  bool endorse_automatic = false;       // without being asked: AkRenewal, UpdateCerts
  CmcHandshakes handshakes;
  std::optional<CmcContainers> containers;  // unset: Measure is refused
  bool serves() const { return !sockets.empty() || !tcp.empty(); }
  bool used() const { return serves() || handshakes.give || !handshakes.taken.empty(); }
};

// read_cmc reads the member "cmc"; errors are recorded in the file. An absent member serves nothing. Containers that are
// measured into the TPM are told to its driver.
CmcConfig read_cmc(const Object& root, const std::filesystem::path& state_dir, const std::vector<CallerRule>& callers,
                   DriverConfig& drivers);

}  // namespace attest
