// config.h: the configuration of an OCI container (config.json of the runtime specification) in the form that is measured.
#pragma once
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "evidence/core/hash.h"

namespace attest::container {

using Json = nlohmann::json;

// Environment says how values of environment variables enter the measured form.
enum class Environment : std::uint8_t {
  clear,    // as they are, as CMC measures them; the form must then never leave the machine (redact_environment)
  digests,  // "NAME=sha256:HEX": the form may travel, and rules on variables can be judged
};

struct Naming {
  std::string id;             // of the container; empty: there is none in the configuration
  std::function<std::string(const std::string&)> resolve;  // where the path of a prestart hook leads (docker's is /proc/PID/exe); none: it stays
  Environment environment = Environment::clear;
};

inline constexpr std::string_view kRedacted = "<redacted>";

// normalise_config takes out what differs from one start of the same container to the next:
//   cleared   hostname, annotations (but io.katacontainers.*, which configure a guest), process.terminal,
//             process.consoleSize, root
//   replaced  the id by <container-id>, in mounts' sources, linux.cgroupsPath, namespaces' paths, hooks, and in HOSTNAME:
//             an id of 64 hexadecimal digits wherever it stands in them, its first 12 too, any other id only where it is
//             a whole part between '/' or ':'; nothing is searched for elsewhere, so that no choice of id makes other
//             parts of two configurations alike. Docker's volumes by <docker-volume>, kata's digests by <kata-mount-hash>, the path of
//             a prestart hook by where it leads, and in docker's the id of its network controller
//   sorted    sort_config
// malformed if the configuration is no object, has no process or fails check_environment, or the id is shorter than 1 or longer than 256 bytes.
Result<Json> normalise_config(Json config, const Naming& naming);

// sort_config puts lists whose order means nothing into CMC's: environment, capabilities, mounts (by source, then
// destination), masked and read-only paths, namespaces (by type), rules for devices (by type, major and minor number), and
// the lists of seccomp, its system calls by their names, then their action.
void sort_config(Json& config);

// config_digest is SHA-256 over the canonical form (RFC 8785).
Result<Digest> config_digest(const Json& config);
// digests_of are the digests of a configuration as it came and in the order of sort_config, as far as it has any; has_digest:
// one of them is this.
std::vector<Digest> digests_of(const Json& config);
bool has_digest(const Json& config, View sha256);

// check_environment: every list of variables stands where redact_environment finds it, as a list of texts; malformed otherwise, since
// values could leave the machine then.
Status check_environment(const Json& config);

// redact_environment replaces the values of all environment variables, those of hooks too: "NAME=<redacted>". A
// configuration whose values are digests throughout stays as it is.
void redact_environment(Json& config);
// Variables are the values that a configuration says of its variables, by name; redacted ones are not among them.
using Variables = std::map<std::string, std::string>;
Variables variables_of(Json config);
// restore_environment fills redacted values in; what is not there stays redacted, which `redacted` tells.
void restore_environment(Json& config, const Variables& known);
bool redacted(const Json& config);

// template_digest is what a container is measured as: SHA-256 over both digests.
Digest template_digest(View config_sha256, View rootfs_sha256);

}  // namespace attest::container
