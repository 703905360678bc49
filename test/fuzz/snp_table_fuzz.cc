#include "evidence/snp/certificate_table.h"

// What a table yields is no larger than the table times its entries, and what is written back reads the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto table = attest::parse_certificate_table({data, size});
  if (!table) return 0;
  auto again = attest::parse_certificate_table(attest::encode_certificate_table(*table));
  if (!again && table->key().size() + table->ask.size() + table->ark.size() + table->crl.size() < (1 << 19)) __builtin_trap();
  if (again && (again->vcek != table->vcek || again->vlek != table->vlek || again->ask != table->ask)) __builtin_trap();
  return 0;
}
