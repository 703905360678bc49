// folder.h: Intel's collateral as files in a folder.
#pragma once
#include <filesystem>

#include "evidence/dcap/collateral.h"

namespace attest {

// read_collateral_folder gathers every file of a folder, or one file. Files of other kinds are passed over;
// broken ones are named in problems and left out. io if the folder cannot be read, malformed for more than
// 1,024 files.
Result<DcapCollateral> read_collateral_folder(const std::filesystem::path& folder,
                                              std::vector<std::string>& problems);

}  // namespace attest
