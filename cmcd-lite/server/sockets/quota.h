// quota.h: how much of the daemon local users may hold at once.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <map>

namespace attest {

// Quota counts connections and the memory of calls being received, in total and by uid. Of the loop's thread
// alone.
class Quota {
 public:
  struct Bounds {
    std::size_t connections = 4096;
    std::size_t connections_per_uid = 2048;
    std::size_t payload_bytes = 64 << 20;  // one uid may hold half of it
  };
  static constexpr std::size_t kReserved =
      16;  // connections beyond the limit for those who control the daemon
  explicit Quota(Bounds bounds) : bounds_(bounds) {}
  void set_bounds(Bounds bounds) { bounds_ = bounds; }

  // enter counts a connection, or says false and counts nothing.
  bool enter(uid_t uid, bool privileged) {
    Held& held = by_uid_[uid];
    std::size_t extra = privileged ? kReserved : 0;
    bool fits =
        connections_ < bounds_.connections + extra && held.connections < bounds_.connections_per_uid + extra;
    if (fits) {
      connections_++;
      held.connections++;
    }
    forget_if_empty(uid);
    return fits;
  }
  void leave(uid_t uid) {
    connections_--;
    by_uid_[uid].connections--;
    forget_if_empty(uid);
  }
  // enter_refused counts a connection that is over the limit and only kept to be told so.
  bool enter_refused() {
    if (refused_ >= kReserved) return false;
    refused_++;
    return true;
  }
  void leave_refused() { refused_--; }
  // reserve takes memory for a call, or says false and takes none.
  bool reserve(uid_t uid, std::size_t bytes) {
    Held& held = by_uid_[uid];
    bool fits =
        payload_ + bytes <= bounds_.payload_bytes && held.payload + bytes <= bounds_.payload_bytes / 2;
    if (fits) {
      payload_ += bytes;
      held.payload += bytes;
    }
    forget_if_empty(uid);
    return fits;
  }
  void release(uid_t uid, std::size_t bytes) {
    payload_ -= bytes;
    by_uid_[uid].payload -= bytes;
    forget_if_empty(uid);
  }
  std::size_t connections() const { return connections_; }
  std::size_t payload() const { return payload_; }

 private:
  struct Held {
    std::size_t connections = 0;
    std::size_t payload = 0;
  };
  void forget_if_empty(uid_t uid) {
    auto it = by_uid_.find(uid);
    if (it != by_uid_.end() && it->second.connections == 0 && it->second.payload == 0) by_uid_.erase(it);
  }
  Bounds bounds_;
  std::size_t connections_ = 0;
  std::size_t payload_ = 0;
  std::size_t refused_ = 0;
  std::map<uid_t, Held> by_uid_;
};

}  // namespace attest
