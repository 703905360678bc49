// handshake_bench: TLS 1.3 handshakes with both ends in this process, as any OpenSSL program makes them. It knows nothing
// of attestation: OPENSSL_CONF decides. Prints one JSON line: median and p95 in microseconds, bytes of the server's
// flight, wall time of the whole, and the process's private dirty memory.
//   handshake_bench CERT KEY CA COUNT THREADS NAME [PORT [DISTRIBUTOR MAX_AGE]]
// PORT: only the client is in this process, the server on 127.0.0.1:PORT. DISTRIBUTOR: this client asks for evidence at most
// MAX_AGE seconds old, under Epoch IDs of that public key, and judges none of it: it runs without the module.
// THREADS 1: COUNT handshakes in sequence after a tenth of warm-up. Otherwise: each thread makes COUNT, all start at once.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "evidence/core/owned.h"
#include "test/bench/stranger.h"

namespace {

using attest::Owned;
using Context = Owned<SSL_CTX, SSL_CTX_free>;
using Session = Owned<SSL, SSL_free>;
using Clock = std::chrono::steady_clock;

struct Ends {
  Context server, client;
  std::string name;
  std::string port;  // of another process's server; empty: both ends are ours
};

Context make_context(bool server, const char* cert, const char* key, const char* ca) {
  Context ctx(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
  if (!ctx) return ctx;
  SSL_CTX_set_min_proto_version(ctx.get(), TLS1_3_VERSION);
  bool good = server ? SSL_CTX_use_certificate_chain_file(ctx.get(), cert) == 1 &&
                           SSL_CTX_use_PrivateKey_file(ctx.get(), key, SSL_FILETYPE_PEM) == 1
                     : SSL_CTX_load_verify_locations(ctx.get(), ca, nullptr) == 1;
  if (server) SSL_CTX_set_num_tickets(ctx.get(), 0);
  if (!server) SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_PEER, nullptr);
  if (!server) X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx.get()), X509_V_FLAG_PARTIAL_CHAIN);  // CA may be CERT itself
  if (!good) ctx.reset();
  return ctx;
}

// One handshake with a server elsewhere, up to its first byte: a server's refusal comes only then.
double connect_to(const Ends& ends) {
  auto start = Clock::now();
  Owned<BIO, BIO_free_all> socket(BIO_new_connect(("127.0.0.1:" + ends.port).c_str()));
  Session client(SSL_new(ends.client.get()));
  if (!socket || !client || BIO_do_connect(socket.get()) != 1) return -1;
  BIO* bio = socket.release();
  SSL_set_bio(client.get(), bio, bio);
  SSL_set_tlsext_host_name(client.get(), ends.name.c_str());
  SSL_set1_host(client.get(), ends.name.c_str());
  if (SSL_connect(client.get()) != 1) return -1;
  double us = std::chrono::duration<double, std::micro>(Clock::now() - start).count();
  const std::string ask = "GET / HTTP/1.0\r\n\r\n";
  char byte = 0;
  bool answered = SSL_write(client.get(), ask.data(), static_cast<int>(ask.size())) > 0 && SSL_read(client.get(), &byte, 1) == 1;
  return answered ? us : -1;
}

// One handshake; microseconds, or a negative number if it failed. *server_bytes gets the server's bytes.
double handshake(const Ends& ends, std::uint64_t* server_bytes) {
  if (!ends.port.empty()) return connect_to(ends);
  auto start = Clock::now();
  Session server(SSL_new(ends.server.get())), client(SSL_new(ends.client.get()));
  BIO *at_server = nullptr, *at_client = nullptr;
  if (!server || !client || BIO_new_bio_pair(&at_server, 1 << 20, &at_client, 1 << 20) != 1) return -1;
  SSL_set_bio(server.get(), at_server, at_server);
  SSL_set_bio(client.get(), at_client, at_client);
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  SSL_set_tlsext_host_name(client.get(), ends.name.c_str());
  SSL_set1_host(client.get(), ends.name.c_str());
  for (int step = 0; step < 10; step++) {
    int c = SSL_do_handshake(client.get());
    if (c != 1 && SSL_get_error(client.get(), c) != SSL_ERROR_WANT_READ) return -1;
    int s = SSL_do_handshake(server.get());
    if (s != 1 && SSL_get_error(server.get(), s) != SSL_ERROR_WANT_READ) return -1;
    if (c != 1 || s != 1) continue;
    *server_bytes = BIO_number_written(at_server);
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
  }
  return -1;
}

