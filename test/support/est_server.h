// est_server.h: an EST server as CMC's fleets have one, for tests: it certifies whatever it is shown and notes it.
#pragma once
#include <atomic>
#include <mutex>
#include <thread>

#include "evidence/core/fd.h"
#include "evidence/core/secret.h"
#include "test/support/test_ca.h"

namespace attest::test {

// encrypted_certificate is a certificate as CMS EncryptedData under AES-256-GCM, in CMC's form or in the standard's.
Bytes encrypted_certificate(View certificate, const Secret& key, bool cmc_form);

class EstServer {
 public:
  // What is wrong with the answer to an attestation key; none: nothing, the checks of CMC's server were passed.
  enum class Fault : std::uint8_t {
    none,
    other_name,     // the credential is for a key of another name
    other_secret,   // the certificate is encrypted under another secret than the credential's
    other_key,      // the certificate is for another key
    other_issuer,   // it was issued by nobody's authority
    host_name,      // it names a host
    expired,
    cut,            // the last part is missing
    too_long,       // more than a client should hold
    plain           // the certificate is not encrypted at all
  };
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
  // certify_for sets how long certificates of TLS keys last from now on, after now.
  void certify_for(UnixTime seconds) { life_ = seconds; }
  // obey_names has a wrong answer given to a TLS key whose common name begins with "refused" (no certificate), "other-key",
  // "other-names" (another host besides) or "short" (it has ended already).
  void obey_names(bool on) { obey_ = on; }
  // spoil sets what is wrong from now on; standard_cms has certificates encrypted in the standard's form.
  void spoil(Fault fault) { fault_ = fault; }
  void standard_cms(bool on) { standard_cms_ = on; }
  // replay has this text answered to attestation keys; "" ends it.
  void replay(std::string answer) {
    std::lock_guard lock(mutex_);
    replayed_ = std::move(answer);
  }

 private:
  void serve();
  void answer(int fd);
  std::string reply_to(const std::string& request);
  std::string activate(const std::vector<Bytes>& parts);
  std::string certify(X509_REQ* request, OwnedPkey key) const;
  TestCert ak_certificate(OwnedPkey key) const;
  const TestCert& ca_;
  TestCert own_;
  OwnedFd listener_;
  int port_ = 0;
  std::atomic<bool> stop_ = false, other_key_ = false, obey_ = false, standard_cms_ = false;
  std::atomic<UnixTime> life_ = 30 * kDay;
  std::atomic<Fault> fault_ = Fault::none;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::string replayed_;
  std::thread thread_;
};

}  // namespace attest::test
