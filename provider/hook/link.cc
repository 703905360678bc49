#include "provider/hook/link.h"

#include <unistd.h>

namespace attest {
namespace {

// A program may shake hands in an exit handler, after this thread's objects are gone.
thread_local bool gone = false;
struct Slot {
  std::shared_ptr<Link> link;
  ~Slot() { gone = true; }
};
thread_local Slot slot;

}  // namespace

Link::Link(DaemonPool::Lease lease) : pid_(::getpid()), lease_(std::move(lease)) {}

bool Link::usable() {
  if (pid_ != ::getpid()) return false;
  std::lock_guard lock(mutex_);
  auto connection = lease_.connection();
  return connection && (*connection)->ready();
}

Result<BeginAnswer> Link::begin(const BeginCall& call) {
  std::lock_guard lock(mutex_);
  TRY(Connection * daemon, lease_.connection());
  return daemon->begin(call);
}

Result<JudgeAnswer> Link::judge(const JudgeCall& call) {
  if (pid_ != ::getpid())
    return Error{Errc::io, "daemon.forked: the nonce was issued to the process before fork; connect anew"};
  std::lock_guard lock(mutex_);
  TRY(Connection * daemon, lease_.connection());
  return daemon->judge(call);
}

Result<Link::Begun> Link::begin(const DaemonPool& pool, const BeginCall& call) {
  std::shared_ptr<Link> link = gone ? nullptr : slot.link;
  if (!link || !link->usable()) {
    TRY(DaemonPool::Lease lease, pool.lease());
    link = std::make_shared<Link>(std::move(lease));
    if (!gone) slot.link = link;
  }
  TRY(BeginAnswer answer, link->begin(call));
  return Begun{std::move(link), std::move(answer)};
}

}  // namespace attest
