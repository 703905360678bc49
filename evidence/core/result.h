// result.h: how every function that can fail says so.
#pragma once
#include <string>
#include <utility>
#include <variant>

namespace attest {

// Errc classifies a failure; the text in Error names the structure and the value.
//   malformed    bytes do not have the form their format demands
//   unsupported  well formed, but of a kind this code does not judge
//   untrusted    a signature, chain or key check failed
//   stale        too old, expired, not yet valid
//   mismatch     well formed and trusted, but not what was expected
//   denied       a rule of ours forbids it
//   io           the operating system, the TPM or the daemon did not answer
enum class Errc { malformed, unsupported, untrusted, stale, mismatch, denied, io };

// errc_name returns the stable lower-case name of a code, e.g. "malformed".
constexpr const char* errc_name(Errc code) {
  constexpr const char* names[] = {"malformed", "unsupported", "untrusted", "stale", "mismatch", "denied", "io"};
  return names[static_cast<int>(code)];
}

struct Error {
  Errc code;
  std::string what;  // "tpm quote: magic 0x12345678, expected 0xff544347"
};

// Result holds a T or an Error. It is never ignored and never throws.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : value_(std::in_place_index<1>, std::move(error)) {}
  explicit operator bool() const { return value_.index() == 0; }
  T& operator*() & { return std::get<0>(value_); }
  T&& operator*() && { return std::get<0>(std::move(value_)); }
  const T& operator*() const& { return std::get<0>(value_); }
  T* operator->() { return &std::get<0>(value_); }
  const T* operator->() const { return &std::get<0>(value_); }
  const Error& error() const& { return std::get<1>(value_); }
  Error&& error() && { return std::get<1>(std::move(value_)); }

 private:
  std::variant<T, Error> value_;
};

using Status = Result<std::monostate>;
inline Status ok() { return std::monostate{}; }

}  // namespace attest

#define ATTEST_CAT2(a, b) a##b
#define ATTEST_CAT(a, b) ATTEST_CAT2(a, b)
// TRY(auto x, expr): x is the value of expr, or the function returns its error.
#define TRY(decl, expr) ATTEST_TRY(decl, expr, ATTEST_CAT(try_, __COUNTER__))
#define ATTEST_TRY(decl, expr, tmp)        \
  auto tmp = (expr);                       \
  if (!tmp) return std::move(tmp).error(); \
  decl = *std::move(tmp)
// CHECK_OK(expr): the function returns the error of expr, if it has one.
#define CHECK_OK(expr)                                                   \
  do {                                                                   \
    if (auto status_ = (expr); !status_) return std::move(status_).error(); \
  } while (0)
