// report.h: hardware reports of a confidential VM through the kernel's configfs-tsm
// (Linux, Documentation/ABI/testing/configfs-tsm), whatever the processor's make.
#pragma once
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "evidence/core/bytes.h"

namespace attest {

inline constexpr const char* kTsmRoot = "/sys/kernel/config/tsm/report";
inline constexpr std::size_t kMaxTsmBlob = 1 << 20;

// TsmFiles is the file system below which the kernel offers its reports. Errors are errno values, 0 is success.
class TsmFiles {
 public:
  struct Content {
    int error = 0;
    Bytes bytes;
  };
  virtual ~TsmFiles() = default;
  virtual int make_dir(const std::filesystem::path& path) = 0;
  virtual int remove_dir(const std::filesystem::path& path) = 0;
  // write opens, writes all of it with one call and closes: the kernel takes binary attributes when they are closed.
  virtual int write(const std::filesystem::path& path, View bytes) = 0;
  // read opens, reads to the end (EFBIG beyond kMaxTsmBlob) and closes.
  virtual Content read(const std::filesystem::path& path) = 0;
};
// posix_tsm_files is the kernel's own.
std::shared_ptr<TsmFiles> posix_tsm_files();

// TsmReport is one report as the kernel hands it out.
struct TsmReport {
  std::string provider;  // "sev_guest", "tdx_guest"
  Bytes outblob;         // the report or quote
  Bytes auxblob;         // certificates of the host; empty where it gives none
  Bytes manifestblob;    // of a service's report; empty otherwise
};

// TsmReporter asks for reports. Every report has a folder of its own, so that nobody else's writes can get into it, and is
// believed only if the kernel counted exactly our writes ("generation"). EBUSY, EAGAIN and EINTR are tried again, a little
// later each time. Not thread safe.
class TsmReporter {
 public:
  static constexpr std::size_t kReportData = 64;
  struct Options {
    std::filesystem::path root = kTsmRoot;
    std::optional<unsigned> privlevel;  // VMPL to ask for; unset: the kernel's choice
    std::chrono::milliseconds patience{5000};
    std::chrono::milliseconds pause{2};  // doubled up to a hundredfold
    std::shared_ptr<TsmFiles> files = posix_tsm_files();
  };
  explicit TsmReporter(Options options) : options_(std::move(options)) {}
  // report asks for one over 64 bytes of report data. io when the kernel has no such interface or no hardware behind it, or does
  // not answer in time; mismatch when somebody writes to our folder all the time; unsupported for another provider than
  // `provider`; denied for a privilege level below the one the kernel may ask for.
  Result<TsmReport> report(View report_data, std::string_view provider);

 private:
  class Folder;
  using Deadline = std::chrono::steady_clock::time_point;
  Result<TsmReport> once(View report_data, std::string_view provider, Deadline deadline);
  template <class Call>
  int patiently(Deadline deadline, Call call);
  Status put(const std::filesystem::path& path, View bytes, Deadline deadline);
  Result<Bytes> get(const std::filesystem::path& path, Deadline deadline);
  Result<Bytes> get_if_there(const std::filesystem::path& path, Deadline deadline);
  Status counted(const std::filesystem::path& folder, std::uint64_t due, Deadline deadline);
  Result<std::uint64_t> generation(const std::filesystem::path& folder, Deadline deadline);

  Options options_;
  std::uint64_t count_ = 0;
};

}  // namespace attest
