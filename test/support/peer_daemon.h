// peer_daemon.h: stands for cmcd-lite in tests of the module: real frames, and evidence that is a hash of the
// binder.
#pragma once
#include <memory>

#include "cmcd-lite/protocol/messages.h"
#include "test/support/forked.h"

namespace attest::test {

// PeerScript says how the fake daemon behaves.
struct PeerScript {
  enum class Verdict { honest, refuse, observe };
  Verdict verdict = Verdict::honest;
  unsigned wrong_from = 0;          // not 0: from this attest call on, evidence is over another handshake
  std::size_t evidence_size = 100;  // bytes of every evidence message
  enum class Trouble { none, stall, close, cut };
  Trouble trouble = Trouble::none;  // what happens to calls of type trouble_at
  FrameType trouble_at = FrameType::begin;
  std::uint8_t request_flags = 0xff;  // 0xff: what the caller's mode asks for
  std::string machine_cert;           // PEM files of the machine's certificate and its key "machine"
  std::string machine_key;
  unsigned run_as_uid = 0;  // not 0: the process gives up root first
};

// PeerDaemon is a process of its own, listening before the constructor returns.
class PeerDaemon {
 public:
  PeerDaemon(const std::string& socket, PeerScript script);
  pid_t pid() const { return process_->pid(); }
  // calls lists what was asked so far, a line a call: "begin client require peer=NAME", "attest server room=65531 peer=NAME",
  // "judge server accepted peer=NAME x509=1".
  std::string calls() const;

 private:
  std::string log_;
  std::unique_ptr<Forked> process_;
};

}  // namespace attest::test
