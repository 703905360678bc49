// attest-policy: runs one JavaScript policy and says P or F. It reads u32 size of the result, u32 size of the script, both;
// then it gives up everything but memory, reading and writing, runs the script and ends. Started by run_policy.h alone.
#include <duktape.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace {

constexpr std::uint32_t kMaxResult = 128 << 20;
constexpr std::uint32_t kMaxScript = 1 << 20;

bool read_all(void* to, std::size_t n) {
  auto* at = static_cast<char*>(to);
  while (n > 0) {
    ssize_t got = ::read(0, at, n);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    n -= static_cast<std::size_t>(got);
  }
  return true;
}

bool read_size(std::uint32_t& out, std::uint32_t max) {
  unsigned char b[4];
  if (!read_all(b, sizeof b)) return false;
  out = static_cast<std::uint32_t>(b[0]) << 24 | static_cast<std::uint32_t>(b[1]) << 16 | static_cast<std::uint32_t>(b[2]) << 8 | b[3];
  return out <= max;
}

bool limit(int what, rlim_t value) {
  rlimit both{value, value};
  return ::setrlimit(static_cast<__rlimit_resource_t>(what), &both) == 0;
}

// confine leaves the system calls that memory, the answer and the end take; anything else kills the process.
bool confine() {
  bool limits = limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, 3) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_CPU, 10);
  scmp_filter_ctx filter = limits ? seccomp_init(SCMP_ACT_KILL_PROCESS) : nullptr;
  if (filter == nullptr) return false;
  bool good = true;
  for (int call : {SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(brk), SCMP_SYS(munmap),
                   SCMP_SYS(mremap), SCMP_SYS(rt_sigreturn), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(futex)})
    good = good && seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0;
  // New memory, but none that could be run.
  good = good && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0)) == 0;
  good = good && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return good;
}

// know_the_zone has the C library read the local time zone now: dates in a policy may need it, and later no file can be opened.
// It looks for the file again whenever TZ is not set.
bool know_the_zone() {
  if (::setenv("TZ", ":/etc/localtime", 0) != 0) return false;
  ::tzset();
  return true;
}

duk_ret_t say_nothing(duk_context*) { return 0; }

void add_console(duk_context* js) {
  duk_push_object(js);
  for (const char* name : {"log", "info", "warn", "error", "debug", "trace", "assert", "dir", "time", "timeEnd"}) {
    duk_push_c_function(js, say_nothing, DUK_VARARGS);
    duk_put_prop_string(js, -2, name);
  }
  duk_put_global_string(js, "console");
  duk_push_c_function(js, say_nothing, DUK_VARARGS);  // as CMC's engine has it
  duk_put_global_string(js, "print");
}

[[noreturn]] void answer(const std::string& text) {
  ssize_t n = ::write(1, text.data(), text.size());
  _exit(n == static_cast<ssize_t>(text.size()) ? 0 : 1);
}

duk_context* make_heap() {
  duk_context* js = duk_create_heap(nullptr, nullptr, nullptr, nullptr, nullptr);
  if (js != nullptr) add_console(js);
  return js;
}

[[noreturn]] void run(duk_context* js, const std::string& result, const std::string& script) {
  duk_push_lstring(js, result.data(), result.size());
  duk_put_global_string(js, "json");
  if (duk_peval_lstring(js, script.data(), script.size()) != 0) answer("F" + std::string(duk_safe_to_string(js, -1)).substr(0, 1000));
  if (duk_is_boolean(js, -1) == 0) answer("Fits last expression is no boolean");
  if (duk_get_boolean(js, -1) != 0) answer("P");
  answer("Fit says false");
}

}  // namespace

int main() {
  std::uint32_t result_size = 0, script_size = 0;
  if (!limit(RLIMIT_AS, 512 << 20) || !know_the_zone()) return 3;
  duk_context* js = make_heap();  // before there is a question, so that a child that waits has this behind it
  if (js == nullptr) return 3;
  if (!read_size(result_size, kMaxResult) || !read_size(script_size, kMaxScript)) return 2;
  std::string result(result_size, '\0'), script(script_size, '\0');
  if (!read_all(result.data(), result.size()) || !read_all(script.data(), script.size())) return 2;
  if (!confine()) return 3;
  run(js, result, script);
}
