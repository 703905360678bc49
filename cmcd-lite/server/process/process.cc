#include "cmcd-lite/server/process/process.h"

#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace attest {

Status isolate_openssl() {
  ::unsetenv("OPENSSL_CONF");
  ::unsetenv("OPENSSL_MODULES");
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1) return ok();
  return Error{Errc::io, "OpenSSL cannot be initialised"};
}

bool lock_key_memory() {
#ifdef __SANITIZE_ADDRESS__
  return true;  // LeakSanitizer does not look into that memory: what only it points to would count as lost
#else
  return CRYPTO_secure_malloc_init(std::size_t{1} << 18, 32) == 1;  // once full, no further private key can be made
#endif
}

void harden_process() {
  ::setenv("TSS2_LOG", "all+NONE", 0);  // the drivers' errors say what matters
  ::umask(077);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  spare_memory();
  rlimit locked{};
  if (::getrlimit(RLIMIT_MEMLOCK, &locked) == 0 && locked.rlim_cur == RLIM_INFINITY)
    ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

Result<OwnedFd> lock_folder(const std::string& folder) {
  std::string path = folder + "/lock";
  OwnedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return Error{Errc::io, path + ": " + std::strerror(errno)};
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  return Error{Errc::denied, path + ": another cmcd-lite uses this state_dir"};
}

// Metadata and logs are large for a moment and small afterwards.
void spare_memory() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

void return_memory() { ::malloc_trim(0); }

void log_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  std::string line = "cmcd-lite: " + text + "\n";
  [[maybe_unused]] ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace attest
