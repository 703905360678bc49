// reasons.h: refusals of the hook on the program's OpenSSL error queue, with their whole text.
#pragma once
#include <openssl/err.h>

#include <atomic>
#include <memory>
#include <string_view>

namespace attest {

// Reasons registers an error library "attest" whose reason strings are filled in as refusals happen, because
// most programs (curl, python) print an error's reason and never its data. The strings live in a ring of 64:
// a text that is not printed before 64 later refusals of the process shows a later text. It is made once and
// lives as long as the process: OpenSSL keeps pointers into it.
class Reasons {
 public:
  // make returns nullptr if there is no memory.
  static Reasons* make() noexcept;
  // raise puts one error on the calling thread's queue; control characters become blanks. Programs print a
  // reason into 256 bytes and show numbers where it does not fit (curl), so a longer text is cut in the
  // middle, its last bracket kept, and stands whole in the error's data.
  void raise(std::string_view text) noexcept;
  // ours tells whether an error code came from here.
  bool ours(unsigned long code) const { return code != 0 && ERR_GET_LIB(code) == library_; }

 private:
  static constexpr unsigned kSlots = 64;
  // 256 less "error:12345678:attest::" and the 0, less curl's "OpenSSL/3.0.22: " in the same buffer, and some
  static constexpr std::size_t kText = 201;
  Reasons() = default;
  // put stores a text shorter than kText and raises it.
  void put(std::string_view text, const char* data) noexcept;
  int library_ = 0;
  std::atomic<unsigned> next_{0};
  char texts_[kSlots][kText] = {};
  ERR_STRING_DATA rows_[kSlots + 1] = {};
  ERR_STRING_DATA library_name_[2] = {};
};

}  // namespace attest
