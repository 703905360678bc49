// commands.h: what attest-epochd does; main.cc only reads the arguments.
#pragma once
#include <chrono>
#include <functional>

#include "apps/attest-epochd/distributor.h"
#include "apps/attest-epochd/https.h"

namespace attest::epochd {

struct ServeOptions {
  std::string state = "/var/lib/attest-epochd";
  std::string file;     // where the newest Epoch ID is dropped; empty: nowhere
  ServerOptions https;  // served if there is a certificate
  std::chrono::seconds interval{5};
};

struct FetchOptions {
  std::string url;  // https://…, or the path of a file that somebody else fills
  std::string ca;   // PEM roots for HTTPS; empty: the system's
  std::string key;  // public key of the distributor, PEM
  std::string out;
  std::chrono::seconds interval{0};  // 0: once
};

using Log = std::function<void(const std::string&)>;
using Stopped = std::function<bool(std::chrono::seconds wait)>;  // waits; true when the program shall end

// serve signs an Epoch ID every interval until stopped. An Epoch ID that cannot be made is told and tried again.
Status serve(const ServeOptions& options, const Log& log, const Stopped& stopped);

// fetch_once brings the newest Epoch ID into a file, if it is signed by the key and newer than what is there. The file is
// world readable: an Epoch ID is no secret.
Status fetch_once(const FetchOptions& options);
Status fetch(const FetchOptions& options, const Log& log, const Stopped& stopped);

// describe_file says what a file holds, for people.
Result<std::string> describe_file(const std::string& path, const std::string& key);

}  // namespace attest::epochd
