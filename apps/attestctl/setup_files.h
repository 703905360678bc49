// setup_files.h: the files that attestctl setup writes, as texts.
#pragma once
#include <optional>

#include "evidence/core/bytes.h"

namespace attest::ctl {

// Service is one entry of "callers" for a service user: label and user name.
struct Service {
  std::string label;
  std::string user;
};

// SetupPlan is what setup found out or was told. Empty texts keep the template's default.
struct SetupPlan {
  std::string etc = "/etc/attest";
  std::string state = "/var/lib/attest";
  std::string socket = "/run/attest/attest.sock";
  std::string tcti = "device:/dev/tpmrm0";
  std::string ak_handle = "0x81010100";
  std::string ak_algorithm = "ec-p256";
  std::string event_log = "/sys/kernel/security/tpm0/binary_bios_measurements";
  std::string ima_list = "/sys/kernel/security/ima/binary_runtime_measurements";  // "" where there is no IMA
  std::string ima_entries = "accepted";    // who learns which unlisted files ran here: "accepted" peers or "anyone"
  std::string image = "web-server";
  std::vector<std::string> peer_images;    // images peers may be; empty: the machine's own
  std::string module;                      // path for openssl.cnf; "" where OpenSSL finds it
  std::string server_demands = "require";  // what we, as server, demand of clients
  std::string client_demands = "require";
  bool allow_raw = false;  // root may have any nonce attested (attestctl generate)
  std::optional<std::uint32_t> daemon_uid;
  std::vector<Service> services;
};

struct PlannedFile {
  std::string path;
  std::string text;
  unsigned mode = 0644;
};

// plan_files fills the templates; metadata_root and ak_root are the PEM texts of the two roots.
Result<std::vector<PlannedFile>> plan_files(const SetupPlan& plan, const std::string& metadata_root,
                                            const std::string& ak_root);

}  // namespace attest::ctl
