// sentences.h: one disagreement in words.
#pragma once
#include "evidence/core/hash.h"
#include "evidence/core/verdict.h"

namespace attest {

// kImaWithheld is the event type of a file measurement of which the peer told the digest alone; kAskForNames how to
// learn what it was.
inline constexpr std::string_view kImaWithheld = "IMA, name kept back";
inline constexpr const char* kAskForNames =
    "the peer tells file names to those it accepted first: run `attestctl generate` there and `attestctl verify` here, or set "
    "\"ima_entries\": \"anyone\" in its cmcd.json";

// place_words: `boot event 31 in PCR 4 "EFI boot loader"`, `file measurement 812`.
std::string place_words(const Mismatch& mismatch);
// value_words: `grubx64.efi 9f3a51c07be4`; whole: digests in full.
std::string value_words(std::string_view name, std::string_view digest, bool whole = false);
// source_words: `manifest os 2026-11-02, entry 17`.
std::string source_words(const Mismatch& mismatch);

std::string unexpected_sentence(const Mismatch& mismatch);
std::string order_sentence(const Mismatch& mismatch, bool again);
std::string missing_sentence(const Mismatch& mismatch, bool quoted, bool has_digest, HashAlg bank);

}  // namespace attest
