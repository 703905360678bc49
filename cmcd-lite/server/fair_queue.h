// fair_queue.h: a bounded queue in which no local user can crowd out the others.
#pragma once
#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace attest {

// FairQueue keeps what waits by the uid it came from and hands it out in turn, one of each uid. A uid may
// fill the whole queue while nobody else wants it; once it is full, a newcomer with less than its share takes
// the place of the newest item of the uid that has most. Not thread safe: the owner locks.
template <class T>
class FairQueue {
 public:
  explicit FairQueue(std::size_t limit) : limit_(limit) {}

  // push stores an item. What it returns found no place: the item itself or one it displaced; its owner must
  // be told.
  std::optional<T> push(uid_t source, T item) {
    if (size_ < limit_) {
      add(source, std::move(item));
      return std::nullopt;
    }
    auto greediest = lanes_.begin();
    for (auto lane = lanes_.begin(); lane != lanes_.end(); ++lane)
      if (lane->second.size() > greediest->second.size()) greediest = lane;
    auto own = lanes_.find(source);
    std::size_t held = own == lanes_.end() ? 0 : own->second.size();
    if (greediest == lanes_.end() || held + 1 >= greediest->second.size()) return item;
    std::optional<T> displaced = std::move(greediest->second.back());
    greediest->second.pop_back();
    size_--;
    if (greediest->second.empty()) lanes_.erase(greediest);
    add(source, std::move(item));
    return displaced;
  }

  // pop takes the oldest item of the uid whose turn it is.
  std::optional<T> pop() {
    if (lanes_.empty()) return std::nullopt;
    auto lane = lanes_.upper_bound(last_);
    if (lane == lanes_.end()) lane = lanes_.begin();
    last_ = lane->first;
    std::optional<T> item = std::move(lane->second.front());
    lane->second.pop_front();
    size_--;
    if (lane->second.empty()) lanes_.erase(lane);
    return item;
  }

  // drain takes up to max items, in turn.
  std::vector<T> drain(std::size_t max) {
    std::vector<T> out;
    out.reserve(std::min(max, size_));
    while (out.size() < max && size_ > 0) out.push_back(*pop());
    return out;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t sources() const { return lanes_.size(); }
  void set_limit(std::size_t limit) { limit_ = limit; }

 private:
  void add(uid_t source, T item) {
    lanes_[source].push_back(std::move(item));
    size_++;
  }
  std::size_t limit_;
  std::size_t size_ = 0;
  uid_t last_ = 0;
  std::map<uid_t, std::deque<T>> lanes_;
};

}  // namespace attest
