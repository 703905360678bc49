#include "cmcd-lite/server/verdicts/verdicts.h"

#include <algorithm>
#include <ranges>

#include "evidence/json/writer.h"

namespace attest {
namespace {

const char* outcome_name(JudgeOutcome outcome) {
  return outcome == JudgeOutcome::accepted  ? "accepted"
         : outcome == JudgeOutcome::refused ? "refused"
                                            : "observed";
}

bool visible(const VerdictRecord& record, const std::optional<uid_t>& uid) {
  return !uid || record.uid == *uid;
}

}  // namespace

std::string record_json(const VerdictRecord& record, bool whole) {
  JsonWriter out;
  out.object().field("id", record.id).field("when", format_rfc3339(record.when)).field("peer", record.peer);
  out.field("role", role_name(record.role)).key("caller").object();
  out.field("uid", record.uid).field("pid", record.pid).field("service", record.service).end_object();
  out.field("policy", record.policy)
      .field("outcome", outcome_name(record.outcome))
      .field("trusted", record.trusted);
  out.field("name", record.name).field("why", record.why);
  if (whole) out.field("remedy", record.remedy);
  if (whole && !record.appraisal.empty()) out.key("appraisal").raw(record.appraisal);
  out.end_object();
  return std::move(out).finish();
}

std::size_t Verdicts::text_bytes(const VerdictRecord& record) {
  return sizeof record + record.peer.size() + record.why.size() + record.remedy.size() +
         record.appraisal.size();
}

bool Verdicts::forget_an_appraisal() {
  auto older = std::ranges::subrange(records_.begin(), std::prev(records_.end()));
  auto found = std::ranges::find_if(
      older, [](const VerdictRecord& record) { return record.trusted && !record.appraisal.empty(); });
  if (found == older.end()) return false;
  bytes_ -= found->appraisal.size();
  std::string().swap(found->appraisal);
  return true;
}

void Verdicts::forget_what_is_too_much() {
  auto forget_one = [&] {
    bytes_ -= text_bytes(records_.front());
    records_.pop_front();
  };
  while (records_.size() > keep_) forget_one();
  while (bytes_ > kMaxKeptBytes && forget_an_appraisal()) {
  }
  while (bytes_ > kMaxKeptBytes && records_.size() > 1) forget_one();
}

std::uint64_t Verdicts::add(VerdictRecord record) {
  std::unique_lock lock(mutex_);
  record.id = next_id_++;
  std::uint64_t id = record.id;
  (record.outcome == JudgeOutcome::accepted  ? totals_.accepted
   : record.outcome == JudgeOutcome::refused ? totals_.refused
                                             : totals_.observed)++;
  if (!record.trusted &&
      (totals_.untrusted_by.size() < kMaxNames || totals_.untrusted_by.count(record.name) != 0))
    totals_.untrusted_by[record.name]++;
  std::string line = record_json(record, true);
  if (sink_) sink_(record);
  record.result.reset();
  bytes_ += text_bytes(record);
  records_.push_back(std::move(record));
  forget_what_is_too_much();
  lock.unlock();
  audit_.write(line);
  return id;
}

std::optional<VerdictRecord> Verdicts::find(std::uint64_t id, std::optional<uid_t> uid) const {
  std::lock_guard lock(mutex_);
  for (auto it = records_.rbegin(); it != records_.rend(); ++it) {
    if (!visible(*it, uid)) continue;
    if (id == 0 ? !it->trusted : it->id == id) return *it;
  }
  return std::nullopt;
}

bool Verdicts::accepted(std::uint64_t id, uid_t uid, UnixTime since) const {
  std::lock_guard lock(mutex_);
  auto it = std::ranges::find(records_.rbegin(), records_.rend(), id, &VerdictRecord::id);
  return id != 0 && it != records_.rend() && it->uid == uid && it->when >= since &&
         it->outcome == JudgeOutcome::accepted;
}

std::vector<VerdictRecord> Verdicts::last(std::size_t count, std::optional<uid_t> uid) const {
  std::lock_guard lock(mutex_);
  std::vector<VerdictRecord> out;
  for (auto it = records_.rbegin(); it != records_.rend() && out.size() < count; ++it) {
    if (!visible(*it, uid)) continue;
    out.push_back(*it);
    out.back().appraisal.clear();
  }
  return out;
}

Verdicts::Totals Verdicts::totals() const {
  std::lock_guard lock(mutex_);
  return totals_;
}

void Verdicts::set_keep(std::size_t keep) {
  std::lock_guard lock(mutex_);
  keep_ = keep;
}

}  // namespace attest
