#include "verifier/checks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "evidence/core/file.h"

namespace attest {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  auto bytes = read_file(path.string(), 1 << 20);
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

const fs::path kRoot = ATTEST_SOURCE_DIR;

std::set<std::string> table() {
  std::set<std::string> out;
  for (const CheckInfo& info : all_checks()) out.emplace(info.id);
  return out;
}

TEST(Checks, EachIsListedOnceWithAMeaning) {
  EXPECT_EQ(table().size(), all_checks().size());
  for (const CheckInfo& info : all_checks()) {
    EXPECT_FALSE(info.meaning.empty()) << info.id;
    EXPECT_EQ(check_meaning(info.id), info.meaning);
  }
  EXPECT_EQ(check_meaning("no.such-check"), "");
}

TEST(Checks, EachHasItsPage) {
  for (const CheckInfo& info : all_checks()) {
    std::string page = text_of(kRoot / "docs/refusals" / (std::string(info.id) + ".md"));
    EXPECT_TRUE(page.starts_with("# " + std::string(info.id) + "\n")) << info.id;
    EXPECT_NE(page.find("Remedy:"), std::string::npos) << info.id;
    auto lines = std::ranges::count(page, '\n');
    EXPECT_TRUE(lines >= 5 && lines <= 15) << info.id << " has " << lines << " lines";
  }
}

TEST(Checks, EachPageIsOfACheck) {
  std::set<std::string> names = table();
  for (const auto& entry : fs::directory_iterator(kRoot / "docs/refusals"))
    EXPECT_TRUE(names.contains(entry.path().stem().string())) << entry.path();
}

// Every name that verdicts are made with, here and in the other rooms, stands in the table: literals that begin with one
// of our families, and every constant of checks.h.
TEST(Checks, EveryNameInUseIsInTheTable) {
  const std::regex literal("\"((peer|machine|evidence|freshness|epoch|set-list|ak|quote|pcr|ima|anchor|sw|log|daemon|tpm|hook|config|audit|caller|policy|verdict)\\.[a-z]+(-[a-z]+)*)[\":]");
  const std::regex in_verifier("\"(metadata\\.[a-z]+(-[a-z]+)*)\"");
  const std::regex keys_and_metadata("\"((key|metadata)\\.[a-z]+(-[a-z]+)*): ");  // with a text behind, or it is a control call
  const std::set<std::string> files = {"sw.key", "ak.pem", "audit.jsonl"};  // names of files
  std::set<std::string> names = table();
  for (const char* room : {"verifier", "provider", "cmcd-lite", "evidence", "drivers"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / room)) {
      if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
      // checks.h of one kind of evidence names what is judged of a single artefact, not what a peer is refused for.
      if (entry.path().filename() == "checks.h" && entry.path().parent_path() != kRoot / "verifier") continue;
      std::string text = text_of(entry.path());
      auto check = [&](const std::regex& expression) {
        for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it)
          EXPECT_TRUE(names.contains((*it)[1]) || files.contains((*it)[1])) << entry.path() << " uses " << (*it)[1];
      };
      check(literal);
      check(keys_and_metadata);
      if (std::string_view(room) == "verifier") check(in_verifier);
    }
  }
}

}  // namespace
}  // namespace attest
