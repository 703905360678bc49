// fair_queue.h: a bounded queue in which no local user can crowd out the others, and strangers not his listed peers.
#pragma once
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace attest {

// Source is whom something is done for: a local user and, of what he brings, whether it is for a peer that some policy
// names. Which peer that is, is the user's word; it moves nothing between users.
struct Source {
  Source(uid_t user, bool for_listed = false) : uid(user), listed(for_listed) {}  // NOLINT: most know the user alone
  uid_t uid;
  bool listed;
};

// FairQueue keeps what waits by its source and hands it out in turn, one of each uid, and for one uid in turn between
// listed peers and strangers. A uid may fill the whole queue while nobody else wants it; once it is full, a newcomer
// with less than its share takes the place of the newest item of the uid that has most; and within a uid the listed
// and the strangers share in the same way. Not thread safe: the owner locks.
template <class T>
class FairQueue {
 public:
  explicit FairQueue(std::size_t limit) : limit_(limit) {}

  // push stores an item. What it returns found no place: the item itself or one it displaced; its owner must
  // be told.
  std::optional<T> push(Source source, T item) {
    if (size_ < limit_) {
      add(source, std::move(item));
      return std::nullopt;
    }
    auto from = loser(source);
    if (!from) return item;
    std::optional<T> displaced = std::move(from->items->back());
    from->items->pop_back();
    removed(from->lane);
    add(source, std::move(item));
    return displaced;
  }

  // pop takes the oldest item of the uid and kind whose turn it is.
  std::optional<T> pop() {
    if (lanes_.empty()) return std::nullopt;
    auto lane = lanes_.upper_bound(last_);
    if (lane == lanes_.end()) lane = lanes_.begin();
    last_ = lane->first;
    Lane& now = lane->second;
    bool listed = now.kind(!now.last_listed).empty() ? now.last_listed : !now.last_listed;
    now.last_listed = listed;
    std::optional<T> item = std::move(now.kind(listed).front());
    now.kind(listed).pop_front();
    removed(lane);
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
  using Items = std::deque<T>;
  struct Lane {
    std::array<Items, 2> kinds;  // of strangers, of listed peers
    bool last_listed = false;
    Items& kind(bool listed) { return kinds[listed ? 1 : 0]; }
    std::size_t size() const { return kinds[0].size() + kinds[1].size(); }
    Items& larger() { return kinds[kinds[1].size() > kinds[0].size() ? 1 : 0]; }
  };
  using Lanes = std::map<uid_t, Lane>;
  struct Place {
    typename Lanes::iterator lane;
    Items* items;
  };

  // loser is who gives up a place in a full queue; nullopt: the newcomer has his share already.
  std::optional<Place> loser(Source source) {
    auto greediest = std::ranges::max_element(lanes_, {}, [](const auto& lane) { return lane.second.size(); });
    if (greediest == lanes_.end()) return std::nullopt;
    auto own = lanes_.find(source.uid);
    std::size_t held = own == lanes_.end() ? 0 : own->second.size();
    if (held + 1 < greediest->second.size()) return Place{greediest, &greediest->second.larger()};
    if (own == lanes_.end()) return std::nullopt;
    Items& others = own->second.kind(!source.listed);
    if (own->second.kind(source.listed).size() + 1 < others.size()) return Place{own, &others};
    return std::nullopt;
  }
  void add(Source source, T item) {
    lanes_[source.uid].kind(source.listed).push_back(std::move(item));
    size_++;
  }
  void removed(typename Lanes::iterator lane) {
    size_--;
    if (lane->second.size() == 0) lanes_.erase(lane);
  }
  std::size_t limit_;
  std::size_t size_ = 0;
  uid_t last_ = 0;
  Lanes lanes_;
};

}  // namespace attest
