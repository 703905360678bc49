// machine_daemon.h: machines with a daemon each, in this process, and the handshake between two of them.
#pragma once
#include <thread>

#include "cmcd-lite/client/connection.h"
#include "cmcd-lite/server/daemon.h"
#include "test/support/metadata_maker.h"
#include "test/support/temp_dir.h"

namespace attest::test {

// Authority signs metadata; its certificates are valid now, by the wall clock.
class Authority {
 public:
  Authority();
  const TestCert& root() const { return root_; }
  const TestCert& signer() const { return signer_; }
  // sign makes a signed item of a manifest or image description that is valid now.
  std::string sign(Metadata metadata) const;
  // sign_text signs any payload.
  std::string sign_text(std::string_view payload) const { return test::sign_text(payload, signer_); }

 private:
  TestCert root_, signer_;
};

// leaf is a self-signed TLS certificate, valid now.
TestCert leaf(const std::string& common_name);

// MachineDaemon is a machine's state folder and its daemon. The folder may be entered by every user.
class MachineDaemon {
 public:
  explicit MachineDaemon(const Authority& authority);
  ~MachineDaemon() { stop(); }
  std::filesystem::path path(const std::string& name) const { return dir_.path() / name; }
  std::string socket() const { return path("attest.sock"); }
  // Parts of cmcd.json; start() and reload take what is set.
  std::string callers = R"({"name": "me", "uid": 0, "roles": ["server", "client"], "keys": ["any"],
                            "rights": ["attest", "judge", "sign", "raw", "control"]})";
  std::string members;  // further members, each followed by a comma
  std::string metadata_members;  // further members of "metadata"
  std::string limits = R"("limits": {"read_seconds": 2, "write_seconds": 2})";
  std::function<UnixTime()> clock;   // see Daemon::Options
  std::string write_config() const;  // the path
  void write(const std::string& name, std::string_view text) const;
  void put_metadata(const std::string& name, const std::string& item) const {
    write("metadata/" + name + ".json", item);
  }
  // put_items writes metadata/NAME0.json and so on.
  void put_items(const std::string& name, const std::vector<std::string>& items) const {
    for (std::size_t i = 0; i < items.size(); i++) put_metadata(name + std::to_string(i), items[i]);
  }
  // put_policy writes policies/NAME.json.
  void put_policy(const std::string& name, const std::string& json) const {
    write("policies/" + name + ".json", json);
  }

  // start runs the daemon on a thread of its own; false after a failed expectation. open: see
  // Daemon::Options.
  bool start(OpenDrivers open = {});
  void stop();
  Daemon& daemon() { return *daemon_; }
  // ready waits until the devices are open.
  bool ready();
  Connection connect() const;
  // connect_as connects as another user; only root can. The connection stays that user's.
  Result<Connection> connect_as(uid_t uid) const;
  // control sends one op and returns the answer, or "error: " and its text.
  std::string control(const std::string& json) const;
  std::string log() const;

 private:
  const Authority& authority_;
  TempDir dir_;
  mutable std::mutex log_mutex_;
  std::string log_;
  std::unique_ptr<Daemon> daemon_;
  std::thread thread_;
};

// member_text reads a text member of a JSON object at the top; "" if it is not there.
std::string member_text(const std::string& json, std::string_view name);
// member_raw returns a member's JSON.
std::string member_raw(const std::string& json, std::string_view name);

// shake makes the facts of a handshake in which `prover` proves itself with `leaf` to whoever sent `request`.
BinderInputs shake(Role prover, View request, View leaf_der);

}  // namespace attest::test
