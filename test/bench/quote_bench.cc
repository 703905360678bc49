// quote_bench: the floor under every attested handshake: one quote of one TPM, through the driver, nothing else. Prints
// one JSON line with medians in microseconds.
//   quote_bench TCTI STATE-DIR ROUNDS
#include <openssl/crypto.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "drivers/table.h"
#include "test/bench/measure.h"

namespace {

using namespace attest;
using namespace attest::bench;
using Clock = std::chrono::steady_clock;

template <class F>
double timed_us(F&& work) {
  auto start = Clock::now();
  if (!work()) return -1;
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

int run(OpenedDriver& opened, int rounds) {
  std::vector<double> quotes, signs;
  if (!opened.keys->find("bench")) {
    if (auto key = opened.keys->create("bench", "ec-p256"); !key) {
      std::fprintf(stderr, "%s\n", key.error().what.c_str());
      return 1;
    }
  }
  for (int i = 0; i < rounds; i++) {
    Digest nonce = sha256(as_view(std::to_string(i)));
    quotes.push_back(timed_us([&] { return bool(opened.driver->quote(nonce)); }));
    signs.push_back(timed_us([&] { return bool(opened.keys->sign("bench", 0x0403, nonce.view())); }));
    if (quotes.back() < 0 || signs.back() < 0) return 1;
  }
  std::printf("{\"quote_us\": %.1f, \"sign_us\": %.1f}\n", median(quotes), median(signs));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s TCTI STATE-DIR ROUNDS\n", argv[0]);
    return 2;
  }
  DriverConfig config;
  config.tpm.emplace();
  config.tpm->tcti = argv[1];
  config.tpm->state_dir = argv[2];
  for (const DriverRow& row : driver_table()) {
    if (!row.configured(config)) continue;
    auto opened = row.open(config);
    if (opened) return run(*opened, std::max(1, std::atoi(argv[3])));
    std::fprintf(stderr, "%s\n", opened.error().what.c_str());
    return 1;
  }
  return 1;
}
