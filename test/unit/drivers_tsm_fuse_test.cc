// The same driver through the operating system: the model of configfs-tsm mounted as a FUSE file system.
#define FUSE_USE_VERSION 35
#include <fuse3/fuse.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "drivers/snp/snp_driver.h"
#include "evidence/snp/anchor.h"
#include "evidence/snp/certificate_table.h"
#include "test/support/snp_samples.h"
#include "test/support/temp_dir.h"
#include "test/support/tsm_model.h"

namespace attest {
namespace {
using namespace attest::test;

// Handle is one open attribute: what was read of it, or what will be taken when it is closed.
struct Handle {
  bool loaded = false;
  Bytes bytes;
  bool written = false;
};

TsmModel& model() { return *static_cast<TsmModel*>(fuse_get_context()->private_data); }
Handle& handle(fuse_file_info* info) { return *reinterpret_cast<Handle*>(info->fh); }

int on_getattr(const char* path, struct stat* out, fuse_file_info*) {
  *out = {};
  std::filesystem::path where(path);
  bool folder = where == "/" || (where.parent_path() == "/" && model().is_folder(where));
  if (!folder && !(model().is_folder(where.parent_path()) && TsmModel::is_attribute(where.filename().string()))) return -ENOENT;
  out->st_mode = folder ? S_IFDIR | 0755 : S_IFREG | 0600;
  out->st_nlink = folder ? 2 : 1;
  return 0;
}
int on_mkdir(const char* path, mode_t) { return -model().make_dir(path); }
int on_rmdir(const char* path) { return -model().remove_dir(path); }
int on_open(const char*, fuse_file_info* info) {
  info->fh = reinterpret_cast<std::uint64_t>(new Handle);
  info->direct_io = 1;
  return 0;
}
int on_read(const char* path, char* out, std::size_t size, off_t offset, fuse_file_info* info) {
  Handle& file = handle(info);
  if (!file.loaded) {
    auto content = model().read(path);
    if (content.error != 0) return -content.error;
    file.bytes = std::move(content.bytes);
    file.loaded = true;
  }
  std::size_t at = std::min(static_cast<std::size_t>(offset), file.bytes.size());
  std::size_t n = std::min(size, file.bytes.size() - at);
  std::copy_n(file.bytes.begin() + static_cast<long>(at), n, out);
  return static_cast<int>(n);
}
// Text attributes are taken by write, binary ones when the file is closed; what is wrong with those then is lost, as in the
// kernel.
int on_write(const char* path, const char* data, std::size_t size, off_t, fuse_file_info* info) {
  View bytes(reinterpret_cast<const std::uint8_t*>(data), size);
  if (std::filesystem::path(path).filename() == "privlevel") {
    int error = model().write(path, bytes);
    return error != 0 ? -error : static_cast<int>(size);
  }
  Handle& file = handle(info);
  file.bytes.insert(file.bytes.end(), bytes.begin(), bytes.end());
  file.written = true;
  return static_cast<int>(size);
}
int on_flush(const char* path, fuse_file_info* info) {
  Handle& file = handle(info);
  if (file.written) model().write(path, file.bytes);
  file.written = false;
  return 0;
}
int on_release(const char*, fuse_file_info* info) {
  delete &handle(info);
  return 0;
}

fuse_operations operations() {
  fuse_operations out{};
  out.getattr = on_getattr;
  out.mkdir = on_mkdir;
  out.rmdir = on_rmdir;
  out.open = on_open;
  out.read = on_read;
  out.write = on_write;
  out.flush = on_flush;
  out.release = on_release;
  return out;
}

// serve mounts the model and answers until SIGTERM; never returns.
[[noreturn]] void serve(TsmModel& served, const std::string& mountpoint) {
  char name[] = "tsm";
  char* arguments[] = {name, nullptr};
  fuse_args args = FUSE_ARGS_INIT(1, arguments);
  fuse_operations ops = operations();
  struct fuse* fs = fuse_new(&args, &ops, sizeof ops, &served);
  if (fs == nullptr || fuse_mount(fs, mountpoint.c_str()) != 0) _exit(3);
  fuse_set_signal_handlers(fuse_get_session(fs));
  fuse_loop(fs);
  fuse_unmount(fs);
  _exit(0);
}

// Mounted is the file system in a process of its own.
class Mounted {
 public:
  explicit Mounted(TsmModel& served) : folder_() {
    pid_ = fork();
    if (pid_ == 0) serve(served, folder_.path().string());
  }
  ~Mounted() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  // ready: the mount is there, or it never will be.
  bool ready() const {
    struct stat above {}, here {};
    for (int i = 0; i < 1000; i++) {
      if (stat(folder_.path().parent_path().c_str(), &above) == 0 && stat(folder_.path().c_str(), &here) == 0 &&
          above.st_dev != here.st_dev)
        return true;
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  std::filesystem::path path() const { return folder_.path(); }

 private:
  TempDir folder_;
  pid_t pid_ = -1;
};

TsmModel turin_machine() {
  SnpCertificateTable certificates;
  certificates.vcek = snp_certificate("vcek-turin.pem");
  certificates.ask = snp_certificate("ask-turin.pem");
  return TsmModel("sev_guest",
                  [](View inblob, unsigned privlevel) {
                    return snp_resigned("turin-v5-report.bin", [&](Bytes& r) {
                      std::copy(inblob.begin(), inblob.end(), r.begin() + 0x50);
                      r[0x30] = static_cast<std::uint8_t>(privlevel);
                    });
                  },
                  encode_certificate_table(certificates));
}

struct Trouble {
  int times, error;
};

void expect_quotes(const Trouble& trouble) {
  TsmModel served = turin_machine();
  served.fail_next(trouble.times, trouble.error);
  served.intruder(1);
  Mounted mounted(served);
  if (!mounted.ready()) GTEST_SKIP() << "this machine does not let us mount FUSE file systems; drivers_tsm_test serves the model directly";
  SnpDriverConfig config;
  config.root = mounted.path();
  config.privlevel = 1;
  auto opened = open_snp(config);
  ASSERT_TRUE(opened) << opened.error().what;
  Digest qualifying = sha256(as_view("through the kernel"));
  auto anchor = opened->driver->quote(qualifying);
  ASSERT_TRUE(anchor) << anchor.error().what;
  auto report = parse_snp_report(std::get<SnpAnchor>(*anchor).report);
  ASSERT_TRUE(report);
  EXPECT_TRUE(equal(report->report_data, snp_report_data(qualifying)));
  EXPECT_EQ(report->vmpl, 1U);
}

TEST(TsmFuse, QuotesComeThroughAFileSystem) { expect_quotes({0, 0}); }
TEST(TsmFuse, BusyIsTriedAgain) { expect_quotes({7, EBUSY}); }
TEST(TsmFuse, InterruptedIsTriedAgain) { expect_quotes({3, EINTR}); }

TEST(TsmFuse, AFolderThatIsNoTsmIsAnError) {
  TempDir empty;
  SnpDriverConfig config;
  config.root = empty.path();
  auto opened = open_snp(config);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::io);
  config.root = empty.path() / "absent";
  EXPECT_FALSE(open_snp(config));
}

}  // namespace
}  // namespace attest
