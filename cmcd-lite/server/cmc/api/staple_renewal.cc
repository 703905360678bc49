#include "cmcd-lite/server/cmc/api/staple_renewal.h"

#include <unistd.h>

#include "evidence/core/printable.h"

namespace attest {
namespace {

constexpr std::chrono::milliseconds kPatience{10000};
// kRest: a server whose answers are due at once is not asked in a circle.
constexpr std::chrono::seconds kRest{3600};

}  // namespace

void StapleRenewal::poll() {
  auto state = engine_.state.get();
  const std::shared_ptr<Staples>& staples = state->fleet->staples;
  if (staples) staples->settle(engine_.clock());
  if (busy_) return;
  if (state->fleet != fleet_) adopt(state->fleet);
  if (!staples || engine_.enrolments == nullptr) return;
  const auto& questions = staples->questions();
  auto chosen = std::ranges::find_if(questions, [&](const StapleQuestion& question) { return due(*staples, question); });
  if (chosen == questions.end()) return;
  busy_ = true;
  engine_.enrolments->post(geteuid(), [this, staples, &question = *chosen](const Status& go) {
    if (go) ask(*staples, question);
    busy_ = false;
  });
}

// adopt begins anew with what was read: whoever has it read again wants to know what the servers say now.
void StapleRenewal::adopt(const std::shared_ptr<const Fleet>& fleet) {
  fleet_ = fleet;
  engine_.fleet_board.forget_answers();
  std::map<std::string, Plan> before = std::exchange(plans_, {});
  if (!fleet->staples) return;
  for (const StapleQuestion& question : fleet->staples->questions()) {
    Plan& plan = plans_[question.server];
    plan.problem = before[question.server].problem;
    plan.concerns = before[question.server].concerns;
    show(*fleet->staples, question);
  }
}

bool StapleRenewal::due(const Staples& staples, const StapleQuestion& question) {
  const Plan& plan = plans_[question.server];
  if (Clock::now() < plan.next) return false;
  auto newest = staples.newest(question.server);
  return !plan.asked || !newest || !newest->missing.empty() || newest->renewal <= engine_.clock();
}

void StapleRenewal::show(const Staples& staples, const StapleQuestion& question) {
  auto newest = staples.newest(question.server);
  engine_.fleet_board.change_answer(question.server, [&](FleetAnswer& entry) {
    if (!newest) return;
    entry.produced = newest->produced;
    entry.until = newest->until;
    if (newest->good_before <= engine_.clock()) entry.until = newest->good_before;  // it is not carried any more
    entry.renewal = newest->renewal;
    entry.concerns = newest->concerns;
  });
}

void StapleRenewal::ask(Staples& staples, const StapleQuestion& question) {
  auto answer = fetch_staple(question, staples.config(), kPatience);
  Status done = answer ? staples.take(*answer, question, engine_.clock()) : Status(answer.error());
  Plan& plan = plans_[question.server];
  plan.asked = plan.asked || done;
  plan.pause = pause_after(done, plan.pause);
  auto newest = staples.newest(question.server);
  std::chrono::seconds rest = plan.pause;
  if (done && newest && (newest->renewal <= engine_.clock() || !newest->concerns.empty())) rest = kRest;
  plan.next = Clock::now() + rest;
  show(staples, question);
  engine_.fleet_board.change_answer(question.server, [&](FleetAnswer& entry) {
    note_attempt(entry, engine_.clock(), done);
    UnixTime soonest = engine_.clock() + rest.count();
    entry.next = done && entry.renewal ? std::max(*entry.renewal, soonest) : soonest;
  });
  note(question, done, plan, newest.get());
}

// note writes to the log what is new.
void StapleRenewal::note(const StapleQuestion& question, const Status& done, Plan& plan, const Staple* newest) {
  std::string problem = done ? "" : done.error().what;
  if (!problem.empty() && problem != plan.problem) engine_.log("a revocation answer was not fetched, which is tried again: " + problem);
  plan.problem = std::move(problem);
  std::vector<std::string> concerns = newest == nullptr ? std::vector<std::string>() : newest->concerns;
  if (concerns != plan.concerns)
    engine_.log("revocation: " + printable(question.server, 200) + " says: " +
                (concerns.empty() ? "every manifest is good again" : concerns.front() + (concerns.size() == 1 ? "" : " and so on (attestctl status)")));
  plan.concerns = std::move(concerns);
}

}  // namespace attest
