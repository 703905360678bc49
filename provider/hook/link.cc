#include "provider/hook/link.h"

#include <unistd.h>

#include <utility>

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

Status Link::check_process() const {
  if (pid_ == ::getpid()) return ok();
  return Error{Errc::io, "daemon.forked: the nonce was issued to the process before fork; connect anew"};
}

// settle reads the answer that is under way; the lock is held.
void Link::settle() {
  auto pending = std::exchange(pending_, nullptr);
  if (!pending) return;
  auto connection = lease_.connection();
  pending->answer = connection ? (*connection)->receive_judge() : Result<JudgeAnswer>(connection.error());
}

bool Link::usable() {
  if (!check_process()) return false;
  std::lock_guard lock(mutex_);
  settle();
  auto connection = lease_.connection();
  return connection && (*connection)->ready();
}

Result<BeginAnswer> Link::begin(const BeginCall& call) {
  std::lock_guard lock(mutex_);
  settle();
  TRY(Connection * daemon, lease_.connection());
  return daemon->begin(call);
}

Result<std::shared_ptr<Link::Judging>> Link::start(const JudgeCall& call) {
  CHECK_OK(check_process());
  std::lock_guard lock(mutex_);
  settle();
  TRY(Connection * daemon, lease_.connection());
  auto judging = std::make_shared<Judging>();
  CHECK_OK(daemon->send_judge(call));
  pending_ = judging;
  return judging;
}

Result<JudgeAnswer> Link::wait(Judging& judging) {
  CHECK_OK(check_process());
  std::lock_guard lock(mutex_);
  if (!judging.answer) settle();
  if (judging.answer) return *std::move(judging.answer);
  return Error{Errc::io, "daemon.unreachable: the answer to this judgement was lost"};
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
