#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>

#include "provider/errors.h"

namespace attest {
namespace {

std::string text_of(const OSSL_ITEM& row) { return static_cast<const char*>(row.ptr); }

TEST(Reasons, EachHasANumberANameAndARemedyInOneSentence) {
  std::set<std::string> names;
  unsigned expected = 1;
  for (const OSSL_ITEM* row = Errors::reason_strings(); row->ptr != nullptr; row++) {
    EXPECT_EQ(row->id, expected++);
    std::size_t colon = text_of(*row).find(": ");
    ASSERT_NE(colon, std::string::npos);
    EXPECT_TRUE(names.insert(text_of(*row).substr(0, colon)).second) << text_of(*row);
  }
  EXPECT_EQ(static_cast<unsigned>(Reason::sign_content) + 1, expected);
}

TEST(Reasons, AreFoundByTheNameThatBeginsTheText) {
  for (const OSSL_ITEM* row = Errors::reason_strings(); row->ptr != nullptr; row++)
    EXPECT_EQ(static_cast<unsigned>(reason_of({Errc::denied, text_of(*row)})), row->id) << text_of(*row);
  EXPECT_EQ(reason_of({Errc::denied, "daemon.unreachable"}), Reason::daemon_unreachable);
  EXPECT_EQ(reason_of({Errc::denied, "daemon.unreachablex: y"}), Reason::refused);
  EXPECT_EQ(reason_of({Errc::denied, "pcr.unexpected-event: x"}), Reason::refused);
  EXPECT_EQ(reason_of({Errc::io, "some text"}), Reason::internal);
  EXPECT_EQ(reason_of({Errc::io, ""}), Reason::internal);
}

TEST(Errors, NoExceptionCrossesTheEdge) {
  Errors silent;  // as before init: raises nothing and does not crash
  EXPECT_EQ(at_edge(silent, 7, []() -> int { throw std::bad_alloc(); }), 7);
  EXPECT_EQ(at_edge(silent, 7, []() -> int { throw 1; }), 7);
  EXPECT_EQ(at_edge(silent, 7, [] { return 8; }), 8);
}

}  // namespace
}  // namespace attest
