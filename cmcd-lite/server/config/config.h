// config.h: the daemon's configuration file, as it stands (docs: cmcd-lite(8)).
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "cmcd-lite/server/access/rights.h"
#include "cmcd-lite/server/cmc/config.h"
#include "drivers/table.h"
#include "evidence/publish/config.h"

namespace attest {

// SocketConfig is one listening socket. Where callers are named, nobody else is served on it.
struct SocketConfig {
  std::string path;
  unsigned mode = 0666;
  std::vector<std::string> callers;
  bool operator==(const SocketConfig&) const = default;
};

struct MetadataConfig {
  std::filesystem::path folder;                // empty: no metadata
  std::vector<std::filesystem::path> signers;  // PEM root certificates
  std::vector<std::filesystem::path> crls;     // of the signers; once there is one, every signer must be covered
  std::string set_list;                        // name of the list that says what is current; "": the newest versions are
  std::string image;                           // image description of this machine; "": the only one there is
};

struct MachineCertConfig {
  std::filesystem::path chain;  // PEM, leaf first; empty: none
  std::string key;              // key name
};

// EpochConfig is one distributor of Epoch IDs: the file it fills, and its public key (PEM).
struct EpochConfig {
  std::filesystem::path file;
  std::filesystem::path key;
};

struct Limits {
  std::size_t connections = 4096;
  std::size_t connections_per_uid = 2048;
  std::size_t payload_mib = 64;  // memory for calls that are being received, all connections together
  std::size_t queue = 4096;      // calls that wait for the TPM, and as many that wait for the judges
  std::size_t batch = 4096;      // handshakes a quote may cover
  std::size_t nonces = 1024;     // pending handshakes of one connection
  std::int64_t nonce_seconds = 30;
  std::size_t judge_threads = 2;
  std::int64_t read_seconds = 5;   // from the first byte of a call to its last
  std::int64_t write_seconds = 5;  // until an answer is taken
  std::int64_t idle_seconds = 600;
  std::int64_t key_seconds = 300;  // life of a short-lived key
  std::size_t verdicts = 1000;     // kept for attestctl explain
};

// ImaEntries says who learns which files ran here beyond the signed references.
enum class ImaEntries : std::uint8_t {
  accepted,  // peers whose evidence this daemon accepted first; all others get digests
  anyone,
};

struct Config {
  std::string path;
  std::filesystem::path state_dir = "/var/lib/attest";
  std::vector<SocketConfig> sockets;
  std::vector<CallerRule> callers;
  DriverConfig drivers;
  MetadataConfig metadata;
  // set_memory: which set lists were followed.
  std::filesystem::path set_memory() const { return state_dir / "set-lists"; }
  std::filesystem::path policies = "/etc/attest/policies";
  MachineCertConfig machine_cert;
  std::vector<EpochConfig> epochs;  // at most two
  std::filesystem::path audit_log;  // empty: none
  ImaEntries ima_entries = ImaEntries::accepted;
  bool observe = false;
  publish::Config publish;
  Limits limits;
  CmcConfig cmc;
};

// load_config reads the file; every unknown key and every bad value is malformed with "file:line: …".
// Certificates and folders it names are not opened here.
Result<Config> load_config(const std::string& path);

}  // namespace attest
