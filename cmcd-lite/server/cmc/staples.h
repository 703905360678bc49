// staples.h: revocation answers about this machine's manifests, fetched from the servers they name and carried by its reports
// (CMC's OMSP).
#pragma once
#include <chrono>
#include <map>
#include <mutex>

#include "cmcd-lite/server/cmc/config.h"
#include "evidence/cmc/metadata.h"
#include "evidence/core/time.h"
#include "evidence/x509/chain.h"

namespace attest {

// SignedItem is one item of this machine's metadata.
struct SignedItem {
  std::string digest;  // lower-case hex, by the configured hash
  Bytes bytes;
};

// StapleQuestion is what one server is asked: about the manifests that name it.
struct StapleQuestion {
  std::string server;                            // URL, as the manifests have it
  std::map<std::string, std::string> manifests;  // their names, by digest (lower-case hex)
};
// encode_question is the body of the request: {arVersion, requests}, the digests in ascending order.
Bytes encode_question(const StapleQuestion& question, cmc::Encoding encoding);

// Staple is one server's answer, whose signatures were good.
struct Staple {
  SignedItem item;
  UnixTime produced = 0;
  UnixTime good_before = 0;              // the signers' chains are
  UnixTime renewal = 0;                  // when another answer is due
  std::optional<UnixTime> until;         // the first nextUpdate about our manifests
  std::vector<std::string> missing;      // names of manifests it says nothing of
  std::vector<std::string> concerns;     // what it says beside "good": manifest "app" is revoked
};

// judge_staple reads an answer: signed by the roots, payload in the serialisation of the signature, an OMSP Response of the server
// asked. untrusted for a signature or chain that is not good; stale if it was produced more than a minute after now; mismatch for
// another server's; malformed otherwise.
Result<Staple> judge_staple(View answer, const StapleQuestion& question, const TrustStore& signers, HashAlg hash, UnixTime now);

// fetch_staple posts the question and returns the answer as it came, at most 1 MiB, within `patience`. denied for another status
// than 200 (no redirection is followed) and for a server that must not be asked: plain http to another machine, https without
// roots; errors of HttpClient as they are. Texts begin with "revocation server ".
Result<Bytes> fetch_staple(const StapleQuestion& question, const CmcStaple& config, std::chrono::milliseconds patience);

// Staples holds the newest answer of each server, in memory and below the state folder, so that a restart without a network has
// it again. An answer that says of a manifest that it was revoked, is outdated or unknown is held and carried like any other, and
// so is one whose nextUpdate has passed: a verifier that asks for answers refuses without one too, one that does not asks nothing
// of it. Not carried are those over which every verifier would refuse the whole report: signed by a chain that has ended, or
// produced after now. Where the former answer and the new one are good alike, the former is carried until the new one is a minute
// old, for the sake of verifiers whose clocks are behind. Thread safe.
class Staples {
 public:
  static constexpr std::size_t kMaxServers = 16;
  // load looks which servers the manifests among items name; only manifests count that signers of these roots signed. Answers of
  // these servers about all of their manifests are taken out of items: of those and the one that was kept the newest counts. What cannot be used is a warning.
  static std::shared_ptr<Staples> load(const CmcConfig& config, TrustStore signers, std::vector<SignedItem>& items, UnixTime now,
                                       std::vector<std::string>& warnings);
  const CmcStaple& config() const { return config_; }
  const std::vector<StapleQuestion>& questions() const { return questions_; }
  // take judges an answer and keeps it, to be carried as settle decides: errors of judge_staple; mismatch if it leaves a manifest out;
  // stale if it is older than the one held. io if it could not be written down; it is held all the same.
  Status take(View answer, const StapleQuestion& question, UnixTime now);
  // newest is the newest answer of a server; nullptr if there is none.
  std::shared_ptr<const Staple> newest(const std::string& server) const;
  // settle decides what is carried from `now` on; items is what was decided last.
  void settle(UnixTime now);
  std::shared_ptr<const std::vector<SignedItem>> items() const;

 private:
  Staples(const CmcConfig& config, TrustStore signers) : config_(*config.staple), hash_(config.hash), signers_(std::move(signers)) {}
  void ask_about(const SignedItem& item, const cmc::Metadata& manifest, bool trusted, std::vector<std::string>& warnings);
  void read_kept(const StapleQuestion& question, UnixTime now, std::vector<std::string>& warnings);
  Status hold(const std::string& server, Staple fresh);
  std::filesystem::path file_of(const std::string& server) const;
  const CmcStaple config_;
  const HashAlg hash_;
  const TrustStore signers_;
  std::vector<StapleQuestion> questions_;  // not changed after load
  mutable std::mutex mutex_;
  // Of each server one, or two while the newer one waits.
  std::map<std::string, std::vector<std::shared_ptr<const Staple>>> held_;
  std::shared_ptr<const std::vector<SignedItem>> carried_ = std::make_shared<std::vector<SignedItem>>();
};

}  // namespace attest
