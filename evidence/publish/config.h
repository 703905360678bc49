// config.h: where verdicts are published: the object "publish" of cmcd.json, read by the daemon, which queues, and by
// `attestctl publish`, which sends.
#pragma once
#include <filesystem>

#include "evidence/json/config.h"

namespace attest::publish {

struct Target {
  std::string name;  // "results", "ocsf", "network" or "file"
  std::string where;  // URL, or a path for "file"
  bool operator==(const Target&) const = default;
};

struct Config {
  std::filesystem::path queue;           // folder; below it one for each target
  std::vector<Target> targets;           // empty: nothing is published
  std::size_t items = 10000;             // a queue holds, each target for itself
  std::size_t mib = 64;                  // and bytes
  std::int64_t seconds = 10;             // for one delivery, from name look-up to answer
  std::filesystem::path token;           // file with a bearer token; empty: none
  std::filesystem::path cert, key;       // client certificate, PEM
  std::vector<std::filesystem::path> roots;  // PEM, of the servers; empty: those of the system
  bool operator==(const Config&) const = default;
};

// read_publish reads "publish"; mistakes are recorded in the file. Paths start at state_dir. A token is never sent over http
// except to this machine.
Config read_publish(const Object& root, const std::filesystem::path& state_dir);

}  // namespace attest::publish
