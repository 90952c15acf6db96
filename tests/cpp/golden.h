// Digests that are kept in the repository: tests/golden/*.txt, lines of a key and 16
// hexadecimal digits. Every compiler, option and processor with FMA must give the same.
//
// A change that means to move a bit runs the tests once with MLPCORE_UPDATE_GOLDEN=1,
// which rewrites the files, and says so in CHANGELOG.md.
#ifndef MLPCORE_TESTS_GOLDEN_H_
#define MLPCORE_TESTS_GOLDEN_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

namespace mlpcore {

// FNV-1a over whole words (Fowler, Noll & Vo).
class Digest {
 public:
  void Add(uint64_t word) { hash_ = (hash_ ^ word) * 0x100000001b3; }
  // Bits of a float or double; every NaN is one NaN.
  template <typename T>
  void AddValue(T value) {
    uint64_t word = 0;
    std::memcpy(&word, &value, sizeof value);
    Add(value != value ? 0x7ff8 : word);
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

class Golden {
 public:
  explicit Golden(std::string path) : path_(std::move(path)) {
    const char* update = std::getenv("MLPCORE_UPDATE_GOLDEN");
    update_ = update != nullptr && std::string(update) == "1";
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
      const size_t space = line.rfind(' ');
      if (line.empty() || line[0] == '#' || space == std::string::npos) continue;
      digests_[line.substr(0, space)] =
          std::strtoull(line.c_str() + space, nullptr, 16);
    }
  }
  ~Golden() {
    if (!update_) return;
    std::ofstream file(path_);
    file << "# Written by the tests with MLPCORE_UPDATE_GOLDEN=1; see CHANGELOG.md.\n";
    for (const auto& [key, digest] : digests_) {
      char digits[17];
      std::snprintf(digits, sizeof digits, "%016llx",
                    static_cast<unsigned long long>(digest));
      file << key << ' ' << digits << '\n';
    }
  }
  Golden(const Golden&) = delete;
  Golden& operator=(const Golden&) = delete;

  // True if `digest` is what the file has for `key`, or is written to it.
  bool Check(const std::string& key, uint64_t digest) {
    if (update_) digests_[key] = digest;
    const auto found = digests_.find(key);
    return found != digests_.end() && found->second == digest;
  }

 private:
  std::string path_;
  bool update_ = false;
  std::map<std::string, uint64_t> digests_;
};

}  // namespace mlpcore

#endif  // MLPCORE_TESTS_GOLDEN_H_
