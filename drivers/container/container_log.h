// container_log.h: which containers were started on this machine, in order, since the log was begun.
#pragma once
#include <filesystem>
#include <mutex>

#include "evidence/cmc/report.h"
#include "evidence/core/fd.h"
#include "evidence/core/hash.h"

namespace attest {

// ContainerLog keeps measured containers in a file, for evidence of the software driver. An event is on disk before it counts;
// one that stands there already is not added again. Values of environment variables never reach the file. Thread safe; the
// file is locked against other processes.
class ContainerLog {
 public:
  static constexpr std::size_t kMaxEvents = 4096;
  static constexpr std::size_t kMaxBytes = 16 << 20;
  // open reads the log, or begins one. malformed if the file is damaged: a log that lost entries would lie.
  static Result<std::unique_ptr<ContainerLog>> open(const std::filesystem::path& path, std::int64_t index);
  // record checks an event (check_event) and appends it. denied when the log is full.
  Status record(cmc::Component event);
  // artifact is the log as reports carry it: type "SW Eventlog".
  cmc::Artifact artifact() const;

 private:
  ContainerLog(std::filesystem::path path, std::int64_t index, OwnedFd lock)
      : path_(std::move(path)), index_(index), lock_(std::move(lock)) {}
  Status read();
  std::filesystem::path path_;
  std::int64_t index_;
  OwnedFd lock_;
  mutable std::mutex mutex_;
  std::vector<cmc::Component> events_;
};

}  // namespace attest
