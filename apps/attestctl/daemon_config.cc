#include "apps/attestctl/daemon_config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "evidence/json/config.h"

namespace attest::ctl {
namespace {

std::string resolved(const std::string& base, const std::string& text) {
  return text.empty() ? text : (std::filesystem::path(base) / text).lexically_normal().string();
}

}  // namespace

Result<DaemonConfig> read_daemon_config(const std::string& path) {
  TRY(ConfigFile file, read_config(path));
  Object root = file.root();
  DaemonConfig config;
  config.state_dir = root.string("state_dir", "/var/lib/attest");
  config.policies = resolved(config.state_dir, root.string("policies", "/etc/attest/policies"));
  if (auto metadata = root.object("metadata")) {
    config.metadata_folder = resolved(config.state_dir, metadata->string("folder", "metadata"));
    config.image = metadata->string("image", "");
    for (const std::string& signer : metadata->strings("signers"))
      config.signers.push_back(resolved(config.state_dir, signer));
    config.sources = metadata->strings("sources");
    for (const std::string& root_file : metadata->strings("source_roots"))
      config.source_roots.push_back(resolved(config.state_dir, root_file));
  }
  if (auto cert = root.object("machine_cert")) {
    config.machine_chain = resolved(config.state_dir, cert->string("chain"));
    config.machine_key = cert->string("key");
  }
  return config;
}

Status give_to_daemon(const DaemonConfig& config, const std::string& path) {
  struct stat folder {};
  if (geteuid() != 0) return ok();
  if (stat(config.state_dir.c_str(), &folder) != 0 || chown(path.c_str(), folder.st_uid, folder.st_gid) != 0)
    return Error{Errc::io, path + ": cannot be given to the daemon: " + std::strerror(errno)};
  return ok();
}

}  // namespace attest::ctl
