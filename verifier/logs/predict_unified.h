// predict_unified.h: the parts of predicting a unified kernel image. Private to this folder.
#pragma once
#include "evidence/firmware/unified_image.h"
#include "verifier/logs/predict_parts.h"

namespace attest {

// BootedImage is where the log shows the parts of the image that was booted.
struct BootedImage {
  struct Section {
    std::string name;
    std::size_t event = 0, content = 0;  // the events of its name and of its content
  };
  std::size_t image = 0;
  std::uint32_t reg = 0;  // of the sections
  std::vector<Section> sections;
  std::vector<std::size_t> programs;  // started from memory behind the sections
};

// SectionMemory is a section as it lies in memory: the content, then zeros. Lends from the section.
struct SectionMemory {
  View content;
  Bytes zeros;
  explicit SectionMemory(const PeSection& section) : content(section.content), zeros(section.zeros) {}
};

struct UnifiedChange {
  KnownLog& known;
  const BootedImage& booted;
  const UnifiedImage& now;
  const UnifiedImage* old;  // nullptr where it is not at hand
  NextBoot& out;
};

// change_inner: the kernel inside as a program of its own, and what that kernel measures: its command line and its initrd.
Status change_inner(UnifiedChange& change);
// inner_register is the one the kernel inside measures to.
std::uint32_t inner_register(const UnifiedChange& change);

}  // namespace attest
