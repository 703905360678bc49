// uploads.h: requests that come in blocks (RFC 7959, Block1), put together within bounds.
#pragma once
#include <chrono>
#include <map>
#include <variant>

#include "evidence/core/bytes.h"

namespace attest {

// Uploads keeps what came of every upload that is not whole yet. Blocks of one upload come in order, as RFC 7959 has
// them sent; the last one again is a resend. Nothing is reserved for what is merely announced.
class Uploads {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMaxBody = 96 << 20;    // what the daemon takes of a Verify call
  static constexpr std::size_t kMaxHeld = 128 << 20;   // of all uploads together
  static constexpr std::size_t kMaxUploads = 64;
  static constexpr std::chrono::seconds kIdle{60};

  // From says whose upload it is: a session and a resource of it, and the content format, which may not change.
  struct From {
    const void* session = nullptr;
    const void* resource = nullptr;
    std::uint16_t format = 0;
  };
  struct Block {
    std::size_t offset = 0, announced = 0;  // Size1; 0: not said
    bool more = false;
    View data;
  };
  enum class Trouble { missing, too_large };  // 4.08, 4.13
  struct Goes {};                             // 2.31: the next block, please
  // take gives the whole body with its last block. After trouble nothing of the upload is left.
  std::variant<Goes, Bytes, Trouble> take(const From& from, const Block& block, Clock::time_point now);
  // forget drops what a session that ended left behind.
  void forget(const void* session);

 private:
  using Key = std::pair<const void*, const void*>;
  struct Upload {
    std::uint16_t format = 0;
    Bytes body;
    Clock::time_point last;
  };
  using Uploading = std::map<Key, Upload>;
  void drop(Uploading::iterator at);
  void expire(Clock::time_point now);
  Uploading uploads_;
  std::size_t held_ = 0;
};

}  // namespace attest
