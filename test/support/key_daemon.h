// key_daemon.h: a server of real frames with the answers of a test, and a daemon that holds keys.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cmcd-lite/protocol/messages.h"
#include "evidence/core/owned.h"
#include "test/support/temp_dir.h"

namespace attest::test {

// FrameServer answers each frame with what the handler says; an Error "name: text" becomes an error frame.
// One thread a connection. stop() closes everything, as a daemon that died would; start() listens again at
// the same place.
class FrameServer {
 public:
  using Handler = std::function<Result<Bytes>(FrameType type, View payload)>;
  explicit FrameServer(Handler handler);
  ~FrameServer();
  FrameServer(const FrameServer&) = delete;
  FrameServer& operator=(const FrameServer&) = delete;
  void start();
  void stop();
  std::string socket() const { return folder_.file("sock"); }
  int accepted() const { return accepted_; }  // connections so far

 private:
  void listen_loop();
  void serve(int fd);
  TempDir folder_;
  Handler handler_;
  std::atomic<int> accepted_{0};
  int listener_ = -1;
  std::mutex mutex_;  // guards open_ and servers_
  std::vector<int> open_;
  std::vector<std::thread> servers_;
  std::thread listen_thread_;
};

// KeyDaemon is a FrameServer that holds real keys and signs as cmcd-lite would: the whole content of a
// CertificateVerify, under the scheme asked for, or not at all.
class KeyDaemon {
 public:
  KeyDaemon() : daemon_([this](FrameType type, View payload) { return answer(type, payload); }) {}
  // generate makes the key `name`: "P-256", "P-384", "RSA-2048" or "RSA-3072", replacing one of that name.
  // Keys are made once a process: the nth key of an algorithm is the same in every KeyDaemon.
  EVP_PKEY* generate(const std::string& name, const std::string& algorithm);
  Bytes spki_der(const std::string& name);
  FrameServer& daemon() { return daemon_; }
  std::vector<SignCall> signed_calls();  // what was signed so far
  int key_calls() const { return key_calls_; }

 private:
  Result<Bytes> answer(FrameType type, View payload);
  Result<Bytes> sign(View payload);
  std::mutex mutex_;
  std::map<std::string, OwnedPkey> keys_;
  std::map<std::string, int> made_;  // keys given out, by algorithm
  std::vector<SignCall> calls_;
  std::atomic<int> key_calls_{0};
  FrameServer daemon_;
};

// spki_of is the DER SubjectPublicKeyInfo of a key.
Bytes spki_of(EVP_PKEY* key);

}  // namespace attest::test
