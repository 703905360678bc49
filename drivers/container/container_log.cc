#include "drivers/container/container_log.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>

#include "evidence/cmc/metadata.h"
#include "evidence/container/event.h"
#include "evidence/core/file.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

Bytes encode(const std::vector<cmc::Component>& events) {
  cmc::JsonSink out;
  out.array();
  for (const cmc::Component& event : events) cmc::write_component(out, event);
  out.end_array();
  return out.finish();
}

// check_kept judges an entry of the file: its configuration is redacted, so that it cannot be hashed again.
Status check_kept(const cmc::Component& event, std::int64_t index) {
  cmc::Component plain = event;
  if (plain.ctr) plain.ctr->oci_spec.reset();
  return container::check_event(plain, index);
}

}  // namespace

Result<std::unique_ptr<ContainerLog>> ContainerLog::open(const std::filesystem::path& path, std::int64_t index) {
  std::string lock_path = path.string() + ".lock";
  OwnedFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return Error{Errc::io, lock_path + ": cannot be opened"};
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return Error{Errc::denied, path.string() + ": another process writes this log"};
  std::unique_ptr<ContainerLog> log(new ContainerLog(path, index, std::move(lock)));
  CHECK_OK(log->read());
  return log;
}

Status ContainerLog::read() {
  std::error_code failed;
  if (!std::filesystem::exists(path_, failed) && !failed) return ok();
  TRY(Bytes bytes, read_file(path_, kMaxBytes));
  TRY(events_, cmc::parse_component_list(bytes));
  if (events_.size() > kMaxEvents) return Error{Errc::malformed, path_.string() + ": too many containers"};
  for (const cmc::Component& event : events_) {
    if (Status good = check_kept(event, index_); !good) return Error{Errc::malformed, path_.string() + ": " + good.error().what};
  }
  return ok();
}

Status ContainerLog::record(cmc::Component event) {
  CHECK_OK(container::check_event(event, index_));
  std::lock_guard guard(mutex_);
  bool held = std::ranges::any_of(events_, [&](const cmc::Component& one) { return one.hashes[0].content == event.hashes[0].content; });
  if (held) return ok();
  std::string name = printable(event.name);
  std::vector<cmc::Component> next = events_;
  next.push_back(std::move(event));
  Bytes bytes = encode(next);
  if (next.size() > kMaxEvents || bytes.size() > kMaxBytes)
    return Error{Errc::denied, "container \"" + name + "\": the log of containers is full"};
  CHECK_OK(write_file_atomic(path_, bytes, 0600));
  events_ = std::move(next);
  return ok();
}

cmc::Artifact ContainerLog::artifact() const {
  std::lock_guard guard(mutex_);
  return {std::string(cmc::kSwEventlog), index_, events_};
}

}  // namespace attest
