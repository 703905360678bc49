// est_server.h: an EST server as CMC's fleets have one, for tests: it certifies whatever it is shown and notes it.
#pragma once
#include <atomic>
#include <mutex>
#include <thread>

#include "evidence/core/fd.h"
#include "test/support/test_ca.h"

namespace attest::test {

class EstServer {
 public:
  // The server's own certificate is for 127.0.0.1 and below `ca`, which it certifies keys with.
  explicit EstServer(const TestCert& ca);
  ~EstServer();
  EstServer(const EstServer&) = delete;
  EstServer& operator=(const EstServer&) = delete;
  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  // requests: what came so far, head and body.
  std::vector<std::string> requests() const;
  // parts of the last enrolment, decoded.
  std::vector<Bytes> last_parts() const;
  void certify_another_key(bool on) { other_key_ = on; }

 private:
  void serve();
  void answer(int fd);
  std::string reply_to(const std::string& request);
  const TestCert& ca_;
  TestCert own_;
  OwnedFd listener_;
  int port_ = 0;
  std::atomic<bool> stop_ = false, other_key_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace attest::test
