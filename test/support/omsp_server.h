// omsp_server.h: a server of revocation answers as CMC's fleets have one, for tests.
#pragma once
#include <atomic>

#include "evidence/cmc/metadata.h"
#include "test/support/web_server.h"

namespace attest::test {

// omsp_answer is an answer that says the same of every digest, from a minute before it was made to a week after.
cmc::Metadata omsp_answer(const std::string& server, const std::vector<std::string>& digests, UnixTime produced,
                          const std::string& status = "good");
// sign_metadata signs a payload in this serialisation; the chain brings the root along, as CMC's do.
Bytes sign_metadata(const cmc::Metadata& metadata, cmc::Encoding encoding, const TestCert& signer, const TestCert& root);

// OmspServer answers about every manifest it is asked about, in the serialisation of the request.
class OmspServer {
 public:
  // What is wrong with an answer.
  enum class Fault : std::uint8_t {
    none,
    other_root,    // somebody else's signature
    other_server,  // it is the answer of another server
    left_out,      // it says nothing of the manifests asked about
    too_long,
    to_come,       // it was produced in two hours
    older,         // it was produced two hours ago
    moved,         // a redirection
    other_type,    // a manifest
    other_form,    // CBOR under JSON's signature
    no_answer,     // status 500
    bent,          // one byte of the signature
    hanging        // three seconds of silence, then nothing
  };
  // The signer's certificate and, with tls, the server's for 127.0.0.1 are below `root`.
  OmspServer(const TestCert& root, const TestCert& signer, bool tls);
  std::string url() const { return web_->url("/omsp"); }
  std::vector<std::string> requests() const { return web_->requests(); }
  void spoil(Fault fault) { fault_ = fault; }
  // say sets what is said of every manifest; ahead, how far the server's clock is.
  void say(const std::string& status) {
    std::lock_guard lock(mutex_);
    status_ = status;
  }
  void ahead(UnixTime seconds) { ahead_ = seconds; }

 private:
  std::string reply_to(const std::string& request);
  cmc::Metadata answer_to(const std::string& body, Fault fault) const;
  const TestCert &root_, &signer_;
  const TestCert other_root_, other_signer_;
  TestCert own_;
  std::atomic<Fault> fault_ = Fault::none;
  std::atomic<UnixTime> ahead_ = 0;
  mutable std::mutex mutex_;
  std::string status_ = "good";
  std::unique_ptr<WebServer> web_;  // last: it answers by the others
};

}  // namespace attest::test
