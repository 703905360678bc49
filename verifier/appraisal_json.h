// appraisal_json.h: for readers of a larger document that holds an appraisal.
#pragma once
#include "evidence/json/reader.h"
#include "verifier/appraise.h"

namespace attest {

// read_appraisal reads the object that comes next; what is wrong with it spoils the reader.
Appraisal read_appraisal(JsonReader& json);

}  // namespace attest
