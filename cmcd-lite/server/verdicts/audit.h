// audit.h: every verdict as one JSON line in a file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "evidence/core/result.h"

namespace attest {

// Audit appends lines to one file (mode 0600). Judging never waits for it to succeed: what cannot be written
// is counted and named in status. Thread safe.
class Audit {
 public:
  Audit() = default;
  ~Audit();
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;
  // open switches to a file, also when it is the same one under a new inode (log rotation); an empty path
  // switches the log off. On io lines are lost, and every further line tries to open the file again.
  Status open(const std::filesystem::path& path);
  void write(std::string_view line);
  // last_id: the number of the last verdict in the file at open; 0 if there is none.
  std::uint64_t last_id() const;
  struct Health {
    std::uint64_t lost = 0;  // lines that could not be written
    std::string problem;     // of the last one lost; empty once a line got through
  };
  Health health() const;

 private:
  Status reopen();
  mutable std::mutex mutex_;
  std::filesystem::path path_;
  int fd_ = -1;
  bool torn_ = false;  // the last line was written in part
  std::uint64_t last_id_ = 0;
  Health health_;
};

}  // namespace attest
