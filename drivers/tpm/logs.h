// logs.h: the measurement logs of this machine, matched with quotes.
#pragma once
#include <functional>

#include "drivers/config.h"
#include "drivers/container/container_log.h"
#include "drivers/tpm/growing_file.h"
#include "evidence/logs/ima_list.h"
#include "evidence/logs/replay.h"

namespace attest {

// MachineLogs keeps the parsed logs between quotes and finds the prefix that a quote covers. Entries are
// parsed once: a later match reads what the kernel appended since. Not thread safe.
class MachineLogs {
 public:
  // digest_alg is the hash of a quote's pcrDigest. An empty path in the configuration means that there is no
  // such log. Started containers stand behind the firmware's events: their register is none of IMA's.
  MachineLogs(const TpmDriverConfig& config, HashAlg digest_alg, const ContainerLog* containers = nullptr);
  // configured: there is at least one log.
  bool configured() const { return !event_log_.empty() || !ima_list_.path().empty(); }

  // PcrReader reads the selected PCRs now; it is asked only to say which PCR the logs do not explain.
  using PcrReader = std::function<Result<std::vector<Digest>>()>;
  // match finds the fewest IMA entries, not fewer than last time, whose replay gives pcr_digest. The logs are
  // read after the quote: the kernel lists an entry before it extends it. When nothing matches, or
  // reset_count (of the quote) is another, both logs are read anew from the start. mismatch names the PCR
  // that their replay does not explain. The pointer is valid until the next call.
  Result<const MeasuredLog*> match(const Digest& pcr_digest, std::uint32_t reset_count, const PcrReader& now);
  // raw is a log as it is in the file; unsupported where none is configured.
  Result<Bytes> raw(LogKind kind) const;

 private:
  Result<bool> find_from_here(const Digest& pcr_digest);
  Result<bool> find_from_start(const Digest& pcr_digest, ImaExtend mode);
  Status load(ImaExtend mode);
  Status load_firmware();
  Status load_containers();
  Result<bool> append_ima();
  Status add_entries(View bytes);
  Result<bool> walk(const Digest& pcr_digest);
  bool selects(std::uint8_t pcr) const;
  std::vector<Digest> values(const PcrReplay& replay) const;
  Status explain(const PcrReader& now);
  Result<std::vector<std::size_t>> unexplained(const std::vector<Digest>& now) const;
  Error describe(std::size_t index, const Digest& now) const;

  std::string event_log_;
  GrowingFile ima_list_;
  PcrSelection selection_;
  const ContainerLog* containers_;
  HashAlg digest_alg_;
  ImaExtend mode_ = ImaExtend::template_data;
  MeasuredLog log_;
  std::optional<PcrReplay> replay_;  // at log_.ima_covered; absent: the logs must be read from the start
  Digest matched_;                   // the pcrDigest that log_ explains; empty: none
  std::uint32_t reset_count_ = 0;
};

// firmware_register is what the firmware's log makes of a register: its start value where there is no log.
Result<Digest> firmware_register(const TpmDriverConfig& config, std::uint8_t pcr);

}  // namespace attest
