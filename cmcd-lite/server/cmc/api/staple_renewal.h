// staple_renewal.h: revocation answers about this machine's manifests, fetched before reports need them.
#pragma once
#include <atomic>
#include <chrono>
#include <map>

#include "cmcd-lite/server/engine/engine.h"

namespace attest {

// StapleRenewal asks the servers that manifests name for revocation answers where "staple" says so: each when the daemon starts
// and after a reload, and again when its answer is 48 h old or past the middle between thisUpdate and nextUpdate; every hour while
// answers are due as they come, or say anything but "good". One server at a time; what failed is tried again, at first after
// seconds, for each server on its own. What came of it stands on the engine's fleet board.
class StapleRenewal {
 public:
  explicit StapleRenewal(Engine& engine) : engine_(engine) {}
  // poll is called every second or so and does not block; of the loop's thread. The work goes to the engine's thread of
  // enrolments, which has to end before this does.
  void poll();

 private:
  using Clock = std::chrono::steady_clock;
  struct Plan {
    bool asked = false;  // since the metadata was read
    Clock::time_point next{};
    std::chrono::seconds pause{0};
    std::string problem;
    std::vector<std::string> concerns;  // that the log knows of
  };
  void adopt(const std::shared_ptr<const Fleet>& fleet);
  bool due(const Staples& staples, const StapleQuestion& question);
  void ask(Staples& staples, const StapleQuestion& question);
  void show(const Staples& staples, const StapleQuestion& question);
  void note(const StapleQuestion& question, const Status& done, Plan& plan, const Staple* newest);
  Engine& engine_;
  std::atomic<bool> busy_ = false;
  // Of the loop's thread, and of the question in work while busy_ is set:
  std::shared_ptr<const Fleet> fleet_;
  std::map<std::string, Plan> plans_;
};

}  // namespace attest
