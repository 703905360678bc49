// tsm_model.h: the kernel's configfs-tsm as a model: a folder per report, which counts its writes. It serves the driver directly
// (TsmFiles), or through FUSE as a file system (tsm_fuse.h).
#pragma once
#include <functional>
#include <map>
#include <mutex>

#include "drivers/tsm/report.h"

namespace attest::test {

// TsmModel behaves as Documentation/ABI/testing/configfs-tsm says: files appear with mkdir, binary attributes are taken when
// they are closed, "generation" counts what was taken, outblob is made at the first read after a write.
class TsmModel : public TsmFiles {
 public:
  // Hardware makes a report over 64 bytes at a privilege level.
  using Hardware = std::function<Bytes(View inblob, unsigned privlevel)>;
  TsmModel(std::string provider, Hardware hardware, Bytes auxblob = {})
      : provider_(std::move(provider)), hardware_(std::move(hardware)), auxblob_(std::move(auxblob)) {}

  int make_dir(const std::filesystem::path& path) override;
  int remove_dir(const std::filesystem::path& path) override;
  int write(const std::filesystem::path& path, View bytes) override;
  Content read(const std::filesystem::path& path) override;

  // Trouble: the next calls fail with this error, one after the other.
  void fail_next(int times, int error);
  void intruder(int times);  // so many reports have a foreign write between inblob and outblob
  void refuse_folders(int error) { mkdir_error_ = error; }
  void without_auxblob() { has_auxblob_ = false; }
  std::size_t folders() const { return folders_.size(); }
  std::size_t folders_made() const { return made_; }
  bool is_folder(const std::filesystem::path& path) const { return folders_.contains(path.filename().string()); }
  static bool is_attribute(const std::string& name);

 private:
  struct Folder {
    std::uint64_t generation = 0, read_generation = 0;
    unsigned privlevel = 0;
    Bytes inblob, outblob;
  };
  int trouble();
  Content attribute(Folder& folder, const std::string& name);
  Folder* find(const std::filesystem::path& path);

  mutable std::mutex mutex_;
  std::string provider_;
  Hardware hardware_;
  Bytes auxblob_;
  bool has_auxblob_ = true;
  std::map<std::string, Folder> folders_;
  std::size_t made_ = 0;
  int failures_ = 0, error_ = 0, intrusions_ = 0, mkdir_error_ = 0;
};

}  // namespace attest::test
