// spool.h: a bounded queue in a folder, which survives a restart and a crash.
#pragma once
#include <string>
#include <vector>

#include "evidence/core/bytes.h"

namespace attest::publish {

// Batch is a file of the queue: texts in the order they were put in.
struct Batch {
  std::uint64_t number = 0;
  std::vector<std::string> texts;
};

inline constexpr std::size_t kMaxBatchBytes = 64 << 20;
inline constexpr std::size_t kMaxBatchTexts = 4096;

// encode_batch and parse_batch: how a batch stands in its file (a JSON list of texts). malformed if it is torn or of another
// form.
std::string encode_batch(const std::vector<std::string>& texts);
Result<std::vector<std::string>> parse_batch(View file);

// Spool is one queue. A writer and a reader may be two processes: a batch appears whole (written beside, synced, renamed) and
// leaves when it was taken. Beyond the limits the oldest batches go, and are counted. Not thread safe.
class Spool {
 public:
  struct Limits {
    std::size_t texts = 10000;
    std::size_t bytes = 64 << 20;
  };
  // open makes the folder (mode 0700) if it is not there.
  static Result<Spool> open(const std::string& folder, Limits limits);
  // put adds a batch of 1 to 4,096 texts; it is on disk when this returns. A batch that alone is beyond the limits is
  // refused as denied.
  Status put(const std::vector<std::string>& texts);
  // oldest is the batch to be taken next; one without texts where there is none. A file that is no batch is set aside
  // (".bad") and passed over.
  Result<Batch> oldest() const;
  // take removes a batch.
  Status take(std::uint64_t number);
  std::size_t waiting() const;      // batches
  std::uint64_t lost() const { return lost_; }  // texts that this writer had to drop

 private:
  struct File {
    std::uint64_t number;
    std::size_t texts, bytes;
  };
  Spool(std::string folder, Limits limits) : folder_(std::move(folder)), limits_(limits) {}
  std::string path(std::uint64_t number, std::size_t texts) const;
  std::vector<File> files() const;
  void make_room(std::size_t texts, std::size_t bytes);
  std::string folder_;
  Limits limits_;
  std::uint64_t next_ = 1;
  std::uint64_t lost_ = 0;
};

}  // namespace attest::publish
