// verified.h: facts whose signature was checked.
#pragma once
#include <utility>

namespace attest {

// SignatureChecked can be made by SignatureCheck alone.
class SignatureChecked {
  friend struct SignatureCheck;
  SignatureChecked() {}
};

// Verified holds a fact that left verification: the appraisers take nothing else, so unverified bytes cannot
// reach them by mistake.
template <class T>
class Verified {
 public:
  Verified(T value, SignatureChecked) : value_(std::move(value)) {}
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }

 private:
  T value_;
};

// SignatureCheck mints Verified values. Only files that check a signature call it: grep for "SignatureCheck::".
struct SignatureCheck {
  template <class T>
  static Verified<T> mint(T value) {
    return {std::move(value), SignatureChecked{}};
  }
};

}  // namespace attest