// Private_Dirty of the whole process and of the mappings whose name holds `part`, in KiB.
long private_dirty(const char* part) {
  std::ifstream smaps("/proc/self/smaps");
  long total = 0;
  bool counts = false;
  for (std::string line; std::getline(smaps, line);) {
    bool heading = !line.empty() && ((line[0] >= '0' && line[0] <= '9') || (line[0] >= 'a' && line[0] <= 'f'));
    if (heading) counts = part == nullptr || line.find(part) != std::string::npos;
    if (counts && line.rfind("Private_Dirty:", 0) == 0) total += std::atol(line.c_str() + 14);
  }
  return total;
}

struct Times {
  std::vector<double> us;
  long failed = 0;
  std::uint64_t bytes = 0;
  double wall_ms = 0;
};

Times in_sequence(const Ends& ends, int count) {
  Times out;
  std::uint64_t bytes = 0;
  for (int i = 0; i < count / 10 + 1; i++) (void)handshake(ends, &bytes);
  auto start = Clock::now();
  for (int i = 0; i < count; i++) {
    double us = handshake(ends, &out.bytes);
    us < 0 ? void(out.failed++) : out.us.push_back(us);
  }
  out.wall_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  return out;
}

Times all_at_once(const Ends& ends, int count, int threads) {
  Times out;
  std::mutex mutex;
  std::latch begin(threads + 1);
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; t++)
    pool.emplace_back([&] {
      begin.arrive_and_wait();
      for (int i = 0; i < count; i++) {
        std::uint64_t bytes = 0;
        double us = handshake(ends, &bytes);
        std::lock_guard lock(mutex);
        us < 0 ? void(out.failed++) : out.us.push_back(us);
        out.bytes = std::max(out.bytes, bytes);
      }
    });
  begin.arrive_and_wait();
  auto start = Clock::now();
  for (auto& thread : pool) thread.join();
  out.wall_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  return out;
}

bool be_stranger(attest::Stranger& stranger, const char* distributor, const char* max_age, SSL_CTX* client) {
  auto read = attest::read_stranger(distributor, static_cast<std::uint32_t>(std::atoi(max_age)));
  if (!read) return std::fprintf(stderr, "%s\n", read.error().what.c_str()), false;
  stranger = *read;
  auto asked = attest::ask_as(stranger, client);
  if (!asked) std::fprintf(stderr, "%s\n", asked.error().what.c_str());
  return static_cast<bool>(asked);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7 && argc != 8 && argc != 10) {
    std::fprintf(stderr, "usage: %s CERT KEY CA COUNT THREADS NAME [PORT [DISTRIBUTOR MAX_AGE]]\n", argv[0]);
    return 2;
  }
  rlimit files{};  // a thread holds a connection to the server and one to the daemon
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  int count = std::atoi(argv[4]), threads = std::atoi(argv[5]);
  Ends ends{make_context(true, argv[1], argv[2], argv[3]), make_context(false, argv[1], argv[2], argv[3]), argv[6],
            argc > 7 ? argv[7] : ""};
  attest::Stranger stranger;
  if (argc == 10 && ends.client && !be_stranger(stranger, argv[8], argv[9], ends.client.get())) return 3;
  if (!ends.server || !ends.client || count < 1 || threads < 1) {
    ERR_print_errors_fp(stderr);
    return 3;
  }
  Times times = threads == 1 ? in_sequence(ends, count) : all_at_once(ends, count, threads);
  if (times.failed > 0) ERR_print_errors_fp(stderr);
  std::sort(times.us.begin(), times.us.end());
  double median = times.us.empty() ? -1 : times.us[times.us.size() / 2];
  double p95 = times.us.empty() ? -1 : times.us[times.us.size() * 95 / 100];
  std::printf("{\"median_us\": %.1f, \"p95_us\": %.1f, \"server_bytes\": %llu, \"wall_ms\": %.1f, \"done\": %zu, \"failed\": %ld, "
              "\"private_dirty_kib\": %ld, \"module_private_dirty_kib\": %ld}\n",
              median, p95, static_cast<unsigned long long>(times.bytes), times.wall_ms, times.us.size(), times.failed,
              private_dirty(nullptr), private_dirty("attest.so"));
  return times.failed > 0 ? 1 : 0;
}
