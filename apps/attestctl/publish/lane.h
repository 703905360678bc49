// lane.h: one target of publishing with its queue: what is sent, what is tried again, what is given up.
#pragma once
#include "cmcd-lite/http/client.h"
#include "evidence/publish/config.h"
#include "evidence/publish/spool.h"

namespace attest::ctl {

// Fate is what became of one text.
enum class Fate : std::uint8_t {
  delivered,
  later,    // the target does not answer, or asks to wait: the text stays in the queue
  refused,  // the target will never take it (400, 409, 413, 422, …): the text is dropped, and counted
};
// fate_of judges an answer's status: 2xx delivered; 401, 403, 404, 407, 408, 421, 425, 429 and 5xx later, since they tell of
// the target rather than of the text; everything else refused.
Fate fate_of(int status);

// read_token reads a bearer token: one line of printable characters, at most 8 KiB. denied if others can read the file.
Result<std::string> read_token(const std::string& path);

// Lane delivers one queue in order. What was delivered is not sent again, unless this process ends within a batch: then the
// rest of that batch comes twice (servers know results by their digest).
class Lane {
 public:
  static constexpr std::chrono::seconds kFirstPause{1}, kLongestPause{300};
  static Result<Lane> make(const publish::Config& config, const publish::Target& target, const HttpClient& client);
  // drain delivers at most `most` texts that wait now; stops at the first that has to wait. The time of the next attempt
  // then lies ahead, twice as far with every failure.
  void drain(std::size_t most, std::chrono::steady_clock::time_point now);
  bool due(std::chrono::steady_clock::time_point now) const { return now >= next_; }
  // empty: nothing waits.
  bool empty() const;
  const std::string& name() const { return target_.name; }
  const std::string& problem() const { return problem_; }  // of the last failure; empty once something got through
  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t refused() const { return refused_; }

 private:
  Lane(publish::Config config, publish::Target target, const HttpClient& client, publish::Spool spool);
  Result<Fate> send(const std::string& text);
  Result<Fate> post(const std::string& text);
  Status next_batch();
  publish::Config config_;
  publish::Target target_;
  const HttpClient* client_;
  http::Url url_;
  publish::Spool spool_;
  publish::Batch batch_;
  std::size_t at_ = 0;  // in batch_
  std::chrono::steady_clock::time_point next_{};
  std::chrono::seconds pause_ = kFirstPause;
  std::string problem_;
  std::uint64_t delivered_ = 0, refused_ = 0;
};

// append_line writes a line to a file (made with mode 0600, never through a link) and syncs it.
Status append_line(const std::string& path, const std::string& text);

}  // namespace attest::ctl
