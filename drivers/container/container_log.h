// container_log.h: which containers were started on this machine, in order, since the log was begun.
#pragma once
#include <filesystem>
#include <mutex>

#include "drivers/config.h"
#include "evidence/cmc/report.h"
#include "evidence/core/fd.h"
#include "evidence/core/hash.h"

namespace attest {

// ContainerLog keeps measured containers in a file, as CMC's agent does: one artefact, JSON (CBOR is read too). An event is on
// disk before it counts; one that stands there already is not added again. Values of environment variables never reach the
// file. Thread safe; the file is locked against other processes.
class ContainerLog {
 public:
  static constexpr std::size_t kMaxEvents = 4096;
  static constexpr std::size_t kMaxBytes = 16 << 20;
  // open reads the log, or begins one. malformed if the file is damaged: a log that lost entries would lie.
  static Result<std::unique_ptr<ContainerLog>> open(const ContainerLogConfig& config);
  // record checks an event (check_event) and appends it; false if it stands there already. denied when the log is full.
  Result<bool> record(cmc::Component event);
  // cut forgets all but the first events.
  Status cut(std::size_t events);
  // artifact is the log as reports carry it: type "SW Eventlog".
  cmc::Artifact artifact() const;
  // index of the events; nullopt while neither the configuration nor an event has said it.
  std::optional<std::int64_t> index() const;

 private:
  ContainerLog(ContainerLogConfig config, OwnedFd lock) : config_(std::move(config)), lock_(std::move(lock)) {}
  Status read();
  Status keep(std::vector<cmc::Component> next, std::int64_t index);
  ContainerLogConfig config_;
  OwnedFd lock_;
  mutable std::mutex mutex_;
  cmc::Artifact log_;  // its index counts only while there are events
};

}  // namespace attest
