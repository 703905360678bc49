// daemon_config.h: the few facts of cmcd.json that attestctl needs, for commands that store files for the
// daemon.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "evidence/core/result.h"

namespace attest::ctl {

struct DaemonConfig {
  std::string state_dir;
  std::string metadata_folder;
  std::vector<std::string> signers;  // PEM files
  std::vector<std::string> sources;       // of metadata: file://, https://, blob://
  std::vector<std::string> source_roots;  // PEM files: of the web servers among them
  std::string image;
  std::string policies;
  std::string machine_chain;  // "" where none is configured
  std::string machine_key;
};

// read_daemon_config reads the file; paths come out absolute. The daemon itself checks every key of it.
Result<DaemonConfig> read_daemon_config(const std::string& path);

// give_to_daemon makes a file belong to the owner of the state directory, so that the daemon can read and
// replace it.
Status give_to_daemon(const DaemonConfig& config, const std::string& path);

}  // namespace attest::ctl
