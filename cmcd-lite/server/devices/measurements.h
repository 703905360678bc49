// measurements.h: how much the kernel has measured, without asking the TPM.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace attest {

// MeasurementCount tells whether files were measured since an earlier look: the kernel's counter beside the
// list, or the size of a list that is an ordinary file. Thread safe.
class MeasurementCount {
 public:
  // An empty path: this machine measures no files, and the count is 0 for ever.
  explicit MeasurementCount(std::filesystem::path ima_list = {}) : list_(std::move(ima_list)) {}
  // now: nullopt if it cannot be read; then nothing may be taken for unchanged.
  std::optional<std::uint64_t> now() const;

 private:
  std::filesystem::path list_;
};

}  // namespace attest
