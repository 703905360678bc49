#include "evidence/ek/ek_certificate.h"

// What a file yields parses alike when it is taken alone, and prints nothing that would harm a terminal.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto file = attest::read_ek_file({data, size});
  if (!file) return 0;
  if (file->certificates.empty() || file->trailing_bytes > size) __builtin_trap();
  for (const attest::Bytes& der : file->certificates) {
    auto again = attest::read_ek_file(der);
    if (!again || again->certificates.size() != 1 || again->trailing_bytes != 0) __builtin_trap();
    auto certificate = attest::parse_ek_certificate(der);
    if (!certificate) continue;
    (void)certificate->role();
    for (const std::string* text :
         {&certificate->subject, &certificate->model, &certificate->extensions_text})
      for (char c : *text)
        if (c < 0x20 || c > 0x7e) __builtin_trap();
  }
  return 0;
}
