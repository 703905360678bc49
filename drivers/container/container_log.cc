#include "drivers/container/container_log.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <charconv>

#include "evidence/container/event.h"
#include "evidence/core/file.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

// check_kept judges an entry of the file: its configuration is redacted, so that it cannot be hashed again.
Status check_kept(const cmc::Component& event, std::int64_t index) {
  cmc::Component plain = event;
  if (plain.ctr) plain.ctr->oci_spec.reset();
  return container::check_event(plain, index);
}

// index_of is what an event says of its place; check_event tells what is wrong with it otherwise.
std::int64_t index_of(const cmc::Component& event) {
  const std::string* text = event.property("cmc.index");
  std::int32_t index = -1;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), index);
  return index;
}

}  // namespace

Result<std::unique_ptr<ContainerLog>> ContainerLog::open(const ContainerLogConfig& config) {
  std::string lock_path = config.file.string() + ".lock";
  OwnedFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return Error{Errc::io, lock_path + ": cannot be opened"};
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return Error{Errc::denied, config.file.string() + ": another process writes this log"};
  std::unique_ptr<ContainerLog> log(new ContainerLog(config, std::move(lock)));
  CHECK_OK(log->read());
  return log;
}

Status ContainerLog::read() {
  log_.type = cmc::kSwEventlog;
  std::error_code failed;
  if (!std::filesystem::exists(config_.file, failed) && !failed) return ok();
  TRY(Bytes bytes, read_file(config_.file, kMaxBytes));
  auto bad = [this](const std::string& why) { return Error{Errc::malformed, config_.file.string() + ": " + why}; };
  auto read = cmc::parse_artifact(bytes);
  if (!read) return bad(read.error().what);
  if (read->type != cmc::kSwEventlog) return bad("no log of containers");
  if (read->events.size() > kMaxEvents) return bad("too many containers");
  if (config_.index && !read->events.empty() && read->index != *config_.index) return bad("is of another register");
  for (cmc::Component& event : read->events) {
    if (Status good = check_kept(event, read->index); !good) return bad(good.error().what);
    if (event.ctr->oci_spec) container::redact_environment(*event.ctr->oci_spec);
  }
  log_ = *std::move(read);
  return ok();
}

Status ContainerLog::keep(std::vector<cmc::Component> next, std::int64_t index) {
  cmc::Artifact fresh{std::string(cmc::kSwEventlog), index, std::move(next)};
  Bytes bytes = cmc::encode_artifact(fresh, cmc::Encoding::json);
  if (fresh.events.size() > kMaxEvents || bytes.size() > kMaxBytes) return Error{Errc::denied, "the log of containers is full"};
  CHECK_OK(write_file_atomic(config_.file, bytes, 0600));
  log_ = std::move(fresh);
  return ok();
}

Result<bool> ContainerLog::record(cmc::Component event) {
  std::int64_t index = this->index().value_or(index_of(event));
  CHECK_OK(container::check_event(event, index));
  std::lock_guard guard(mutex_);
  const Bytes digest = event.hashes[0].content;
  if (std::ranges::any_of(log_.events, [&](const cmc::Component& one) { return one.hashes[0].content == digest; })) return false;
  std::vector<cmc::Component> next = log_.events;
  next.push_back(std::move(event));
  CHECK_OK(keep(std::move(next), index));
  return true;
}

Status ContainerLog::cut(std::size_t events) {
  std::lock_guard guard(mutex_);
  if (events >= log_.events.size()) return ok();
  std::vector<cmc::Component> next(log_.events.begin(), log_.events.begin() + static_cast<std::ptrdiff_t>(events));
  return keep(std::move(next), log_.index);
}

cmc::Artifact ContainerLog::artifact() const {
  std::lock_guard guard(mutex_);
  cmc::Artifact out = log_;
  if (out.events.empty()) out.index = config_.index.value_or(0);
  return out;
}

std::optional<std::int64_t> ContainerLog::index() const {
  std::lock_guard guard(mutex_);
  return log_.events.empty() ? config_.index : std::optional(log_.index);
}

}  // namespace attest
