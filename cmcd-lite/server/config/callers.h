// callers.h: the "callers" of the configuration file.
#pragma once
#include "cmcd-lite/server/access/rights.h"
#include "evidence/json/config.h"

namespace attest {

// read_callers reads the entries; mistakes are recorded in the file's error (see Object).
std::vector<CallerRule> read_callers(const Object& root);

}  // namespace attest
